// Functions of shape and dtype in Python: the same elements, seen otherwise.
// SPDX-License-Identifier: MIT
#include "csrc/ops/standard.h"
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

// The array in another shape; arrays are values, so that a copy shows in memory
// alone. Without one allowed that is looked at, and so computed.
Array reshaped(const Array& x, const Shape& shape, std::optional<bool> copies) {
  Array y = reshape(x, shape);
  if (copies == true) return copy(y);
  if (copies == false) {
    nb::gil_scoped_release release;
    eval({x, y});
    require(x.size() == 0 || x.data() == y.data(),
            "reshape: a must be in row-major order without gaps where copy is "
            "False");
  }
  return y;
}

void bind_sizes(nb::module_& m) {
  m.def(
      "reshape",
      [](const ArrayLike& a, const Shape& shape, std::optional<bool> copies,
         const StreamArg& stream) {
        OnStream scope(stream);
        return reshaped(to_array(a.value), shape, copies);
      },
      "a"_a, "shape"_a, nb::kw_only(), "copy"_a = nb::none(),
      "stream"_a = nb::none(),
      R"(The elements of an array in another shape, in row-major order.

Args:
    a: array.
    shape: ints; one may be -1 and is inferred.
    copy: True copies, False refuses to (and evaluates a to see), None copies
        where it must.
    stream: stream or device.

Raises:
    ValueError: if the sizes differ, or copy is False and there must be one.

Example:
    >>> import ingot.core as mx
    >>> mx.reshape(mx.arange(4), (2, -1))
    array([[0, 1],
           [2, 3]], dtype=int32))");
  m.def(
      "flatten",
      [](const ArrayLike& a, int64_t start, int64_t end,
         const StreamArg& stream) {
        OnStream scope(stream);
        return flatten(to_array(a.value), start, end);
      },
      "a"_a, "start_axis"_a = 0, "end_axis"_a = -1, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(Merges neighbouring axes into one.

Args:
    a: array; one of 0 dimensions gets one.
    start_axis: first axis to merge.
    end_axis: last axis to merge.
    stream: stream or device.

Raises:
    AxisError: if an axis is out of range.

Example:
    >>> import ingot.core as mx
    >>> mx.flatten(mx.zeros((2, 3, 4)), start_axis=1).shape
    (2, 12))");
  m.def(
      "unflatten",
      [](const ArrayLike& a, int64_t axis, const Shape& shape,
         const StreamArg& stream) {
        OnStream scope(stream);
        return unflatten(to_array(a.value), axis, shape);
      },
      "a"_a, "axis"_a, "shape"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Splits an axis into several.

Args:
    a: array.
    axis: axis to split.
    shape: sizes that replace it; one may be -1 and is inferred.
    stream: stream or device.

Raises:
    ValueError: if the product of the sizes is not that of the axis.

Example:
    >>> import ingot.core as mx
    >>> mx.unflatten(mx.zeros((2, 12)), 1, (3, -1)).shape
    (2, 3, 4))");
  m.def(
      "squeeze",
      [](const ArrayLike& a, const AxesArg& axis, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return axis ? squeeze(x, axis->values) : squeeze(x);
      },
      "a"_a, "axis"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      R"(Removes axes of size 1.

Args:
    a: array.
    axis: axis or axes to remove, all of size 1 by default.
    stream: stream or device.

Raises:
    ValueError: if an axis has another size.

Example:
    >>> import ingot.core as mx
    >>> mx.squeeze(mx.zeros((1, 3, 1)), 0).shape
    (3, 1))");
  m.def(
      "expand_dims",
      [](const ArrayLike& a, const IntOrInts& axis, const StreamArg& stream) {
        OnStream scope(stream);
        return expand_dims(to_array(a.value), axis.values);
      },
      "a"_a, "axis"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
      R"(Inserts axes of size 1.

Args:
    a: array.
    axis: place or places of the new axes in the result, 0 by default.
    stream: stream or device.

Example:
    >>> import ingot.core as mx
    >>> mx.expand_dims(mx.zeros((3,)), (0, -1)).shape
    (1, 3, 1))");
}

void bind_axes(nb::module_& m) {
  m.def(
      "transpose",
      [](const ArrayLike& a, const std::optional<Shape>& axes,
         const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return axes ? transpose(x, *axes) : transpose(x);
      },
      "a"_a, "axes"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      R"(Permutes the axes.

Args:
    a: array.
    axes: for each axis of the result that of a; the reverse order by default.
    stream: stream or device.

Raises:
    ValueError: if axes is no permutation.

Example:
    >>> import ingot.core as mx
    >>> mx.transpose(mx.zeros((2, 3, 4)), (1, 0, 2)).shape
    (3, 2, 4))");
  m.attr("permute_dims") = m.attr("transpose");
  m.def(
      "swapaxes",
      [](const ArrayLike& a, int64_t axis1, int64_t axis2,
         const StreamArg& stream) {
        OnStream scope(stream);
        return swapaxes(to_array(a.value), axis1, axis2);
      },
      "a"_a, "axis1"_a, "axis2"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Exchanges two axes.

Args:
    a: array.
    axis1: first axis.
    axis2: second axis.
    stream: stream or device.)");
  m.def(
      "moveaxis",
      [](const ArrayLike& a, const IntOrInts& source,
         const IntOrInts& destination, const StreamArg& stream) {
        OnStream scope(stream);
        return standard::moveaxis(to_array(a.value), source.values,
                                  destination.values);
      },
      "a"_a, "source"_a, "destination"_a, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(Moves an axis, or several, to another place; the others keep their order.

Args:
    a: array.
    source: the axis or axes.
    destination: its place in the result, or one place for each.
    stream: stream or device.

Example:
    >>> import ingot.core as mx
    >>> mx.moveaxis(mx.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2))");
}

void bind_broadcasts(nb::module_& m) {
  m.def(
      "broadcast_to",
      [](const ArrayLike& a, const IntOrInts& shape, const StreamArg& stream) {
        OnStream scope(stream);
        return broadcast_to(to_array(a.value), shape.values);
      },
      "a"_a, "shape"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Repeats an array along axes of size 1 and new ones, without a copy.

Args:
    a: array.
    shape: int or ints.
    stream: stream or device.

Raises:
    ValueError: if a does not broadcast to shape.

Example:
    >>> import ingot.core as mx
    >>> mx.broadcast_to(mx.array([1, 2]), (2, 2))
    array([[1, 2],
           [1, 2]], dtype=int32))");
  m.def(
      "broadcast_shapes",
      [](const nb::args& shapes) {
        Shape result;
        for (nb::handle shape : shapes) {
          result = broadcast_shapes(result, nb::cast<Shape>(shape),
                                    "broadcast_shapes");
        }
        return to_tuple(result);
      },
      nb::sig("def broadcast_shapes(*shapes: collections.abc.Sequence[int]) -> "
              "tuple[int, ...]"),
      R"(The shape that several shapes broadcast to.

Args:
    *shapes: sequences of ints.

Raises:
    ValueError: if they do not broadcast.

Example:
    >>> import ingot.core as mx
    >>> mx.broadcast_shapes((2, 1), (3,))
    (2, 3))");
  m.def(
      "broadcast_arrays",
      [](const nb::args& values, const StreamArg& stream) {
        OnStream scope(stream);
        Arrays arrays = to_arrays(values, "broadcast_arrays");
        Shape shape;
        for (const Array& x : arrays) {
          shape = broadcast_shapes(shape, x.shape(), "broadcast_arrays");
        }
        for (Array& x : arrays) x = broadcast_to(x, shape);
        return arrays;
      },
      "arrays"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def broadcast_arrays(*arrays: array | numpy.typing.ArrayLike, "
              "stream: Stream | Device | None = None) -> list[array]"),

      R"(Arrays, each broadcast to the shape of all.

Args:
    *arrays: arrays or numbers.
    stream: stream or device.

Returns:
    list of arrays (views).

Raises:
    ValueError: if they do not broadcast.)");
}

void bind_contents(nb::module_& m) {
  m.def(
      "stop_gradient",
      [](const ArrayLike& a, const StreamArg& stream) {
        OnStream scope(stream);
        return stop_gradient(to_array(a.value));
      },
      "a"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(An array that differentiation takes for a constant.

Args:
    a: array.
    stream: stream or device.

Example:
    >>> import ingot.core as mx
    >>> mx.grad(lambda x: x * mx.stop_gradient(x))(mx.array(3.0))
    array(3, dtype=float32))");
  m.def(
      "contiguous",
      [](const ArrayLike& a, bool, const StreamArg& stream) {
        OnStream scope(stream);
        return contiguous(to_array(a.value));
      },
      "a"_a, "allow_col_major"_a = false, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(An array in memory without gaps, in row-major order.

Args:
    a: array; returned as it is where it is so already.
    allow_col_major: accepted for compatibility; the result is row-major.
    stream: stream or device.)");
  m.def(
      "view",
      [](const ArrayLike& a, DtypeObject dtype, const StreamArg& stream) {
        OnStream scope(stream);
        return view(to_array(a.value), dtype.value);
      },
      "a"_a, "dtype"_a, "stream"_a = nb::none(),
      R"(The bytes of an array read as another dtype.

Args:
    a: array.
    dtype: element type; the last axis changes its size where the size of an
        element does.
    stream: stream or device.

Raises:
    ValueError: if the last axis does not hold whole elements of dtype.

Example:
    >>> import ingot.core as mx
    >>> mx.view(mx.array([1.0]), mx.int32)
    array([1065353216], dtype=int32))");
  m.def(
      "astype",
      [](const ArrayLike& a, DtypeObject dtype, bool, const StreamArg& stream,
         const DeviceArg& device) {
        OnStream scope(stream, device);
        return converted(to_array(a.value), dtype.value);
      },
      "a"_a, "dtype"_a, nb::kw_only(), "copy"_a = true, "stream"_a = nb::none(),
      "device"_a = nb::none(),
      R"(Converts an array to a dtype.

Args:
    a: array.
    dtype: element type. Floats are cut off to integers; those out of range
        become the nearest one, NaN becomes 0. Complex numbers become bool, or
        are cut off to their real part.
    copy: accepted for compatibility: arrays are values, and nobody sees whether
        two share memory.
    stream: stream or device.
    device: the array API standard's word for stream.

Example:
    >>> import ingot.core as mx
    >>> mx.astype(mx.array([-1.5, 300.0, mx.nan]), mx.uint8)
    array([0, 255, 0], dtype=uint8))");
}

}  // namespace

void bind_views(nb::module_& m) {
  bind_sizes(m);
  bind_axes(m);
  bind_broadcasts(m);
  bind_contents(m);
}

}  // namespace ingot::python
