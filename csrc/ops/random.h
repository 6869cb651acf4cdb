// Random numbers: keys, and draws that are functions of a key alone.
// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>
#include <optional>

#include "csrc/ops.h"

namespace ingot::random {

// --- keys: uint32 arrays of shape (2,) ---

Array key(uint64_t seed);
// Independent keys, (num, 2).
Array split(const Array& key, int64_t num = 2);

// Keys one after another, from a state that is a key itself.
class KeySequence {
 public:
  explicit KeySequence(uint64_t seed) : state_(key(seed)) {}
  void seed(uint64_t seed) { set_state(key(seed)); }
  Array next();
  Array state() const;
  void set_state(Array state);

 private:
  mutable std::mutex mutex_;
  Array state_;
};

// That of draws without a key; seeded by the clock at first.
KeySequence& default_sequence();

// --- draws; without a key (an empty Array) the default sequence gives one ---

// What a fused draw of one type computes with, each number rounded to the type
// in the steps of mlx.core: a deviate x becomes x * scale + shift; truncated
// normals are then multiplied by root and kept in [low, high].
struct Affine {
  double scale, shift, root, low, high;
};
Affine affine_of(const Distribution& distribution, Dtype dtype);

// One fused draw. `bits` are uint32.
Array draw(const Distribution& distribution, const Shape& shape, Dtype dtype,
           const Array& key);

// One for each of the keys (n, 2), along the first axis.
Array draws(const Distribution& distribution, const Shape& shape, Dtype dtype,
            const Array& keys);

// A number, or an array that broadcasts to the shape of the draw.
struct Parameter {
  Parameter(double number) : number(number) {}
  Parameter(Array array) : array(std::move(array)) {}
  double number = 0;
  Array array;  // empty for a number
};

// In [low, high).
Array uniform(const Parameter& low, const Parameter& high, const Shape& shape,
              Dtype dtype, const Array& key);
Array normal(const Parameter& mean, const Parameter& deviation,
             const Shape& shape, Dtype dtype, const Array& key);
// Standard normal within [lower, upper]; their shape if there is none.
Array truncated_normal(const Parameter& lower, const Parameter& upper,
                       const std::optional<Shape>& shape, Dtype dtype,
                       const Array& key);
// True with probability p; of p's shape if there is none.
Array bernoulli(const Parameter& p, const std::optional<Shape>& shape,
                const Array& key);
// In [low, high), of an integer type or bool.
Array randint(const Parameter& low, const Parameter& high, const Shape& shape,
              Dtype dtype, const Array& key);
Array gumbel(const Shape& shape, Dtype dtype, const Array& key);
Array laplace(const Parameter& mean, const Parameter& scale, const Shape& shape,
              Dtype dtype, const Array& key);
// Vectors of mean (..., n) and covariance (..., n, n), of the shape that `shape`
// and the batch dimensions of both broadcast to, and n (ops/multivariate.cpp).
Array multivariate_normal(const Array& mean, const Array& covariance,
                          const Shape& shape, Dtype dtype, const Array& key);
// Indices along `axis`, with probabilities softmax(logits): one for each
// distribution, or an array of `shape` (the others broadcast to it), or
// `samples` along a new last axis.
Array categorical(const Array& logits, int64_t axis,
                  const std::optional<Shape>& shape,
                  std::optional<int64_t> samples, const Array& key);
// The integers below n, as uint32, or the entries of x along an axis.
Array permutation(int64_t n, const Array& key);
Array permutation(const Array& x, int64_t axis, const Array& key);

}  // namespace ingot::random
