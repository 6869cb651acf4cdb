// Other shapes and orders of an array, composed of reshape, transpose and slice.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>

#include "csrc/ops.h"

namespace ingot {

Array flatten(const Array& x, int64_t start_axis, int64_t end_axis) {
  if (x.ndim() == 0) return reshape(x, {1});
  int64_t start = normalize_axis(start_axis, x.ndim(), "flatten");
  int64_t end = normalize_axis(end_axis, x.ndim(), "flatten");
  require(start <= end, "flatten: start_axis must not be after end_axis, got ",
          start_axis, " and ", end_axis);
  Shape shape(x.shape().begin(), x.shape().begin() + start);
  int64_t merged = 1;
  for (int64_t i = start; i <= end; ++i) merged *= x.shape(i);
  shape.push_back(merged);
  for (int64_t i = end + 1; i < x.ndim(); ++i) shape.push_back(x.shape(i));
  return reshape(x, std::move(shape));
}

Array unflatten(const Array& x, int64_t axis, const Shape& shape) {
  axis = normalize_axis(axis, x.ndim(), "unflatten");
  require(!shape.empty(), "unflatten: shape must not be empty");
  Shape full(x.shape().begin(), x.shape().begin() + axis);
  int64_t known = 1, unknown = -1;
  for (int64_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1) unknown = i;
    if (shape[i] != -1) known *= shape[i];
  }
  for (int64_t i = 0; i < shape.size(); ++i) {
    bool infer = i == unknown && known > 0;
    full.push_back(infer ? x.shape(axis) / known : shape[i]);
  }
  int64_t product = 1;
  for (int64_t i = axis; i < full.size(); ++i) product *= full[i];
  require(product == x.shape(axis), "unflatten: shape ", shape,
          " must multiply to the ", x.shape(axis), " elements of axis ", axis,
          " of shape ", x.shape());
  for (int64_t i = axis + 1; i < x.ndim(); ++i) full.push_back(x.shape(i));
  return reshape(x, std::move(full));
}

Array squeeze(const Array& x, const Shape& axes) {
  Shape sorted = normalize_axes(axes, x.ndim(), "squeeze");
  Shape shape;
  for (int64_t i = 0, next = 0; i < x.ndim(); ++i) {
    if (next < sorted.size() && sorted[next] == i) {
      require(x.shape(i) == 1, "squeeze: axis ", i,
              " must have size 1, got shape ", x.shape());
      ++next;
    } else {
      shape.push_back(x.shape(i));
    }
  }
  return reshape(x, std::move(shape));
}

Array squeeze(const Array& x) {
  Shape shape;
  for (int64_t n : x.shape()) {
    if (n != 1) shape.push_back(n);
  }
  return reshape(x, std::move(shape));
}

Array expand_dims(const Array& x, const Shape& axes) {
  int64_t ndim = x.ndim() + axes.size();
  Shape sorted = normalize_axes(axes, ndim, "expand_dims");
  Shape shape;
  for (int64_t i = 0, next = 0, from = 0; i < ndim; ++i) {
    if (next < sorted.size() && sorted[next] == i) {
      shape.push_back(1);
      ++next;
    } else {
      shape.push_back(x.shape(from++));
    }
  }
  return reshape(x, std::move(shape));
}

Array swapaxes(const Array& x, int64_t axis1, int64_t axis2) {
  axis1 = normalize_axis(axis1, x.ndim(), "swapaxes");
  axis2 = normalize_axis(axis2, x.ndim(), "swapaxes");
  Shape axes(x.ndim());
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[axis1], axes[axis2]);
  return transpose(x, axes);
}

Array moveaxis(const Array& x, int64_t source, int64_t destination) {
  source = normalize_axis(source, x.ndim(), "moveaxis");
  destination = normalize_axis(destination, x.ndim(), "moveaxis");
  Shape axes(x.ndim());
  std::iota(axes.begin(), axes.end(), 0);
  axes.erase(source);
  axes.insert(destination, source);
  return transpose(x, axes);
}

Array atleast(const Array& x, int64_t ndim) {
  if (x.ndim() >= ndim) return x;
  Shape shape = x.shape();
  while (shape.size() < std::min<int64_t>(ndim, 2)) shape.insert(0, 1);
  if (ndim == 3) shape.push_back(1);
  return reshape(x, std::move(shape));
}

Array matrix_transpose(const Array& x) {
  require(x.ndim() >= 2,
          "matrix_transpose: a must have at least 2 dimensions, ", "got shape ",
          x.shape());
  return swapaxes(x, -1, -2);
}

Array flip(const Array& x, const Axes& axes) {
  Shape start(x.ndim(), 0), stop = x.shape(), step(x.ndim(), 1);
  for (int64_t i = 0; i < x.ndim(); ++i) {
    bool flipped = !axes;
    if (axes) {
      for (int64_t axis : normalize_axes(*axes, x.ndim(), "flip")) {
        flipped |= axis == i;
      }
    }
    if (!flipped) continue;
    start[i] = x.shape(i) - 1;
    stop[i] = step[i] = -1;
  }
  return slice(x, start, stop, step);
}

namespace {

// x[start:stop] along one axis.
Array part_of(const Array& x, int64_t axis, int64_t start, int64_t stop) {
  Shape starts(x.ndim(), 0), stops = x.shape(), steps(x.ndim(), 1);
  starts[axis] = start;
  stops[axis] = stop;
  return slice(x, starts, stops, steps);
}

}  // namespace

Array roll(const Array& x, const Shape& shifts, const Axes& axes) {
  if (!axes) {
    Shape axis_of_each(shifts.size(), 0);
    return reshape(roll(flatten(x), shifts, axis_of_each), x.shape());
  }
  int64_t count = std::max(shifts.size(), axes->size());
  bool fit = (shifts.size() == count || shifts.size() == 1) &&
             (axes->size() == count || axes->size() == 1);
  require(fit, "roll: there must be one shift for each axis, got shifts ",
          shifts, " for axes ", *axes);
  Shape total(x.ndim(), 0);  // by axis, in [0, size)
  for (int64_t i = 0; i < count; ++i) {
    int64_t axis = (*axes)[axes->size() == 1 ? 0 : i];
    axis = normalize_axis(axis, x.ndim(), "roll");
    int64_t n = std::max<int64_t>(x.shape(axis), 1);
    int64_t shift = shifts[shifts.size() == 1 ? 0 : i] % n;
    int64_t back = shift > 0 ? n - shift : -shift;
    total[axis] -= total[axis] >= back ? back : back - n;
  }
  Array rolled = x;
  for (int64_t axis = 0; axis < x.ndim(); ++axis) {
    if (total[axis] == 0) continue;
    int64_t n = x.shape(axis), cut = n - total[axis];
    rolled = concatenate({part_of(rolled, axis, cut, n),  //
                          part_of(rolled, axis, 0, cut)},
                         axis);
  }
  return rolled;
}

Arrays unstack(const Array& x, int64_t axis) {
  axis = normalize_axis(axis, x.ndim(), "unstack");
  if (x.shape(axis) == 0) return {};
  Shape indices;
  for (int64_t i = 1; i < x.shape(axis); ++i) indices.push_back(i);
  Arrays parts = split(x, indices, axis);
  for (Array& part : parts) part = squeeze(part, {axis});
  return parts;
}

Arrays meshgrid(const Arrays& arrays, bool sparse, bool by_rows) {
  int64_t ndim = std::ssize(arrays);
  Shape shape;
  Arrays grids;
  for (int64_t i = 0; i < ndim; ++i) {
    int64_t axis = by_rows || ndim < 2 || i > 1 ? i : 1 - i;
    Shape line(ndim, 1);
    line[axis] = arrays[i].size();
    grids.push_back(reshape(arrays[i], line));
    shape = broadcast_shapes(shape, line, "meshgrid");
  }
  if (sparse) return grids;
  for (Array& grid : grids) grid = broadcast_to(grid, shape);
  return grids;
}

}  // namespace ingot
