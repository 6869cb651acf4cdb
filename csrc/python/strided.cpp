// Diagonals and windows of any strides in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

std::optional<Dtype> to_dtype(const DtypeArg& dtype) {
  return dtype ? std::optional(dtype->value) : std::nullopt;
}

void bind_diagonals(nb::module_& m) {
  m.def(
      "diagonal",
      [](const ArrayLike& a, int64_t offset, int64_t axis1, int64_t axis2,
         const StreamArg& stream) {
        OnStream scope(stream);
        return diagonal(to_array(a.value), offset, axis1, axis2);
      },
      "a"_a, "offset"_a = 0, "axis1"_a = 0, "axis2"_a = 1,
      "stream"_a = nb::none(),
      R"(The diagonals of two axes, without a copy.

Args:
    a: array of 2 dimensions at least.
    offset: which diagonal; above the main one if positive, below if negative.
    axis1: axis of the rows.
    axis2: axis of the columns.
    stream: stream or device.

Returns:
    The array without the two axes, and with the diagonal as its last one.

Raises:
    AxisError: if an axis is out of range.
    ValueError: if a has fewer than 2 dimensions, or the axes are the same.

Example:
    >>> import ingot.core as mx
    >>> mx.diagonal(mx.array([[1, 2, 3], [4, 5, 6]]), offset=1)
    array([2, 6], dtype=int32))");
  m.def(
      "diag",
      [](const ArrayLike& a, int64_t k, const StreamArg& stream) {
        OnStream scope(stream);
        return diag(to_array(a.value), k);
      },
      "a"_a, "k"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
      R"(The diagonal of a matrix, or the matrix that has a given diagonal.

Args:
    a: matrix, or vector.
    k: which diagonal; above the main one if positive, below if negative.
    stream: stream or device.

Raises:
    ValueError: if a has neither 1 nor 2 dimensions.

Example:
    >>> import ingot.core as mx
    >>> mx.diag(mx.array([1, 2]))
    array([[1, 0],
           [0, 2]], dtype=int32))");
  m.def(
      "trace",
      [](const ArrayLike& a, int64_t offset, int64_t axis1, int64_t axis2,
         const DtypeArg& dtype, const StreamArg& stream) {
        OnStream scope(stream);
        return trace(to_array(a.value), offset, axis1, axis2, to_dtype(dtype));
      },
      "a"_a, "offset"_a = 0, "axis1"_a = 0, "axis2"_a = 1,
      "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      R"(The sums of the diagonals of two axes.

Args:
    a: array of 2 dimensions at least.
    offset: which diagonal; above the main one if positive, below if negative.
    axis1: axis of the rows.
    axis2: axis of the columns.
    dtype: type that is summed in and returned; that of sum by default.
    stream: stream or device.

Returns:
    The array without the two axes.

Raises:
    AxisError: if an axis is out of range.
    ValueError: if a has fewer than 2 dimensions, or the axes are the same.

Example:
    >>> import ingot.core as mx
    >>> mx.trace(mx.array([[1, 2], [3, 4]]))
    array(5, dtype=int32))");
}

}  // namespace

void bind_strided(nb::module_& m) {
  bind_diagonals(m);
  m.def(
      "as_strided",
      [](const ArrayLike& a, const std::optional<Shape>& shape,
         const std::optional<Shape>& strides, int64_t offset,
         const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        Shape window = shape.value_or(x.shape());
        return as_strided(
            x, window, strides ? *strides : contiguous_strides(window), offset);
      },
      "a"_a, "shape"_a = nb::none(), "strides"_a = nb::none(), "offset"_a = 0,
      nb::kw_only(), "stream"_a = nb::none(),
      R"(The elements in row-major order, seen through any shape and strides.

Element (i, j, ...) is number offset + i * strides[0] + j * strides[1] + ... of
a. Elements may be shown several times; the gradient of one is then the sum over
the places that show it.

Args:
    a: array; copied first if it is not in row-major order without gaps.
    shape: ints, the shape of a by default.
    strides: ints, one for each axis, in elements; may be 0 or negative. By
        default those of an array of that shape.
    offset: number of the first element.
    stream: stream or device.

Raises:
    ValueError: if an element would lie outside of a, or there is not one
        stride for each axis.

Example:
    >>> import ingot.core as mx
    >>> mx.as_strided(mx.arange(5), (3, 3), (1, 1))
    array([[0, 1, 2],
           [1, 2, 3],
           [2, 3, 4]], dtype=int32))");
}

}  // namespace ingot::python
