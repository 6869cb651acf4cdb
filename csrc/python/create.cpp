// Creation functions in Python.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using Length = std::optional<int64_t>;

Array full_with(const Shape& shape, const nb::object& value,
                const DtypeArg& dtype) {
  if (is_number(value)) {
    Dtype type = dtype ? dtype->value : to_array(value).dtype();
    return full(shape, to_number(value, type, "full"), type);
  }
  Array x = to_array(value, dtype ? std::optional(dtype->value) : std::nullopt);
  require(broadcast_shapes(x.shape(), shape, "full") == shape,
          "full: vals of shape ", x.shape(), " must broadcast to ", shape);
  return broadcast_to(x, shape);
}

Array range(const nb::object& start, const nb::object& stop,
            const nb::object& step, const DtypeArg& dtype) {
  bool real = false;
  double values[3] = {0, 0, 1};
  const nb::object* given[3] = {&start, &stop, &step};
  for (int i = 0; i < 3; ++i) {
    if (given[i]->is_none()) continue;
    require<TypeError>(is_number(*given[i]),
                       "arange: start, stop and step must be numbers, got ",
                       nb::type_name(given[i]->type()).c_str());
    real |= PyFloat_Check(given[i]->ptr()) != 0;
    values[i] = PyFloat_AsDouble(given[i]->ptr());
  }
  if (stop.is_none()) {
    values[1] = values[0];
    values[0] = 0;
  }
  bool wide = std::abs(values[0]) >= 0x1p31 || std::abs(values[1]) > 0x1p31;
  Dtype natural = real ? Dtype::float32 : wide ? Dtype::int64 : Dtype::int32;
  return arange(values[0], values[1], values[2], dtype_or(dtype, natural));
}

}  // namespace

void bind_create(nb::module_& m) {
  m.def(
      "full",
      [](const IntOrInts& shape, const nb::object& value, const DtypeArg& dtype,
         const StreamArg& stream) {
        OnStream scope(stream);
        return full_with(shape.values, value, dtype);
      },
      "shape"_a, "vals"_a, "dtype"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      "An array filled with a value.\n\nArgs:\n    shape: int or ints.\n    "
      "vals: number, or array that broadcasts to shape.\n    dtype: element "
      "type; that of vals by default.\n    stream: stream or device.");
  m.def(
      "zeros",
      [](const IntOrInts& shape, const DtypeArg& dtype,
         const StreamArg& stream) {
        OnStream scope(stream);
        return zeros(shape.values, dtype_or(dtype, Dtype::float32));
      },
      "shape"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "An array of zeros.\n\nArgs:\n    shape: int or ints.\n    dtype: "
      "element type, float32 by default.\n    stream: stream or device.");
  m.def(
      "ones",
      [](const IntOrInts& shape, const DtypeArg& dtype,
         const StreamArg& stream) {
        OnStream scope(stream);
        return ones(shape.values, dtype_or(dtype, Dtype::float32));
      },
      "shape"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "An array of ones.\n\nArgs:\n    shape: int or ints.\n    dtype: "
      "element type, float32 by default.\n    stream: stream or device.");
  m.def(
      "full_like",
      [](const ArrayLike& a, const nb::object& value, const DtypeArg& dtype,
         const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return full_with(x.shape(), value,
                         DtypeObject{dtype_or(dtype, x.dtype())});
      },
      "a"_a, "vals"_a, "dtype"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      "An array of a's shape and dtype, filled with a value.");
  m.def(
      "zeros_like",
      [](const ArrayLike& a, const DtypeArg& dtype, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return zeros(x.shape(), dtype_or(dtype, x.dtype()));
      },
      "a"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "Zeros of a's shape and dtype.");
  m.def(
      "ones_like",
      [](const ArrayLike& a, const DtypeArg& dtype, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return ones(x.shape(), dtype_or(dtype, x.dtype()));
      },
      "a"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "Ones of a's shape and dtype.");
  m.def(
      "arange",
      [](const nb::object& start, const nb::object& stop,
         const nb::object& step, const DtypeArg& dtype,
         const StreamArg& stream) {
        OnStream scope(stream);
        return range(start, stop, step, dtype);
      },
      "start"_a, "stop"_a = nb::none(), "step"_a = nb::none(),
      "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "Numbers start, start + step, ... before stop.\n\nArgs:\n    start: "
      "first number; stop, from 0, where it is the only one.\n    stop: "
      "bound, not included.\n    step: 1 by default, not 0.\n    dtype: int32 "
      "for integers, float32 for floats by default.\n    stream: stream or "
      "device.");
  m.def(
      "linspace",
      [](double start, double stop, int64_t num, const DtypeArg& dtype,
         const StreamArg& stream) {
        OnStream scope(stream);
        return linspace(start, stop, num, dtype_or(dtype, Dtype::float32));
      },
      "start"_a, "stop"_a, "num"_a = 50, "dtype"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      "num evenly spaced numbers from start to stop, both included.");
  m.def(
      "eye",
      [](int64_t n, const Length& columns, int64_t k, const DtypeArg& dtype,
         const StreamArg& stream) {
        OnStream scope(stream);
        return eye(n, columns.value_or(n), k, dtype_or(dtype, Dtype::float32));
      },
      "n"_a, "m"_a = nb::none(), "k"_a = 0, "dtype"_a = nb::none(),
      nb::kw_only(), "stream"_a = nb::none(),
      "An n x m array with ones on diagonal k.");
  m.def(
      "identity",
      [](int64_t n, const DtypeArg& dtype, const StreamArg& stream) {
        OnStream scope(stream);
        require(n >= 0, "identity: n must not be negative, got ", n);
        return eye(n, n, 0, dtype_or(dtype, Dtype::float32));
      },
      "n"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "The n x n identity matrix.");
  m.def(
      "tri",
      [](int64_t n, const Length& columns, int64_t k, const DtypeArg& dtype,
         const StreamArg& stream) {
        OnStream scope(stream);
        return tri(n, columns.value_or(n), k, dtype_or(dtype, Dtype::float32));
      },
      "n"_a, "m"_a = nb::none(), "k"_a = 0, "dtype"_a = nb::none(),
      nb::kw_only(), "stream"_a = nb::none(),
      "An n x m array with ones on and below diagonal k.");
  m.def(
      "tril",
      [](const ArrayLike& x, int64_t k, const StreamArg& stream) {
        OnStream scope(stream);
        return tril(to_array(x.value), k);
      },
      "x"_a, "k"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
      "x with zeros above diagonal k of its last two axes.");
  m.def(
      "triu",
      [](const ArrayLike& x, int64_t k, const StreamArg& stream) {
        OnStream scope(stream);
        return triu(to_array(x.value), k);
      },
      "x"_a, "k"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
      "x with zeros below diagonal k of its last two axes.");
}

}  // namespace ingot::python
