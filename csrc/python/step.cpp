// Optimizer steps in Python: on lists of arrays, and on trees of gradients,
// parameters and state where these match without further ado.
// SPDX-License-Identifier: MIT
#include "csrc/ops/step.h"

#include <optional>

#include "csrc/ops/adafactor.h"
#include "csrc/python/module.h"
#include "csrc/python/tree.h"

namespace ingot::python {
namespace {

using Columns = std::vector<Arrays>;  // [slot][parameter]

using Setting = std::variant<Array, double>;

// Numbers keep their double precision; they are no arrays to the user.
Arrays to_arrays(const std::vector<Setting>& settings) {
  Arrays arrays;
  arrays.reserve(settings.size());
  for (const Setting& setting : settings) {
    auto* array = std::get_if<Array>(&setting);
    arrays.push_back(array ? *array : Array::scalar(std::get<double>(setting)));
  }
  return arrays;
}

// Operands tensor by tensor, as the core takes them.
Inputs interleaved(const Arrays& parameters, const Arrays& gradients,
                   const Columns& states, const RuleInfo& rule) {
  size_t n = parameters.size();
  require(gradients.size() == n,
          "step: there must be one gradient for each of ", n,
          " parameters, got ", gradients.size());
  for (size_t k = 0; k < states.size(); ++k) {
    require(states[k].size() == n, "step: there must be one ", rule.slots[k],
            " for each of ", n, " parameters, got ", states[k].size());
  }
  Inputs operands;
  for (size_t i = 0; i < n; ++i) {
    operands.push_back(parameters[i]);
    operands.push_back(gradients[i]);
    for (const Arrays& slot : states) operands.push_back(slot[i]);
  }
  return operands;
}

using StepFunction = Arrays (*)(StepRule, Inputs, const Arrays&);

void def_step(nb::module_& m, const char* name, StepFunction f,
              const char* doc) {
  m.def(
      name,
      [f](const std::string& name, Arrays parameters, Arrays gradients,
          Columns states, const std::vector<Setting>& settings) {
        StepRule rule = rule_named(name);
        size_t n = parameters.size(), slots = info(rule).slots.size();
        require(states.size() == slots, "step: the rule ", name, " must have ",
                slots, " slots, got ", states.size());
        Inputs operands =
            interleaved(parameters, gradients, states, info(rule));
        // Given away: what the node alone holds it may write over.
        parameters.clear();
        gradients.clear();
        states.clear();
        Arrays results = f(rule, std::move(operands), to_arrays(settings));
        states.resize(slots);
        for (size_t i = 0; i < n; ++i) {
          auto* result = &results[i * (1 + slots)];
          parameters.push_back(std::move(*result));
          for (Arrays& slot : states) slot.push_back(std::move(*++result));
        }
        return std::make_pair(std::move(parameters), std::move(states));
      },
      "rule"_a, "parameters"_a, "gradients"_a, "states"_a, "settings"_a, doc);
}

nb::tuple to_words(const std::vector<std::string>& words) {
  nb::list list;
  for (const std::string& word : words) list.append(word);
  return nb::tuple(list);
}

// The entry of a dict or a list, or null; sets no error.
nb::handle entry(nb::handle container, nb::handle key) {
  PyObject* o = container.ptr();
  if (PyList_Check(o)) {
    Py_ssize_t i = PyLong_Check(key.ptr()) ? PyLong_AsSsize_t(key.ptr()) : -1;
    PyErr_Clear();
    return i < 0 || i >= PyList_Size(o) ? nullptr : PyList_GetItem(o, i);
  }
  if (!PyDict_Check(o)) return {};
  PyObject* found = PyDict_GetItemWithError(o, key.ptr());
  if (!found) PyErr_Clear();
  return found;
}

// Gradients with their parameters and state, found in trees that match: every
// gradient has a parameter of its shape in the same place, in dicts and lists,
// and all of its state.
class Match {
 public:
  // None where anything is unusual: the walks in Python then see to it, or say
  // what is wrong.
  static std::optional<Match> of(nb::handle gradients, nb::handle parameters,
                                 nb::handle state,
                                 const std::vector<nb::object>& reserved,
                                 const std::vector<nb::object>& slots) {
    Match match(gradients, slots);
    if (!PyDict_Check(state.ptr())) return {};
    for (const nb::object& key : reserved) {
      if (PyDict_Check(gradients.ptr()) && entry(gradients, key)) return {};
    }
    Place place;
    if (!match.walk(gradients, parameters, state, place, 0)) return {};
    return match;
  }

  Match(nb::handle gradients, const std::vector<nb::object>& slots)
      : tree_(nb::borrow(gradients)), slots_(slots) {
    if (!PyDict_Check(gradients.ptr())) return;
    auto children = static_cast<size_t>(PyDict_Size(gradients.ptr()));
    places_.reserve(children * results_each());
    operands_.reserve(static_cast<int64_t>(children * (1 + results_each())));
  }

  void step(const std::string& rule, const std::vector<Setting>& settings) {
    // Given away: what the node alone holds it may write over.
    results_ = ingot::step(rule_named(rule), std::move(operands_),
                           to_arrays(settings));
  }

  void assign_states() {
    for (size_t i = 0; i < results_.size(); ++i) {
      if (i % results_each() != 0) places_[i].set(std::move(results_[i]));
    }
  }

  void assign_parameters() {
    for (size_t i = 0; i < results_.size(); i += results_each()) {
      if (places_[i].key.is_valid()) places_[i].set(std::move(results_[i]));
    }
  }

  nb::object tree() const {
    Arrays parameters;
    for (size_t i = 0; i < results_.size(); i += results_each()) {
      parameters.push_back(results_[i]);
    }
    size_t next = 0;
    return replace_arrays(tree_, parameters, next);
  }

 private:
  // Where an array is, to be replaced by a result.
  struct Place {
    nb::object container, key;  // none if the array is the tree
    nb::object array;           // none if others than the container hold it

    static nb::object sole(nb::handle array) {
      return Py_REFCNT(array.ptr()) == 1 ? nb::borrow(array) : nb::object();
    }

    void set(Array result) {
      if (!result) return;  // set before
      // A Python object that the container and this place alone hold takes the
      // new value: half the cost of a new object.
      if (array && Py_REFCNT(array.ptr()) == 2) {
        *nb::inst_ptr<Array>(array) = std::move(result);
        return;
      }
      nb::object object = nb::cast(std::move(result));
      if (PyObject_SetItem(container.ptr(), key.ptr(), object.ptr()) != 0) {
        throw nb::python_error();
      }
    }
  };

  static constexpr int kMaxDepth = 200;

  size_t results_each() const { return 1 + slots_.size(); }

  bool walk(nb::handle gradient, nb::handle parameter, nb::handle state,
            Place& place, int depth) {
    if (!gradient || !parameter || !state || depth > kMaxDepth) return false;
    PyObject* g = gradient.ptr();
    if (is_array(gradient)) return leaf(gradient, parameter, state, place);
    if (PyDict_Check(g)) {
      if (!PyDict_Check(parameter.ptr())) return false;
      PyObject *key, *child;
      for (Py_ssize_t at = 0; PyDict_Next(g, &at, &key, &child);) {
        if (!is_plain(key, depth)) return false;
        if (!below(child, nb::borrow(key), parameter, state, depth)) {
          return false;
        }
      }
      return true;
    }
    if (!PyList_Check(g) && !PyTuple_Check(g)) return false;
    if (!PyList_Check(parameter.ptr())) return false;  // a tuple is made anew
    Py_ssize_t n = PySequence_Size(g);
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* child =
          PyList_Check(g) ? PyList_GetItem(g, i) : PyTuple_GetItem(g, i);
      if (!below(child, nb::int_(i), parameter, state, depth)) return false;
    }
    return true;
  }

  bool below(nb::handle gradient, nb::object key, nb::handle parameter,
             nb::handle state, int depth) {
    if (is_empty(gradient)) return true;
    nb::handle parameters = entry(parameter, key), states = entry(state, key);
    Place place{nb::borrow(parameter), std::move(key), {}};
    return walk(gradient, parameters, states, place, depth + 1);
  }

  static bool is_empty(nb::handle value) {
    PyObject* o = value.ptr();
    if (is_array(value)) return false;
    bool container = PyDict_Check(o) || PyList_Check(o) || PyTuple_Check(o);
    return container && PyObject_Size(o) == 0;
  }

  // Keys that run no Python code, and are found in the state as they are:
  // parameters whose names the optimizer uses itself are kept under others.
  static bool is_plain(nb::handle key, int depth) {
    if (PyLong_CheckExact(key.ptr())) return true;
    if (!PyUnicode_CheckExact(key.ptr())) return false;
    if (depth > 0) return true;
    Py_ssize_t length = PyUnicode_GetLength(key.ptr());
    return PyUnicode_FindChar(key.ptr(), ':', 0, length, 1) == -1;
  }

  bool leaf(nb::handle gradient, nb::handle parameter, nb::handle state,
            Place& place) {
    if (!is_array(parameter) || !PyDict_Check(state.ptr())) return false;
    const Array& w = *nb::inst_ptr<Array>(parameter);
    const Array& g = *nb::inst_ptr<Array>(gradient);
    if (!fits(w, w) || !fits(g, w)) return false;
    operands_.push_back(w);
    operands_.push_back(g);
    place.array = Place::sole(parameter);
    places_.push_back(std::move(place));
    for (const nb::object& slot : slots_) {
      nb::handle value = entry(state, slot);
      if (!value || !is_array(value)) return false;
      const Array& s = *nb::inst_ptr<Array>(value);
      if (!fits(s, w)) return false;
      operands_.push_back(s);
      places_.push_back({nb::borrow(state), slot, Place::sole(value)});
    }
    return true;
  }

  static bool fits(const Array& x, const Array& parameter) {
    return is_floating(x.dtype()) && x.shape() == parameter.shape();
  }

  nb::object tree_;
  std::vector<nb::object> slots_;
  std::vector<Place> places_;  // of each parameter and its slots, in turn
  Inputs operands_;
  Arrays results_;  // after step(), in the order of places_
};

void bind_match(nb::module_& m) {
  nb::class_<Match>(m, "Match",
                    "Gradients with their parameters and state, found in trees "
                    "that match.")
      .def("step", &Match::step, "rule"_a, "settings"_a,
           "Replaces parameters and state by those of a step.")
      .def("assign_states", &Match::assign_states,
           "Writes the state into its dicts.")
      .def("assign_parameters", &Match::assign_parameters,
           "Writes the parameters into their containers.")
      .def("tree", &Match::tree,
           "The parameters in the structure of the gradients.");
  m.def("match", &Match::of, "gradients"_a.none(), "parameters"_a.none(),
        "state"_a.none(), "reserved"_a, "slots"_a,
        "Finds the parameter and the state of each gradient, in one walk.\n\n"
        "Args:\n    gradients: tree of arrays.\n    parameters: tree that "
        "holds theirs.\n    state: dict that mirrors it, with a dict of slots "
        "for each array.\n    reserved: names that state uses otherwise.\n    "
        "slots: names of each parameter's state.\n\nReturns:\n    None where "
        "anything is missing, wrong or unusual.");
}

}  // namespace

void bind_step(nb::module_& m) {
  def_step(m, "step", step,
           "One update of all parameters in one pass over memory.\n\nArgs:\n   "
           " rule: a name of rules().\n    parameters: floating arrays.\n    "
           "gradients: one for each, of its shape.\n    states: for each slot "
           "of the rule one for each parameter.\n    settings: one scalar for "
           "each setting of the rule.\n\nReturns:\n    The new parameters and "
           "the new states.\n\nRaises:\n    ValueError, TypeError: if counts, "
           "shapes or dtypes do not fit.");
  def_step(m, "composed_step", composed_step,
           "The same as step, from the same formula, as a graph of array "
           "operations.\n\nArgs:\n    rule: a name of rules().\n    "
           "parameters: floating arrays.\n    gradients: one for each.\n    "
           "states: for each slot one for each parameter.\n    settings: one "
           "scalar for each setting of the rule.");
  m.def(
      "rules",
      [] {
        nb::typed<nb::dict, std::string,
                  std::pair<nb::typed<nb::tuple, std::string, nb::ellipsis>,
                            nb::typed<nb::tuple, std::string, nb::ellipsis>>>
            rules;
        for (int i = 0; i < kRules; ++i) {
          const RuleInfo& rule = info(static_cast<StepRule>(i));
          rules[rule.name] =
              nb::make_tuple(to_words(rule.slots), to_words(rule.settings));
        }
        return rules;
      },
      "The slots and the settings of every update rule, by its name.");
  m.def(
      "adafactor",
      [](Arrays operands, bool means, const std::vector<Setting>& settings) {
        Inputs inputs(operands.begin(), operands.end());
        operands.clear();  // given away, as those of a step
        return adafactor(std::move(inputs), means, to_arrays(settings));
      },
      "operands"_a, "means"_a, "settings"_a,
      "One update of all parameters by Adafactor.\n\nArgs:\n    operands: for "
      "each parameter itself, its gradient, its second moments (exp_avg_sq_row "
      "and exp_avg_sq_col of two dimensions and more, else exp_avg_sq) and, "
      "with means, exp_avg.\n    means: whether there is a mean of updates.\n  "
      " "
      " settings: scalars lr, relative_step, warmup_init, step, decay_rate, "
      "eps0, eps1, clip_threshold, beta1, weight_decay, "
      "scale_parameter.\n\nReturns:\n    The new operands, without the "
      "gradients.\n\nRaises:\n    ValueError, TypeError: if counts, shapes or "
      "dtypes do not fit.");
  m.def(
      "clip_norm",
      [](nb::handle tree, const Setting& max_norm)
          -> std::optional<std::pair<nb::object, Array>> {
        Arrays gradients;
        if (!only_arrays(tree, gradients)) return {};
        Clipped clipped = clip_norm(gradients, to_arrays({max_norm})[0]);
        size_t next = 0;
        nb::object made = replace_arrays(tree, clipped.gradients, next);
        return std::make_pair(made, clipped.norm);
      },
      "tree"_a, "max_norm"_a,
      "A tree of gradients clipped by their norm, and that norm.\n\nArgs:\n    "
      "tree: of arrays.\n    max_norm: scalar.\n\nReturns:\n    None where a "
      "leaf is no array.");
  m.def("increment", increment, "x"_a,
        "x + 1, computed at once where x is a known integer scalar.\n\n"
        "Args:\n    x: array.");
  bind_match(m);
}

}  // namespace ingot::python
