// Rotary position encoding. Angles are counted in turns of 2^64 parts: a product
// with a position wraps around, and no digit of the angle is lost however large
// the position.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <numbers>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/operators.h"
#include "csrc/ops/remade.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

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

// Positions times steps: angles from -pi to pi, (T, pairs), or with an offset
// for each of the batch (B, T, pairs).
Array angles_of(const Array& x, const Array& offset, const Array& steps,
                Dtype dtype) {
  int64_t length = x.shape(x.ndim() - 2);
  Array place = arange(0, static_cast<double>(length), 1, Dtype::int64);
  Array first = astype(offset, Dtype::int64);
  bool one = offset.size() == 1;
  first = reshape(first, one ? Shape{1, 1} : Shape{offset.size(), 1, 1});
  Array turned =
      view(reshape(place, {length, 1}) + first, Dtype::uint64) * steps;
  return astype(view(turned, Dtype::int64), dtype) *
         Array::scalar(kTurn * 0x1p-64, dtype);
}

class Rope final : public Op {
 public:
  explicit Rope(bool neighbours) : neighbours_(neighbours) {}
  const char* name() const override { return "rope"; }
  std::optional<Saved> saved() const override {
    return Saved{"rope", {neighbours_}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.rope(neighbours_, in[0], in[1], in[2], out[0]);
  }

  // The turn back. Tables come from positions, which have no gradient.
  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Arrays gradients(wanted.size());
    if (wanted[0] == 0) {
      gradients[0] = turn(neighbours_, cotangents[0], in[1], negative(in[2]));
    }
    return gradients;
  }

  // Examples beside the first axis; a table that differs goes along with it.
  Arrays vmap(const Batch& batch) const override {
    Array x = batch.along(0);
    auto table = [&](int64_t i) {
      Array t = batch.in[i];
      bool same = !batch.has_axis[static_cast<size_t>(i)];
      if (same && t.ndim() == 2) return t;
      t = batch.along(i);
      if (t.ndim() == 3) t = expand_dims(t, {1});
      Shape shape = {x.shape(0), x.shape(1), t.shape(2), t.shape(3)};
      return flatten(broadcast_to(t, shape), 0, 1);
    };
    Array cosine = table(1), sine = table(2);
    Array y = turn(neighbours_, flatten(x, 0, 1), cosine, sine);
    return {unflatten(y, 0, {x.shape(0), x.shape(1)})};
  }

  static Array turn(bool neighbours, const Array& x, const Array& cosine,
                    const Array& sine) {
    return make_array(std::make_shared<Rope>(neighbours), x.shape(), x.dtype(),
                      {x, cosine, sine});
  }

 private:
  bool neighbours_;
};

}  // namespace

Array turned(bool neighbours, const Array& x, const Array& cosine,
             const Array& sine) {
  require(x.ndim() >= 2 && is_floating(x.dtype()), "rope: a must be of a ",
          "floating dtype and have at least 2 dimensions, got ", x.dtype(),
          " of shape ", x.shape());
  const Shape& table = cosine.shape();
  int64_t axes = table.size(), rows = x.shape(x.ndim() - 2);
  require((axes == 2 || (axes == 3 && table[0] == x.shape(0))) &&
              table[axes - 2] == rows && 2 * table.back() <= x.shape().back() &&
              table == sine.shape(),
          "rope: tables must be of shape (", rows, ", pairs), or have the ",
          "batch as well, got ", table, " and ", sine.shape(), " for shape ",
          x.shape());
  Dtype dtype = compute_type(x.dtype());
  require(cosine.dtype() == dtype && sine.dtype() == dtype, "rope: tables ",
          "must be ", dtype, ", got ", cosine.dtype(), " and ", sine.dtype());
  return Rope::turn(neighbours, x, cosine, sine);
}

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
  Array angles = angles_of(x, offset, steps, compute_type(x.dtype()));
  return Rope::turn(traditional, x, cos(angles), sin(angles));
}

}  // namespace ingot
