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
    require<TypeError>(
        is_real(*given[i]),
        "arange: start, stop and step must be real numbers, got ",
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

void bind_filled(nb::module_& m) {
  m.def(
      "full",
      [](const IntOrInts& shape, const ArrayLike& value, const DtypeArg& dtype,
         const StreamArg& stream, const DeviceArg& device) {
        OnStream scope(stream, device);
        return full_with(shape.values, value.value, dtype);
      },
      "shape"_a, "vals"_a, "dtype"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(), "device"_a = nb::none(),
      R"(An array filled with a value.

Args:
    shape: int or ints.
    vals: number, or array that broadcasts to shape.
    dtype: element type; that of vals by default.
    stream: stream or device.
    device: the array API standard's word for stream.

Raises:
    ValueError: if vals does not broadcast to shape.

Example:
    >>> import ingot.core as mx
    >>> mx.full((2, 2), 7)
    array([[7, 7],
           [7, 7]], dtype=int32))");
  m.def(
      "zeros",
      [](const IntOrInts& shape, const DtypeArg& dtype, const StreamArg& stream,
         const DeviceArg& device) {
        OnStream scope(stream, device);
        return zeros(shape.values, dtype_or(dtype, Dtype::float32));
      },
      "shape"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "device"_a = nb::none(),
      R"(An array of zeros.

Args:
    shape: int or ints.
    dtype: element type, float32 by default.
    stream: stream or device.
    device: the array API standard's word for stream.

Raises:
    ValueError: if a size is negative.
    MemoryError: when evaluated, if there is no room.

Example:
    >>> import ingot.core as mx
    >>> mx.zeros(3)
    array([0, 0, 0], dtype=float32))");
  m.def(
      "ones",
      [](const IntOrInts& shape, const DtypeArg& dtype, const StreamArg& stream,
         const DeviceArg& device) {
        OnStream scope(stream, device);
        return ones(shape.values, dtype_or(dtype, Dtype::float32));
      },
      "shape"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "device"_a = nb::none(),
      R"(An array of ones.

Args:
    shape: int or ints.
    dtype: element type, float32 by default.
    stream: stream or device.
    device: the array API standard's word for stream.

Example:
    >>> import ingot.core as mx
    >>> mx.ones((1, 2), mx.int8)
    array([[1, 1]], dtype=int8))");
}

void bind_like(nb::module_& m) {
  m.def(
      "full_like",
      [](const ArrayLike& a, const ArrayLike& value, const DtypeArg& dtype,
         const StreamArg& stream, const DeviceArg& device) {
        OnStream scope(stream, device);
        Array x = to_array(a.value);
        return full_with(x.shape(), value.value,
                         DtypeObject{dtype_or(dtype, x.dtype())});
      },
      "a"_a, "vals"_a, "dtype"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(), "device"_a = nb::none(),
      R"(An array of another's shape, filled with a value.

Args:
    a: array whose shape is taken.
    vals: number, or array that broadcasts to that shape.
    dtype: element type; that of a by default.
    stream: stream or device.
    device: the array API standard's word for stream.)");
  m.def(
      "zeros_like",
      [](const ArrayLike& a, const DtypeArg& dtype, const StreamArg& stream,
         const DeviceArg& device) {
        OnStream scope(stream, device);
        Array x = to_array(a.value);
        return zeros(x.shape(), dtype_or(dtype, x.dtype()));
      },
      "a"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "device"_a = nb::none(),
      R"(Zeros in the shape of another array.

Args:
    a: array whose shape is taken.
    dtype: element type; that of a by default.
    stream: stream or device.
    device: the array API standard's word for stream.)");
  m.def(
      "ones_like",
      [](const ArrayLike& a, const DtypeArg& dtype, const StreamArg& stream,
         const DeviceArg& device) {
        OnStream scope(stream, device);
        Array x = to_array(a.value);
        return ones(x.shape(), dtype_or(dtype, x.dtype()));
      },
      "a"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "device"_a = nb::none(),
      R"(Ones in the shape of another array.

Args:
    a: array whose shape is taken.
    dtype: element type; that of a by default.
    stream: stream or device.
    device: the array API standard's word for stream.)");
}

constexpr const char* kArangeDoc =
    R"(Numbers start, start + step, ... before stop.

Args:
    start: first number, 0 by default.
    stop: bound, not included.
    step: 1 by default, not 0.
    dtype: by default float32 if a number is a float, else int32 (int64 if it
        must be).
    stream: stream or device.
    device: the array API standard's word for stream.

Raises:
    ValueError: if step is 0, or a number is not finite.

Example:
    >>> import ingot.core as mx
    >>> mx.arange(4)
    array([0, 1, 2, 3], dtype=int32)
    >>> mx.arange(1, 0, -0.25)
    array([1, 0.75, 0.5, 0.25], dtype=float32))";

void bind_ranges(nb::module_& m) {
  m.def(
      "arange",
      [](const nb::object& start, const nb::object& stop,
         const nb::object& step, const DtypeArg& dtype, const StreamArg& stream,
         const DeviceArg& device) {
        OnStream scope(stream, device);
        return range(start, stop, step, dtype);
      },
      "start"_a, "stop"_a.none(), "step"_a = nb::none(), "dtype"_a = nb::none(),
      nb::kw_only(), "stream"_a = nb::none(), "device"_a = nb::none(),
      nb::sig("def arange(start: float, stop: float | None, step: float | None "
              "= None, dtype: Dtype | None = None, *, stream: Stream | Device "
              "| None = None, device: Device | None = None) -> array"),
      kArangeDoc);
  m.def(
      "arange",
      [](const nb::object& stop, const nb::object& step, const DtypeArg& dtype,
         const StreamArg& stream, const DeviceArg& device) {
        OnStream scope(stream, device);
        return range(stop, nb::none(), step, dtype);
      },
      "stop"_a, "step"_a = nb::none(), "dtype"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(), "device"_a = nb::none(),
      nb::sig("def arange(stop: float, step: float | None = None, dtype: Dtype "
              "| None = None, *, stream: Stream | Device | None = None, "
              "device: Device | None = None) -> array"),
      kArangeDoc);
  m.def(
      "linspace",
      [](double start, double stop, const Length& num, bool endpoint,
         const DtypeArg& dtype, const StreamArg& stream,
         const DeviceArg& device) {
        OnStream scope(stream, device);
        return linspace(start, stop, num.value_or(50),
                        dtype_or(dtype, Dtype::float32), endpoint);
      },
      "start"_a, "stop"_a, "num"_a = 50, "endpoint"_a = true,
      "dtype"_a = nb::none(), "stream"_a = nb::none(), nb::kw_only(),
      "device"_a = nb::none(),
      R"(Evenly spaced numbers from start to stop.

Args:
    start: first number.
    stop: last number, or the bound of the open interval.
    num: how many.
    endpoint: whether stop is the last number; else the spacing is
        (stop - start) / num.
    dtype: element type, float32 by default.
    stream: stream or device.
    device: the array API standard's word for stream.

Raises:
    ValueError: if num is negative.

Example:
    >>> import ingot.core as mx
    >>> mx.linspace(0, 1, 5)
    array([0, 0.25, 0.5, 0.75, 1], dtype=float32))");
}

void bind_matrices(nb::module_& m) {
  m.def(
      "eye",
      [](int64_t n, const Length& columns, int64_t k, const DtypeArg& dtype,
         const StreamArg& stream, const DeviceArg& device) {
        OnStream scope(stream, device);
        return eye(n, columns.value_or(n), k, dtype_or(dtype, Dtype::float32));
      },
      "n"_a, "m"_a = nb::none(), "k"_a = 0, "dtype"_a = nb::none(),
      nb::kw_only(), "stream"_a = nb::none(), "device"_a = nb::none(),
      R"(A matrix with ones on a diagonal, zeros elsewhere.

Args:
    n: rows.
    m: columns, n by default.
    k: diagonal; above the main one if positive, below if negative.
    dtype: element type, float32 by default.
    stream: stream or device.
    device: the array API standard's word for stream.

Example:
    >>> import ingot.core as mx
    >>> mx.eye(2, 3, k=1)
    array([[0, 1, 0],
           [0, 0, 1]], dtype=float32))");
  m.def(
      "identity",
      [](int64_t n, const DtypeArg& dtype, const StreamArg& stream) {
        OnStream scope(stream);
        require(n >= 0, "identity: n must not be negative, got ", n);
        return eye(n, n, 0, dtype_or(dtype, Dtype::float32));
      },
      "n"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      R"(The identity matrix.

Args:
    n: rows and columns.
    dtype: element type, float32 by default.
    stream: stream or device.)");
  m.def(
      "tri",
      [](int64_t n, const Length& columns, int64_t k, const DtypeArg& dtype,
         const StreamArg& stream) {
        OnStream scope(stream);
        return tri(n, columns.value_or(n), k, dtype_or(dtype, Dtype::float32));
      },
      "n"_a, "m"_a = nb::none(), "k"_a = 0, "dtype"_a = nb::none(),
      nb::kw_only(), "stream"_a = nb::none(),
      R"(A matrix with ones on and below a diagonal, zeros above.

Args:
    n: rows.
    m: columns, n by default.
    k: diagonal; above the main one if positive, below if negative.
    dtype: element type, float32 by default.
    stream: stream or device.)");
  m.def(
      "tril",
      [](const ArrayLike& x, int64_t k, const StreamArg& stream) {
        OnStream scope(stream);
        return tril(to_array(x.value), k);
      },
      "x"_a, "k"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
      R"(An array with zeros above a diagonal of its last two axes.

Args:
    x: array of 2 dimensions at least.
    k: last diagonal kept; above the main one if positive.
    stream: stream or device.

Example:
    >>> import ingot.core as mx
    >>> mx.tril(mx.ones((2, 2)))
    array([[1, 0],
           [1, 1]], dtype=float32))");
  m.def(
      "triu",
      [](const ArrayLike& x, int64_t k, const StreamArg& stream) {
        OnStream scope(stream);
        return triu(to_array(x.value), k);
      },
      "x"_a, "k"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
      R"(An array with zeros below a diagonal of its last two axes.

Args:
    x: array of 2 dimensions at least.
    k: first diagonal kept; above the main one if positive.
    stream: stream or device.)");
}

}  // namespace

void bind_create(nb::module_& m) {
  bind_filled(m);
  bind_like(m);
  bind_ranges(m);
  bind_matrices(m);
  // Fresh memory holds what others have left in it: these don't show it.
  m.attr("empty") = m.attr("zeros");
  m.attr("empty_like") = m.attr("zeros_like");
}

}  // namespace ingot::python
