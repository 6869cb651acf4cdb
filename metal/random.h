// Counter-based random numbers: a word is a function of the key and its index,
// so every thread count and backend draws the same ones, and the same as MLX.
// SPDX-License-Identifier: MIT
#pragma once
#include "math.h"
#include "shim.h"

namespace ingot {

struct Bits2 {
  uint32_t x0, x1;
};

INGOT_FN uint32_t rotated(uint32_t x, int count) {
  return x << count | x >> (32 - count);
}

// Four rounds and the key that follows them.
INGOT_FN Bits2 threefry_rounds(Bits2 x, int r0, int r1, int r2, int r3,
                               uint32_t key0, uint32_t key1) {
  x.x0 += x.x1;
  x.x1 = rotated(x.x1, r0) ^ x.x0;
  x.x0 += x.x1;
  x.x1 = rotated(x.x1, r1) ^ x.x0;
  x.x0 += x.x1;
  x.x1 = rotated(x.x1, r2) ^ x.x0;
  x.x0 += x.x1;
  x.x1 = rotated(x.x1, r3) ^ x.x0;
  return {x.x0 + key0, x.x1 + key1};
}

// Threefry-2x32-20 (Salmon, Moraes, Dror, Shaw 2011) of key (k0, k1) and
// counter (c0, c1).
INGOT_FN Bits2 threefry2x32(uint32_t k0, uint32_t k1, uint32_t c0,
                            uint32_t c1) {
  uint32_t k2 = k0 ^ k1 ^ 0x1bd11bdau;
  Bits2 x = {c0 + k0, c1 + k1};
  x = threefry_rounds(x, 13, 15, 26, 6, k1, k2 + 1);
  x = threefry_rounds(x, 17, 29, 16, 24, k2, k0 + 2);
  x = threefry_rounds(x, 13, 15, 26, 6, k0, k1 + 3);
  x = threefry_rounds(x, 17, 29, 16, 24, k1, k2 + 4);
  return threefry_rounds(x, 13, 15, 26, 6, k2, k0 + 5);
}

// Words i and i + ceil(n / 2) of n, for i < ceil(n / 2): a generator call gives
// both. Of an odd n the last call's second word has no place.
INGOT_FN Bits2 random_words(uint32_t k0, uint32_t k1, uint32_t i, uint32_t n) {
  uint32_t lower = n / 2 + n % 2;
  return threefry2x32(k0, k1, i, where(i < n / 2, i + lower, 0u));
}

// Word i of n.
INGOT_FN uint32_t random_word(uint32_t k0, uint32_t k1, uint32_t i,
                              uint32_t n) {
  uint32_t lower = n / 2 + n % 2;
  Bits2 words = random_words(k0, k1, where(i < lower, i, i - lower), n);
  return where(i < lower, words.x0, words.x1);
}

// [0, 1): bits / 2^32. Those near the top would round to 1; the largest that do
// not give the number below it.
INGOT_FN float bits_to_uniform(uint32_t bits) {
  return float(min(bits, 0xffffff7fu)) * 2.32830644e-10f;
}

// The functions below take u from [0, 1).

INGOT_FN float uniform_to_range(float u, float low, float high) {
  return u * (high - low) + low;
}

// In (-1, 1), both ends left out: erfinv and log stay finite.
INGOT_FN float uniform_to_symmetric(float u) {
  return uniform_to_range(u, -0.99999994f, 1.0f);
}

// erfinv(2 u - 1); the normal deviate is sqrt 2 times it. Draws of half types
// round it first, then multiply and add in their own precision.
INGOT_FN float uniform_to_erfinv(float u) {
  return math::erfinv(uniform_to_symmetric(u));
}

INGOT_FN float uniform_to_normal(float u) {
  return 1.41421354f * uniform_to_erfinv(u);
}

// Normal on the condition low <= z <= high.
INGOT_FN float uniform_to_truncated_normal(float u, float low, float high) {
  float from = math::erf(low / 1.41421354f), to = math::erf(high / 1.41421354f);
  float z = 1.41421354f * math::erfinv(uniform_to_range(u, from, to));
  return max(min(z, high), low);
}

INGOT_FN float uniform_to_gumbel(float u) { return -math::log(-math::log(u)); }

INGOT_FN float uniform_to_laplace(float u) {
  float v = uniform_to_symmetric(u);
  return sign(v) * math::log1p(-abs(v));
}

}  // namespace ingot
