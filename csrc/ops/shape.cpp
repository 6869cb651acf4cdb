// Other shapes of an array, composed of reshape and transpose.
// SPDX-License-Identifier: MIT
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

}  // namespace ingot
