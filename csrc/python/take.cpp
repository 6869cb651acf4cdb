// Indexing functions in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using MaybeAxis = std::optional<int64_t>;

void bind_take(nb::module_& m) {
  m.def(
      "take",
      [](const ArrayLike& a, const ArrayLike& indices, const MaybeAxis& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return take(to_array(a.value), to_array(indices.value), axis);
      },
      "a"_a, "indices"_a, "axis"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      R"(The elements at indices along an axis.

Args:
    a: array.
    indices: integer array or number; negative ones count from the end.
    axis: axis to index; None flattens first.
    stream: stream or device.

Raises:
    IndexError: when evaluated, if an index is out of range.

Example:
    >>> import ingot.core as mx
    >>> mx.take(mx.array([1.0, 2.0, 3.0]), mx.array([2, 0]))
    array([3, 1], dtype=float32))");
  m.def(
      "take_along_axis",
      [](const ArrayLike& a, const ArrayLike& indices, const MaybeAxis& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return take_along_axis(to_array(a.value), to_array(indices.value),
                               axis);
      },
      "a"_a, "indices"_a, "axis"_a.none() = -1, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(Elements at indices along an axis, a place of its own for each.

Along axis 1 it is out[i, j] = a[i, indices[i, j]].

Args:
    a: array.
    indices: integer array; its other axes broadcast with those of a.
    axis: axis to index; None flattens first.
    stream: stream or device.

Raises:
    IndexError: when evaluated, if an index is out of range.

Example:
    >>> import ingot.core as mx
    >>> x = mx.array([[3.0, 1.0], [2.0, 4.0]])
    >>> mx.take_along_axis(x, mx.argmax(x, axis=1, keepdims=True), axis=1)
    array([[3],
           [4]], dtype=float32))");
  m.def(
      "put_along_axis",
      [](const ArrayLike& a, const ArrayLike& indices, const ArrayLike& values,
         const MaybeAxis& axis, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        Array v = is_number(values.value)
                      ? weak_scalar(values.value, x.dtype(), "put_along_axis")
                      : to_array(values.value);
        return put_along_axis(x, to_array(indices.value), v, axis);
      },
      "a"_a, "indices"_a, "values"_a, "axis"_a.none() = nb::none(),
      nb::kw_only(), "stream"_a = nb::none(),
      R"(A copy of an array with values put where take_along_axis would read.

Args:
    a: array.
    indices: integer array; its other axes broadcast with those of a.
    values: array that broadcasts to indices, or a number.
    axis: axis to index; None flattens first.
    stream: stream or device.

Raises:
    IndexError: when evaluated, if an index is out of range.

Example:
    >>> import ingot.core as mx
    >>> mx.put_along_axis(mx.zeros(3), mx.array([1]), 5.0, axis=0)
    array([0, 5, 0], dtype=float32))");
}

// Where a window starts along some axes, as arguments of gather and scatter.
struct WindowStart {
  Arrays indices;
  std::vector<int64_t> axes;
};

WindowStart window_start(const Array& x, nb::handle start, const Shape& axes,
                         const char* op) {
  Array flat = reshape(to_array(start), {-1});
  require(flat.size() == axes.size(), op,
          ": start_indices must have one entry ", "for each of ", axes.size(),
          " axes, got ", flat.size());
  WindowStart result;
  for (int64_t i = 0; i < axes.size(); ++i) {
    result.axes.push_back(normalize_axis(axes[i], x.ndim(), op));
    result.indices.push_back(reshape(slice(flat, {i}, {i + 1}, {1}), {}));
  }
  return result;
}

void bind_slices(nb::module_& m) {
  m.def(
      "slice",
      [](const ArrayLike& a, const ArrayLike& start, const Shape& axes,
         const Shape& size, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        WindowStart at = window_start(x, start.value, axes, "slice");
        return gather(x, at.indices, at.axes, {size.begin(), size.end()},
                      "slice");
      },
      "a"_a, "start_indices"_a, "axes"_a, "slice_size"_a, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(A window of an array whose start is itself an array.

Args:
    a: array.
    start_indices: integer array, one entry for each of axes.
    axes: axes along which the window starts there; 0 along the others.
    slice_size: shape of the window.
    stream: stream or device.

Raises:
    IndexError: when evaluated, if the window does not fit.

Example:
    >>> import ingot.core as mx
    >>> mx.slice(mx.arange(5), mx.array([2]), (0,), (3,))
    array([2, 3, 4], dtype=int32))");
  m.def(
      "slice_update",
      [](const ArrayLike& a, const ArrayLike& update, const ArrayLike& start,
         const Shape& axes, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        WindowStart at = window_start(x, start.value, axes, "slice_update");
        Array window = to_array(update.value);
        return scatter(ScatterOp::assign, x, at.indices, window, at.axes,
                       "slice_update");
      },
      "a"_a, "update"_a, "start_indices"_a, "axes"_a, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(A copy of an array with a window, whose start is an array, replaced.

Args:
    a: array.
    update: array of the shape of the window.
    start_indices: integer array, one entry for each of axes.
    axes: axes along which the window starts there; 0 along the others.
    stream: stream or device.

Raises:
    IndexError: when evaluated, if the window does not fit.

Example:
    >>> import ingot.core as mx
    >>> mx.slice_update(mx.zeros(4), mx.ones(2), mx.array([1]), (0,))
    array([0, 1, 1, 0], dtype=float32))");
}

}  // namespace

void bind_index(nb::module_& m) {
  bind_take(m);
  bind_slices(m);
}

}  // namespace ingot::python
