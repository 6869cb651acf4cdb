// Trees: arrays in nested dicts, lists and tuples, modules and optimizers.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/python/convert.h"
#include "csrc/python/random_state.h"

namespace ingot::python {

// Whether it is an array, and of no subclass.
inline bool is_array(nb::handle value) {
  static const nb::handle type = nb::type<Array>();
  return value.type().is(type);
}

namespace detail {

void check_depth(int depth);  // throws ValueError where it is absurd
nb::object state_of(nb::handle tree);

template <class F>
void visit_arrays(nb::handle tree, F& f, int depth) {
  check_depth(depth);
  PyObject* o = tree.ptr();
  if (is_array(tree)) {
    f(*nb::inst_ptr<Array>(tree));
  } else if (PyDict_Check(o)) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(o, &position, &key, &value)) {
      visit_arrays(value, f, depth + 1);
    }
  } else if (PyList_Check(o) || PyTuple_Check(o)) {
    for (nb::handle item : tree) visit_arrays(item, f, depth + 1);
  } else if (nb::isinstance<Array>(tree)) {
    f(*nb::inst_ptr<Array>(tree));
  } else if (nb::isinstance<RandomState>(tree)) {
    f(nb::inst_ptr<RandomState>(tree)->key());
  }
}

}  // namespace detail

// Calls f(const Array&) for the arrays of a tree, depth first. Leaves of other
// kinds are passed over; an object whose `state` is a dict stands for that (an
// optimizer), random.state is a list of its key.
template <class F>
void for_each_array(nb::handle tree, F&& f) {
  detail::visit_arrays(detail::state_of(tree), f, 0);
}

// Adds the arrays of a tree; false where it has another leaf, or holds itself.
bool only_arrays(nb::handle tree, Arrays& arrays);

using NamedLeaves = nb::typed<nb::list, std::pair<nb::str, nb::object>>;

// A tree of dicts and lists from pairs (name, leaf).
nb::object unflatten(const NamedLeaves& pairs);

// A tree of the same structure, with its arrays replaced in order; every other
// leaf stays.
nb::object replace_arrays(nb::handle tree, const Arrays& arrays, size_t& next);

// Writes arrays over those of a tree, in its own dicts and lists. Throws
// ValueError, and writes nothing, where there are not as many.
void assign_arrays(nb::handle tree, const Arrays& arrays);

}  // namespace ingot::python
