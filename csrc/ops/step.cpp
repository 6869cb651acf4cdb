// The optimizer step: one node for all tensors, and the same rule as a graph,
// which is what derivatives go through.
// SPDX-License-Identifier: MIT
#include "csrc/ops/step.h"

#include <sstream>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/lazy.h"

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

// Settings and Hyper are structs of T alone: this is their i-th member.
template <class T, class Struct>
T& member(Struct& s, int i) {
  static_assert(sizeof(Struct) % sizeof(T) == 0);
  return reinterpret_cast<T*>(&s)[i];
}
template <class T, class Struct>
constexpr int members = static_cast<int>(sizeof(Struct) / sizeof(T));

// What the rule derives from its settings; settings(i) is the i-th of them.
template <class Rule, class T, class F>
auto hyper_of(F&& settings) {
  typename Rule::template Settings<T> s;
  for (int i = 0; i < members<T, decltype(s)>; ++i) {
    member<T>(s, i) = settings(i);
  }
  return Rule::hyper(s);
}

double number(const Array& x) {
  return dispatch(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T value = *x.data<const T>();
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Bfloat16>) {
      return static_cast<double>(static_cast<float>(value));
    } else {
      return static_cast<double>(value);
    }
  });
}

// The inputs of a node: parameters, gradients, states slot by slot, settings.
struct Layout {
  int64_t tensors;
  int slots;
  int64_t parameter(int64_t i) const { return i; }
  int64_t gradient(int64_t i) const { return tensors + i; }
  int64_t state(int k, int64_t i) const { return (2 + k) * tensors + i; }
  int64_t setting(int64_t j) const { return (2 + slots) * tensors + j; }
  // Outputs are the parameters, then the states in the order of the inputs.
  int64_t outputs() const { return (1 + slots) * tensors; }
  int64_t source_of(int64_t output) const {
    return output < tensors ? output : output + tensors;
  }
};

template <class Rule>
Arrays compose_as(const Layout& at, const Inputs& in) {
  constexpr int slots = Rule::slots;
  auto hyper = hyper_of<Rule, Lazy>(
      [&](int j) { return Lazy(astype(in[at.setting(j)], Dtype::float64)); });
  using Hyper = decltype(hyper);
  Hyper single;
  for (int j = 0; j < members<Lazy, Hyper>; ++j) {
    member<Lazy>(single, j) =
        Lazy(member<Lazy>(hyper, j).array(Dtype::float32));
  }
  Arrays out(static_cast<size_t>(at.outputs()));
  for (int64_t i = 0; i < at.tensors; ++i) {
    auto load = [&](int64_t input, Dtype dtype) {
      return Lazy(astype(in[input], dtype));
    };
    auto store = [&](int64_t output, const Lazy& value) {
      out[static_cast<size_t>(output)] =
          value.array(in[at.source_of(output)].dtype());
    };
    Dtype compute = compute_type(in[at.parameter(i)].dtype());
    Element<Lazy, slots> e;
    e.w = load(at.parameter(i), compute);
    for (int k = 0; k < slots; ++k) e.s[k] = load(at.state(k, i), compute);
    e = Rule::step(e, load(at.gradient(i), compute),
                   compute == Dtype::float64 ? hyper : single);
    store(i, e.w);
    for (int k = 0; k < slots; ++k) store((1 + k) * at.tensors + i, e.s[k]);
  }
  return out;
}

Arrays compose(StepRule rule, const Layout& at, const Inputs& in) {
  return dispatch(rule, [&](auto tag) {
    return compose_as<typename decltype(tag)::type>(at, in);
  });
}

class Step final : public Op {
 public:
  Step(StepRule rule, Layout layout) : rule_(rule), at_(layout) {}
  const char* name() const override { return "step"; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    allocate(in, out);
    StepTable table;
    fill_hyper(table, in);
    fill_work(table, in, out);
    if (table.size > 0) backend.step(table);
  }

  // The rule runs again as a graph, and the cotangents back through that. What
  // is not wanted here may still be traced by an outer transform.
  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Inputs inner = in;
    Arrays primals;
    for (int i : wanted) {
      inner[i] = alias(in[i]);
      inner[i]->tracer = true;
      primals.push_back(inner[i]);
    }
    Arrays all = compose(rule_, at_, inner);
    Arrays outputs, seeds;
    for (size_t k = 0; k < all.size(); ++k) {
      if (!cotangents[k]) continue;
      outputs.push_back(all[k]);
      seeds.push_back(cotangents[k]);
    }
    return backward(primals, outputs, seeds, in);
  }

 private:
  // All of it before anything is written: a failure leaves the inputs whole.
  void allocate(const Inputs& in, Outputs& out) const {
    for (int64_t k = 0; k < out.size(); ++k) {
      int64_t i = at_.source_of(k);
      if (donatable(in, i)) {
        out[k].view_of(in[i], contiguous_strides(in[i].shape()));
      } else {
        out[k].allocate();
      }
    }
  }

  void fill_hyper(StepTable& table, const Inputs& in) const {
    dispatch(rule_, [&](auto tag) {
      using Rule = typename decltype(tag)::type;
      auto hyper = hyper_of<Rule, double>(
          [&](int j) { return number(in[at_.setting(j)]); });
      for (int j = 0; j < members<double, decltype(hyper)>; ++j) {
        table.hyper[j] = member<double>(hyper, j);
        table.hyper_float[j] = static_cast<float>(table.hyper[j]);
      }
    });
  }

  void fill_work(StepTable& table, const Inputs& in, const Outputs& out) const {
    table.rule = rule_;
    table.slots = at_.slots;
    table.tensors.reserve(static_cast<size_t>(at_.tensors));
    for (int64_t i = 0; i < at_.tensors; ++i) {
      if (in[at_.parameter(i)].size() == 0) continue;
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
    const Array& w = in[at_.parameter(i)];
    StepTensor t{};
    t.size = w.size();
    t.compute = compute_type(w.dtype());
    t.direct = true;
    auto read = [&](int operand, const Array& x) {
      t.in[operand] = &x;
      t.in_data[operand] = x.data();
      t.direct &= x.dtype() == t.compute && x.contiguous();
    };
    auto write = [&](int operand, const Array& x) {
      t.out[operand] = &x;
      t.out_data[operand] = x.data();
    };
    read(0, w);
    read(1, in[at_.gradient(i)]);
    write(0, out[i]);
    for (int k = 0; k < at_.slots; ++k) {
      read(2 + k, in[at_.state(k, i)]);
      write(1 + k, out[(1 + k) * at_.tensors + i]);
    }
    return t;
  }

  StepRule rule_;
  Layout at_;
};

void check_tensor(const char* kind, size_t i, const Array& x, const Array& w) {
  require(x.shape() == w.shape(), "step: ", kind, " ", i, " must have shape ",
          w.shape(), ", got ", x.shape());
  require<TypeError>(is_floating(x.dtype()), "step: ", kind, " ", i,
                     " must be of a floating dtype, got ", x.dtype());
}

void check(const RuleInfo& rule, const Arrays& parameters,
           const Arrays& gradients, const std::vector<Arrays>& states,
           const Arrays& settings) {
  size_t n = parameters.size();
  require(gradients.size() == n,
          "step: there must be one gradient for each of ", n,
          " parameters, got ", gradients.size());
  require(states.size() == rule.slots.size(), "step: the rule ", rule.name,
          " must have ", rule.slots.size(), " slots, got ", states.size());
  require(settings.size() == rule.settings.size(), "step: the rule ", rule.name,
          " must have ", rule.settings.size(), " settings, got ",
          settings.size());
  for (size_t i = 0; i < n; ++i) {
    check_tensor("parameter", i, parameters[i], parameters[i]);
    check_tensor("gradient", i, gradients[i], parameters[i]);
  }
  for (size_t k = 0; k < states.size(); ++k) {
    const std::string& slot = rule.slots[k];
    require(states[k].size() == n, "step: there must be one ", slot,
            " for each of ", n, " parameters, got ", states[k].size());
    for (size_t i = 0; i < n; ++i) {
      check_tensor(slot.c_str(), i, states[k][i], parameters[i]);
    }
  }
  for (size_t j = 0; j < settings.size(); ++j) {
    require(settings[j].ndim() == 0, "step: setting ", rule.settings[j],
            " must be a scalar, got shape ", settings[j].shape());
  }
}

// The inputs of the node, which then is their only owner if the caller was.
Inputs joined(Arrays& parameters, Arrays& gradients,
              std::vector<Arrays>& states, Arrays& settings) {
  Inputs in;
  in.reserve(static_cast<int64_t>((2 + states.size()) * parameters.size() +
                                  settings.size()));
  auto move_in = [&](Arrays& arrays) {
    for (Array& x : arrays) in.push_back(std::move(x));
    arrays.clear();
  };
  move_in(parameters);
  move_in(gradients);
  for (Arrays& slot : states) move_in(slot);
  move_in(settings);
  return in;
}

StepResult split(const Layout& at, Arrays all) {
  auto take = [&](int64_t first) {
    auto begin = std::make_move_iterator(all.begin() + first);
    return Arrays(begin, begin + at.tensors);
  };
  StepResult result{take(0), {}};
  for (int k = 0; k < at.slots; ++k) {
    result.states.push_back(take((1 + k) * at.tensors));
  }
  return result;
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
  std::string known;
  for (int i = 0; i < kRules; ++i) {
    auto rule = static_cast<StepRule>(i);
    if (name == info(rule).name) return rule;
    known += cat(i > 0 ? ", " : "", info(rule).name);
  }
  throw ValueError(cat("step: rule must be one of ", known, ", got ", name));
}

StepResult step(StepRule rule, Arrays parameters, Arrays gradients,
                std::vector<Arrays> states, Arrays settings) {
  check(info(rule), parameters, gradients, states, settings);
  Layout at{static_cast<int64_t>(parameters.size()),
            static_cast<int>(states.size())};
  if (at.tensors == 0) return {{}, std::vector<Arrays>(states.size())};
  Inputs in = joined(parameters, gradients, states, settings);
  std::vector<Spec> specs;
  specs.reserve(static_cast<size_t>(at.outputs()));
  for (int64_t k = 0; k < at.outputs(); ++k) {
    const Array& x = in[at.source_of(k)];
    specs.push_back({x.shape(), x.dtype()});
  }
  auto op = std::make_shared<Step>(rule, at);
  return split(at, make_arrays(op, std::move(specs), std::move(in)));
}

StepResult composed_step(StepRule rule, Arrays parameters, Arrays gradients,
                         std::vector<Arrays> states, Arrays settings) {
  check(info(rule), parameters, gradients, states, settings);
  Layout at{static_cast<int64_t>(parameters.size()),
            static_cast<int>(states.size())};
  return split(
      at, compose(rule, at, joined(parameters, gradients, states, settings)));
}

Array increment(const Array& x) {
  bool known = x.ndim() == 0 && x.ready() && !x.tracer();
  if (!known || !is_integer(x.dtype())) {
    return add(x, Array::scalar(int64_t{1}, x.dtype()));
  }
  return Array::scalar(static_cast<int64_t>(number(x)) + 1, x.dtype());
}

}  // namespace ingot
