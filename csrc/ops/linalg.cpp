// QR factorisation, norms and cross products.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/operators.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

Array transposed(const Array& x) { return swapaxes(x, -1, -2); }

// Columns [begin, end) of matrices.
Array columns_of(const Array& x, int64_t begin, int64_t end) {
  Shape start(x.ndim(), 0), stop = x.shape(), step(x.ndim(), 1);
  start.back() = begin;
  stop.back() = end;
  return slice(x, start, stop, step);
}

// The inverse of upper triangular matrices, by blocks of 1, 2, 4, ...: that of
// (A B; 0 C) is (A' -A'BC'; 0 C'), for all blocks of a size at once.
Array inverse_of_triangle(const Array& r) {
  int64_t n = r.shape().back();
  Array unit = eye(n, n, 0, r.dtype());
  Array inverse =
      unit / where(equal(unit, ones_like(unit)), r, ones_like(unit));
  Array column = arange(0, static_cast<double>(n), 1, Dtype::int32);
  Array row = reshape(column, {n, 1});
  for (int64_t size = 1; size < n; size *= 2) {
    auto block = [&](const Array& index, int64_t length) {
      return floor_divide(index, Array::scalar(length, Dtype::int32));
    };
    Array beside =
        logical_and(equal(block(row, 2 * size), block(column, 2 * size)),
                    less(block(row, size), block(column, size)));
    Array b = where(beside, r, Array::scalar(0.0, r.dtype()));
    inverse = inverse - matmul(matmul(inverse, b), inverse);
  }
  return inverse;
}

// The gradient of x = q @ r, m >= n (Walter and Lehmann 2010).
Array gradient_of_tall(const Array& q, const Array& r, const Array& dq,
                       const Array& dr) {
  Array m = matmul(r, transposed(dr)) - matmul(transposed(dq), q);
  Array below = tril(m, -1);
  Array symmetric = tril(m, 0) + transposed(below);
  return matmul(dq + matmul(q, symmetric), transposed(inverse_of_triangle(r)));
}

class Qr final : public Op {
 public:
  const char* name() const override { return "qr"; }
  std::optional<Saved> saved() const override { return Saved{"qr", {}}; }

  // q (..., m, k) and r (..., k, n), k = min(m, n)
  Spec spec(const Inputs& in, int64_t output) const override {
    Shape shape = in[0].shape();
    int64_t rows = shape.size() - 2;
    int64_t k = std::min(shape[rows], shape[rows + 1]);
    shape[output == 0 ? rows + 1 : rows] = k;
    return {std::move(shape), in[0].dtype()};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    out[1].allocate();
    if (in[0].size() > 0) {
      backend.qr(in[0], out[0], out[1]);
    } else {
      backend.fill({0, 0}, out[0]);
    }
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    const Array &x = in[0], &q = out[0], &r = out[1];
    Array dq = cotangents[0] ? cotangents[0] : zeros_like(q);
    Array dr = cotangents[1] ? cotangents[1] : zeros_like(r);
    int64_t m = x.shape(x.ndim() - 2), n = x.shape().back();
    if (m >= n) return {gradient_of_tall(q, r, dq, dr)};
    // x = (a, b) with a square: a = q u, r = (u, q' b).
    Array b = columns_of(x, m, n), dv = columns_of(dr, m, n);
    Array da =
        gradient_of_tall(q, columns_of(r, 0, m), dq + matmul(b, transposed(dv)),
                         columns_of(dr, 0, m));
    return {concatenate({da, matmul(q, dv)}, -1)};
  }
};

bool is_extreme(NormOrder order) {
  return order.kind == NormOrder::power && std::isinf(order.p);
}

Array vector_norm(const Array& x, NormOrder order, const Axes& axes) {
  double p = order.p;
  if (is_extreme(order)) {
    return p > 0 ? max(abs(x), axes, true) : min(abs(x), axes, true);
  }
  if (p == 0) {
    Array zero = Array::scalar(0.0, x.dtype());
    return sum(astype(not_equal(x, zero), x.dtype()), axes, true);
  }
  if (p == 1) return sum(abs(x), axes, true);
  if (p == 2) return sqrt(sum(square(x), axes, true));
  Array powers = power(abs(x), Array::scalar(p, x.dtype()));
  return power(sum(powers, axes, true), Array::scalar(1 / p, x.dtype()));
}

// Whether it is one of singular values.
bool is_spectral(NormOrder order) {
  return order.kind == NormOrder::nuclear ||
         (order.kind == NormOrder::power && std::abs(order.p) == 2);
}

// The largest or smallest singular value, or the sum of all.
Array spectral_norm(const Array& x, NormOrder order, int64_t row,
                    int64_t column) {
  Shape axes;
  for (int64_t i = 0; i < x.ndim(); ++i) {
    if (i != row && i != column) axes.push_back(i);
  }
  axes.push_back(row);
  axes.push_back(column);
  Array s = singular_values(transpose(x, axes), "norm");
  Shape last = {-1};
  Array y = order.kind == NormOrder::nuclear ? sum(s, last)
            : order.p > 0                    ? max(s, last)
                                             : min(s, last);
  return expand_dims(y, Shape{row, column});
}

// Or the extreme over columns of the sums of their magnitudes, or the same of
// rows.
Array matrix_norm(const Array& x, NormOrder order, int64_t row,
                  int64_t column) {
  if (is_spectral(order)) return spectral_norm(x, order, row, column);
  if (order.kind != NormOrder::power)
    return vector_norm(x, NormOrder(), Shape{row, column});
  int64_t along = std::isinf(order.p) ? column : row;
  Array sums = sum(abs(x), Shape{along}, true);
  Shape across = {along == row ? column : row};
  return order.p > 0 ? max(sums, across, true) : min(sums, across, true);
}

void check_matrix_order(NormOrder order) {
  double p = std::abs(order.p);
  bool known =
      order.kind != NormOrder::power || std::isinf(p) || p == 1 || p == 2;
  require(known, "norm: ord of a matrix must be None, 'fro', 'nuc', 1, -1, 2, ",
          "-2, inf or -inf, got ", order.p);
}

// The axes a norm is taken over, in the order given.
Shape norm_axes(const Array& x, NormOrder order, const Axes& axes) {
  Shape over;
  if (axes) {
    for (int64_t axis : *axes) {
      over.push_back(normalize_axis(axis, x.ndim(), "norm"));
    }
  } else {
    for (int64_t i = 0; i < x.ndim(); ++i) over.push_back(i);
  }
  bool all = !axes && order.kind == NormOrder::euclidean;
  require(all || over.size() == 1 || over.size() == 2, "norm: axis must name ",
          "one axis (vectors) or two (matrices), got ", over, " for shape ",
          x.shape());
  require(over.size() != 2 || over[0] != over[1],
          "norm: the axes of a matrix must differ, got ", over);
  return over;
}

}  // namespace

std::pair<Array, Array> qr(const Array& x) {
  static const auto op = std::make_shared<Qr>();
  require(x.dtype() == Dtype::float32 || x.dtype() == Dtype::float64,
          "qr: a must be float32 or float64, got ", x.dtype());
  require(x.ndim() >= 2, "qr: a must have at least 2 dimensions, got shape ",
          x.shape());
  Arrays factors = make_arrays(op, 2, {x});
  return {factors[0], factors[1]};
}

Array cross(const Array& a, const Array& b, int64_t axis) {
  int64_t ndim = std::max(a.ndim(), b.ndim());
  int64_t at = normalize_axis(axis, ndim, "cross") - ndim;  // from the end
  Dtype dtype = promote(a.dtype(), b.dtype());
  // With a third element, after the axis has been turned to the end.
  auto vectors = [&](const Array& x) {
    int64_t n = at + x.ndim() < 0 ? 0 : x.shape(at + x.ndim());
    require(n == 2 || n == 3, "cross: axis ", axis,
            " must have 2 or 3 elements, got shapes ", a.shape(), " and ",
            b.shape());
    Array y = moveaxis(astype(x, dtype), at, -1);
    if (n == 3) return y;
    Shape low(y.ndim(), 0), high(y.ndim(), 0);
    high.back() = 1;
    return pad(y, low, high, Array::scalar(0.0, dtype));
  };
  Array x = vectors(a), y = vectors(b);
  broadcast_shapes(x.shape(), y.shape(), "cross");
  auto rotated = [](const Array& v, int64_t first) {
    return concatenate({columns_of(v, first, 3), columns_of(v, 0, first)}, -1);
  };
  Array z = rotated(x, 1) * rotated(y, 2) - rotated(x, 2) * rotated(y, 1);
  return moveaxis(z, -1, at);
}

Array norm(const Array& x, NormOrder order, const Axes& axes, bool keepdims) {
  Shape over = norm_axes(x, order, axes);
  bool matrix = over.size() == 2 && order.kind != NormOrder::euclidean;
  require(matrix || order.kind == NormOrder::euclidean ||
              order.kind == NormOrder::power,
          "norm: ord 'fro' and 'nuc' are for matrices, got axis ", over,
          " of shape ", x.shape());
  Dtype result = floating(real_type(x.dtype()));
  // Squares of half types overflow early; complex numbers count by their size.
  Array wide = is_complex(x.dtype()) ? abs(x) : astype(x, compute_type(result));
  Array y;
  if (matrix) {
    check_matrix_order(order);
    require<TypeError>(!is_complex(x.dtype()) || !is_spectral(order),
                       "norm: arrays must be real for ord 'nuc', 2 and -2, ",
                       "got complex64");
    y = matrix_norm(wide, order, over[0], over[1]);
  } else {
    y = vector_norm(wide, order, over);
  }
  if (!keepdims) y = over.empty() ? y : squeeze(y, over);
  return astype(y, result);
}

}  // namespace ingot
