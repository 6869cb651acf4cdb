// Sine, cosine, tangent and their inverses. Coefficients come from fit.py.
// SPDX-License-Identifier: MIT
#pragma once
#include "../shim.h"
#include "exp_log.h"

namespace ingot {
namespace math {

// |x| = quarters pi / 2 + hi + lo, |hi| <= pi / 4.
struct Angle {
  float hi, lo;
  uint32_t quarters;
};

INGOT_FN uint32_t high_product(uint32_t a, uint32_t b) {
  return uint32_t(uint64_t(a) * b >> 32);
}

// |x| / 2 pi mod 1 for |x| >= 1/2, in units of 2^-64 (Payne and Hanek 1983):
// with x = m 2^e, only 96 bits of 2^e / 2 pi matter, a window into the binary
// expansion of 2^-24 / 2 pi that starts at bit e + 24.
struct Turns {
  uint32_t high, low;
};
INGOT_FN Turns turns(float x) {
  uint32_t bits = as_type<uint32_t>(x) & 0x7fffffffu, exponent = bits >> 23;
  bool below_one = exponent < 127;
  uint32_t m = ((bits & 0x7fffffu) | 0x800000u) << where(below_one, 0, 1);
  uint32_t start = where(below_one, 0u, exponent - 127);

  bool skip2 = (start & 64) != 0, skip1 = (start & 32) != 0;
  uint32_t a0 = where(skip2, 0x91054a7fu, 0x00000028u);
  uint32_t a1 = where(skip2, 0x09d5f47du, 0xbe60db93u);
  uint32_t a2 = where(skip2, 0x4d377036u, 0x91054a7fu);
  uint32_t a3 = where(skip2, 0xd8a5664fu, 0x09d5f47du);
  uint32_t a4 = where(skip2, 0x10e4107fu, 0x4d377036u);
  uint32_t b0 = where(skip1, a1, a0), b1 = where(skip1, a2, a1);
  uint32_t b2 = where(skip1, a3, a2), b3 = where(skip1, a4, a3);

  uint32_t left = start & 31, right = 31 - left;
  uint32_t w0 = b0 << left | b1 >> 1 >> right;
  uint32_t w1 = b1 << left | b2 >> 1 >> right;
  uint32_t w2 = b2 << left | b3 >> 1 >> right;

  uint32_t middle = m * w1, low = middle + high_product(m, w2);
  uint32_t carry = where(low < middle, 1u, 0u);
  return {m * w0 + high_product(m, w1) + carry, low};
}

INGOT_FN Angle reduced(float x) {
  Turns t = turns(x);
  uint32_t quarters = (t.high + 0x20000000u) >> 30;
  int32_t high = int32_t(t.high - (quarters << 30));
  // 24, 24 and 14 bits convert to float exactly.
  float top = float(high >> 6) * 1.49011612e-08f;  // 2^-26
  float rest = fma(float(int32_t((high & 63) << 18 | t.low >> 14)),
                   8.8817842e-16f,                                     // 2^-50
                   float(int32_t(t.low & 0x3fff)) * 5.42101086e-20f);  // 2^-64
  float f = top + rest, f_low = rest - (f - top);
  float hi = f * 6.28318548f;
  float lo = fma(f, -1.74845553e-07f, fma(f, 6.28318548f, -hi));
  lo = fma(f_low, 6.28318548f, lo);
  bool small = abs(x) < 0.5f;
  // x - x makes infinity NaN.
  return {where(small, abs(x), hi), where(small, 0.0f, lo) + (x - x),
          where(small, 0u, quarters)};
}

INGOT_FN float sin_of(Angle a) {
  float z = a.hi * a.hi;
  float p = polynomial(z, -0.166666552f, 0.00833219197f, -0.000195187895f);
  return a.hi + fma(a.hi * z, p, fma(-0.5f * z, a.lo, a.lo));
}

INGOT_FN float cos_of(Angle a) {
  float z = a.hi * a.hi;
  float p = polynomial(z, 0.0416666456f, -0.0013887313f, 2.44329713e-05f);
  float h = 0.5f * z, w = 1.0f - h;
  return w + (((1.0f - w) - h) + fma(z * z, p, -a.hi * a.lo));
}

// Changes the sign of x where bit `bit` of n is set.
INGOT_FN float negated_by_bit(float x, uint32_t n, int bit) {
  return as_type<float>(as_type<uint32_t>(x) ^ (n >> bit & 1u) << 31);
}

INGOT_FN float sin(float x) {
  Angle a = reduced(x);
  float y = where((a.quarters & 1) != 0, cos_of(a), sin_of(a));
  return negated_by_bit(negated_by_bit(y, a.quarters, 1), as_type<uint32_t>(x),
                        31);
}

INGOT_FN float cos(float x) {
  Angle a = reduced(x);
  float y = where((a.quarters & 1) != 0, sin_of(a), cos_of(a));
  return negated_by_bit(y, a.quarters + 1, 1);
}

INGOT_FN float tan(float x) {
  Angle a = reduced(x);
  float s = sin_of(a), c = cos_of(a);
  bool odd = (a.quarters & 1) != 0;
  float y = where(odd, -c, s) / where(odd, s, c);
  return negated_by_bit(y, as_type<uint32_t>(x), 31);
}

// asin of |x| up to 1/2 is s + s z p(z), z = x^2; beyond, asin |x| =
// pi / 2 - 2 asin(s) with s = sqrt((1 - |x|) / 2).
struct ArcParts {
  float s, tail;
  bool beyond;
};
INGOT_FN ArcParts asin_parts(float x) {
  float size = abs(x);
  bool beyond = size > 0.5f;
  float z = where(beyond, fma(size, -0.5f, 0.5f), size * size);
  float s = where(beyond, sqrt(z), size);
  float p = polynomial(z, 0.166667536f, 0.0749527663f, 0.0454714522f,
                       0.0241787955f, 0.0421625003f);
  return {s, s * z * p, beyond};
}

INGOT_FN float asin(float x) {
  ArcParts a = asin_parts(x);
  float beyond = 1.57079637f - (2.0f * (a.s + a.tail) + 4.37113883e-08f);
  return copysign(where(a.beyond, beyond, a.s + a.tail), x);
}

INGOT_FN float acos(float x) {
  ArcParts a = asin_parts(x);
  float angle = a.s + a.tail;
  float beyond = where(
      x < 0.0f, 3.14159274f - fma(2.0f, angle, 8.74227766e-08f), 2.0f * angle);
  float inside = 1.57079637f -
                 (copysign(a.s, x) + (copysign(a.tail, x) + 4.37113883e-08f));
  return where(a.beyond, beyond, inside);
}

// atan on [0, 1].
INGOT_FN float atan_unit(float t) {
  float z = t * t;
  float p = polynomial(z, -0.333332956f, 0.199984536f, -0.14263308f,
                       0.109475791f, -0.0839061067f, 0.0577461869f,
                       -0.0309740175f, 0.0108082248f, -0.00177041674f);
  return fma(t * z, p, t);
}

INGOT_FN float atan(float x) {
  float size = abs(x);
  bool beyond = size > 1.0f;
  float t = atan_unit(where(beyond, 1.0f / size, size));
  float y = where(beyond, 1.57079637f - (t + 4.37113883e-08f), t);
  return copysign(y, x);
}

INGOT_FN float atan2(float y, float x) {
  float a = abs(y), b = abs(x);
  float small = min(a, b), large = max(a, b);
  float t = where(small == large, 1.0f, small / large);  // inf / inf
  t = atan_unit(where(small == 0.0f, 0.0f, t));          // 0 / 0
  t = where(a > b, 1.57079637f - (t + 4.37113883e-08f), t);
  bool left = (as_type<uint32_t>(x) >> 31) != 0;
  return copysign(where(left, 3.14159274f - (t + 8.74227766e-08f), t), y);
}

}  // namespace math
}  // namespace ingot
