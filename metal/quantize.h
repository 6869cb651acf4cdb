// Numbers in few bits: how a group's scale is found, and what a code stands for.
// The same on the CPU and on Metal, see Quantization in csrc/families.h.
// SPDX-License-Identifier: MIT
#pragma once
#include "shim.h"

namespace ingot {

// As Quantization::Mode.
enum { kAffine, kMxfp4, kMxfp8, kNvfp4 };

// The widest group, and the largest numbers in four (E2M1) and eight bits (E4M3).
enum { kWidestGroup = 128, kFp4Largest = 6, kFp8Largest = 448 };

// The code that begins `shift` bits into the first of two words.
INGOT_FN uint32_t code_in(uint32_t low, uint32_t high, uint32_t shift,
                          uint32_t bits) {
  return (low >> shift | (high << 1) << (31 - shift)) & ((1u << bits) - 1);
}

template <class T>
struct Affine {
  T scale, bias;
};

// Codes count up or down from the end that is further from 0, in steps that have
// 0 among their multiples: both come back exactly.
template <class T>
INGOT_FN Affine<T> affine_of(T low, T high, int bits) {
  T steps = T((1 << bits) - 1);
  T scale = max((high - low) / steps, T(1e-7f));
  Affine<T> plain = {scale, low};
  if (bits == 1) return plain;
  bool negative = abs(low) > abs(high);
  T end = negative ? low : high;
  scale = negative ? scale : -scale;
  T count = rint(end / scale);
  Affine<T> from_zero = {scale, T(0)};
  Affine<T> from_end = {end / count, end};
  return count == T(0) ? from_zero : from_end;
}

template <class T>
INGOT_FN uint32_t affine_code(T w, Affine<T> affine, int bits) {
  T most = T((1 << bits) - 1);
  T count = rint((w - affine.bias) / affine.scale);
  return uint32_t(count > T(0) ? (count < most ? count : most) : T(0));
}

// E2M1: to the nearest, halves towards 0, which has no sign.
INGOT_FN uint32_t fp4_code(float x) {
  float size = abs(x);
  uint32_t code = uint32_t(size > 0.25f) + uint32_t(size > 0.75f) +
                  uint32_t(size > 1.25f) + uint32_t(size > 1.75f) +
                  uint32_t(size > 2.5f) + uint32_t(size > 3.5f) +
                  uint32_t(size > 5.0f);
  return code | (x < 0.0f && code > 0 ? 8u : 0u);
}

// The exponent's bits are where those of a float are, but for its range; what has
// none is taken off a 1 in front of the fraction.
INGOT_FN float fp4_value(uint32_t code) {
  uint32_t size = code & 7u;
  float normal = as_type<float>((size << 22) + (126u << 23));
  float small = as_type<float>((size << 22) + (127u << 23)) - 1.0f;
  float value = where(size < 2u, small, normal);
  return as_type<float>(as_type<uint32_t>(value) | (code & 8u) << 28);
}

// E4M3: to the nearest, halves to the even one; what is larger becomes 448.
INGOT_FN uint32_t fp8_code(float x) {
  uint32_t word = as_type<uint32_t>(x), size = word & 0x7fffffffu;
  uint32_t normal = ((size + 0x7ffffu + (size >> 20 & 1u)) >> 20) - (120u << 3);
  bool small = abs(x) < 0.015625f;
  uint32_t code = small ? uint32_t(rint(abs(x) * 512.0f)) : normal;
  code = isnan(x) ? 127u : min(code, 126u);
  return code | (word >> 24 & 128u);
}

INGOT_FN float fp8_value(uint32_t code) {
  uint32_t size = code & 127u;
  float normal = as_type<float>((size << 20) + (120u << 23));
  float small = as_type<float>((size << 20) + (121u << 23)) - 0.015625f;
  float value = where(size < 8u, small, normal);
  value = where(size == 127u, as_type<float>(0x7fc00000u), value);
  return as_type<float>(as_type<uint32_t>(value) | (code & 128u) << 24);
}

// E8M0: the least power of two that is not below x; NaN for what is not finite.
INGOT_FN uint32_t e8m0_code(float x) {
  uint32_t word = as_type<uint32_t>(x);
  uint32_t code = (word >> 23) + uint32_t((word & 0x7fffffu) != 0);
  return x == 0.0f ? 127u : min(code, 255u);
}

INGOT_FN float e8m0_value(uint32_t code) {
  float value = as_type<float>(code == 0 ? 0x400000u : code << 23);
  return where(code == 255u, as_type<float>(0x7fc00000u), value);
}

// The scale of a group of small floats, from the largest of their magnitudes.
INGOT_FN uint32_t scale_code(float largest, int mode) {
  if (mode != kNvfp4) {
    return e8m0_code(largest /
                     float(mode == kMxfp8 ? kFp8Largest : kFp4Largest));
  }
  return isfinite(largest) ? fp8_code(largest / float(kFp4Largest)) : 127u;
}

INGOT_FN float scale_value(uint32_t code, int mode) {
  return mode == kNvfp4 ? fp8_value(code) : e8m0_value(code);
}

// The code of w in a group of that scale.
INGOT_FN uint32_t float_code(float w, float scale, int mode) {
  float x = scale == 0.0f ? 0.0f : w / scale;
  return mode == kMxfp8 ? fp8_code(x) : fp4_code(x);
}

INGOT_FN float float_value(uint32_t code, int mode) {
  return mode == kMxfp8 ? fp8_value(code) : fp4_value(code);
}

}  // namespace ingot
