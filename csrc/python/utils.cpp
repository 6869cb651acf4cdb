// The walks of ingot.utils over nested dicts, lists and tuples.
// SPDX-License-Identifier: MIT
#include <vector>

#include "csrc/python/module.h"
#include "csrc/python/tree.h"

namespace ingot::python {
namespace {

// A tree of `rest` lacks a node; Python says which.
struct Mismatch : std::exception {
  const char* what() const noexcept override { return "trees must match"; }
};

// Counts as a call of Python: a tree that contains itself ends with a
// RecursionError, even where Python's own limit was raised beyond the stack.
class Descent {
 public:
  explicit Descent(int& depth) : depth_(depth) {
    if (depth >= kDeepest) {
      PyErr_SetString(PyExc_RecursionError, "a tree is nested too deeply");
      throw nb::python_error();
    }
    if (Py_EnterRecursiveCall(" while walking a tree") != 0) {
      throw nb::python_error();
    }
    ++depth_;
  }
  ~Descent() {
    --depth_;
    Py_LeaveRecursiveCall();
  }
  Descent(const Descent&) = delete;

 private:
  static constexpr int kDeepest = 2000;  // about 1 MiB of the stack
  int& depth_;
};

bool is_dict(nb::handle node) { return PyDict_Check(node.ptr()); }
bool is_sequence(nb::handle node) {
  return PyList_Check(node.ptr()) || PyTuple_Check(node.ptr());
}

// Where a child is in its container: under a key or, without one, at an index.
struct Place {
  nb::handle key;
  Py_ssize_t index;
};

// Calls f(Place, child) for the children of a dict, a list or a tuple. f may
// run any code.
template <class F>
void for_each_child(nb::handle container, F&& f) {
  PyObject* o = container.ptr();
  if (is_sequence(container)) {
    for (Py_ssize_t i = 0; i < PySequence_Size(o); ++i) {
      f(Place{{}, i}, owned(PySequence_GetItem(o, i)));
    }
  } else if (PyDict_CheckExact(o)) {
    PyObject *key, *child;
    Py_ssize_t size = PyDict_Size(o), at = 0, index = 0;
    while (PyDict_Next(o, &at, &key, &child)) {
      nb::object held = nb::borrow(key);
      f(Place{held, index++}, nb::borrow(child));
      if (PyDict_Size(o) != size) {
        throw std::runtime_error("tree: a dict changed its size meanwhile");
      }
    }
  } else {  // of a subclass, which may have an order of its own
    nb::object items = owned(PyMapping_Items(o));
    Py_ssize_t size = PyList_Size(items.ptr());
    for (Py_ssize_t i = 0; i < size; ++i) {
      nb::object item = nb::borrow(PyList_GetItem(items.ptr(), i));
      nb::object key = owned(PySequence_GetItem(item.ptr(), 0));
      f(Place{key, i}, owned(PySequence_GetItem(item.ptr(), 1)));
    }
  }
}

// Dotted names, from the root down.
class Names {
 public:
  nb::object below_root(const nb::object& name) const {
    return nb::len(name) == 0 ? name : below(name);
  }
  nb::object below(const nb::object& name) const { return joined(name, dot_); }
  nb::object of(const nb::object& base, const Place& place) const {
    nb::handle key = place.key;
    if (key && PyUnicode_CheckExact(key.ptr())) return joined(base, key);
    return joined(base, owned(key ? PyObject_Format(key.ptr(), nullptr)
                                  : PyUnicode_FromFormat("%zd", place.index)));
  }

 private:
  static nb::object joined(nb::handle left, nb::handle right) {
    return owned(PyUnicode_Concat(left.ptr(), right.ptr()));
  }

  nb::str dot_{"."};
};

// What the user's is_leaf, or None, says.
bool stops(nb::handle is_leaf, nb::handle node) {
  if (is_leaf.is_none()) return false;
  int leaf = PyObject_IsTrue(is_leaf(node).ptr());
  check(leaf);
  return leaf != 0;
}

class Flatten {
 public:
  explicit Flatten(nb::handle is_leaf) : is_leaf_(is_leaf) {}

  nb::list of(nb::handle tree, const nb::object& prefix) {
    // The first character of the names is dropped, by custom a dot.
    nb::object rest = owned(PyUnicode_Substring(names_.below_root(prefix).ptr(),
                                                1, PY_SSIZE_T_MAX));
    if (is_node(tree)) {
      children(tree, rest);
    } else {
      add(owned(PyUnicode_Substring(prefix.ptr(), 1, PY_SSIZE_T_MAX)), tree);
    }
    return pairs_;
  }

 private:
  bool is_node(nb::handle node) const {
    return !stops(is_leaf_, node) && (is_dict(node) || is_sequence(node));
  }

  void children(nb::handle node, const nb::object& base) {
    Descent descent(depth_);
    for_each_child(node, [&](Place place, const nb::object& child) {
      nb::object name = names_.of(base, place);
      if (is_node(child)) {
        children(child, names_.below(name));
      } else {
        add(name, child);
      }
    });
  }

  void add(const nb::object& name, nb::handle leaf) {
    nb::object pair = owned(PyTuple_New(2));
    check(PyTuple_SetItem(pair.ptr(), 0, nb::object(name).release().ptr()));
    check(PyTuple_SetItem(pair.ptr(), 1, nb::borrow(leaf).release().ptr()));
    check(PyList_Append(pairs_.ptr(), pair.ptr()));
  }

  nb::handle is_leaf_;
  Names names_;
  nb::list pairs_;
  int depth_ = 0;
};

class Map {
 public:
  Map(nb::handle fn, nb::handle is_leaf, bool named)
      : fn_(fn), is_leaf_(is_leaf), named_(named) {}

  using Nodes = std::vector<nb::object>;

  nb::object of(nb::handle tree, const Nodes& rest, const nb::object& name) {
    if (!is_node(tree)) return call(name, tree, rest);
    return children(tree, rest, named_ ? names_.below_root(name) : name);
  }

 private:
  bool is_node(nb::handle node) const {
    return !stops(is_leaf_, node) && (is_dict(node) || is_sequence(node));
  }

  nb::object children(nb::handle node, const Nodes& rest,
                      const nb::object& base) {
    Descent descent(depth_);
    bool dict = is_dict(node);
    nb::object results = owned(dict ? PyDict_New() : PyList_New(0));
    Nodes below(rest.size());
    if (nb::len(node) != 0) {
      for (const nb::object& other : rest) check_container(other, node);
    }
    for_each_child(node, [&](Place place, const nb::object& child) {
      for (size_t i = 0; i < rest.size(); ++i) {
        below[i] = child_of(rest[i], place);
      }
      nb::object name = named_ ? names_.of(base, place) : base;
      nb::object result =
          !is_node(child)
              ? call(name, child, below)
              : children(child, below, named_ ? names_.below(name) : base);
      check(dict ? PyDict_SetItem(results.ptr(), place.key.ptr(), result.ptr())
                 : PyList_Append(results.ptr(), result.ptr()));
    });
    if (dict || PyList_Check(node.ptr())) return results;
    nb::object fields = owned(PyList_AsTuple(results.ptr()));
    // A named tuple takes its fields one by one.
    bool plain =
        PyTuple_CheckExact(node.ptr()) || !nb::hasattr(node, "_fields");
    if (plain) return fields;
    return owned(PyObject_CallObject(node.type().ptr(), fields.ptr()));
  }

  // By type as well: an array or a string would take an index, too.
  static void check_container(nb::handle other, nb::handle node) {
    bool same = is_dict(node) ? is_dict(other) : is_sequence(other);
    if (!same || nb::len(other) < nb::len(node)) throw Mismatch();
  }

  static nb::object child_of(nb::handle other, const Place& place) {
    if (!place.key) return owned(PySequence_GetItem(other.ptr(), place.index));
    PyObject* child = PyObject_GetItem(other.ptr(), place.key.ptr());
    if (!child && PyErr_ExceptionMatches(PyExc_KeyError)) {
      PyErr_Clear();
      throw Mismatch();
    }
    return owned(child);
  }

  nb::object call(const nb::object& name, nb::handle leaf, const Nodes& rest) {
    arguments_.clear();
    arguments_.push_back(nullptr);  // the callee may use this entry
    if (named_) arguments_.push_back(name.ptr());
    arguments_.push_back(leaf.ptr());
    for (const nb::object& node : rest) arguments_.push_back(node.ptr());
    size_t count = arguments_.size() - 1;
    return owned(PyObject_Vectorcall(fn_.ptr(), arguments_.data() + 1,
                                     count | PY_VECTORCALL_ARGUMENTS_OFFSET,
                                     nullptr));
  }

  nb::handle fn_, is_leaf_;
  bool named_;  // whether fn gets the name, too
  Names names_;
  std::vector<PyObject*> arguments_;
  int depth_ = 0;
};

}  // namespace

void bind_utils(nb::module_& m) {
  nb::exception<Mismatch>(m, "TreeMismatch").attr("__doc__") =
      "A tree lacks a node of the first one; ingot.utils says which.";
  m.def(
      "tree_flatten",
      [](nb::handle tree, const nb::str& prefix, nb::handle is_leaf)
          -> NamedLeaves { return Flatten(is_leaf).of(tree, prefix); },
      "tree"_a.none(), "prefix"_a, "is_leaf"_a.none(),
      "The leaves of a tree with their names.\n\nArgs:\n    tree: any value.\n"
      "    prefix: put before every name, without its first character.\n"
      "    is_leaf: called with every node; true stops there. None for none.");
  m.def(
      "tree_map",
      [](nb::handle fn, nb::handle tree, const Map::Nodes& rest,
         nb::handle is_leaf, std::optional<nb::str> path) {
        nb::object name = path ? *path : nb::str("");
        return Map(fn, is_leaf, path.has_value()).of(tree, rest, name);
      },
      "fn"_a, "tree"_a.none(), "rest"_a, "is_leaf"_a.none(), "path"_a.none(),
      "A tree of what a function gives for each leaf.\n\nArgs:\n    fn: called "
      "with the name, if there is a path, the leaf and the nodes of rest.\n    "
      "tree: any value.\n    rest: trees with at least its structure.\n    "
      "is_leaf: called with every node; true makes it a leaf. None for none.\n "
      "   path: put before every name; None for no names.\n\nRaises:\n    "
      "TreeMismatch: if a tree of rest lacks a node.");
  m.def("tree_unflatten", unflatten, "pairs"_a,
        "A tree from names and leaves.\n\nArgs:\n    pairs: dotted names, each "
        "with its leaf.\n\nRaises:\n    ValueError, TypeError: if the names "
        "make no tree.");
}

}  // namespace ingot::python
