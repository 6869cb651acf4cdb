// Joining, splitting, repeating and padding in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using MaybeAxis = std::optional<int64_t>;

Arrays split_any(const Array& x, const IntOrInts& sections, int64_t axis) {
  if (!sections.single) return split(x, sections.values, axis);
  int64_t n = sections.values[0];
  int64_t at = normalize_axis(axis, x.ndim(), "split");
  require(n > 0 && x.shape(at) % n == 0, "split: axis ", axis, " of size ",
          x.shape(at), " must divide into ", n, " equal sections");
  Shape indices;
  for (int64_t i = 1; i < n; ++i) indices.push_back(i * (x.shape(at) / n));
  return split(x, indices, axis);
}

// pad_width as one number, a pair, or a pair for each axis.
std::pair<Shape, Shape> pad_widths(const nb::object& width, int64_t ndim) {
  Shape low(ndim), high(ndim);
  IntOrInts flat;
  if (nb::try_cast(width, flat)) {
    require(flat.single || flat.values.size() == 1 || flat.values.size() == 2,
            "pad: pad_width must be an int, a pair, or a pair for each axis, ",
            "got ", flat.values);
    std::fill(low.begin(), low.end(), flat.values[0]);
    std::fill(high.begin(), high.end(), flat.values.back());
    return {low, high};
  }
  std::vector<IntOrInts> pairs;
  require<TypeError>(nb::try_cast(width, pairs),
                     "pad: pad_width must be an int, a pair, or a pair for ",
                     "each axis, got ", Shown{width});
  require(static_cast<int64_t>(pairs.size()) == ndim || pairs.size() == 1,
          "pad: pad_width must have one pair for each of ", ndim, " axes, got ",
          pairs.size());
  for (int64_t i = 0; i < ndim; ++i) {
    const Shape& pair = pairs[pairs.size() == 1 ? 0 : i].values;
    require(pair.size() == 1 || pair.size() == 2,
            "pad: each axis must have a pair of widths, got ", pair);
    low[i] = pair[0];
    high[i] = pair.back();
  }
  return {low, high};
}

PadMode pad_mode(const std::string& mode) {
  if (mode == "edge") return PadMode::edge;
  if (mode == "reflect") return PadMode::reflect;
  require(mode == "symmetric", "pad: mode must be 'constant', 'edge', ",
          "'reflect' or 'symmetric', got '", mode, "'");
  return PadMode::symmetric;
}

// Each entry along an axis as often as its number says, which is looked at: the
// shape depends on it.
Array repeat_each(const Array& x, const Array& repeats, int64_t axis) {
  int64_t at = normalize_axis(axis, x.ndim(), "repeat");
  require(is_integer(repeats.dtype()) && repeats.ndim() == 1 &&
              (repeats.size() == x.shape(at) || repeats.size() == 1),
          "repeat: repeats must be an int, or one for each of ", x.shape(at),
          " entries, got ", repeats.dtype(), " of shape ", repeats.shape());
  Array counts = contiguous(
      broadcast_to(astype(repeats, Dtype::int64), Shape{x.shape(at)}));
  {
    nb::gil_scoped_release release;
    eval({counts});
  }
  const auto* count = counts.data<const int64_t>();
  int64_t total = 0;
  for (int64_t i = 0; i < counts.size(); ++i) {
    require(count[i] >= 0, "repeat: repeats must not be negative, got ",
            count[i]);
    require(!__builtin_add_overflow(total, count[i], &total),
            "repeat: repeats must not be so large, got ", count[i]);
  }
  Array indices = Array::empty({total}, Dtype::int64);
  auto* to = indices.data<int64_t>();
  for (int64_t i = 0; i < counts.size(); ++i) {
    to = std::fill_n(to, count[i], i);
  }
  return take(x, indices, at);
}

using Repeats = std::variant<int64_t, ArrayLike>;

void bind_joins(nb::module_& m) {
  m.def(
      "concatenate",
      [](const ArrayLikes& arrays, const MaybeAxis& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        Arrays parts = to_arrays(arrays, "concatenate");
        if (axis) return concatenate(parts, *axis);
        for (Array& x : parts) x = flatten(x);
        return concatenate(parts, 0);
      },
      "arrays"_a, "axis"_a.none() = 0, nb::kw_only(), "stream"_a = nb::none(),
      R"(Joins arrays along an axis.

Args:
    arrays: sequence of arrays whose shapes agree but for that axis.
    axis: axis to join along; None flattens first.
    stream: stream or device.

Raises:
    ValueError: if there is no array, or shapes do not agree.

Example:
    >>> import ingot.core as mx
    >>> mx.concatenate([mx.array([1, 2]), mx.array([3])])
    array([1, 2, 3], dtype=int32))");
  m.attr("concat") = m.attr("concatenate");
  m.def(
      "stack",
      [](const ArrayLikes& arrays, int64_t axis, const StreamArg& stream) {
        OnStream scope(stream);
        return stack(to_arrays(arrays, "stack"), axis);
      },
      "arrays"_a, "axis"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
      R"(Joins arrays of one shape along a new axis.

Args:
    arrays: sequence of arrays.
    axis: place of the new axis in the result.
    stream: stream or device.

Raises:
    ValueError: if there is no array, or shapes differ.

Example:
    >>> import ingot.core as mx
    >>> mx.stack([mx.array([1, 2]), mx.array([3, 4])], axis=1)
    array([[1, 3],
           [2, 4]], dtype=int32))");
}

void bind_split(nb::module_& m) {
  m.def(
      "split",
      [](const ArrayLike& a, const IntOrInts& sections, int64_t axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return split_any(to_array(a.value), sections, axis);
      },
      "a"_a, "indices_or_sections"_a, "axis"_a = 0, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(Cuts an array along an axis.

Args:
    a: array.
    indices_or_sections: number of equal sections, or the indices at which to
        cut.
    axis: axis to cut.
    stream: stream or device.

Returns:
    list of arrays (views).

Raises:
    ValueError: if the axis does not divide into equal sections.

Example:
    >>> import ingot.core as mx
    >>> mx.split(mx.arange(4), [1])
    [array([0], dtype=int32), array([1, 2, 3], dtype=int32)])");
}

void bind_extensions(nb::module_& m) {
  m.def(
      "repeat",
      [](const ArrayLike& a, const Repeats& repeats, const MaybeAxis& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        Array x = axis ? to_array(a.value) : flatten(to_array(a.value));
        int64_t along = axis.value_or(0);
        if (auto* n = std::get_if<int64_t>(&repeats)) {
          return repeat(x, *n, along);
        }
        return repeat_each(x, to_array(std::get<ArrayLike>(repeats).value),
                           along);
      },
      "array"_a, "repeats"_a, "axis"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      R"(Repeats each element.

Args:
    array: array.
    repeats: how often; or an array with a number for each entry along the axis,
        which is evaluated.
    axis: axis along which to repeat; None flattens first.
    stream: stream or device.

Raises:
    ValueError: if repeats is negative, or has another length than the axis.

Example:
    >>> import ingot.core as mx
    >>> mx.repeat(mx.array([1, 2]), 2)
    array([1, 1, 2, 2], dtype=int32))");
  m.def(
      "tile",
      [](const ArrayLike& a, const IntOrInts& reps, const StreamArg& stream) {
        OnStream scope(stream);
        return tile(to_array(a.value), reps.values);
      },
      "a"_a, "reps"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Repeats a whole array.

Args:
    a: array.
    reps: how often along each axis, counted from the last.
    stream: stream or device.

Example:
    >>> import ingot.core as mx
    >>> mx.tile(mx.array([1, 2]), 2)
    array([1, 2, 1, 2], dtype=int32))");
  m.def(
      "pad",
      [](const ArrayLike& a, const nb::object& width, const std::string& mode,
         const nb::object& value, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        auto [low, high] = pad_widths(width, x.ndim());
        if (mode != "constant") return pad(x, low, high, pad_mode(mode));
        Array fill = is_number(value) ? weak_scalar(value, x.dtype(), "pad")
                                      : astype(to_array(value), x.dtype());
        return pad(x, low, high, fill);
      },
      "a"_a, "pad_width"_a, "mode"_a = "constant", "constant_values"_a = 0,
      nb::kw_only(), "stream"_a = nb::none(),
      R"(Surrounds an array with constant values, or continues it.

Args:
    a: array.
    pad_width: int, (before, after), or such a pair for each axis.
    mode: 'constant', 'edge' (the last element again), 'reflect' (mirrored
        about it) or 'symmetric' (mirrored with it).
    constant_values: number or array of 0 dimensions.
    stream: stream or device.

Raises:
    ValueError: if a width is negative, or the mode is none of these.

Example:
    >>> import ingot.core as mx
    >>> mx.pad(mx.array([1, 2, 3]), (2, 1), mode="reflect")
    array([3, 2, 1, 2, 3, 2], dtype=int32))");
}

}  // namespace

void bind_copies(nb::module_& m) {
  bind_joins(m);
  bind_split(m);
  bind_extensions(m);
}

}  // namespace ingot::python
