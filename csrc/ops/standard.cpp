// Functions of the array API standard, composed of others.
// SPDX-License-Identifier: MIT
#include "csrc/ops/standard.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "csrc/ops/operators.h"

namespace ingot::standard {
namespace {

Dtype bits_of(Dtype dtype) {
  int64_t size = size_of(dtype);
  return size == 2 ? Dtype::int16 : size == 4 ? Dtype::int32 : Dtype::int64;
}

int64_t lowest_of(Dtype bits) {
  return std::numeric_limits<int64_t>::min() >> (64 - 8 * size_of(bits));
}

using Scan = Array (*)(const Array&, std::optional<int64_t>, bool, bool);

// What no elements give is `none`.
Array cumulative(Scan scan, const Array& x, std::optional<int64_t> axis,
                 bool reverse, bool inclusive, bool initial, int64_t none,
                 const char* op) {
  require(!initial || (inclusive && !reverse), op,
          ": include_initial must not ",
          "go with reverse, nor without inclusive");
  if (axis) normalize_axis(*axis, x.ndim(), op);
  Array y = scan(astype(x, sum_type(x.dtype())), axis, reverse, inclusive);
  if (!initial) return y;
  int64_t along = normalize_axis(axis.value_or(0), y.ndim(), op);
  Shape shape = y.shape();
  shape[along] = 1;
  Array first = astype(Array::scalar(none, Dtype::int64), y.dtype());
  return concatenate({broadcast_to(first, shape), y}, along);
}

Shape normalized(const Shape& axes, int64_t ndim, const char* op) {
  Shape result;
  for (int64_t axis : axes) {
    int64_t at = normalize_axis(axis, ndim, op);
    require(std::find(result.begin(), result.end(), at) == result.end(), op,
            ": axes must not repeat, got ", axes);
    result.push_back(at);
  }
  return result;
}

// The axes that are not in `axes`, in order.
Shape others(const Shape& axes, int64_t ndim) {
  Shape rest;
  for (int64_t i = 0; i < ndim; ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) rest.push_back(i);
  }
  return rest;
}

}  // namespace

// In the order of the numbers the bits are those of sign and magnitude: as
// integers that go up by one they are counted from 0 to either side.
Array nextafter(const Array& a, const Array& b) {
  Dtype dtype = floating(promote(a.dtype(), b.dtype())), bits = bits_of(dtype);
  Shape shape = broadcast_shapes(a.shape(), b.shape(), "nextafter");
  Array from = stop_gradient(broadcast_to(astype(a, dtype), shape));
  Array to = stop_gradient(broadcast_to(astype(b, dtype), shape));
  Array lowest = Array::scalar(lowest_of(bits), bits), zero = zeros({}, bits);
  auto other_form = [&](const Array& x) {
    return where(less(x, zero), lowest - x, x);
  };
  Array start = view(from, bits);
  Array i = other_form(start), end = other_form(view(to, bits));
  Array one = ones({}, bits);
  Array next = where(less(i, end), i + one, i - one);
  // What comes from below to 0 is -0.
  Array underflow = logical_and(equal(next, zero), less(start, zero));
  next = where(underflow, lowest, other_form(next));
  next = where(equal(i, end), view(to, bits), next);
  return where(logical_or(isnan(from), isnan(to)), from + to,
               view(next, dtype));
}

Array cumulative_sum(const Array& x, std::optional<int64_t> axis, bool reverse,
                     bool inclusive, bool initial) {
  return cumulative(cumsum, x, axis, reverse, inclusive, initial, 0,
                    "cumulative_sum");
}

Array cumulative_prod(const Array& x, std::optional<int64_t> axis, bool reverse,
                      bool inclusive, bool initial) {
  return cumulative(cumprod, x, axis, reverse, inclusive, initial, 1,
                    "cumulative_prod");
}

Array sort_descending(const Array& x, std::optional<int64_t> axis) {
  return flip(sort(x, axis), Shape{axis.value_or(0)});
}

Array argsort_descending(const Array& x, std::optional<int64_t> axis) {
  Array y = axis ? x : flatten(x);
  int64_t along = normalize_axis(axis.value_or(0), y.ndim(), "argsort");
  Array back = argsort(flip(y, Shape{along}), along);
  Array last = Array::scalar(y.shape(along) - 1, Dtype::uint32);
  return flip(last - back, Shape{along});
}

Array moveaxis(const Array& x, const Shape& source, const Shape& destination) {
  constexpr auto name = "moveaxis";
  require(source.size() == destination.size(), name, ": source and ",
          "destination must have one length, got ", source, " and ",
          destination);
  Shape from = normalized(source, x.ndim(), name);
  Shape to = normalized(destination, x.ndim(), name);
  Shape order(x.ndim(), 0), rest = others(from, x.ndim());
  Shape free = others(to, x.ndim());
  for (int64_t i = 0; i < from.size(); ++i) order[to[i]] = from[i];
  for (int64_t i = 0; i < rest.size(); ++i) order[free[i]] = rest[i];
  return transpose(x, order);
}

Array matrix_power(const Array& a, int64_t n) {
  constexpr auto name = "matrix_power";
  int64_t ndim = a.ndim();
  require(ndim >= 2 && a.shape(ndim - 1) == a.shape(ndim - 2), name,
          ": x must be of square matrices, got shape ", a.shape());
  int64_t size = a.shape(ndim - 1);
  Array square = n < 0 ? inv(a) : a, power;
  uint64_t left = n < 0 ? 0 - static_cast<uint64_t>(n) : n;
  for (; left > 0; left >>= 1) {
    if (left & 1) power = power ? matmul(power, square) : square;
    if (left > 1) square = matmul(square, square);
  }
  if (power) return power;
  return broadcast_to(eye(size, size, 0, a.dtype()), a.shape());
}

Array matrix_rank(const Array& a, const Array& rtol) {
  Array s = singular_values(a, "matrix_rank");
  int64_t longest = std::max(a.shape(a.ndim() - 1), a.shape(a.ndim() - 2));
  if (s.shape().back() == 0) {
    return sum(astype(s, Dtype::int32), Shape{-1});
  }
  double eps = a.dtype() == Dtype::float32 ? 0x1p-23 : 0x1p-52;
  Array least =
      rtol ? expand_dims(astype(rtol, s.dtype()), {-1})
           : Array::scalar(static_cast<double>(longest) * eps, s.dtype());
  Array above = greater(s, max(s, Shape{-1}, true) * least);
  return sum(astype(above, Dtype::int32), Shape{-1});
}

Array vector_norm(const Array& x, double p, const Axes& axes, bool keepdims) {
  constexpr auto name = "vector_norm";
  Shape over = axes ? normalized(*axes, x.ndim(), name) : others({}, x.ndim());
  Shape order = others(over, x.ndim()), shape;
  for (int64_t axis : order) shape.push_back(x.shape(axis));
  int64_t length = 1;
  for (int64_t axis : over) {
    order.push_back(axis);
    length *= x.shape(axis);
  }
  shape.push_back(length);
  Array vectors = reshape(transpose(x, order), shape);
  Array y = norm(vectors, {NormOrder::power, p}, Shape{-1}, false);
  return keepdims && !over.empty() ? expand_dims(y, over) : y;
}

// The columns of [x, 1] span everything, and those of q come in their order.
std::pair<Array, Array> complete_qr(const Array& x) {
  int64_t ndim = x.ndim();
  require(ndim >= 2, "qr: a must have at least 2 dimensions, got shape ",
          x.shape());
  int64_t m = x.shape(ndim - 2), n = x.shape(ndim - 1);
  Shape square = x.shape();
  square.back() = m;
  Array unit = broadcast_to(eye(m, m, 0, x.dtype()), square);
  auto [q, r] = qr(concatenate({x, unit}, -1));
  Shape start(ndim, 0), step(ndim, 1), stop = r.shape();
  stop.back() = n;
  return {q, slice(r, start, stop, step)};
}

}  // namespace ingot::standard
