// Records the nodes between placeholders and outputs, and builds them again.
// SPDX-License-Identifier: MIT
#include "csrc/recording.h"

#include <cstring>
#include <map>
#include <tuple>
#include <unordered_map>

#include "csrc/error.h"

namespace ingot {
namespace {

class Placeholder final : public UntypedOp {
 public:
  const char* name() const override { return "placeholder"; }
  void eval(Backend&, Inputs&, Outputs&) const override {
    throw ValueError(
        "compile, vmap: arrays must not be evaluated while their function is "
        "recorded, nor afterwards if they are not returned; print and branch "
        "outside of it");
  }
};

// What scalars that are one constant have in common.
using Bits = std::pair<Dtype, uint64_t>;
std::optional<Bits> bits_of(const Array& x) {
  if (x.ndim() != 0 || !x.ready()) return std::nullopt;
  uint64_t bits = 0;
  std::memcpy(&bits, x.data<char>(), static_cast<size_t>(x.itemsize()));
  return Bits(x.dtype(), bits);
}

}  // namespace

Array placeholder(const Shape& shape, Dtype dtype) {
  static const auto op = std::make_shared<Placeholder>();
  return make_array(op, shape, dtype, {});
}

// Walks from the outputs, without recursion, over nodes that an eval of another
// thread may be about to change: under graph_mutex(), letting go of nothing.
class Recorder {
 public:
  Recorder(Recording& recording, const Arrays& placeholders)
      : recording_(recording) {
    for (const Array& x : placeholders) {
      numbers_[x.get()] = recording_.values_++;
      recording_.inputs_.push_back({x.shape(), x.dtype()});
      depends_[x->node] = true;
    }
  }

  void record(const Arrays& outputs) {
    std::lock_guard lock(graph_mutex());
    for (const Array& x : outputs) visit(x);
    // Constants come first: they are known once all nodes have been seen.
    for (Node* node : order_) find_constants(*node);
    for (const Array& x : outputs) {
      if (!depends_[x->node]) number_constant(x);
    }
    for (Node* node : order_) add(*node);
    for (const Array& x : outputs) {
      recording_.results_.push_back(numbers_.at(x.get()));
    }
  }

 private:
  struct Frame {
    Node* node;
    int64_t next = 0;
  };

  void visit(const Array& root) {
    push(root);
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      if (frame.next < frame.node->inputs.size()) {
        push(frame.node->inputs[frame.next++]);
      } else {
        leave(*frame.node);
        stack_.pop_back();
      }
    }
  }

  void push(const Array& x) {
    if (!depends_.emplace(x->node, false).second || x.ready()) return;
    stack_.push_back({x->node});
  }

  void leave(Node& node) {
    for (const Array& x : node.inputs) {
      if (depends_.at(x->node)) depends_[&node] = true;
    }
    if (depends_[&node]) order_.push_back(&node);
  }

  void find_constants(const Node& node) {
    for (const Array& x : node.inputs) {
      if (!depends_.at(x->node)) number_constant(x);
    }
  }

  void number_constant(const Array& x) {
    if (numbers_.count(x.get())) return;
    if (std::optional<Bits> bits = bits_of(x)) {
      auto [it, added] = scalars_.emplace(*bits, recording_.values_);
      numbers_[x.get()] = it->second;
      if (!added) return;
    } else {
      numbers_[x.get()] = recording_.values_;
    }
    ++recording_.values_;
    recording_.constants_.push_back(x);
  }

  void add(Node& node) {
    SmallVector<int64_t, 3> operands;
    for (const Array& x : node.inputs) operands.push_back(numbers_.at(x.get()));
    // Operations that are one take operands to several shapes: a reshape does.
    std::vector<int64_t> key(operands.begin(), operands.end());
    key.push_back(-node.outputs);
    const Shape& shape = node.output(0).shape;
    key.insert(key.end(), shape.begin(), shape.end());
    auto [it, added] =
        made_.emplace(std::tuple(node.op.get(), node.stream.index,
                                 node.output(0).dtype, std::move(key)),
                      recording_.values_);
    for (int64_t i = 0; i < node.outputs; ++i) {
      numbers_[&node.output(i)] = it->second + i;
    }
    if (!added) return;
    SmallVector<Spec, 1> specs;
    for (int64_t i = 0; i < node.outputs; ++i) {
      specs.push_back({node.output(i).shape, node.output(i).dtype});
    }
    recording_.values_ += node.outputs;
    recording_.links_.push_back({node.op, node.stream, std::move(operands),
                                 node.outputs, std::move(specs)});
  }

  using Key = std::tuple<const Op*, int, Dtype, std::vector<int64_t>>;

  Recording& recording_;
  std::vector<Frame> stack_;
  std::vector<Node*> order_;  // those that depend on placeholders
  std::unordered_map<Node*, bool> depends_;
  std::unordered_map<ArrayData*, int64_t> numbers_;
  std::map<Bits, int64_t> scalars_;
  std::map<Key, int64_t> made_;
};

Recording::Recording(const Arrays& placeholders, const Arrays& outputs) {
  Recorder(*this, placeholders).record(outputs);
}

Arrays Recording::replay(const Arrays& inputs) const {
  require(inputs.size() == inputs_.size(), "compile: there must be ",
          inputs_.size(), " inputs, got ", inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    require(inputs[i].shape() == inputs_[i].shape &&
                inputs[i].dtype() == inputs_[i].dtype,
            "compile: input ", i, " must have shape ", inputs_[i].shape,
            " and dtype ", inputs_[i].dtype, ", got ", inputs[i].shape(),
            " and ", inputs[i].dtype());
  }
  return run(
      inputs, [](const Array& x) { return x; },
      [](const Link& link, Inputs operands) {
        Arrays made = link.build(std::move(operands));
        made[0]->node->recorded = true;
        return made;
      });
}

Arrays Recording::Link::build(Inputs operands) const {
  if (outputs != 1) return make_arrays(op, outputs, std::move(operands));
  return {make_array(op, specs[0].shape, specs[0].dtype, std::move(operands))};
}

}  // namespace ingot
