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
  if (nb::isinstance<RandomState>(tree)) {
    return replace(nb::list(tree), arrays, next, depth + 1);
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

// What is to stand in a tree's place: none where it took the arrays itself.
nb::object assign(nb::handle tree, const Arrays& arrays, size_t& next) {
  PyObject* o = tree.ptr();
  if (nb::isinstance<Array>(tree)) return nb::cast(arrays[next++]);
  if (nb::isinstance<RandomState>(tree)) {
    nb::inst_ptr<RandomState>(tree)->set_key(arrays[next++]);
  } else if (PyDict_Check(o)) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(o, &position, &key, &value)) {
      nb::object item = assign(value, arrays, next);
      if (item.is_valid()) PyDict_SetItem(o, key, item.ptr());
    }
  } else if (PyList_Check(o)) {
    for (Py_ssize_t i = 0; i < PyList_Size(o); ++i) {
      nb::object item = assign(PyList_GetItem(o, i), arrays, next);
      if (item.is_valid()) PyList_SetItem(o, i, item.release().ptr());
    }
  } else if (PyTuple_Check(o)) {
    nb::list items;
    bool changed = false;
    for (nb::handle old : tree) {
      nb::object item = assign(old, arrays, next);
      changed |= item.is_valid();
      items.append(item.is_valid() ? item : nb::borrow(old));
    }
    if (!changed) return {};
    if (nb::hasattr(tree, "_fields")) return tree.type()(*nb::tuple(items));
    return nb::tuple(items);
  }
  return {};
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

void assign_arrays(nb::handle tree, const Arrays& arrays) {
  size_t count = 0, next = 0;
  for_each_array(tree, [&](const Array&) { ++count; });
  require(count == arrays.size(), "tree: there must be ", count,
          " arrays, got ", arrays.size());
  nb::object state = detail::state_of(tree);
  require<TypeError>(!assign(state, arrays, next).is_valid(),
                     "compile: captured state must be in dicts and lists, "
                     "got ",
                     Shown{tree});
}

}  // namespace ingot::python
