// Products of vectors and of tensors, composed of matmul, multiply and sum.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "csrc/ops/complex.h"
#include "csrc/ops/operators.h"

namespace ingot {
namespace {

struct Tensor {
  const Array& x;
  Shape summed;  // axes, in the order of their partners
  const char* op;

  Tensor(const Array& x, const Shape& axes, const char* op) : x(x), op(op) {
    for (int64_t axis : axes) {
      summed.push_back(normalize_axis(axis, x.ndim(), op));
    }
    normalize_axes(axes, x.ndim(), op);
  }
  Shape kept() const {
    Shape axes;
    for (int64_t i = 0; i < x.ndim(); ++i) {
      if (std::find(summed.begin(), summed.end(), i) == summed.end()) {
        axes.push_back(i);
      }
    }
    return axes;
  }
  Shape sizes(const Shape& axes) const {
    Shape shape;
    for (int64_t axis : axes) shape.push_back(x.shape(axis));
    return shape;
  }
  int64_t count(const Shape& axes) const {
    return size_of(sizes(axes), x.dtype(), op);
  }
};

Array join_axes(const Tensor& t, Shape first, const Shape& second) {
  Shape shape = {t.count(first), t.count(second)};
  first.append(second.begin(), second.end());
  return reshape(transpose(t.x, first), std::move(shape));
}

Array sum_over(const Tensor& a, const Tensor& b) {
  bool fit = a.summed.size() == b.summed.size();
  for (int64_t i = 0; fit && i < a.summed.size(); ++i) {
    fit = a.x.shape(a.summed[i]) == b.x.shape(b.summed[i]);
  }
  require(fit, a.op, ": axes must agree in size, got axes ", a.summed,
          " of shape ", a.x.shape(), " and ", b.summed, " of shape ",
          b.x.shape());
  Shape rows = a.kept(), columns = b.kept();
  Shape shape = a.sizes(rows), rest = b.sizes(columns);
  shape.append(rest.begin(), rest.end());
  Array left = join_axes(a, rows, a.summed);
  Array right = join_axes(b, b.summed, columns);
  Array product = a.summed.empty() ? left * right : contract(left, right);
  return reshape(product, std::move(shape));
}

// Before they are summed: what is narrow is widened first.
Array wide_products(const Array& a, const Array& b) {
  Dtype dtype = promote(a.dtype(), b.dtype());
  dtype = is_half(dtype) ? Dtype::float32 : sum_type(dtype);
  return astype(a, dtype) * astype(b, dtype);
}

}  // namespace

Array contract(const Array& a, const Array& b) {
  if (is_inexact(promote(a.dtype(), b.dtype()))) return matmul(a, b);
  Array rows = expand_dims(a, {-2});
  Array columns = expand_dims(swapaxes(b, -1, -2), {-3});
  return sum(wide_products(rows, columns), Shape{-1});
}

Array dot(const Array& a, const Array& b) {
  Dtype dtype = sum_type(promote(a.dtype(), b.dtype()));
  return astype(sum(wide_products(a, b), Shape{-1}), dtype);
}

Array outer(const Array& a, const Array& b) {
  return reshape(a, {a.size(), 1}) * reshape(b, {1, b.size()});
}

Array kron(const Array& a, const Array& b) {
  int64_t ndim = std::max(a.ndim(), b.ndim());
  Shape left(2 * ndim, 1), right(2 * ndim, 1), shape;
  for (int64_t i = 0; i < a.ndim(); ++i) {
    left[2 * (ndim - a.ndim() + i)] = a.shape(i);
  }
  for (int64_t i = 0; i < b.ndim(); ++i) {
    right[2 * (ndim - b.ndim() + i) + 1] = b.shape(i);
  }
  for (int64_t i = 0; i < ndim; ++i) {
    shape.push_back(
        size_of({left[2 * i], right[2 * i + 1]}, Dtype::bool_, "kron"));
  }
  return reshape(reshape(a, left) * reshape(b, right), std::move(shape));
}

Array inner(const Array& a, const Array& b) {
  if (a.ndim() == 0 || b.ndim() == 0) return a * b;
  return sum_over({a, {-1}, "inner"}, {b, {-1}, "inner"});
}

Array vecdot(const Array& a, const Array& b, int64_t axis) {
  int64_t of_a = normalize_axis(axis, a.ndim(), "vecdot");
  int64_t of_b = normalize_axis(axis, b.ndim(), "vecdot");
  require(a.shape(of_a) == b.shape(of_b),
          "vecdot: a and b must agree in the size of axis ", axis,
          ", got shapes ", a.shape(), " and ", b.shape());
  Array left = moveaxis(a, of_a, -1), right = moveaxis(b, of_b, -1);
  broadcast_shapes(left.shape(), right.shape(), "vecdot");
  return dot(conj(left), right);
}

Array tensordot(const Array& a, const Array& b, const Shape& a_axes,
                const Shape& b_axes) {
  return sum_over({a, a_axes, "tensordot"}, {b, b_axes, "tensordot"});
}

}  // namespace ingot
