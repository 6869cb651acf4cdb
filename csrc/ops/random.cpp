// Draws: the fused ones, and those composed of them. Numbers are those of
// mlx.core for the same key; half types round where its separate operations do.
// SPDX-License-Identifier: MIT
#include "csrc/ops/random.h"

#include <bit>
#include <chrono>
#include <numbers>

#include "csrc/backend.h"
#include "csrc/ops/operators.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"
#include "metal/random.h"

namespace ingot::random {
namespace {

class Random final : public Op {
 public:
  explicit Random(const Distribution& distribution)
      : distribution_(distribution) {}
  const char* name() const override {
    constexpr const char* names[] = {"bits", "uniform", "normal",
                                     "truncated_normal"};
    return names[static_cast<int>(distribution_.kind)];
  }
  std::optional<Saved> saved() const override {
    return Saved{"random",
                 {distribution_.kind, distribution_.a, distribution_.b}};
  }
  bool stops_gradient() const override { return true; }
  // One draw, or one for each of several keys.
  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    const Array& keys = in[0];
    if (keys.ndim() == 1) return backend.random(distribution_, keys, out[0]);
    Shape shape(out[0].shape().begin() + 1, out[0].shape().end());
    Strides strides = contiguous_strides(shape);
    int64_t count = keys.shape(0), next = keys.strides()[0] * keys.itemsize();
    for (int64_t i = 0; i < count && out[0].size() > 0; ++i) {
      Array part =
          Array::view(out[0], shape, strides, i * (out[0].nbytes() / count));
      Array key = Array::view(keys, {2}, {keys.strides()[1]}, i * next);
      backend.random(distribution_, key, part);
    }
  }

  Arrays vmap(const Batch& batch) const override {
    const Array& keys = batch.in[0];
    if (keys.ndim() == 2) return batch.build(batch.in);
    Shape shape = batch.shape();
    Shape flat(shape.begin() + 1, shape.end());
    flat[0] *= batch.size;
    Array y = make_array(std::make_shared<Random>(distribution_), flat,
                         batch.link.specs[0].dtype, {flatten(keys, 0, 1)});
    return {reshape(y, std::move(shape))};
  }

 private:
  Distribution distribution_;
};

double rounded(double x, Dtype dtype) {
  float narrow = static_cast<float>(x);
  switch (dtype) {
    case Dtype::float16:
      return static_cast<float>(Half(narrow));
    case Dtype::bfloat16:
      return static_cast<float>(Bfloat16(narrow));
    case Dtype::float64:
      return x;
    default:
      return narrow;
  }
}

void check_key(const Array& key) {
  require(key.dtype() == Dtype::uint32 && key.shape() == Shape{2},
          "random: key must be a uint32 array of shape (2), got ", key.dtype(),
          " of shape ", key.shape());
}

// Whether a key's words can be read now, so that keys made from it need no
// node.
bool is_known(const Array& key) { return key.ready() && !key.tracer(); }

uint32_t word_of(const Array& key, uint32_t index, uint32_t count) {
  const uint32_t* words = key.data<uint32_t>();
  return random_word(words[0], words[key.strides()[0]], index, count);
}

Array make_key(uint32_t high, uint32_t low) {
  Array key = Array::empty({2}, Dtype::uint32);
  key.data<uint32_t>()[0] = high;
  key.data<uint32_t>()[1] = low;
  return key;
}

void check_floating(Dtype dtype, const char* op) {
  require(is_floating(dtype), op, ": dtype must be a floating type, got ",
          dtype);
}

void check_fits(const Shape& given, const Shape& shape, const char* op) {
  bool fits = given.size() <= shape.size() &&
              broadcast_shapes(given, shape, op) == shape;
  require(fits, op, ": the parameters must broadcast to shape ", shape,
          ", got shape ", given);
}

Shape shape_of(const Parameter& x) {
  return x.array ? x.array.shape() : Shape();
}

Array as_array(const Parameter& x, Dtype dtype) {
  return x.array ? astype(x.array, dtype) : Array::scalar(x.number, dtype);
}

// Uniform in (-1, 1), in float32.
Array symmetric(const Shape& shape, const Array& key) {
  return draw({DistributionKind::uniform, -0x1.fffffep-1, 1}, shape,
              Dtype::float32, key);
}

// The operands of a draw with two parameters are checked alike.
void check_parameters(const Parameter& a, const Parameter& b,
                      const Shape& shape, Dtype dtype, const char* op) {
  check_floating(dtype, op);
  size_of(shape, dtype, op);
  check_fits(shape_of(a), shape, op);
  check_fits(shape_of(b), shape, op);
}

bool are_numbers(const Parameter& a, const Parameter& b) {
  return !a.array && !b.array;
}

// Running sums of a vector; each round doubles how far they reach back.
Array running_sum(Array x) {
  int64_t n = x.size();
  for (int64_t reach = 1; reach < n; reach *= 2) {
    Array earlier = slice(x, {0}, {n - reach}, {1});
    x = x + concatenate({zeros({reach}, x.dtype()), earlier}, 0);
  }
  return x;
}

// How many entries of ascending x are below each value, by bisection.
Array count_below(const Array& x, const Array& values) {
  auto number = [](int64_t n) { return Array::scalar(n, Dtype::int32); };
  int64_t n = x.size();
  Array count = zeros(values.shape(), Dtype::int32);
  auto width = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(n)));
  for (; width > 0; width /= 2) {
    Array next = count + number(width);
    Array last = take(x, minimum(next, number(n)) - number(1), 0);
    Array below = logical_and(less(last, values), less_equal(next, number(n)));
    count = where(below, next, count);
  }
  return count;
}

// Many samples of one distribution: by its cumulative probabilities, since
// noise for each of them would take memory for samples times outcomes.
Array sample_one(const Array& logits, const Shape& shape, const Array& key) {
  Array flat = astype(reshape(logits, {logits.size()}), Dtype::float32);
  Array cumulative = running_sum(softmax(flat, Shape{0}));
  int64_t n = size_of(shape, Dtype::uint32, "categorical");
  Array u = uniform(0.0, 1.0, {n}, Dtype::float32, key);
  Array last = Array::scalar(logits.size() - 1, Dtype::int32);
  Array index = minimum(count_below(cumulative, u), last);
  return reshape(astype(index, Dtype::uint32), shape);
}

}  // namespace

Affine affine_of(const Distribution& d, Dtype dtype) {
  auto in_type = [dtype](double x) { return rounded(x, dtype); };
  Affine args = {1, 0, in_type(std::numbers::sqrt2), 0, 0};
  double low = in_type(d.a), high = in_type(d.b);
  auto error_function = [&](double x) {
    double z = in_type(x / args.root);
    return in_type(dtype == Dtype::float64 ? math::erf(z)
                                           : math::erf(static_cast<float>(z)));
  };
  switch (d.kind) {
    case DistributionKind::bits:
      break;
    case DistributionKind::uniform:
      args.scale = in_type(high - low);
      args.shift = low;
      break;
    case DistributionKind::normal:
      args.scale = in_type(args.root * high);
      args.shift = low;
      break;
    case DistributionKind::truncated_normal:
      args.shift = error_function(low);
      args.scale = in_type(error_function(high) - args.shift);
      args.low = low;
      args.high = high;
      break;
  }
  return args;
}

Array key(uint64_t seed) {
  return make_key(static_cast<uint32_t>(seed >> 32),
                  static_cast<uint32_t>(seed));
}

Array split(const Array& key, int64_t num) {
  constexpr int64_t kAtOnce = 64;  // more are worth a node
  check_key(key);
  require(num >= 0, "split: num must not be negative, got ", num);
  if (!is_known(key) || num > kAtOnce) {
    return draw({DistributionKind::bits}, {num, 2}, Dtype::uint32, key);
  }
  Array keys = Array::empty({num, 2}, Dtype::uint32);
  for (uint32_t i = 0; i < 2 * num; ++i) {
    keys.data<uint32_t>()[i] = word_of(key, i, 2 * num);
  }
  return keys;
}

Array KeySequence::next() {
  std::lock_guard lock(mutex_);
  if (is_known(state_)) {
    Array key = make_key(word_of(state_, 2, 4), word_of(state_, 3, 4));
    state_ = make_key(word_of(state_, 0, 4), word_of(state_, 1, 4));
    return key;
  }
  Array keys = split(state_);
  state_ = reshape(slice(keys, {0, 0}, {1, 2}, {1, 1}), {2});
  return reshape(slice(keys, {1, 0}, {2, 2}, {1, 1}), {2});
}

Array KeySequence::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

void KeySequence::set_state(Array state) {
  check_key(state);
  std::lock_guard lock(mutex_);
  state_ = std::move(state);
}

KeySequence& default_sequence() {
  static KeySequence sequence([] {
    auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  }());
  return sequence;
}

Array draw(const Distribution& distribution, const Shape& shape, Dtype dtype,
           const Array& key) {
  if (key) check_key(key);
  auto op = std::make_shared<Random>(distribution);
  size_of(shape, dtype, op->name());  // an error here must not use up a key
  return make_array(std::move(op), shape, dtype,
                    {key ? key : default_sequence().next()});
}

Array draws(const Distribution& distribution, const Shape& shape, Dtype dtype,
            const Array& keys) {
  require(keys.dtype() == Dtype::uint32 && keys.ndim() == 2 &&
              keys.shape(1) == 2 && !shape.empty() && shape[0] == keys.shape(0),
          "random: there must be a key for each row, got shape ", keys.shape(),
          " of ", keys.dtype(), " for draws of shape ", shape);
  return make_array(std::make_shared<Random>(distribution), shape, dtype,
                    {keys});
}

Array uniform(const Parameter& low, const Parameter& high, const Shape& shape,
              Dtype dtype, const Array& key) {
  check_parameters(low, high, shape, dtype, "uniform");
  if (are_numbers(low, high)) {
    return draw({DistributionKind::uniform, low.number, high.number}, shape,
                dtype, key);
  }
  Array u = draw({DistributionKind::uniform, 0, 1}, shape, dtype, key);
  Array from = as_array(low, dtype);
  return u * (as_array(high, dtype) - from) + from;
}

Array normal(const Parameter& mean, const Parameter& deviation,
             const Shape& shape, Dtype dtype, const Array& key) {
  check_parameters(mean, deviation, shape, dtype, "normal");
  if (are_numbers(mean, deviation)) {
    return draw({DistributionKind::normal, mean.number, deviation.number},
                shape, dtype, key);
  }
  Array v = symmetric(shape, key);
  if (dtype == Dtype::float64) v = astype(v, dtype);
  Array root = Array::scalar(std::numbers::sqrt2, dtype);
  return astype(erfinv(v), dtype) * (root * as_array(deviation, dtype)) +
         as_array(mean, dtype);
}

Array truncated_normal(const Parameter& lower, const Parameter& upper,
                       const std::optional<Shape>& given, Dtype dtype,
                       const Array& key) {
  constexpr auto name = "truncated_normal";
  Shape shape =
      given ? *given : broadcast_shapes(shape_of(lower), shape_of(upper), name);
  check_parameters(lower, upper, shape, dtype, name);
  if (are_numbers(lower, upper)) {
    return draw(
        {DistributionKind::truncated_normal, lower.number, upper.number}, shape,
        dtype, key);
  }
  Array low = as_array(lower, dtype), high = as_array(upper, dtype);
  Array root = Array::scalar(std::numbers::sqrt2, dtype);
  Array v = uniform(erf(low / root), erf(high / root), shape, dtype, key);
  return maximum(minimum(root * erfinv(v), high), low);
}

Array bernoulli(const Parameter& p, const std::optional<Shape>& given,
                const Array& key) {
  require(!p.array || is_floating(p.array.dtype()),
          "bernoulli: p must be floating, got ",
          p.array ? p.array.dtype() : Dtype::float32);
  Shape shape = given ? *given : shape_of(p);
  check_parameters(p, 0.0, shape, Dtype::float32, "bernoulli");
  Array u = uniform(0.0, 1.0, shape, Dtype::float32, key);
  return less(u, as_array(p, Dtype::float32));
}

Array randint(const Parameter& low, const Parameter& high, const Shape& shape,
              Dtype dtype, const Array& key) {
  require(!is_inexact(dtype), "randint: dtype must be an integer type or ",
          "bool, got ", dtype);
  check_parameters(low, high, shape, Dtype::float32, "randint");
  Array x = floor(uniform(low, high, shape, Dtype::float32, key));
  Array one = Array::scalar(1.0, Dtype::float32);
  Array last = as_array(high, Dtype::float32) - one;
  Array first = as_array(low, Dtype::float32);
  return astype(maximum(minimum(x, last), first), dtype);
}

Array gumbel(const Shape& shape, Dtype dtype, const Array& key) {
  check_parameters(0.0, 0.0, shape, dtype, "gumbel");
  return -log(-log(uniform(0.0, 1.0, shape, dtype, key)));
}

Array laplace(const Parameter& mean, const Parameter& scale, const Shape& shape,
              Dtype dtype, const Array& key) {
  check_parameters(mean, scale, shape, dtype, "laplace");
  Array v = symmetric(shape, key);
  Array deviate = sign(v) * log1p(-abs(v));
  return astype(deviate, dtype) * as_array(scale, dtype) +
         as_array(mean, dtype);
}

Array categorical(const Array& logits, int64_t axis,
                  const std::optional<Shape>& given,
                  std::optional<int64_t> samples, const Array& key) {
  require(!given || !samples,
          "categorical: at most one of shape and num_samples must be given, ",
          "got both");
  axis = normalize_axis(axis, logits.ndim(), "categorical");
  int64_t outcomes = logits.shape(axis);
  require(outcomes > 0, "categorical: axis ", axis,
          " of logits must not be empty, got shape ", logits.shape());
  Shape batch = logits.shape();
  batch.erase(axis);
  Shape shape = given ? *given : batch;
  if (samples) shape.push_back(*samples);
  size_of(shape, Dtype::uint32, "categorical");
  if (!samples) check_fits(batch, shape, "categorical");
  if (logits.size() == outcomes && !shape.empty()) {
    return sample_one(logits, shape, key);
  }
  Shape noise = shape;
  int64_t at = samples ? axis : shape.size() - batch.size() + axis;
  noise.insert(at, outcomes);
  Array x = samples ? expand_dims(logits, {-1}) : logits;
  Array y = x + gumbel(noise, Dtype::float32, key);
  return argmax(y, at);
}

Array permutation(int64_t n, const Array& key) {
  require(n >= 0, "permutation: x must not be negative, got ", n);
  return argsort(draw({DistributionKind::bits}, {n}, Dtype::uint32, key), 0);
}

Array permutation(const Array& x, int64_t axis, const Array& key) {
  axis = normalize_axis(axis, x.ndim(), "permutation");
  return take(x, permutation(x.shape(axis), key), axis);
}

}  // namespace ingot::random
