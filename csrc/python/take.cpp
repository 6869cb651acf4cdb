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

void bind_index(nb::module_& m) {
  bind_take(m);
  bind_windows(m);
}

}  // namespace ingot::python
