// Sorting, and what rests on it, in Python.
// SPDX-License-Identifier: MIT
#include "csrc/ops/standard.h"
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using MaybeAxis = std::optional<int64_t>;

void bind_sorts(nb::module_& m) {
  m.def(
      "sort",
      [](const ArrayLike& a, const MaybeAxis& axis, bool descending, bool,
         const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return descending ? standard::sort_descending(x, axis) : sort(x, axis);
      },
      "a"_a, "axis"_a.none() = -1, nb::kw_only(), "descending"_a = false,
      "stable"_a = true, "stream"_a = nb::none(),
      R"(The elements in ascending order, NaN last.

Args:
    a: array.
    axis: axis to sort along; None flattens first.
    descending: from the greatest on, NaN first.
    stable: accepted for compatibility: equal elements keep their order anyway.
    stream: stream or device.

Raises:
    AxisError: if the axis is out of range.

Example:
    >>> import ingot.core as mx
    >>> mx.sort(mx.array([3, 1, 2]))
    array([1, 2, 3], dtype=int32))");
  m.def(
      "argsort",
      [](const ArrayLike& a, const MaybeAxis& axis, bool descending, bool,
         const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return descending ? standard::argsort_descending(x, axis)
                          : argsort(x, axis);
      },
      "a"_a, "axis"_a.none() = -1, nb::kw_only(), "descending"_a = false,
      "stable"_a = true, "stream"_a = nb::none(),
      R"(Indices (uint32) that sort an array; equal elements keep their order.

Args:
    a: array.
    axis: axis to sort along; None flattens first.
    descending: from the greatest on, NaN first.
    stable: accepted for compatibility: equal elements keep their order anyway.
    stream: stream or device.

Raises:
    AxisError: if the axis is out of range.

Example:
    >>> import ingot.core as mx
    >>> mx.argsort(mx.array([3, 1, 2]))
    array([1, 2, 0], dtype=uint32))");
}

void bind_partitions(nb::module_& m) {
  m.def(
      "partition",
      [](const ArrayLike& a, int64_t kth, const MaybeAxis& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return partition(to_array(a.value), kth, axis);
      },
      "a"_a, "kth"_a, "axis"_a.none() = -1, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(The elements with the one at kth where sorting would put it.

None before it is greater, none after it is less; NaN counts as greatest.

Args:
    a: array.
    kth: index; a negative one counts from the end.
    axis: axis to partition along; None flattens first.
    stream: stream or device.

Raises:
    AxisError: if the axis is out of range.
    ValueError: if kth is.

Example:
    >>> import ingot.core as mx
    >>> mx.partition(mx.array([3, 1, 2]), 1)[1]
    array(2, dtype=int32))");
  m.def(
      "argpartition",
      [](const ArrayLike& a, int64_t kth, const MaybeAxis& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return argpartition(to_array(a.value), kth, axis);
      },
      "a"_a, "kth"_a, "axis"_a.none() = -1, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(Indices (uint32) that partition an array.

Args:
    a: array.
    kth: index; a negative one counts from the end.
    axis: axis to partition along; None flattens first.
    stream: stream or device.

Raises:
    AxisError: if the axis is out of range.
    ValueError: if kth is.

Example:
    >>> import ingot.core as mx
    >>> mx.argpartition(mx.array([3, 1, 2]), 1)[1]
    array(2, dtype=uint32))");
  m.def(
      "topk",
      [](const ArrayLike& a, int64_t k, const MaybeAxis& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return topk(to_array(a.value), k, axis);
      },
      "a"_a, "k"_a, "axis"_a.none() = -1, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(The k largest elements, in ascending order; NaN counts as greatest.

Args:
    a: array.
    k: number of elements, at most as many as there are.
    axis: axis to select along; None flattens first.
    stream: stream or device.

Raises:
    AxisError: if the axis is out of range.
    ValueError: if k is.

Example:
    >>> import ingot.core as mx
    >>> mx.topk(mx.array([3, 1, 2]), 2)
    array([2, 3], dtype=int32))");
}

void bind_median(nb::module_& m) {
  m.def(
      "median",
      [](const ArrayLike& a, const AxesArg& axis, bool keepdims,
         const StreamArg& stream) {
        OnStream scope(stream);
        return median(to_array(a.value), to_axes(axis), keepdims);
      },
      "a"_a, "axis"_a = nb::none(), "keepdims"_a = false, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(Median: the element in the middle, or the mean of the two there.

Args:
    a: array; integers give float32.
    axis: axis or axes to reduce, all by default.
    keepdims: keep them with size 1.
    stream: stream or device.

Returns:
    array of medians; NaN where there is a NaN.

Raises:
    AxisError: if an axis is out of range.
    ValueError: if there are no elements.

Example:
    >>> import ingot.core as mx
    >>> mx.median(mx.array([[3.0, 1.0], [2.0, 9.0]]))
    array(2.5, dtype=float32))");
}

void bind_search(nb::module_& m) {
  m.def(
      "searchsorted",
      [](const ArrayLike& sequence, const ArrayLike& values,
         const std::string& side, const OptionalArray& sorter,
         const StreamArg& stream) {
        OnStream scope(stream);
        bool right = side == "right";
        require(right || side == "left",
                "searchsorted: side must be 'left' or 'right', got '", side,
                "'");
        auto [a, v] = operands(sequence.value, values.value, "searchsorted");
        if (sorter) a = take(a, to_array(sorter->value), 0);
        return searchsorted(a, v, right);
      },
      "sorted_sequence"_a, "values"_a, "side"_a = "left", nb::kw_only(),
      "sorter"_a = nb::none(), "stream"_a = nb::none(),
      R"(Where values go in a sorted sequence: how many elements are less.

Args:
    sorted_sequence: one-dimensional array in ascending order, NaN last.
    values: array of any shape, or a number.
    side: "left", or "right" to count the elements that are equal as well.
    sorter: indices that put the sequence in order, as argsort gives them, where
        it is not.
    stream: stream or device.

Returns:
    uint32 array of the shape of values, indices in [0, sorted_sequence.size].

Raises:
    ValueError: if the sequence has another number of dimensions, or for
        another side.

Example:
    >>> import ingot.core as mx
    >>> a = mx.array([1, 2, 2, 4])
    >>> mx.searchsorted(a, mx.array([0, 2, 3]))
    array([0, 1, 3], dtype=uint32)
    >>> mx.searchsorted(a, 2, side="right")
    array(3, dtype=uint32))");
}

void bind_unique(nb::module_& m) {
  m.def(
      "unique",
      [](const ArrayLike& a, int64_t size, bool return_index,
         bool return_inverse, bool return_counts, const OptionalArray& fill,
         const StreamArg& stream) {
        OnStream scope(stream);
        Unique found = unique(to_array(a.value), size,
                              fill ? to_array(fill->value) : Array());
        if (!return_index && !return_inverse && !return_counts) {
          return nb::cast(found.values);
        }
        nb::list asked;
        asked.append(found.values);
        if (return_index) asked.append(found.index);
        if (return_inverse) asked.append(found.inverse);
        if (return_counts) asked.append(found.counts);
        return nb::object(nb::tuple(asked));
      },
      "a"_a, "size"_a, "return_index"_a = false, "return_inverse"_a = false,
      "return_counts"_a = false, "fill_value"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      nb::sig("def unique(a: array | numpy.typing.ArrayLike, size: int, "
              "return_index: bool = False, return_inverse: bool = False, "
              "return_counts: bool = False, "
              "fill_value: array | numpy.typing.ArrayLike | None = None, *, "
              "stream: Stream | Device | None = None) "
              "-> array | tuple[array, ...]"),
      R"(The smallest unique elements of the flattened array, in order.

The shapes do not depend on the values, so nothing is evaluated. Elements that
are equal are one, so each NaN is one of its own.

Args:
    a: array.
    size: number of elements to return.
    return_index: also return where the first of each is in the flattened a.
    return_inverse: also return which of them each element of a is; those that
        were left out count as the last.
    return_counts: also return how often each occurs, 0 past the last.
    fill_value: one number for the elements past the last, whose index is that
        of the first; by default the first.
    stream: stream or device.

Returns:
    array, or a tuple of what was asked for: values, indices (uint32), inverse
    (uint32, of the shape of a), counts (int32).

Raises:
    ValueError: if size is negative, if fill_value is not one element, or if
        there is none for an array without elements.

Example:
    >>> import ingot.core as mx
    >>> values, counts = mx.unique(
    ...     mx.array([2, 1, 2, 3]), 4, return_counts=True, fill_value=0
    ... )
    >>> values
    array([1, 2, 3, 0], dtype=int32)
    >>> counts
    array([1, 2, 1, 0], dtype=int32))");
}

}  // namespace

void bind_sort(nb::module_& m) {
  bind_sorts(m);
  bind_partitions(m);
  bind_median(m);
  bind_search(m);
  bind_unique(m);
}

}  // namespace ingot::python
