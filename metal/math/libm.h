// The double overloads of math.h, on the CPU alone: the system's libm, whose
// accuracy float64 parameters and oracles need more than equal bits.
// SPDX-License-Identifier: MIT
#pragma once
#include "../shim.h"

#if !INGOT_METAL

namespace ingot {
namespace math {

#define INGOT_LIBM(name) \
  INGOT_FN double name(double x) { return __builtin_##name(x); }
INGOT_LIBM(exp)
INGOT_LIBM(exp2)
INGOT_LIBM(expm1)
INGOT_LIBM(log)
INGOT_LIBM(log2)
INGOT_LIBM(log10)
INGOT_LIBM(log1p)
INGOT_LIBM(sin)
INGOT_LIBM(cos)
INGOT_LIBM(tan)
INGOT_LIBM(asin)
INGOT_LIBM(acos)
INGOT_LIBM(atan)
INGOT_LIBM(sinh)
INGOT_LIBM(cosh)
INGOT_LIBM(tanh)
INGOT_LIBM(asinh)
INGOT_LIBM(acosh)
INGOT_LIBM(atanh)
INGOT_LIBM(erf)
#undef INGOT_LIBM

#define INGOT_LIBM(name) \
  INGOT_FN double name(double x, double y) { return __builtin_##name(x, y); }
INGOT_LIBM(pow)
INGOT_LIBM(atan2)
INGOT_LIBM(fmod)
#undef INGOT_LIBM

INGOT_FN double sigmoid(double x) {
  double e = exp(-abs(x));
  return where(x < 0.0, e, 1.0) / (1.0 + e);
}

INGOT_FN double logaddexp(double x, double y) {
  double gap = where(x == y, 0.0, abs(x - y));  // inf - inf is NaN
  return max(x, y) + log1p(exp(-gap));
}

// One step of Halley's method towards erf(y) = x on [0, 1), through erfc
// where 1 - x keeps more digits.
INGOT_FN double erfinv_step(double y, double x) {
  double error =
      where(x < 0.5, __builtin_erf(y) - x, (1.0 - x) - __builtin_erfc(y));
  double u = error * 0.886226925452758014 * exp(y * y);  // sqrt(pi) / 2
  return y - u / (1.0 + y * u);
}

// Starts from Winitzki's formula, good to 0.2%; each step triples the digits.
INGOT_FN double erfinv(double x) {
  double size = abs(x), l = log1p(-size * size);
  double t = 4.33074675079987 + 0.5 * l;  // 2 / (0.147 pi)
  double y = sqrt(max(sqrt(t * t - l / 0.147) - t, 0.0));
  y = erfinv_step(erfinv_step(erfinv_step(y, size), size), size);
  y = where(size == 1.0, double(__builtin_inf()), y);
  return __builtin_copysign(y, x);
}

}  // namespace math
}  // namespace ingot

#endif
