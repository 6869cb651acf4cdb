// Recordings of functions in Python, and what tells two calls apart. The
// functions themselves are in ingot/core/_compile.py and _vmap.py.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"
#include "csrc/python/tree.h"
#include "csrc/vmap.h"

namespace ingot::python {
namespace {

// A tree's structure, constants, and the shapes and dtypes of its arrays, as a
// key of a dict: bytes, and the objects that these do not tell apart.
class Signature {
 public:
  // Of captured state: objects that are neither array nor constant are allowed
  // there, and count for nothing.
  explicit Signature(bool captured) : captured_(captured) {
    number(current_stream().index);
  }

  void add(nb::handle tree, int depth = 0) {
    detail::check_depth(depth);
    PyObject* o = tree.ptr();
    if (nb::isinstance<Array>(tree)) {
      array(*nb::inst_ptr<Array>(tree));
    } else if (nb::isinstance<RandomState>(tree)) {
      array(nb::inst_ptr<RandomState>(tree)->key());
    } else if (tree.is_none() || PyBool_Check(o)) {
      text_ += tree.is_none() ? 'N' : o == Py_True ? 'T' : 'F';
    } else if (PyFloat_CheckExact(o)) {
      text_ += 'f';
      number(PyFloat_AsDouble(o));
    } else if (PyLong_CheckExact(o) || PyUnicode_CheckExact(o)) {
      text_ += PyLong_CheckExact(o) ? 'i' : 's';
      objects_.append(tree);
    } else if (PyDict_CheckExact(o) || (captured_ && PyDict_Check(o))) {
      open('D', PyDict_Size(o));
      PyObject *key, *value;
      Py_ssize_t position = 0;
      while (PyDict_Next(o, &position, &key, &value)) {
        objects_.append(nb::handle(key));
        add(value, depth + 1);
      }
    } else if (PyList_Check(o) || PyTuple_Check(o)) {
      open(PyList_Check(o) ? 'L' : 'U', PySequence_Size(o));
      if (!PyTuple_CheckExact(o) && PyTuple_Check(o)) {
        objects_.append(tree.type());
      }
      for (nb::handle item : tree) add(item, depth + 1);
    } else {
      require<TypeError>(captured_,
                         "compile: arguments must be arrays, "
                         "numbers, strings, None, or dicts, lists and tuples "
                         "of these, got ",
                         Shown{tree},
                         "; capture a model's or optimizer's state by inputs=");
      text_ += 'O';
    }
  }

  nb::tuple key() const {
    return nb::make_tuple(nb::bytes(text_.data(), text_.size()),
                          nb::tuple(objects_));
  }

 private:
  template <class T>
  void number(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void open(char kind, Py_ssize_t size) {
    text_ += kind;
    number(size);
  }
  void array(const Array& x) {
    text_ += 'A';
    text_ += static_cast<char>(x.dtype());
    number(x.ndim());
    for (int64_t n : x.shape()) number(n);
  }

  bool captured_;
  std::string text_;
  nb::list objects_;
};

}  // namespace

void bind_recording(nb::module_& m) {
  m.def(
      "_signature",
      [](nb::handle tree, nb::handle captured) {
        Signature given(false), state(true);
        given.add(tree);
        state.add(detail::state_of(captured));
        return nb::make_tuple(given.key(), state.key());
      },
      "tree"_a.none(), "captured"_a.none(),
      nb::sig("def _signature(tree: typing.Any, captured: typing.Any) -> "
              "tuple[typing.Any, typing.Any]"));
  m.def(
      "_tree_assign",
      [](nb::handle tree, const Arrays& arrays) {
        assign_arrays(tree, arrays);
      },
      "tree"_a, "arrays"_a);
  m.def(
      "_placeholders",
      [](const Arrays& arrays, const std::vector<bool>& without_first) {
        Arrays result;
        for (size_t i = 0; i < arrays.size(); ++i) {
          Shape shape = arrays[i].shape();
          if (i < without_first.size() && without_first[i]) shape.erase(0);
          result.push_back(placeholder(shape, arrays[i].dtype()));
        }
        return result;
      },
      "arrays"_a, "without_first"_a = std::vector<bool>());
  nb::class_<Recording>(m, "_Recording", "The graph of a function.")
      .def(nb::init<const Arrays&, const Arrays&>(), "placeholders"_a,
           "outputs"_a)
      .def("__len__", &Recording::size)
      .def("replay", &Recording::replay, "inputs"_a,
           "The outputs for other inputs.\n\nArgs:\n    inputs: arrays of the "
           "placeholders' shapes and dtypes.")
      .def(
          "vmap",
          [](const Recording& recording, const Arrays& inputs,
             const std::vector<bool>& has_axis, int64_t size) {
            std::vector<Mapped> mapped;
            for (size_t i = 0; i < inputs.size(); ++i) {
              mapped.push_back({inputs[i], has_axis.at(i)});
            }
            Arrays arrays;
            std::vector<bool> axes;
            for (Mapped& x : vmap(recording, std::move(mapped), size)) {
              arrays.push_back(std::move(x.array));
              axes.push_back(x.has_axis);
            }
            return std::pair(std::move(arrays), std::move(axes));
          },
          "inputs"_a, "has_axis"_a, "size"_a,
          "The outputs for a batch, and which of them depend on it.\n\nArgs:\n "
          "  "
          " inputs: arrays, with the batch along their first axis where they "
          "have "
          "one.\n    has_axis: which inputs have it.\n    size: examples in "
          "the "
          "batch.");
}

}  // namespace ingot::python
