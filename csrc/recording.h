// The graph of a function, recorded once and built anew for other inputs: what
// compile keeps, and vmap looks at.
// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "csrc/graph.h"

namespace ingot {

// An array that stands for an input while a function is recorded. It has no
// value: to evaluate what depends on it is a ValueError.
Array placeholder(const Shape& shape, Dtype dtype);

// What leads from placeholders to outputs. Everything else that the function
// met is a constant. Equal operations on equal operands are kept once.
class Recording {
 public:
  struct Link {
    // The outputs, for operands like those that were recorded.
    Arrays build(Inputs operands) const;

    std::shared_ptr<const Op> op;
    Stream stream;
    SmallVector<int64_t, 3> operands;  // numbers of values
    int64_t outputs;
    SmallVector<Spec, 1> specs;  // of the outputs, as they were recorded
  };

  Recording(const Arrays& placeholders, const Arrays& outputs);

  // The outputs for inputs of the placeholders' shapes and dtypes: lazy arrays,
  // as if the function had been called with them.
  Arrays replay(const Arrays& inputs) const;

  const std::vector<Spec>& inputs() const { return inputs_; }
  // Operations that are built for each call.
  size_t size() const { return links_.size(); }

  // The outputs, if constant(array) stands for a constant, and
  // build(link, operands) gives what stands for the outputs of a link, on whose
  // stream it is called. Operands are a SmallVector.
  template <class Value, class Constant, class Build>
  std::vector<Value> run(std::vector<Value> inputs, Constant&& constant,
                         Build&& build) const {
    std::vector<Value> values = std::move(inputs);
    values.reserve(static_cast<size_t>(values_));
    for (const Array& x : constants_) values.push_back(constant(x));
    for (const Link& link : links_) {
      StreamScope scope(link.stream);
      SmallVector<Value, 3> operands;
      for (int64_t i : link.operands) {
        operands.push_back(values[static_cast<size_t>(i)]);
      }
      for (Value& value : build(link, std::move(operands))) {
        values.push_back(std::move(value));
      }
    }
    std::vector<Value> results;
    for (int64_t i : results_) {
      results.push_back(values[static_cast<size_t>(i)]);
    }
    return results;
  }

 private:
  friend class Recorder;

  // Values are numbered: the inputs, the constants, then what links give.
  std::vector<Spec> inputs_;
  Arrays constants_;
  std::vector<Link> links_;
  std::vector<int64_t> results_;
  int64_t values_ = 0;
};

}  // namespace ingot
