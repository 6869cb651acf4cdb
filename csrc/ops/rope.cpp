// Rotary position encoding, of ordinary operations. Angles are counted in turns
// of 2^64 parts: a product with a position wraps around, and no digit of the
// angle is lost however large the position.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstring>
#include <numbers>

#include "csrc/ops.h"
#include "csrc/ops/operators.h"

namespace ingot {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

// The part of a turn that is not whole, in units of 2^-64.
uint64_t parts_of(double turns) {
  double part = turns - std::floor(turns);
  return part < 1 ? static_cast<uint64_t>(part * 0x1p64) : 0;
}

// What each pair turns by from one position to the next, scale / base^(2 i /
// dims), as uint64.
Array steps_of(int64_t pairs, double base, double scale) {
  Array made = Array::empty({pairs}, Dtype::uint64);
  auto* to = made.data<uint64_t>();
  for (int64_t i = 0; i < pairs; ++i) {
    double exponent = static_cast<double>(i) / static_cast<double>(pairs);
    to[i] = parts_of(scale * std::pow(base, -exponent) / kTurn);
  }
  return made;
}

// The same of scale / frequencies, of which there are few, in float64.
Array steps_of(const Array& frequencies, double scale) {
  Array wide = astype(stop_gradient(frequencies), Dtype::float64);
  Array turns = Array::scalar(scale / kTurn, Dtype::float64) / wide;
  Array part = turns - floor(turns);
  part = where(less(part, Array::scalar(1.0, Dtype::float64)), part,
               Array::scalar(0.0, Dtype::float64));
  return astype(part * Array::scalar(0x1p64, Dtype::float64), Dtype::uint64);
}

// Positions (T,) or (B, ..., T, 1) times steps: angles from -pi to pi, for
// each pair.
Array angles_of(const Array& x, const Array& offset, const Array& steps,
                Dtype dtype) {
  int64_t length = x.shape(x.ndim() - 2);
  Array place = arange(0, static_cast<double>(length), 1, Dtype::int64);
  place = reshape(place, {length, 1});
  Array first = astype(offset, Dtype::int64);
  if (first.size() != 1) {
    Shape shape(x.ndim(), 1);
    shape[0] = first.size();
    first = reshape(first, shape);
  } else {
    first = reshape(first, {1, 1});
  }
  Array turned = view(place + first, Dtype::uint64) * steps;
  return astype(view(turned, Dtype::int64), dtype) *
         Array::scalar(kTurn * 0x1p-64, dtype);
}

// The first or the second half of an axis of pairs.
Array slice_axis(const Array& x, int64_t axis, int64_t start, int64_t stop,
                 int64_t step = 1) {
  Shape starts(x.ndim(), 0), steps(x.ndim(), 1), stops = x.shape();
  starts[axis] = start;
  stops[axis] = stop;
  steps[axis] = step;
  return slice(x, starts, stops, steps);
}

}  // namespace

Array rope(const Array& x, int64_t dims, bool traditional, double base,
           double scale, const Array& offset, const Array& frequencies) {
  require(x.ndim() >= 3, "rope: a must have at least 3 dimensions, got shape ",
          x.shape());
  require(is_floating(x.dtype()), "rope: a must have a floating dtype, got ",
          x.dtype());
  int64_t last = x.ndim() - 1, features = x.shape(last);
  require(dims > 0 && dims % 2 == 0 && dims <= features, "rope: dims must be ",
          "even, positive and at most the number of features, ", features,
          ", got ", dims);
  require(std::isfinite(scale), "rope: scale must be finite, got ", scale);
  require(is_integer(offset.dtype()) && offset.ndim() <= 1 &&
              (offset.size() == 1 || offset.size() == x.shape(0)),
          "rope: offset must be an integer, or one for each of the batch of ",
          x.shape(0), ", got shape ", offset.shape(), " of ", offset.dtype());
  int64_t pairs = dims / 2;
  require(!frequencies || frequencies.shape() == Shape{pairs},
          "rope: freqs must have shape ", Shape{pairs}, ", got ",
          frequencies ? frequencies.shape() : Shape());
  require(frequencies || (std::isfinite(base) && base > 0),
          "rope: base must be positive and finite, got ", base);
  Array steps =
      frequencies ? steps_of(frequencies, scale) : steps_of(pairs, base, scale);
  Dtype dtype = compute_type(x.dtype());
  Array angles = angles_of(x, offset, steps, dtype);
  // An axis of two beside that of the pairs; the two change places where they
  // are turned.
  int64_t axis = traditional ? last + 1 : last;
  Array turned = slice_axis(x, last, 0, dims);
  Shape shape = turned.shape();
  Array two = unflatten(astype(turned, dtype), last,
                        traditional ? Shape{pairs, 2} : Shape{2, pairs});
  Array other = slice_axis(two, axis, 1, -1, -1);
  int64_t place = traditional ? -1 : -2;
  Array sine = expand_dims(sin(angles), {place});
  Array sines = concatenate({-sine, sine}, place);
  Array cosine = expand_dims(cos(angles), {place});
  Array result =
      astype(reshape(two * cosine + other * sines, shape), x.dtype());
  if (dims == features) return result;
  return concatenate({result, slice_axis(x, last, dims, features)}, last);
}

}  // namespace ingot
