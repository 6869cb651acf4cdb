// The optimizer step: one node for all tensors, and the same rule as a graph,
// which is what derivatives go through.
// SPDX-License-Identifier: MIT
#include "csrc/ops/step.h"

#include <mutex>
#include <optional>
#include <sstream>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/rule.h"
#include "csrc/saved.h"

namespace ingot {
namespace {

std::vector<std::string> words(const char* text) {
  std::istringstream in(text);
  std::vector<std::string> list;
  for (std::string word; in >> word;) list.push_back(word);
  return list;
}

// Calls f(TypeTag<Rule>()) with the struct of a rule.
template <class F>
decltype(auto) dispatch(StepRule rule, F&& f) {
  switch (rule) {
#define RULE(Type, name, slots, settings) \
  case StepRule::Type:                    \
    return f(TypeTag<Type>());
#include "metal/rules/rules.def"
  }
  __builtin_unreachable();
}

template <class Rule>
constexpr bool gives_update = requires { Rule::gives_update; };
bool is_update(StepRule rule) {
  return dispatch(rule, [](auto tag) {
    return gives_update<typename decltype(tag)::type>;
  });
}

// The inputs of a node: for each tensor the parameter, the gradient and the
// slots, then the settings. The outputs: for each the parameter and the slots.
struct Layout {
  int64_t tensors;
  int slots;
  bool update;  // the first result is one

  Layout(StepRule rule, const Inputs& operands)
      : slots(static_cast<int>(info(rule).slots.size())),
        update(is_update(rule)) {
    tensors = operands.size() / operands_each();
    require(operands.size() % operands_each() == 0, "step: the rule ",
            info(rule).name, " must have ", operands_each(),
            " operands for each tensor, got ", operands.size());
  }

  int operands_each() const { return 2 + slots; }
  int results_each() const { return 1 + slots; }
  int64_t operand(int64_t tensor, int k) const {
    return tensor * operands_each() + k;
  }
  int64_t result(int64_t tensor, int k) const {
    return tensor * results_each() + k;
  }
  // The operand of a tensor that its k-th result replaces: an update takes the
  // place of the gradient.
  int replaced(int k) const { return k == 0 ? update : k + 1; }
  Dtype dtype(const Inputs& in, int64_t tensor, int k) const {
    if (k == 0 && update) return compute_type(in[operand(tensor, 0)].dtype());
    return in[operand(tensor, replaced(k))].dtype();
  }
  int64_t setting(int64_t j) const { return tensors * operands_each() + j; }
};

template <class Rule>
Arrays compose_as(const Layout& at, const Inputs& in) {
  constexpr int slots = Rule::slots;
  HyperGraph<Rule> hyper(
      [&](int j) -> const Array& { return in[at.setting(j)]; });
  Arrays out;
  for (int64_t i = 0; i < at.tensors; ++i) {
    Dtype compute = compute_type(in[at.operand(i, 0)].dtype());
    auto load = [&](int k) {
      return Lazy(astype(in[at.operand(i, k)], compute));
    };
    auto store = [&](int k, const Lazy& value) {
      out.push_back(value.array(at.dtype(in, i, k)));
    };
    Element<Lazy, slots> e;
    e.w = load(0);
    for (int k = 0; k < slots; ++k) e.s[k] = load(2 + k);
    e = Rule::step(e, load(1), hyper.of(compute));
    store(0, e.w);
    for (int k = 0; k < slots; ++k) store(1 + k, e.s[k]);
  }
  return out;
}

Arrays compose(StepRule rule, const Layout& at, const Inputs& in) {
  return dispatch(rule, [&](auto tag) {
    return compose_as<typename decltype(tag)::type>(at, in);
  });
}

// What a step takes instead of clipped gradients.
struct Clipping {
  Arrays gradients, settings;
};

class Step final : public Op {
 public:
  // With `clips`, the settings of a clipping follow those of the rule. Such a
  // step is not asked for derivatives: see clipping_of().
  Step(StepRule rule, Layout layout, bool clips)
      : rule_(rule), at_(layout), clips_(clips) {}
  const char* name() const override { return "step"; }
  std::optional<Saved> saved() const override {
    return Saved{"step", {info(rule_).name, clips_}};
  }

  Spec spec(const Inputs& in, int64_t output) const override {
    int k = static_cast<int>(output % at_.results_each());
    int64_t tensor = output / at_.results_each();
    return {in[at_.operand(tensor, 0)].shape(), at_.dtype(in, tensor, k)};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    for (int64_t j = at_.setting(0); j < in.size(); ++j) {
      bool norm = clips() && j == in.size() - 2;
      if (!norm || in[j].dtype() != Dtype::float32) backend.await(in[j]);
    }
    allocate(in, out);
    StepTable table;
    fill_hyper(table, in);
    fill_work(table, in, out);
    if (table.size > 0) backend.step(table);
  }

  // The rule runs again as a graph, and the cotangents back through that.
  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    return vjp_through(
        [&](const Inputs& inner) { return compose(rule_, at_, inner); }, in,
        cotangents, wanted);
  }

 private:
  // All of it before anything is written: a failure leaves the inputs whole.
  void allocate(const Inputs& in, Outputs& out) const {
    for (int64_t i = 0; i < at_.tensors; ++i) {
      for (int k = 0; k < at_.results_each(); ++k) {
        int64_t source = at_.operand(i, at_.replaced(k));
        Array& result = out[at_.result(i, k)];
        // A gradient may be its own parameter (rules/scale.h).
        bool twice = in[at_.operand(i, 0)].get() == in[at_.operand(i, 1)].get();
        int64_t handles = k == 0 && twice ? 2 : 1;
        if (in[source].dtype() == result.dtype() &&
            donatable(in[source], handles)) {
          result.reuse(in[source]);
        } else {
          result.allocate();
        }
      }
    }
  }

  bool clips() const { return clips_ || rule_ == StepRule::Scale; }

  void fill_hyper(StepTable& table, const Inputs& in) const {
    for (int j = 0; clips() && j < 3; ++j)
      table.clip[j] = &in[in.size() - 3 + j];
    if (rule_ == StepRule::Scale) return;
    dispatch(rule_, [&](auto tag) {
      using Rule = typename decltype(tag)::type;
      fill_hyper_of<Rule>(
          table, [&](int j) -> const Array& { return in[at_.setting(j)]; });
    });
  }

  void fill_work(StepTable& table, const Inputs& in, const Outputs& out) const {
    table.rule = rule_;
    table.slots = at_.slots;
    table.tensors.reserve(static_cast<size_t>(at_.tensors));
    for (int64_t i = 0; i < at_.tensors; ++i) {
      if (in[at_.operand(i, 0)].size() == 0) continue;
      table.tensors.push_back(tensor(in, out, i));
      int64_t size = table.tensors.back().size;
      table.size += size;
      for (int64_t first = 0; first < size; first += kStepChunk) {
        auto count = static_cast<int32_t>(std::min(kStepChunk, size - first));
        auto index = static_cast<int32_t>(table.tensors.size() - 1);
        table.chunks.push_back({first, count, index});
      }
    }
  }

  StepTensor tensor(const Inputs& in, const Outputs& out, int64_t i) const {
    StepTensor t{};
    t.size = in[at_.operand(i, 0)].size();
    t.compute = compute_type(in[at_.operand(i, 0)].dtype());
    t.contiguous = true;
    for (int k = 0; k < at_.operands_each(); ++k) {
      const Array& x = in[at_.operand(i, k)];
      t.in[k] = &x;
      t.in_data[k] = x.data();
      t.contiguous &= x.contiguous();
    }
    for (int k = 0; k < at_.results_each(); ++k) {
      const Array& x = out[at_.result(i, k)];
      t.out[k] = &x;
      t.out_data[k] = x.data();
    }
    return t;
  }

  friend std::optional<Clipping> clipping_of(const Layout& at,
                                             const Inputs& in);

  StepRule rule_;
  Layout at_;
  bool clips_;
};

// Where all gradients come from one clipping that has not been computed, and
// that no derivative is asked of.
std::optional<Clipping> clipping_of(const Layout& at, const Inputs& in) {
  Node& node = *in[at.operand(0, 1)]->node;
  Clipping found;
  std::lock_guard lock(graph_mutex());
  auto* clip = dynamic_cast<const Step*>(node.op.get());
  if (!clip || clip->rule_ != StepRule::Scale) return {};
  if (node.status != Status::lazy) return {};
  for (int64_t i = 0; i < at.tensors; ++i) {
    const Array& g = in[at.operand(i, 1)];
    if (g->node != &node || g.tracer()) return {};
    int64_t tensor = g.get() - &node.output(0);
    found.gradients.push_back(node.inputs[clip->at_.operand(tensor, 0)]);
  }
  for (int64_t j = clip->at_.setting(0); j < node.inputs.size(); ++j) {
    found.settings.push_back(node.inputs[j]);
  }
  return found;
}

const char* kind_of(const RuleInfo& rule, int operand) {
  if (operand < 2) return operand == 0 ? "parameter" : "gradient";
  return rule.slots[static_cast<size_t>(operand - 2)].c_str();
}

void check(StepRule rule, const Layout& at, const Inputs& in,
           const Arrays& settings) {
  const RuleInfo& about = info(rule);
  for (int64_t i = 0; i < at.tensors; ++i) {
    const Shape& shape = in[at.operand(i, 0)].shape();
    for (int k = 0; k < at.operands_each(); ++k) {
      const Array& x = in[at.operand(i, k)];
      if (is_floating(x.dtype()) && x.shape() == shape) continue;
      const char* kind = kind_of(about, k);
      require(x.shape() == shape, "step: ", kind, " ", i, " must have shape ",
              shape, ", got ", x.shape());
      throw TypeError(cat("step: ", kind, " ", i,
                          " must be of a floating dtype, got ", x.dtype()));
    }
  }
  require(settings.size() == about.settings.size(), "step: the rule ",
          about.name, " must have ", about.settings.size(), " settings, got ",
          settings.size());
  for (size_t j = 0; j < settings.size(); ++j) {
    require(settings[j].ndim() == 0, "step: setting ", about.settings[j],
            " must be a scalar, got shape ", settings[j].shape());
  }
}

// The layout of a step's inputs, once checked: operands and settings in `in`.
Layout joined(StepRule rule, Inputs& in, const Arrays& settings) {
  Layout at(rule, in);
  check(rule, at, in, settings);
  for (const Array& x : settings) in.push_back(x);
  return at;
}

}  // namespace

const RuleInfo& info(StepRule rule) {
  static const RuleInfo rules[] = {
#define RULE(Type, name, slots, settings) \
  {#name, words(slots), words(settings)},
#include "metal/rules/rules.def"
  };
  return rules[static_cast<int>(rule)];
}

StepRule rule_named(const std::string& name) {
  for (int i = 0; i < kRules; ++i) {
    auto rule = static_cast<StepRule>(i);
    if (name == info(rule).name) return rule;
  }
  std::string known;
  for (int i = 0; i < kRules; ++i) {
    known += cat(i > 0 ? ", " : "", info(static_cast<StepRule>(i)).name);
  }
  throw ValueError(cat("step: rule must be one of ", known, ", got ", name));
}

Arrays step(StepRule rule, Inputs operands, const Arrays& settings) {
  Layout at = joined(rule, operands, settings);
  if (at.tensors == 0) return {};
  std::optional<Clipping> clipping;
  if (rule != StepRule::Scale) clipping = clipping_of(at, operands);
  if (clipping) {
    for (int64_t i = 0; i < at.tensors; ++i) {
      operands[at.operand(i, 1)] =
          std::move(clipping->gradients[static_cast<size_t>(i)]);
    }
    for (Array& x : clipping->settings) operands.push_back(std::move(x));
  }
  return make_arrays(std::make_shared<Step>(rule, at, clipping.has_value()),
                     at.result(at.tensors, 0), std::move(operands));
}

Arrays composed_step(StepRule rule, Inputs operands, const Arrays& settings) {
  Layout at = joined(rule, operands, settings);
  return compose(rule, at, operands);
}

Array increment(const Array& x) {
  bool known = x.ndim() == 0 && x.ready() && !x.tracer();
  if (!known || !is_integer(x.dtype())) {
    return add(x, Array::scalar(int64_t{1}, x.dtype()));
  }
  return Array::scalar(static_cast<int64_t>(number(x)) + 1, x.dtype());
}

}  // namespace ingot
