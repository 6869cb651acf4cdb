// Functions of one example as functions of a batch: a recording whose operations
// are built once for all examples.
// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "csrc/recording.h"

namespace ingot {

// What Op::vmap is given: inputs of which some hold one example after another
// along a further first axis. Outputs are to be the same way.
struct Batch {
  const Recording::Link& link;
  const Inputs& in;
  const std::vector<bool>& has_axis;
  int64_t size;  // examples

  // The shape of the only output.
  Shape shape() const;
  // Input i with the axis, repeated along it if it has none.
  Array along(int64_t i) const;
  Inputs along() const;
  // Input i so that it broadcasts to the output: axes of length 1 after the first.
  Array lifted(int64_t i) const;
  // The operation on inputs whose first axes hold examples of its own, which
  // those of the batch are put beside: of the first `count` inputs.
  Arrays folded(int64_t count) const;
  // The operation whose outputs are its first inputs.
  Arrays passed_on() const;
  // The operation itself, which does not mind the axis, or another one.
  Arrays build(Inputs inputs) const;
  Arrays build(std::shared_ptr<const Op> op, Inputs inputs) const;
};

// A shape, axes or bounds with one more in front.
Shape with_first(int64_t first, const Shape& rest);
// Axes counted past a further first one.
Shape shifted(const Shape& axes);

struct Mapped {
  Array array;
  bool has_axis = false;
};

// The recording's outputs for a batch; those that do not depend on it have no axis.
std::vector<Mapped> vmap(const Recording& recording, std::vector<Mapped> inputs,
                         int64_t size);

}  // namespace ingot
