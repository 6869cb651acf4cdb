// Complex arrays as pairs of real ones, on the same memory: parts, conjugates and
// sums of them need no kernel of their own.
// SPDX-License-Identifier: MIT
#include "csrc/ops/complex.h"

#include "csrc/backend.h"
#include "csrc/ops/operators.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

class AsPairs final : public UntypedOp {
 public:
  const char* name() const override { return "as_pairs"; }
  std::optional<Saved> saved() const override { return Saved{name(), {}}; }

  void eval(Backend&, Inputs& in, Outputs& out) const override {
    Strides strides;
    for (int64_t stride : in[0].strides()) strides.push_back(2 * stride);
    strides.push_back(1);
    out[0].view_of(in[0], std::move(strides));
  }

  Arrays vjp(const Inputs&, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    return {from_pairs(cotangents[0])};
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }
};

class FromPairs final : public UntypedOp {
 public:
  const char* name() const override { return "from_pairs"; }
  std::optional<Saved> saved() const override { return Saved{name(), {}}; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    Array source = in[0];
    if (!paired(source)) {
      source = Array::empty(in[0].shape(), in[0].dtype());
      backend.copy(in[0], source);
    }
    Strides strides;
    for (int64_t i = 0; i + 1 < source.ndim(); ++i) {
      strides.push_back(source.strides()[i] / 2);
    }
    out[0].view_of(source, std::move(strides));
  }

  Arrays vjp(const Inputs&, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    return {as_pairs(cotangents[0])};
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }

 private:
  // Whether the elements lie as those of complex numbers do.
  static bool paired(const Array& x) {
    bool ok = x.strides().back() == 1 && x->offset % 8 == 0;
    for (int64_t i = 0; i + 1 < x.ndim(); ++i) ok &= x.strides()[i] % 2 == 0;
    return ok;
  }
};

// Elements [begin, end) along an axis.
Array part(const Array& x, int64_t axis, int64_t begin, int64_t end) {
  Shape start(x.ndim()), stop = x.shape(), step(x.ndim(), 1);
  start[axis] = begin;
  stop[axis] = end;
  return slice(x, start, stop, step);
}

Array half_of_pairs(const Array& x, int64_t which) {
  return squeeze(part(as_pairs(x), x.ndim(), which, which + 1), Shape{-1});
}

Array signs(float first, float second) {
  Array pair = Array::empty({2}, Dtype::float32);
  pair.data<float>()[0] = first;
  pair.data<float>()[1] = second;
  return pair;
}

// Halves times each other until one element is left, so that derivatives are
// exact around zeros.
Array product_along(Array x, int64_t axis) {
  Shape one = x.shape();
  one[axis] = 1;
  if (x.shape(axis) == 0) return ones(one, x.dtype());
  while (x.shape(axis) > 1) {
    int64_t n = x.shape(axis), half = n / 2;
    Array y = part(x, axis, 0, half) * part(x, axis, half, 2 * half);
    x = n % 2 == 0 ? y : concatenate({y, part(x, axis, n - 1, n)}, axis);
  }
  return x;
}

// After each of log n steps an element holds the product of twice as many.
Array products_along(Array x, int64_t axis) {
  int64_t n = x.shape(axis);
  for (int64_t reach = 1; reach < n; reach *= 2) {
    Array y = part(x, axis, reach, n) * part(x, axis, 0, n - reach);
    x = concatenate({part(x, axis, 0, reach), y}, axis);
  }
  return x;
}

// Without the last, after a 1.
Array shifted(const Array& x, int64_t axis) {
  int64_t n = x.shape(axis);
  if (n == 0) return x;
  Array first = ones_like(part(x, axis, 0, 1));
  return concatenate({first, part(x, axis, 0, n - 1)}, axis);
}

}  // namespace

Array as_pairs(const Array& x) {
  static const auto op = std::make_shared<AsPairs>();
  Shape shape = x.shape();
  shape.push_back(2);
  return make_array(op, std::move(shape), Dtype::float32, {x});
}

Array from_pairs(const Array& pairs) {
  static const auto op = std::make_shared<FromPairs>();
  Shape shape(pairs.shape().begin(), pairs.shape().end() - 1);
  return make_array(op, std::move(shape), Dtype::complex64, {pairs});
}

Array real(const Array& x) {
  return is_complex(x.dtype()) ? half_of_pairs(x, 0) : x;
}

Array imag(const Array& x) {
  return is_complex(x.dtype()) ? half_of_pairs(x, 1) : zeros_like(x);
}

Array conj(const Array& x) {
  if (!is_complex(x.dtype())) return x;
  return from_pairs(as_pairs(x) * signs(1, -1));
}

Array reduce_complex(const Reduction& what, const Array& x, bool keepdims) {
  const Shape& axes = what.axes;
  switch (what.op) {
    case ReduceOp::sum:
      return from_pairs(sum(as_pairs(x), axes, keepdims));
    case ReduceOp::mean:
      return from_pairs(mean(as_pairs(x), axes, keepdims));
    case ReduceOp::var:  // the mean of |x - mean|^2
      return sum(var(as_pairs(x), axes, keepdims, what.ddof), Shape{-1});
    case ReduceOp::std:
      return sqrt(var(x, axes, keepdims, what.ddof));
    case ReduceOp::prod: {
      Array y = x;
      for (int64_t axis : axes) y = product_along(y, axis);
      return keepdims || axes.empty() ? y : squeeze(y, axes);
    }
    case ReduceOp::all:
      return all(astype(x, Dtype::bool_), axes, keepdims);
    case ReduceOp::any:
      return any(astype(x, Dtype::bool_), axes, keepdims);
    default:
      return Array();
  }
}

Array scan_complex(const Scan& what, const Array& x) {
  int64_t axis = what.axis;
  if (what.op == ScanOp::sum) {
    return from_pairs(cumsum(as_pairs(x), axis, what.reverse, what.inclusive));
  }
  if (what.op != ScanOp::prod) return Array();
  Shape along = {axis};
  Array y = what.reverse ? flip(x, along) : x;
  y = products_along(y, axis);
  if (!what.inclusive) y = shifted(y, axis);
  return what.reverse ? flip(y, along) : y;
}

// One product of reals: rows of a as (re, im, ...) meet b and i b, each a row of
// such pairs, so that all terms of an element are added up in one place.
Array matmul_complex(const Array& a, const Array& b) {
  Array left = flatten(as_pairs(a), -2, -1);
  Array pairs = as_pairs(b);
  Array turned = flip(pairs, Shape{-1}) * signs(-1, 1);
  Array right = stack({pairs, turned}, b.ndim() - 1);  // (..., k, 2, n, 2)
  right = flatten(flatten(right, -4, -3), -2, -1);
  return from_pairs(unflatten(matmul(left, right), -1, {b.shape().back(), 2}));
}

}  // namespace ingot
