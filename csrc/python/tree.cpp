// Walks over trees of Python containers.
// SPDX-License-Identifier: MIT
#include "csrc/python/tree.h"

namespace ingot::python {

void detail::check_depth(int depth) {
  constexpr int kMaxDepth = 512;  // a deeper tree contains itself
  require(depth < kMaxDepth, "tree: containers must be nested at most ",
          kMaxDepth, " deep; this one may contain itself");
}

nb::object detail::state_of(nb::handle tree) {
  PyObject* o = tree.ptr();
  bool container = PyDict_Check(o) || PyList_Check(o) || PyTuple_Check(o);
  if (container || nb::isinstance<Array>(tree)) return nb::borrow(tree);
  nb::object state = nb::getattr(tree, "state", nb::none());
  return PyDict_Check(state.ptr()) ? state : nb::borrow(tree);
}

namespace {

constexpr int kDeepest = 200;  // of gradients

nb::object replace(nb::handle tree, const Arrays& arrays, size_t& next,
                   int depth) {
  detail::check_depth(depth);
  PyObject* o = tree.ptr();
  if (nb::isinstance<Array>(tree)) {
    require(next < arrays.size(), "tree: must not change meanwhile, got more ",
            "arrays than the ", arrays.size(), " there were");
    return nb::cast(arrays[next++]);
  }
  if (PyDict_Check(o)) {
    nb::dict result;
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(o, &position, &key, &value)) {
      result[nb::handle(key)] = replace(value, arrays, next, depth + 1);
    }
    return result;
  }
  if (PyList_Check(o) || PyTuple_Check(o)) {
    nb::list items;
    for (nb::handle item : tree) {
      items.append(replace(item, arrays, next, depth + 1));
    }
    if (PyList_Check(o)) return items;
    // A named tuple takes its fields one by one.
    if (nb::hasattr(tree, "_fields")) return tree.type()(*nb::tuple(items));
    return nb::tuple(items);
  }
  return nb::borrow(tree);
}

bool add_arrays(nb::handle tree, Arrays& arrays, int depth) {
  PyObject* o = tree.ptr();
  if (nb::isinstance<Array>(tree)) {
    arrays.push_back(*nb::inst_ptr<Array>(tree));
    return true;
  }
  if (depth > kDeepest) return false;
  PyObject *key, *value;
  Py_ssize_t position = 0;
  if (PyDict_Check(o)) {
    while (PyDict_Next(o, &position, &key, &value)) {
      if (!add_arrays(value, arrays, depth + 1)) return false;
    }
    return true;
  }
  if (!PyList_Check(o) && !PyTuple_Check(o)) return false;
  for (nb::handle item : tree) {
    if (!add_arrays(item, arrays, depth + 1)) return false;
  }
  return true;
}

}  // namespace

bool only_arrays(nb::handle tree, Arrays& arrays) {
  return add_arrays(tree, arrays, 0);
}

nb::object replace_arrays(nb::handle tree, const Arrays& arrays, size_t& next) {
  return replace(tree, arrays, next, 0);
}

}  // namespace ingot::python
