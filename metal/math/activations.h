// Activation functions and their slopes, accurate in their tails as well.
// Coefficients come from fit.py.
// SPDX-License-Identifier: MIT
#pragma once
#include "../shim.h"
#include "exp_log.h"
#include "hyperbolic.h"
#include "libm.h"

namespace ingot {
namespace math {

// e^-x for x in [0, 80] or NaN.
INGOT_FN float exp_of_medium(float x) {
  ExpParts e = exp_parts(-x);
  return power_of_two(e.n) * (1.0f + (e.r + e.tail));
}

// From here on down gelu and gelu_approx are 0: they lie within 1e-14 of it.
INGOT_FN float gelu_end() { return -8.0f; }

// The distribution function of the standard normal, Phi(x), for x >= -8: with
// e^-g = 2 Phi(-|x|) and g = |x| p(|x|), neither side is a difference.
INGOT_FN float normal_distribution(float x) {
  float size = abs(x);
  size = size > 8.0f ? 8.0f : size;
  float p = polynomial(size, 0.79788512f, 0.318303943f, 0.0363557078f,
                       -0.0048117796f, -1.87141377e-05f, 0.000214690313f,
                       -6.46160261e-05f, 1.13233555e-05f, -1.29982959e-06f,
                       9.61842588e-08f, -4.16997281e-09f, 8.05053593e-11f);
  float tail = 0.5f * exp_of_medium(size * p);
  return where(x < 0.0f, tail, 1.0f - tail);
}

// x Phi(x).
INGOT_FN float gelu(float x) {
  return where(x < gelu_end(), 0.0f, x * normal_distribution(x));
}

// Phi(x) + x e^(-x^2 / 2) / sqrt(2 pi).
INGOT_FN float gelu_slope(float x) {
  float size = abs(x);
  size = size > 12.0f ? 12.0f : size;
  float density = 0.398942280f * exp_of_medium(0.5f * (size * size));
  float y = fma(copysign(size, x), density, normal_distribution(x));
  return where(x < gelu_end(), 0.0f, y);
}

// s = 1 / (1 + e^-v) and s (1 - s), from e = e^-|v|.
template <class T>
struct Gate {
  T s, slope;
};
template <class T>
INGOT_FN Gate<T> gate(T v, T e) {
  T r = T(1) / (T(1) + e), tail = e * r;
  return {where(v < T(0), tail, r), tail * r};
}

// Of v = sqrt(8 / pi) (x + 0.044715 x^3), beyond |x| = 8 as there.
INGOT_FN Gate<float> gelu_approx_gate(float x) {
  float c = clamp(x, -8.0f, 8.0f);
  float v = c * fma(0.0713548163f, c * c, 1.59576912f);
  return gate(v, exp_of_medium(abs(v)));
}
// x s.
INGOT_FN float gelu_approx(float x) {
  return where(x < gelu_end(), 0.0f, x * gelu_approx_gate(x).s);
}
// s + x s (1 - s) dv/dx.
INGOT_FN float gelu_approx_slope(float x) {
  float c = clamp(x, -8.0f, 8.0f);
  Gate<float> g = gelu_approx_gate(x);
  float rise = c * fma(0.214064449f, c * c, 1.59576912f);
  return where(x < gelu_end(), 0.0f, fma(rise, g.slope, g.s));
}

// x sigmoid(x), and its limit.
INGOT_FN float silu(float x) {
  return where(x == -infinity(), 0.0f, x * sigmoid(x));
}
// s + x s (1 - s), where s is 0 or 1 beyond 104.
INGOT_FN float silu_slope(float x) {
  float c = clamp(x, -104.0f, 104.0f);
  Gate<float> g = gate(c, exp(-abs(c)));
  return fma(c, g.slope, g.s);
}

#if !INGOT_METAL

INGOT_FN double normal_distribution(double x) {
  return 0.5 * __builtin_erfc(x * -0.70710678118654752440);
}
INGOT_FN double gelu(double x) {
  return where(x < -40.0, 0.0, x * normal_distribution(x));
}
INGOT_FN double gelu_slope(double x) {
  double c = max(-40.0, min(x, 40.0));
  double density = 0.39894228040143267794 * exp(-0.5 * (c * c));
  return normal_distribution(c) + c * density;
}

INGOT_FN Gate<double> gelu_approx_gate(double x) {
  double v = 1.59576912160573071176 * (x + 0.044715 * (x * x * x));
  return gate(v, exp(-abs(v)));
}
INGOT_FN double gelu_approx(double x) {
  return where(x < -40.0, 0.0, x * gelu_approx_gate(x).s);
}
INGOT_FN double gelu_approx_slope(double x) {
  double c = max(-40.0, min(x, 40.0));
  double rise = 1.59576912160573071176 * (c + 0.134145 * (c * c * c));
  Gate<double> g = gelu_approx_gate(c);
  return g.s + rise * g.slope;
}

INGOT_FN double silu(double x) {
  return where(x < -800.0, 0.0, x * sigmoid(x));
}
INGOT_FN double silu_slope(double x) {
  double c = max(-800.0, min(x, 800.0));
  Gate<double> g = gate(c, exp(-abs(c)));
  return g.s + c * g.slope;
}

#endif

}  // namespace math
}  // namespace ingot
