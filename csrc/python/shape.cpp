// Views, copies and indexing functions in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using MaybeAxis = std::optional<int64_t>;

Arrays to_arrays(nb::handle values, const char* op) {
  Arrays arrays;
  for (nb::handle value : values) arrays.push_back(to_array(value));
  require(!arrays.empty(), op, ": there must be at least one array");
  return arrays;
}

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
  auto pairs = nb::cast<std::vector<IntOrInts>>(width);
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

void bind_views(nb::module_& m) {
  m.def(
      "reshape",
      [](const ArrayLike& a, const Shape& shape, const StreamArg& stream) {
        OnStream scope(stream);
        return reshape(to_array(a.value), shape);
      },
      "a"_a, "shape"_a, nb::kw_only(), "stream"_a = nb::none(),
      "The elements of a in another shape.\n\nArgs:\n    a: array.\n    shape: "
      "ints; one may be -1 and is inferred.\n    stream: stream or device.\n\n"
      "Raises:\n    ValueError: if the sizes differ.");
  m.def(
      "flatten",
      [](const ArrayLike& a, int64_t start, int64_t end,
         const StreamArg& stream) {
        OnStream scope(stream);
        return flatten(to_array(a.value), start, end);
      },
      "a"_a, "start_axis"_a = 0, "end_axis"_a = -1, nb::kw_only(),
      "stream"_a = nb::none(),
      "Merges the axes from start_axis to end_axis into one.");
  m.def(
      "unflatten",
      [](const ArrayLike& a, int64_t axis, const Shape& shape,
         const StreamArg& stream) {
        OnStream scope(stream);
        return unflatten(to_array(a.value), axis, shape);
      },
      "a"_a, "axis"_a, "shape"_a, nb::kw_only(), "stream"_a = nb::none(),
      "Splits an axis into several; one may be -1.");
  m.def(
      "squeeze",
      [](const ArrayLike& a, const AxesArg& axis, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return axis ? squeeze(x, axis->values) : squeeze(x);
      },
      "a"_a, "axis"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "Removes axes of size 1: those given, or all.");
  m.def(
      "expand_dims",
      [](const ArrayLike& a, const IntOrInts& axis, const StreamArg& stream) {
        OnStream scope(stream);
        return expand_dims(to_array(a.value), axis.values);
      },
      "a"_a, "axis"_a, nb::kw_only(), "stream"_a = nb::none(),
      "Inserts axes of size 1 at the given places of the result.");
  m.def(
      "transpose",
      [](const ArrayLike& a, const std::optional<Shape>& axes,
         const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return axes ? transpose(x, *axes) : transpose(x);
      },
      "a"_a, "axes"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "Permutes the axes; reverses them by default.");
  m.attr("permute_dims") = m.attr("transpose");
  m.def(
      "swapaxes",
      [](const ArrayLike& a, int64_t axis1, int64_t axis2,
         const StreamArg& stream) {
        OnStream scope(stream);
        return swapaxes(to_array(a.value), axis1, axis2);
      },
      "a"_a, "axis1"_a, "axis2"_a, nb::kw_only(), "stream"_a = nb::none(),
      "Exchanges two axes.");
  m.def(
      "moveaxis",
      [](const ArrayLike& a, int64_t source, int64_t destination,
         const StreamArg& stream) {
        OnStream scope(stream);
        return moveaxis(to_array(a.value), source, destination);
      },
      "a"_a, "source"_a, "destination"_a, nb::kw_only(),
      "stream"_a = nb::none(), "Moves an axis to another place.");
  m.def(
      "broadcast_to",
      [](const ArrayLike& a, const IntOrInts& shape, const StreamArg& stream) {
        OnStream scope(stream);
        return broadcast_to(to_array(a.value), shape.values);
      },
      "a"_a, "shape"_a, nb::kw_only(), "stream"_a = nb::none(),
      "a repeated along axes of size 1, without copying.");
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
      "The shape that all of the given shapes broadcast to.");
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
      "The arrays, each broadcast to the shape of all.");
  m.def(
      "stop_gradient",
      [](const ArrayLike& a, const StreamArg& stream) {
        OnStream scope(stream);
        return stop_gradient(to_array(a.value));
      },
      "a"_a, nb::kw_only(), "stream"_a = nb::none(),
      "a, as a constant to every transform.");
  m.def(
      "contiguous",
      [](const ArrayLike& a, bool, const StreamArg& stream) {
        OnStream scope(stream);
        return contiguous(to_array(a.value));
      },
      "a"_a, "allow_col_major"_a = false, nb::kw_only(),
      "stream"_a = nb::none(), "a in row-major memory without gaps.");
  m.def(
      "view",
      [](const ArrayLike& a, DtypeObject dtype, const StreamArg& stream) {
        OnStream scope(stream);
        return view(to_array(a.value), dtype.value);
      },
      "a"_a, "dtype"_a, nb::kw_only(), "stream"_a = nb::none(),
      "The bytes of a read as another dtype; the last axis changes size where "
      "the element size does.");
  m.def(
      "astype",
      [](const ArrayLike& a, DtypeObject dtype, const StreamArg& stream) {
        OnStream scope(stream);
        return astype(to_array(a.value), dtype.value);
      },
      "a"_a, "dtype"_a, nb::kw_only(), "stream"_a = nb::none(),
      "a converted to a dtype. Floats saturate into integers, NaN becomes 0.");
}

void bind_copies(nb::module_& m) {
  m.def(
      "concatenate",
      [](const nb::sequence& arrays, const MaybeAxis& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        Arrays parts = to_arrays(arrays, "concatenate");
        if (axis) return concatenate(parts, *axis);
        for (Array& x : parts) x = flatten(x);
        return concatenate(parts, 0);
      },
      "arrays"_a, "axis"_a.none() = 0, nb::kw_only(), "stream"_a = nb::none(),
      "Joins arrays along an axis.\n\nArgs:\n    arrays: sequence of arrays "
      "whose shapes agree but for that axis.\n    axis: axis to join along; "
      "None flattens first.\n    stream: stream or device.");
  m.attr("concat") = m.attr("concatenate");
  m.def(
      "stack",
      [](const nb::sequence& arrays, int64_t axis, const StreamArg& stream) {
        OnStream scope(stream);
        return stack(to_arrays(arrays, "stack"), axis);
      },
      "arrays"_a, "axis"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
      "Joins arrays of one shape along a new axis.");
  m.def(
      "split",
      [](const ArrayLike& a, const IntOrInts& sections, int64_t axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return split_any(to_array(a.value), sections, axis);
      },
      "a"_a, "indices_or_sections"_a, "axis"_a = 0, nb::kw_only(),
      "stream"_a = nb::none(),
      "Cuts a along an axis.\n\nArgs:\n    a: array.\n    "
      "indices_or_sections: number of equal sections, or the indices at which "
      "to cut.\n    axis: axis to cut.\n    stream: stream or device.\n\n"
      "Returns:\n    list of arrays (views).");
  m.def(
      "repeat",
      [](const ArrayLike& a, int64_t repeats, const MaybeAxis& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return axis ? repeat(x, repeats, *axis)
                    : repeat(flatten(x), repeats, 0);
      },
      "array"_a, "repeats"_a, "axis"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      "Repeats each element along an axis, or of the flattened array.");
  m.def(
      "tile",
      [](const ArrayLike& a, const IntOrInts& reps, const StreamArg& stream) {
        OnStream scope(stream);
        return tile(to_array(a.value), reps.values);
      },
      "a"_a, "reps"_a, nb::kw_only(), "stream"_a = nb::none(),
      "Repeats the whole array along each axis.");
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
      "Surrounds a with constant values, or continues it.\n\nArgs:\n    a: "
      "array.\n    pad_width: int, (before, after), or such a pair for each axis.\n    "
      "mode: 'constant', 'edge' (the last element again), 'reflect' (mirrored "
      "about it) or 'symmetric' (mirrored with it).\n    constant_values: "
      "number or 0-d array.\n    stream: stream or device.");
}

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
      "Elements of a at indices along an axis (of the flattened array if "
      "None).\n\nRaises:\n    IndexError: when evaluated, if an index is out "
      "of range.");
  m.def(
      "take_along_axis",
      [](const ArrayLike& a, const ArrayLike& indices, const MaybeAxis& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return take_along_axis(to_array(a.value), to_array(indices.value),
                               axis);
      },
      "a"_a, "indices"_a, "axis"_a.none() = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      "a[..., indices[..., i, ...], ...] along an axis, other places kept.");
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
      "A copy of a with values put where take_along_axis would read.");
}

// Where a window starts along some axes, as arguments of gather and scatter.
struct WindowStart {
  Arrays indices;
  std::vector<int64_t> axes;
};

WindowStart window_start(const Array& x, nb::handle start, const Shape& axes,
                         const char* op) {
  Array flat = reshape(to_array(start), {-1});
  require(flat.size() == axes.size(), op, ": start_indices must have one entry ",
          "for each of ", axes.size(), " axes, got ", flat.size());
  WindowStart result;
  for (int64_t i = 0; i < axes.size(); ++i) {
    result.axes.push_back(normalize_axis(axes[i], x.ndim(), op));
    result.indices.push_back(reshape(slice(flat, {i}, {i + 1}, {1}), {}));
  }
  return result;
}

void bind_windows(nb::module_& m) {
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
      "A window of slice_size whose start along axes is given by an array.\n\n"
      "Raises:\n    IndexError: when evaluated, if the window does not fit.");
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
      "A copy of a with a window, whose start along axes is given by an array, "
      "replaced by update.\n\nRaises:\n    IndexError: when evaluated, if the "
      "window does not fit.");
}

}  // namespace

void bind_shape(nb::module_& m) {
  bind_views(m);
  bind_copies(m);
}

void bind_index(nb::module_& m) {
  bind_take(m);
  bind_windows(m);
}

}  // namespace ingot::python
