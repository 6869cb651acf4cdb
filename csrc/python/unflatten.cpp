// Trees from dotted names, for ingot.utils.tree_unflatten.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "csrc/python/tree.h"

namespace ingot::python {
namespace {

// A tree from dotted names. Each node is a dict first; those with indices for
// keys become lists at the end.
class Unflatten {
 public:
  Unflatten() { nodes_.push_back({nb::dict(), 0, nb::object(), 0}); }

  void add(const nb::object& name, const nb::object& leaf) {
    if (!PyUnicode_Check(name.ptr())) {
      throw TypeError(cat("tree_unflatten: names must be strings, got ",
                          nb::type_name(name.type()).c_str()));
    }
    Py_ssize_t length = PyUnicode_GetLength(name.ptr());
    Py_ssize_t dot = find_dot(name, 0, length, -1);
    size_t node = dot < 0 ? 0 : node_named(name, dot);
    nb::object key = dot < 0 ? name : part(name, dot + 1, length);
    PyObject* dict = nodes_[node].dict.ptr();
    Py_ssize_t before = PyDict_Size(dict);
    check(PyDict_SetItem(dict, key.ptr(), leaf.ptr()));
    if (PyDict_Size(dict) == before) refuse(name, node, key);
  }

  nb::object tree() {
    if (PyDict_Size(nodes_[0].dict.ptr()) == 0) return nb::list();
    nb::object made;
    for (size_t i = nodes_.size(); i-- > 0;) {  // children before parents
      Node& node = nodes_[i];
      made = list_of(node.dict);
      if (!made) made = node.dict;
      if (i == 0) break;
      PyObject* parent = nodes_[node.parent].dict.ptr();
      check(PyDict_SetItem(parent, node.key.ptr(), made.ptr()));
    }
    return made;
  }

 private:
  struct Node {
    nb::object dict;
    size_t parent;
    nb::object key;  // in its parent
    int depth;
  };

  static constexpr int kDeepest = 900;  // what Python's own walks can follow
  // A name such as "a.99999999999" would ask for that long a list.
  static constexpr int64_t kLargestGap = int64_t{1} << 20;

  static Py_ssize_t find_dot(const nb::object& name, Py_ssize_t start,
                             Py_ssize_t end, int direction) {
    return PyUnicode_FindChar(name.ptr(), '.', start, end, direction);
  }
  static nb::object part(const nb::object& name, Py_ssize_t start,
                         Py_ssize_t end) {
    return owned(PyUnicode_Substring(name.ptr(), start, end));
  }

  // The node of name[:end]: most often that of the name before.
  size_t node_named(const nb::object& name, Py_ssize_t end) {
    if (path_ && PyUnicode_GetLength(path_.ptr()) == end &&
        PyUnicode_Tailmatch(name.ptr(), path_.ptr(), 0, end, -1) == 1) {
      return last_;
    }
    size_t node = 0;
    for (Py_ssize_t start = 0; start <= end;) {
      Py_ssize_t dot = find_dot(name, start, end, 1);
      if (dot < 0) dot = end;
      node = child(node, part(name, start, dot), name);
      start = dot + 1;
    }
    path_ = part(name, 0, end);
    return last_ = node;
  }

  size_t child(size_t node, const nb::object& key, nb::handle name) {
    PyObject* dict = nodes_[node].dict.ptr();
    if (PyObject* found = PyDict_GetItemWithError(dict, key.ptr())) {
      auto known = by_dict_.find(found);
      require(known != by_dict_.end(), "tree_unflatten: ", quoted(name),
              " lies under a name that is a leaf");
      return known->second;
    }
    int depth = nodes_[node].depth + 1;
    require(depth <= kDeepest, "tree_unflatten: names must nest at most ",
            kDeepest, " deep, got more");
    nb::dict made;
    check(PyDict_SetItem(dict, key.ptr(), made.ptr()));
    by_dict_[made.ptr()] = nodes_.size();
    nodes_.push_back({made, node, key, depth});
    return nodes_.size() - 1;
  }

  [[noreturn]] void refuse(nb::handle name, size_t node, nb::handle key) {
    bool subtree = false;
    for (size_t i = 1; i < nodes_.size(); ++i) {
      subtree |= nodes_[i].parent == node && nodes_[i].key.equal(key);
    }
    throw ValueError(cat("tree_unflatten: leaf ", quoted(name), " is ",
                         subtree ? "a subtree too" : "given twice"));
  }

  static std::string quoted(nb::handle name) { return nb::repr(name).c_str(); }

  // The list that a dict stands for, with {} where an index is absent; null
  // where a key is no decimal index.
  static nb::object list_of(nb::handle dict) {
    int64_t last = -1;
    std::string_view longest;
    PyObject *key, *child;
    for (Py_ssize_t at = 0; PyDict_Next(dict.ptr(), &at, &key, &child);) {
      std::string_view digits = text(key);
      if (!is_index(digits)) return {};
      if (digits.size() > longest.size()) longest = digits;
      last = std::max(last, index(digits));
    }
    Py_ssize_t size = PyDict_Size(dict.ptr());
    require(longest.size() <= kDigits && last <= size + kLargestGap,
            "tree_unflatten: index ", longest.substr(0, 24),
            " leaves too large a gap in a list of ", size);
    std::vector<PyObject*> items(static_cast<size_t>(last) + 1);
    for (Py_ssize_t at = 0; PyDict_Next(dict.ptr(), &at, &key, &child);) {
      items[static_cast<size_t>(index(text(key)))] = child;
    }
    nb::list list;
    for (PyObject* item : items) {
      if (item) {
        list.append(nb::handle(item));
      } else {
        list.append(nb::dict());
      }
    }
    return list;
  }

  static constexpr size_t kDigits = 18;  // of numbers that surely fit int64

  static std::string_view text(PyObject* key) {
    Py_ssize_t size = 0;
    const char* data = PyUnicode_AsUTF8AndSize(key, &size);
    if (!data) throw nb::python_error();
    return {data, static_cast<size_t>(size)};
  }
  static bool is_index(std::string_view digits) {
    if (digits.empty() || (digits[0] == '0' && digits.size() > 1)) return false;
    return digits.find_first_not_of("0123456789") == digits.npos;
  }
  static int64_t index(std::string_view digits) {
    int64_t value = 0;
    for (char digit : digits.substr(0, kDigits))
      value = 10 * value + digit - '0';
    return value;
  }

  std::vector<Node> nodes_;  // the root first, parents before children
  std::unordered_map<PyObject*, size_t> by_dict_;
  nb::object path_;  // that of the last name
  size_t last_ = 0;  // its node
};

}  // namespace

nb::object unflatten(const NamedLeaves& pairs) {
  Unflatten result;
  for (nb::handle pair : pairs) {
    Py_ssize_t size = PySequence_Size(pair.ptr());
    check(static_cast<int>(std::min<Py_ssize_t>(size, 0)));
    require(size == 2, "tree_unflatten: entries must be pairs (name, leaf), ",
            "got one of ", size);
    nb::object name = owned(PySequence_GetItem(pair.ptr(), 0));
    nb::object leaf = owned(PySequence_GetItem(pair.ptr(), 1));
    if (PyList_Size(pairs.ptr()) == 1 && name.equal(nb::str(""))) return leaf;
    result.add(name, leaf);
  }
  return result.tree();
}

}  // namespace ingot::python
