// Exponentials and logarithms of float, and the pieces the other functions
// build on. Coefficients come from fit.py.
// SPDX-License-Identifier: MIT
#pragma once
#include "../shim.h"

namespace ingot {
namespace math {

INGOT_FN float infinity() { return as_type<float>(0x7f800000u); }
INGOT_FN float not_a_number() { return as_type<float>(0x7fc00000u); }

// c0 + c1 x + c2 x^2 + ... by Horner's rule. fma is explicit everywhere, so
// that a compiler's contraction has nothing left to change.
INGOT_FN float polynomial(float, float c0) { return c0; }
template <class... C>
INGOT_FN float polynomial(float x, float c0, C... higher) {
  return fma(x, polynomial(x, higher...), c0);
}

// The magnitude of `x` with the sign of `y`.
INGOT_FN float copysign(float x, float y) {
  return as_type<float>((as_type<uint32_t>(x) & 0x7fffffffu) |
                        (as_type<uint32_t>(y) & 0x80000000u));
}

// Limits x to [low, high]; NaN passes.
INGOT_FN float clamp(float x, float low, float high) {
  return x < low ? low : (x > high ? high : x);
}

// 2^n, n in [-126, 127].
INGOT_FN float power_of_two(int32_t n) {
  return as_type<float>(uint32_t(n + 127) << 23);
}

// x 2^n for n in [-252, 254], rounded once also where it is subnormal.
INGOT_FN float ldexp(float x, int32_t n) {
  int32_t first = n >> 1;
  return x * power_of_two(first) * power_of_two(n - first);
}

// The nearest integer of |x| < 2^21, as float and as int32. Adding 1.5 2^23
// leaves it in the low bits, which needs no conversion (undefined for NaN).
struct Nearest {
  float value;
  int32_t integer;
};
INGOT_FN Nearest nearest(float x) {
  float shifted = x + 12582912.0f;
  return {shifted - 12582912.0f,
          int32_t(as_type<uint32_t>(shifted) - 0x4b400000u)};
}

// e^x = 2^n (1 + r + tail), |r| <= ln 2 / 2; x in [-104, 90] or NaN.
struct ExpParts {
  float r, tail;
  int32_t n;
};
INGOT_FN ExpParts exp_parts(float x) {
  Nearest n = nearest(x * 1.44269502f);
  float r = fma(n.value, 1.90465421e-09f, fma(n.value, -0.693147182f, x));
  float tail = r * r *
               polynomial(r, 0.5f, 0.166665152f, 0.0416664556f, 0.00836923346f,
                          0.0013935765f);
  return {r, tail, n.integer};
}

// e^x 2^shift; shift saves sinh and cosh from overflowing early.
INGOT_FN float exp_shifted(float x, int32_t shift) {
  ExpParts e = exp_parts(clamp(x, -104.0f, 90.0f));
  return ldexp(1.0f + (e.r + e.tail), e.n + shift);
}

INGOT_FN float exp(float x) { return exp_shifted(x, 0); }

INGOT_FN float exp2(float x) {
  float c = clamp(x, -151.0f, 129.0f);
  Nearest n = nearest(c);
  float r = c - n.value;
  float p = polynomial(r, 0.693147182f, 0.240226507f, 0.0555035807f,
                       0.00961807743f, 0.00133916433f, 0.000154563575f);
  return ldexp(fma(r, p, 1.0f), n.integer);
}

// e^x - 1 = 2^n (e^r - 1) + (2^n - 1); |x| < 87 or NaN.
INGOT_FN float expm1_of_medium(float x) {
  ExpParts e = exp_parts(x);
  float scale = power_of_two(e.n);
  return fma(scale, e.r + e.tail, scale - 1.0f);
}

// The same for all x, halved on the way so that 2^128 does not overflow.
INGOT_FN float expm1(float x) {
  ExpParts e = exp_parts(clamp(x, -30.0f, 90.0f));
  float middle = power_of_two(where(e.n > 128, 128, e.n) - 1);
  float y = 2.0f * fma(middle, e.r + e.tail, middle - 0.5f);
  y = where(x > 89.0f, infinity(), y);
  return where(abs(x) < 5.9e-8f, x, y);
}

// x = 2^k (1 + f), 1 + f in [sqrt 1/2, sqrt 2); x > 0 and finite.
struct LogParts {
  float f, k;
};
INGOT_FN LogParts log_parts_of_normal(float x, int bias = 127) {
  // Bits of 1 less bits of sqrt 1/2: carries into the exponent from there on.
  uint32_t bits = as_type<uint32_t>(x) + (0x3f800000u - 0x3f3504f3u);
  float k = float(int32_t(bits >> 23) - bias);
  float m = as_type<float>((bits & 0x7fffffu) + 0x3f3504f3u);
  return {m - 1.0f, k};
}
INGOT_FN LogParts log_parts(float x) {
  bool subnormal = x < 1.17549435e-38f;
  float normal = where(subnormal, x * 8388608.0f, x);
  return log_parts_of_normal(normal, where(subnormal, 150, 127));
}

// `y` inside (0, inf), where a logarithm of x has no special value.
INGOT_FN float log_special(float x, float y) {
  float at_zero = where(x == 0.0f, -infinity(), not_a_number());
  return where(x > 0.0f, where(x < infinity(), y, x), at_zero);
}

// log(1 + f) + k ln 2.
INGOT_FN float log_sum(float f, float k) {
  float p = polynomial(f, -0.5f, 0.333333105f, -0.25f, 0.200022265f,
                       -0.166685268f, 0.142181218f, -0.123964205f, 0.118885927f,
                       -0.1172584f, 0.068049334f);
  float low = fma(f * f, p, k * -1.90465421e-09f);
  return fma(k, 0.693147182f, f + low);
}

INGOT_FN float log(float x) {
  LogParts a = log_parts(x);
  return log_special(x, log_sum(a.f, a.k));
}

// The same of normal numbers.
INGOT_FN float log_of_normal(float x) {
  LogParts a = log_parts_of_normal(x);
  return log_sum(a.f, a.k);
}

INGOT_FN float log2(float x) {
  LogParts a = log_parts(x);
  float p = polynomial(a.f, -0.721347332f, 0.480898201f, -0.360697865f,
                       0.288570225f, -0.239596397f, 0.204541251f, -0.191152185f,
                       0.186550215f, -0.110206097f);
  float low = fma(a.f * a.f, p, a.f * 1.92596303e-08f);
  return log_special(x, a.k + fma(a.f, 1.44269502f, low));
}

INGOT_FN float log10(float x) {
  LogParts a = log_parts(x);
  float p = polynomial(a.f, -0.217147186f, 0.144764781f, -0.108580738f,
                       0.0868683532f, -0.0721284002f, 0.0615733676f,
                       -0.0575236976f, 0.0561491102f, -0.0332071073f);
  float low = fma(a.k, -1.43209888e-08f, a.f * -1.010305e-08f);
  low = fma(a.f, 0.434294492f, fma(a.f * a.f, p, low));
  return log_special(x, fma(a.k, 0.30103001f, low));
}

// k comes from 1 + x, but f from x itself, which 1 + x may have rounded away.
INGOT_FN float log1p(float x) {
  float u = 1.0f + x;
  int32_t k = int32_t(log_parts(u).k);
  float f = ldexp(x, -k) + (ldexp(1.0f, -k) - 1.0f);
  float y = log_special(u, log_sum(f, float(k)));
  return where(abs(x) < 5.9e-8f, x, y);
}

}  // namespace math
}  // namespace ingot
