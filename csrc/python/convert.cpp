// Python values to arrays.
// SPDX-License-Identifier: MIT
#include "csrc/python/convert.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "csrc/graph.h"

namespace ingot::python {
namespace {

constexpr int kMaxDepth =
    64;  // of nested lists; deeper ones contain themselves

bool is_array(nb::handle value) { return nb::isinstance<Array>(value); }
const Array& as_array(nb::handle value) { return *nb::inst_ptr<Array>(value); }

// --- buffers (NumPy arrays and scalars, memoryview, array.array ...) ---

std::optional<Dtype> dtype_of_format(const char* format, Py_ssize_t itemsize) {
  if (!format) return Dtype::uint8;
  if (*format == '@' || *format == '=' || *format == '<') ++format;
  if (std::strcmp(format, "Zf") == 0) return Dtype::complex64;
  if (format[0] == '\0' || format[1] != '\0') return std::nullopt;
  auto sized = [&](Dtype d1, Dtype d2, Dtype d4, Dtype d8) {
    return itemsize == 1 ? d1 : itemsize == 2 ? d2 : itemsize == 4 ? d4 : d8;
  };
  switch (*format) {
    case '?':
      return Dtype::bool_;
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
    case 'n':
      return sized(Dtype::int8, Dtype::int16, Dtype::int32, Dtype::int64);
    case 'B':
    case 'H':
    case 'I':
    case 'L':
    case 'Q':
    case 'N':
      return sized(Dtype::uint8, Dtype::uint16, Dtype::uint32, Dtype::uint64);
    case 'e':
      return Dtype::float16;
    case 'f':
      return Dtype::float32;
    case 'd':
      return Dtype::float64;
    default:
      return std::nullopt;
  }
}

template <class T>
void copy_strided(const Py_buffer& view, int axis, const char* from, T*& to) {
  if (axis == view.ndim) {
    std::memcpy(to++, from, sizeof(T));
    return;
  }
  for (Py_ssize_t i = 0; i < view.shape[axis]; ++i) {
    copy_strided(view, axis + 1, from + i * view.strides[axis], to);
  }
}

Array copy_buffer(const Py_buffer& view, Dtype dtype) {
  Shape shape;
  for (int i = 0; i < view.ndim; ++i) shape.push_back(view.shape[i]);
  Array array = Array::empty(shape, dtype);
  if (array.size() == 0) return array;
  if (PyBuffer_IsContiguous(&view, 'C')) {
    std::memcpy(array.data(), view.buf, array.nbytes());
    return array;
  }
  dispatch(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = array.data<T>();
    copy_strided(view, 0, static_cast<const char*>(view.buf), to);
  });
  return array;
}

struct BufferView {
  Py_buffer view;
  bool ok;
  explicit BufferView(nb::handle source) {
    ok = PyObject_GetBuffer(source.ptr(), &view,
                            PyBUF_STRIDES | PyBUF_FORMAT) == 0;
    if (!ok) PyErr_Clear();
  }
  ~BufferView() {
    if (ok) PyBuffer_Release(&view);
  }
};

Array from_buffer(nb::handle source) {
  BufferView buffer(source);
  if (buffer.ok) {
    auto dtype = dtype_of_format(buffer.view.format, buffer.view.itemsize);
    if (dtype) return copy_buffer(buffer.view, *dtype);
  }
  // bfloat16 has no buffer format: its bits do. Anything else is foreign.
  nb::object type = nb::getattr(source, "dtype", nb::none());
  std::string name = nb::cast<std::string>(nb::str(type));
  if (name == "bfloat16") {
    nb::object bits = nb::object(nb::borrow(source)).attr("view")("uint16");
    Array words = from_buffer(bits);
    return view(words, Dtype::bfloat16);
  }
  if (name == "complex128") {
    return from_buffer(
        nb::object(nb::borrow(source)).attr("astype")("complex64"));
  }
  if (name.size() > 1 && name[0] == '>') {
    return from_buffer(nb::object(nb::borrow(source))
                           .attr("astype")(type.attr("newbyteorder")("=")));
  }
  throw TypeError(cat(
      "array: elements must be bool, integer, floating or complex, got ",
      type.is_none() ? nb::type_name(source.type()).c_str() : name.c_str()));
}

// --- nested lists ---

struct ListShape {
  Shape shape;
  Dtype dtype = Dtype::bool_;
  bool arrays = false;
  bool any = false;
};

// Whether a Python int is within the range of an integer type.
bool fits(nb::handle value, Dtype dtype) {
  int overflow;
  long long number = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
  if (dtype == Dtype::uint64) {
    if (overflow == 0) return number >= 0;
    PyLong_AsUnsignedLongLong(value.ptr());
    bool too_large = PyErr_Occurred() != nullptr;
    PyErr_Clear();
    return overflow > 0 && !too_large;
  }
  if (overflow != 0) return false;
  int bits = static_cast<int>(8 * size_of(dtype));
  if (!is_signed(dtype)) return number >= 0 && number >> bits == 0;
  return number >> (bits - 1) == 0 || number >> (bits - 1) == -1;
}

Dtype dtype_of_number(nb::handle value) {
  if (PyBool_Check(value.ptr())) return Dtype::bool_;
  if (PyFloat_Check(value.ptr())) return Dtype::float32;
  if (PyComplex_Check(value.ptr())) return Dtype::complex64;
  for (Dtype dtype : {Dtype::int32, Dtype::int64, Dtype::uint64}) {
    if (fits(value, dtype)) return dtype;
  }
  throw ValueError(
      cat("array: integers must fit into 64 bits, got ", Shown{value}));
}

bool is_list(nb::handle value) {
  return PyList_Check(value.ptr()) || PyTuple_Check(value.ptr());
}

// Reading an element may run Python code, which may change the list.
nb::object item_of(nb::handle list, Py_ssize_t i) {
  nb::object item = nb::steal(PySequence_GetItem(list.ptr(), i));
  if (!item) throw nb::python_error();
  return item;
}

void inspect(nb::handle value, int depth, ListShape& found) {
  require(depth < kMaxDepth,
          "array: lists must be nested at most 64 deep; this one may contain "
          "itself");
  int64_t n = PySequence_Size(value.ptr());
  if (depth == found.shape.size()) {
    require(!found.any, "array: nested lists must all have one length");
    found.shape.push_back(n);
  }
  require(found.shape[depth] == n,
          "array: nested lists must all have one length, got ",
          found.shape[depth], " and ", n);
  for (Py_ssize_t i = 0; i < n; ++i) {
    nb::object item = item_of(value, i);
    if (is_list(item)) {
      inspect(item, depth + 1, found);
      continue;
    }
    bool number = is_number(item);
    require(depth + 1 == found.shape.size() || !number,
            "array: nested lists must all have one depth");
    Dtype dtype = number ? dtype_of_number(item) : to_array(item).dtype();
    found.arrays |= !number;
    found.dtype = found.any ? promote(found.dtype, dtype) : dtype;
    found.any = true;
  }
}

template <class T>
T number_as(nb::handle value) {
  if constexpr (std::is_same_v<T, bool>) {
    return PyObject_IsTrue(value.ptr()) == 1;
  } else if constexpr (std::is_integral_v<T>) {
    if (PyFloat_Check(value.ptr())) {
      double x = PyFloat_AsDouble(value.ptr());
      return std::isfinite(x) ? static_cast<T>(static_cast<int64_t>(x)) : T(0);
    }
    return static_cast<T>(PyLong_AsUnsignedLongLongMask(value.ptr()));
  } else if constexpr (std::is_same_v<T, double>) {
    return PyFloat_AsDouble(value.ptr());
  } else if constexpr (is_complex_type<T>) {
    return T(static_cast<float>(PyComplex_RealAsDouble(value.ptr())),
             static_cast<float>(PyComplex_ImagAsDouble(value.ptr())));
  } else {
    return T(static_cast<float>(PyFloat_AsDouble(value.ptr())));
  }
}

template <class T>
void fill_from_list(nb::handle value, const Array& array, int64_t axis,
                    T*& to) {
  bool deep = axis < array.ndim();
  require(deep && PySequence_Size(value.ptr()) == array.shape(axis),
          "array: lists must not change while they are read");
  for (int64_t i = 0; i < array.shape(axis); ++i) {
    nb::object item = item_of(value, i);
    if (is_list(item)) {
      fill_from_list(item, array, axis + 1, to);
    } else {
      require(axis == array.ndim() - 1 && is_number(item),
              "array: lists must not change while they are read");
      if constexpr (!is_complex_type<T>) {
        require<TypeError>(is_real(item), "array: value must be real for ",
                           dtype_of<T>, ", got ", Shown{item});
      }
      if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
        require(PyFloat_Check(item.ptr()) || fits(item, dtype_of<T>),
                "array: value must fit into ", dtype_of<T>, ", got ",
                Shown{item});
      }
      *to++ = number_as<T>(item);
    }
  }
}

Array stack_list(nb::handle value, Dtype dtype) {
  Arrays parts;
  for (nb::handle item : value) {
    parts.push_back(is_list(item) ? stack_list(item, dtype)
                                  : astype(to_array(item), dtype));
  }
  return stack(parts, 0);
}

Array from_list(nb::handle value, std::optional<Dtype> wanted) {
  ListShape found;
  inspect(value, 0, found);
  Dtype dtype = wanted.value_or(found.any ? found.dtype : Dtype::float32);
  if (found.arrays) return stack_list(value, dtype);
  Array array = Array::empty(found.shape, dtype);
  dispatch(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = array.data<T>();
    fill_from_list(value, array, 0, to);
  });
  return array;
}

}  // namespace

bool is_real(nb::handle value) {
  PyObject* o = value.ptr();
  return PyFloat_Check(o) || PyLong_Check(o);  // bool is an int
}

bool is_number(nb::handle value) {
  return is_real(value) || PyComplex_Check(value.ptr());
}

Number to_number(nb::handle value, Dtype dtype, const char* op) {
  require<TypeError>(is_number(value), op, ": value must be a number, got ",
                     nb::type_name(value.type()).c_str());
  require<TypeError>(is_real(value) || is_complex(dtype), op, ": value must ",
                     "be real for ", dtype, ", got ", Shown{value});
  Number number;
  if (PyComplex_Check(value.ptr())) {
    number.imaginary = PyComplex_ImagAsDouble(value.ptr());
    number.real = PyComplex_RealAsDouble(value.ptr());
    return number;
  }
  number.real = PyFloat_AsDouble(value.ptr());
  if (PyErr_Occurred()) {
    PyErr_Clear();
    number.real = std::numeric_limits<double>::infinity();
  }
  if (dtype == Dtype::bool_) {
    number.integer = number.real != 0;
  } else if (is_integer(dtype)) {
    number.integer = number_as<int64_t>(value);
    require(PyFloat_Check(value.ptr()) || fits(value, dtype), op, ": value ",
            "must fit into ", dtype, ", got ", Shown{value});
  }
  return number;
}

Array weak_scalar(nb::handle value, Dtype like, const char* op) {
  Dtype dtype = like;
  if (PyComplex_Check(value.ptr())) {
    dtype = Dtype::complex64;
  } else if (PyFloat_Check(value.ptr())) {
    dtype = floating(like);
  } else if (like == Dtype::bool_ && !PyBool_Check(value.ptr())) {
    dtype = dtype_of_number(value);
  }
  return Array::scalar(to_number(value, dtype, op), dtype);
}

std::pair<Array, Array> operands(nb::handle a, nb::handle b, const char* op) {
  if (is_number(a) && !is_number(b)) {
    Array right = to_array(b);
    return {weak_scalar(a, right.dtype(), op), right};
  }
  if (is_number(b) && !is_number(a)) {
    Array left = to_array(a);
    return {left, weak_scalar(b, left.dtype(), op)};
  }
  return {to_array(a), to_array(b)};
}

Array to_array(nb::handle value, std::optional<Dtype> dtype) {
  auto as_wanted = [&](const Array& x) {
    return dtype ? astype(x, *dtype) : x;
  };
  if (is_array(value)) return as_wanted(as_array(value));
  if (is_number(value)) {
    Dtype type = dtype.value_or(dtype_of_number(value));
    return Array::scalar(to_number(value, type, "array"), type);
  }
  if (is_list(value)) return from_list(value, dtype);
  if (PyObject_CheckBuffer(value.ptr()) && !PyBytes_Check(value.ptr())) {
    Array x = from_buffer(value);
    if (!dtype && x.dtype() == Dtype::float64) return astype(x, Dtype::float32);
    return as_wanted(x);
  }
  if (nb::hasattr(value, "__array__")) {
    nb::object array = nb::object(nb::borrow(value)).attr("__array__")();
    require<TypeError>(PyObject_CheckBuffer(array.ptr()),
                       "array: __array__ must return a NumPy array");
    Array x = from_buffer(array);
    if (!dtype && x.dtype() == Dtype::float64) return astype(x, Dtype::float32);
    return as_wanted(x);
  }
  throw TypeError(cat("array: value must be an array, a number, or a list of ",
                      "those, got ", nb::type_name(value.type()).c_str()));
}

Arrays to_arrays(nb::handle values, const char* op) {
  Arrays arrays;
  for (nb::handle value : values) arrays.push_back(to_array(value));
  require(!arrays.empty(), op, ": there must be at least one array");
  return arrays;
}

nb::tuple to_tuple(const Shape& shape) {
  nb::object tuple = nb::steal(PyTuple_New(shape.size()));
  for (int64_t i = 0; i < shape.size(); ++i) {
    PyTuple_SetItem(tuple.ptr(), i, PyLong_FromLongLong(shape[i]));
  }
  return nb::borrow<nb::tuple>(tuple);
}

}  // namespace ingot::python
