// Between Python values and arrays, shapes, axes and streams.
// SPDX-License-Identifier: MIT
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <utility>
#include <variant>

#include "csrc/array.h"
#include "csrc/ops.h"
#include "csrc/ops/complex.h"

namespace ingot::python {

namespace nb = nanobind;
using namespace nb::literals;

// What a function of Python's gave: a new reference, or an error.
inline nb::object owned(PyObject* result) {
  if (!result) throw nb::python_error();
  return nb::steal(result);
}
inline void check(int status) {
  if (status < 0) throw nb::python_error();
}

// Prints as str(value): only once a message needs it, for to print an array is
// to compute it.
struct Shown {
  nb::handle value;
};
inline std::ostream& operator<<(std::ostream& out, Shown shown) {
  return out << nb::str(shown.value).c_str();
}

// An argument that stands for an array: an array, a number, a (nested) list or
// tuple of those, or a NumPy array.
struct ArrayLike {
  nb::object value;
};
using ArrayLikes = nb::typed<nb::sequence, ArrayLike>;

// Whether a Python value is a bool, int, float or complex: as an operand beside
// an array it takes that array's type ("weak").
bool is_number(nb::handle value);
// The same of all but complex.
bool is_real(nb::handle value);

// Any ArrayLike as an array. Numbers become bool, int32 (int64 if they must),
// float32 or complex64; NumPy's float64 becomes float32, unless a dtype is asked
// for, and its complex128 complex64.
Array to_array(nb::handle value, std::optional<Dtype> dtype = {});
using OptionalArray = std::optional<ArrayLike>;
inline Array or_none(const OptionalArray& x) {
  return x ? to_array(x->value) : Array();
}
// A sequence of them; ValueError where it is empty.
Arrays to_arrays(nb::handle values, const char* op);
// A number as a scalar that adapts to an array of type `like`.
Array weak_scalar(nb::handle value, Dtype like, const char* op);
// Two operands, where a number adapts to the other.
std::pair<Array, Array> operands(nb::handle a, nb::handle b, const char* op);

// A Python number as a fill value.
Number to_number(nb::handle value, Dtype dtype, const char* op);

// An int or a sequence of ints.
struct IntOrInts {
  Shape values;
  bool single = false;
};
using AxesArg = std::optional<IntOrInts>;
inline Axes to_axes(const AxesArg& axes) {
  return axes ? Axes(axes->values) : Axes();
}

// stream=None, a Stream, or a Device (its default stream).
using StreamArg = std::variant<std::monostate, Stream, Device>;
// device=None or a Device: the array API standard's word for that.
using DeviceArg = std::optional<Device>;
class OnStream {
 public:
  explicit OnStream(const StreamArg& where, const DeviceArg& device = {}) {
    bool both = device && !std::holds_alternative<std::monostate>(where);
    require(!both, "stream and device must not be given together");
    if (auto* stream = std::get_if<Stream>(&where)) scope_.emplace(*stream);
    if (auto* d = device ? &*device : std::get_if<Device>(&where)) {
      scope_.emplace(default_stream(*d));
    }
  }

 private:
  std::optional<StreamScope> scope_;
};

nb::tuple to_tuple(const Shape& shape);
// The array's elements as Python numbers in nested lists (a number if 0-d).
nb::object to_list(Array array);
nb::object to_numpy(const Array& array);

}  // namespace ingot::python

namespace nanobind::detail {

template <>
struct type_caster<ingot::python::ArrayLike> {
  NB_TYPE_CASTER(ingot::python::ArrayLike,
                 const_name("ingot._core.array | numpy.typing.ArrayLike"))
  bool from_python(handle source, uint8_t, cleanup_list*) noexcept {
    value.value = borrow(source);
    return true;
  }
  static handle from_cpp(const ingot::python::ArrayLike& source, rv_policy,
                         cleanup_list*) noexcept {
    return source.value.inc_ref();
  }
};

template <>
struct type_caster<ingot::Shape> {
  NB_TYPE_CASTER(ingot::Shape, const_name("collections.abc.Sequence[int]"))
  bool from_python(handle source, uint8_t, cleanup_list*) noexcept {
    return read(source, value);
  }
  static handle from_cpp(const ingot::Shape& shape, rv_policy,
                         cleanup_list*) noexcept {
    return ingot::python::to_tuple(shape).release();
  }
  static bool read(handle source, ingot::Shape& shape) noexcept {
    PyObject* o = source.ptr();
    if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
    shape.clear();
    Py_ssize_t n = PySequence_Size(o);
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* item = PySequence_GetItem(o, i);
      int64_t number;
      bool ok = item && read_int(item, number);
      Py_XDECREF(item);
      if (!ok) return false;
      shape.push_back(number);
    }
    return true;
  }
  static bool read_int(PyObject* o, int64_t& number) noexcept {
    if (!PyIndex_Check(o) || PyBool_Check(o)) return false;
    PyObject* index = PyNumber_Index(o);
    number = index ? PyLong_AsLongLong(index) : -1;
    Py_XDECREF(index);
    if (PyErr_Occurred()) {
      PyErr_Clear();
      return false;
    }
    return true;
  }
};

template <>
struct type_caster<ingot::python::IntOrInts> {
  NB_TYPE_CASTER(ingot::python::IntOrInts,
                 const_name("int | collections.abc.Sequence[int]"))
  using ShapeCaster = type_caster<ingot::Shape>;
  bool from_python(handle source, uint8_t, cleanup_list*) noexcept {
    int64_t number;
    value.single = ShapeCaster::read_int(source.ptr(), number);
    if (value.single) {
      value.values = ingot::Shape{number};
      return true;
    }
    return ShapeCaster::read(source, value.values);
  }
  static handle from_cpp(const ingot::python::IntOrInts& source, rv_policy,
                         cleanup_list*) noexcept {
    return ingot::python::to_tuple(source.values).release();
  }
};

}  // namespace nanobind::detail
