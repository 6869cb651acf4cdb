// Functions with derivatives of their own: evaluated anew, or given by rules.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "csrc/ops.h"
#include "csrc/ops/random.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

// The node of a function: its outputs are those that its graph made, which come
// first among the inputs; then come the function's inputs.
class Wrapped : public UntypedOp {
 public:
  explicit Wrapped(int64_t outputs) : outputs_(outputs) {}

  Spec spec(const Inputs& in, int64_t output) const override {
    return {in[output].shape(), in[output].dtype()};
  }
  void eval(Backend&, Inputs& in, Outputs& out) const override {
    for (int64_t i = 0; i < out.size(); ++i) {
      out[i].view_of(in[i], in[i].strides());
    }
  }

 protected:
  // The function's inputs among the node's.
  Arrays inputs_of(const Inputs& in) const {
    return Arrays(in.begin() + outputs_, in.end());
  }
  int64_t outputs_;
};

// The outputs of a node of which no gradient of integers is asked.
Arrays make(std::shared_ptr<const Op> op, int64_t outputs, Inputs inputs) {
  if (outputs == 0) return {};
  Arrays arrays = make_arrays(std::move(op), outputs, std::move(inputs));
  for (const Array& x : arrays) {
    if (!is_inexact(x.dtype())) x->tracer = false;
  }
  return arrays;
}

Arrays wrap(std::shared_ptr<const Op> op, const Arrays& made,
            const Arrays& inputs) {
  Inputs all;
  for (const Array& x : made) all.push_back(x);
  for (const Array& x : inputs) all.push_back(x);
  return make(std::move(op), std::ssize(made), std::move(all));
}

// Its first inputs, which are not looked at before the others are computed.
// The others are not traced: no derivative comes of them.
class After final : public UntypedOp {
 public:
  const char* name() const override { return "after"; }
  std::optional<Saved> saved() const override { return Saved{"depends", {}}; }
  Spec spec(const Inputs& in, int64_t output) const override {
    return {in[output].shape(), in[output].dtype()};
  }
  void eval(Backend&, Inputs& in, Outputs& out) const override {
    for (int64_t i = 0; i < out.size(); ++i) {
      out[i].view_of(in[i], in[i].strides());
    }
  }
  Arrays vjp(const Inputs&, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Arrays gradients;
    for (int i : wanted) gradients.push_back(cotangents[i]);
    return gradients;
  }
  Arrays vmap(const Batch& batch) const override { return batch.passed_on(); }
};

Arrays after(const Arrays& arrays, const Arrays& others) {
  static const auto op = std::make_shared<After>();
  Inputs inputs;
  for (const Array& x : arrays) inputs.push_back(x);
  for (const Array& x : others) {
    if (x) inputs.push_back(stop_gradient(x));
  }
  return make(op, std::ssize(arrays), std::move(inputs));
}

// Draws of random numbers go on from a state, and then from where they were.
class RandomScope {
 public:
  explicit RandomScope(Array state)
      : previous_(random::default_sequence().state()) {
    random::default_sequence().set_state(std::move(state));
  }
  ~RandomScope() { random::default_sequence().set_state(previous_); }
  RandomScope(const RandomScope&) = delete;
  RandomScope& operator=(const RandomScope&) = delete;

 private:
  Array previous_;
};

// --- checkpoints ---

class Checkpoint final : public Wrapped {
 public:
  // `state` is that of the random numbers before f drew some; empty if it drew
  // none. Of the node's inputs, `inputs` are f's; what follows it reads besides.
  Checkpoint(Function f, Array state, int64_t outputs, int64_t inputs)
      : Wrapped(outputs),
        f_(std::move(f)),
        state_(std::move(state)),
        inputs_(inputs) {}
  const char* name() const override { return "checkpoint"; }
  // Its derivative then keeps what it has computed.
  std::optional<Saved> saved() const override { return Saved{"depends", {}}; }

  // Not before the cotangents are there: what f computes is then needed at
  // once, and the memory of one function at a time.
  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Arrays all = inputs_of(in);
    Arrays own(all.begin(), all.begin() + inputs_), arguments;
    // What to differentiate by, and its place among the node's inputs.
    Arrays primals;
    std::vector<int64_t> places;
    for (const Array& x : after(own, cotangents)) {
      arguments.push_back(alias(x));
      if (!is_inexact(x.dtype())) continue;
      arguments.back()->tracer = true;
      primals.push_back(arguments.back());
      places.push_back(outputs_ + std::ssize(arguments) - 1);
    }
    for (int64_t i = inputs_; i < std::ssize(all); ++i) {
      primals.push_back(all[static_cast<size_t>(i)]);
      places.push_back(outputs_ + i);
    }
    Arrays again = evaluate(arguments, out);
    Arrays outputs, seeds;
    for (size_t k = 0; k < again.size(); ++k) {
      if (!cotangents[k]) continue;
      outputs.push_back(again[k]);
      seeds.push_back(cotangents[k]);
    }
    // None goes on before all are there: what f computed can then be let go.
    Arrays gradients = after(backward(primals, outputs, seeds, in), {});
    Arrays result;
    for (int i : wanted) {
      // None for what f made: its graph is what this stands for.
      auto place = std::find(places.begin(), places.end(), i);
      size_t k = static_cast<size_t>(place - places.begin());
      result.push_back(place == places.end() ? Array() : gradients[k]);
    }
    return result;
  }

 private:
  Arrays evaluate(const Arrays& arguments, const Outputs& out) const {
    std::optional<RandomScope> scope;
    if (state_) scope.emplace(state_);
    Arrays again = f_(arguments);
    bool same = std::ssize(again) == outputs_;
    for (int64_t k = 0; same && k < outputs_; ++k) {
      const Array& x = again[static_cast<size_t>(k)];
      same = x.shape() == out[k].shape() && x.dtype() == out[k].dtype();
    }
    require(same, "checkpoint: the function must return the same arrays when ",
            "it is called again, got ", again.size(), " of them, or others");
    return again;
  }

  Function f_;
  Array state_;
  int64_t inputs_;
};

// The traced arrays that made the outputs without coming from the inputs: those
// that a transform may ask for, which are aliases (see vjp() in grad.cpp).
Arrays read_besides(const Arrays& outputs, const Arrays& inputs) {
  std::unordered_set<ArrayData*> seen;
  Arrays found, stack = outputs;
  for (const Array& x : inputs) seen.insert(x.get());
  while (!stack.empty()) {
    Array x = std::move(stack.back());
    stack.pop_back();
    if (!x.tracer() || !seen.insert(x.get()).second) continue;
    if (is_alias(x) && is_inexact(x.dtype())) found.push_back(x);
    for (const Array& input : x->node->inputs) stack.push_back(input);
  }
  return found;
}

// --- custom derivatives ---

class Custom final : public Wrapped {
 public:
  Custom(CustomRules rules, int64_t outputs)
      : Wrapped(outputs), rules_(std::move(rules)) {}
  const char* name() const override { return "custom_function"; }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    bool ruled = taking_jvp() ? bool(rules_.jvp) : bool(rules_.vjp);
    std::vector<int> inputs;  // those that are wanted, counted from the first
    for (int i : wanted) {
      if (i >= outputs_) inputs.push_back(i - static_cast<int>(outputs_));
    }
    Arrays gradients;
    if (ruled && !inputs.empty()) {
      gradients = taking_jvp() ? by_tangents(in, out, cotangents, inputs)
                               : by_cotangents(in, out, cotangents, inputs);
    }
    Arrays result;
    size_t next = 0;
    for (int i : wanted) {
      if (i < outputs_) {
        result.push_back(ruled ? Array() : cotangents[static_cast<size_t>(i)]);
      } else {
        result.push_back(ruled ? gradients[next++] : Array());
      }
    }
    return result;
  }

  Arrays vmap(const Batch& batch) const override {
    if (!rules_.vmap) return {};
    std::vector<bool> has_axis(batch.has_axis.begin() + outputs_,
                               batch.has_axis.end());
    return rules_.vmap(inputs_of(batch.in), has_axis, batch.size);
  }

 private:
  Arrays by_cotangents(const Inputs& in, const Outputs& out,
                       const Arrays& cotangents,
                       const std::vector<int>& wanted) const {
    Arrays outputs(out.begin(), out.end()), seeds;
    for (size_t k = 0; k < outputs.size(); ++k) {
      seeds.push_back(cotangents[k] ? cotangents[k] : zeros_like(outputs[k]));
    }
    Arrays primals = inputs_of(in);
    Arrays all = rules_.vjp(primals, seeds, outputs);
    Arrays gradients;
    for (int i : wanted) {
      Array& gradient = all[static_cast<size_t>(i)];
      Dtype dtype = primals[static_cast<size_t>(i)].dtype();
      gradients.push_back(gradient ? astype(gradient, dtype) : gradient);
    }
    return gradients;
  }

  Arrays by_tangents(const Inputs& in, const Outputs& out,
                     const Arrays& cotangents,
                     const std::vector<int>& wanted) const {
    Arrays primals = inputs_of(in), outputs(out.begin(), out.end()), like;
    for (int i : wanted) like.push_back(primals[static_cast<size_t>(i)]);
    auto linear = [&](const Arrays& given) {
      Arrays tangents(primals.size());
      for (size_t k = 0; k < wanted.size(); ++k) {
        tangents[static_cast<size_t>(wanted[k])] = given[k];
      }
      return rules_.jvp(primals, tangents, outputs);
    };
    return transposed(linear, like, cotangents, in);
  }

  CustomRules rules_;
};

bool any_traced(const Arrays& arrays) {
  for (const Array& x : arrays) {
    if (x.tracer()) return true;
  }
  return false;
}

}  // namespace

Arrays checkpoint(const Function& f, const Arrays& inputs) {
  Array before = random::default_sequence().state();
  Arrays made = f(inputs);
  if (!tracing() || !any_traced(made)) return made;
  bool draws = random::default_sequence().state().get() != before.get();
  Arrays all = inputs;
  for (Array& x : read_besides(made, inputs)) all.push_back(std::move(x));
  auto op = std::make_shared<Checkpoint>(f, draws ? before : Array(),
                                         std::ssize(made), std::ssize(inputs));
  return wrap(std::move(op), made, all);
}

Arrays custom_function(const Function& f, const Arrays& inputs,
                       CustomRules rules) {
  Arrays made = f(inputs);
  // Also where no derivative is in sight: a recording may be differentiated.
  if (!rules.vjp && !rules.jvp && !rules.vmap) return made;
  auto op = std::make_shared<Custom>(std::move(rules), std::ssize(made));
  return wrap(std::move(op), made, inputs);
}

}  // namespace ingot
