// pow, logaddexp and the exact float remainder. Coefficients come from fit.py.
// SPDX-License-Identifier: MIT
#pragma once
#include "../shim.h"
#include "exp_log.h"

namespace ingot {
namespace math {

// An unevaluated sum, hi + lo, good to about 2^-46.
struct Pair {
  float hi, lo;
};

// a + b exactly, for |a| >= |b| or a = 0 (Dekker 1971).
INGOT_FN Pair sum(float a, float b) {
  float hi = a + b;
  return {hi, (a - hi) + b};
}

INGOT_FN Pair product(Pair a, Pair b) {
  float hi = a.hi * b.hi;
  float lo = fma(a.hi, b.lo, a.lo * b.hi) + fma(a.hi, b.hi, -hi);
  return {hi, lo};
}

// log2(x) as a pair, from log2(m) = 2 / ln 2 atanh((m - 1) / (m + 1)); x > 0.
INGOT_FN Pair log2_pair(float x) {
  LogParts a = log_parts(x);
  Pair d = sum(2.0f, a.f);
  float s = a.f / d.hi;
  float left = fma(-s, d.lo, fma(-s, d.hi, a.f));
  Pair ratio = {s, left / d.hi};
  Pair z = product(ratio, ratio);
  float p =
      polynomial(z.hi, 0.577078044f, 0.412192076f, 0.320890009f, 0.265314907f);
  Pair c1 = sum(0.961796701f, z.hi * p);
  c1.lo += -7.02846181e-09f;
  Pair c1z = product(c1, z);
  Pair c0 = sum(2.88539004f, c1z.hi);
  c0.lo += c1z.lo + 3.85192607e-08f;
  Pair log_m = product(c0, ratio);
  Pair result = sum(a.k, log_m.hi);
  result.lo += log_m.lo;
  return result;
}

// 2^(hi + lo), almost correctly rounded: integer powers come out exact.
INGOT_FN float exp2_pair(Pair x) {
  Nearest n = nearest(x.hi);
  Pair r = sum(x.hi - n.value, x.lo);
  Pair ln2 = {0.693147182f, -1.90465421e-09f};
  Pair t = product(r, ln2);
  float tail = r.hi * r.hi *
               polynomial(r.hi, 0.240226507f, 0.0555041097f, 0.00961807743f,
                          0.00133334054f, 0.000154563575f, 1.53227702e-05f);
  Pair y = sum(1.0f, t.hi);
  return ldexp(y.hi + (y.lo + (t.lo + tail)), n.integer);
}

// |x|^y, for the values IEEE 754 does not single out.
INGOT_FN float pow_magnitude(float x, float y) {
  Pair l = log2_pair(x);
  l.hi = where(x == 0.0f, -infinity(), where(x < infinity(), l.hi, x));
  l.lo = where(isfinite(l.hi), l.lo, 0.0f);
  float hi = y * l.hi;
  float lo = fma(y, l.lo, fma(y, l.hi, -hi));
  bool inside = abs(hi) < 160.0f;
  Pair e = {clamp(hi, -160.0f, 160.0f), where(inside, lo, 0.0f)};
  return exp2_pair(e);
}

// Conditions join by & and |: the jumps of && and || would stop vectorisation.
INGOT_FN float pow(float x, float y) {
  float size = abs(x), halved = 0.5f * y;
  bool negative = (as_type<uint32_t>(x) >> 31) != 0;
  bool integer = trunc(y) == y, odd = integer & (trunc(halved) != halved);
  float p = pow_magnitude(size, y);
  p = where(negative & odd, -p, p);
  p = where((x < 0.0f) & isfinite(x) & !integer, not_a_number(), p);
  p = where(int(isnan(x)) | int(isnan(y)), not_a_number(), p);
  bool one = (x == 1.0f) | (y == 0.0f) | ((x == -1.0f) & isinf(y));
  return where(one, 1.0f, p);
}

// high + log(1 + e^(low - high)); the rounding error of the gap (Knuth's
// two-sum) matters where the logarithm outweighs a small `high`.
INGOT_FN float logaddexp(float x, float y) {
  float high = max(x, y), low = min(x, y), gap = low - high;
  float back = gap + high;
  float lost = (low - back) - (high - (back - gap));
  float e = exp(where(x == y, 0.0f, gap));  // inf - inf is NaN
  return high + log1p(fma(e, where(isfinite(gap), lost, 0.0f), e));
}

// One step of long division: r less the multiple of d that r / d rounds to,
// which is exact, as every remainder of a float division is.
INGOT_FN float divided_once(float r, float d) {
  return where(abs(r) < d, r, fma(-trunc(r / d), d, r));
}
INGOT_FN float divided_four_times(float r, float d) {
  return divided_once(divided_once(divided_once(divided_once(r, d), d), d), d);
}

// C's fmod, exact. Each step takes 24 bits off the quotient, which has up to
// 277; a small y is first scaled up, lest x / y overflow.
INGOT_FN float fmod(float x, float y) {
  float d0 = abs(y);
  float d1 = where(d0 < 1.0f, d0 * 3.77789319e+22f, d0);  // 2^75
  float d2 = where(d1 < 1.0f, d1 * 3.77789319e+22f, d1);
  float r = divided_once(divided_once(abs(x), d2), d2);
  r = divided_four_times(r, d2);
  r = divided_four_times(r, d1);
  r = divided_four_times(r, d0);
  return copysign(where(r < 0.0f, r + d0, r), x);
}

}  // namespace math
}  // namespace ingot
