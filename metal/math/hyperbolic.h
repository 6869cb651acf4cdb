// Hyperbolic functions, their inverses, and the logistic function.
// Coefficients come from fit.py.
// SPDX-License-Identifier: MIT
#pragma once
#include "../shim.h"
#include "exp_log.h"

namespace ingot {
namespace math {

INGOT_FN float sinh(float x) {
  float size = abs(x), z = x * x;
  float near = fma(size * z,
                   polynomial(z, 0.166666672f, 0.00833331607f, 0.0001984142f,
                              2.79153824e-06f),
                   size);
  float grown = exp_shifted(size, -1);  // e^|x| / 2
  return copysign(where(size < 1.0f, near, grown - 0.25f / grown), x);
}

INGOT_FN float cosh(float x) {
  float grown = exp_shifted(abs(x), -1);
  return grown + 0.25f / grown;
}

// From e^2|x| - 1; tanh rounds to 1 from |x| = 9.02.
INGOT_FN float tanh(float x) {
  float size = abs(x);
  float e = expm1_of_medium(2.0f * (size > 10.0f ? 10.0f : size));
  return copysign(e / (e + 2.0f), x);
}

// log(|x| + sqrt(x^2 + 1)) by log1p; log(2 |x|) once x^2 may overflow.
INGOT_FN float asinh(float x) {
  float size = abs(x), z = x * x;
  bool large = size > 1e9f;
  float a = size + z / (1.0f + sqrt(z + 1.0f));
  float y = log1p(where(large, size, a)) + where(large, 0.693147182f, 0.0f);
  return copysign(y, x);
}

// log(x + sqrt(x^2 - 1)) by log1p of t + sqrt(t^2 + 2 t), t = x - 1.
INGOT_FN float acosh(float x) {
  float t = x - 1.0f;
  bool large = x > 1e9f;
  float a = t + sqrt(fma(t, t, 2.0f * t));
  float y = log1p(where(large, x, a)) + where(large, 0.693147182f, 0.0f);
  return where(x < 1.0f, not_a_number(), y);
}

INGOT_FN float atanh(float x) {
  float size = abs(x);
  return copysign(0.5f * log1p(2.0f * size / (1.0f - size)), x);
}

INGOT_FN float sigmoid(float x) {
  float e = exp(-abs(x));
  return where(x < 0.0f, e, 1.0f) / (1.0f + e);
}

}  // namespace math
}  // namespace ingot
