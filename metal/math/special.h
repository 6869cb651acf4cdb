// The error function and its inverse. Coefficients come from fit.py.
// SPDX-License-Identifier: MIT
#pragma once
#include "../shim.h"
#include "exp_log.h"

namespace ingot {
namespace math {

// 1 - e^-g, g = -log(erfc |x|) = |x| + |x| p(|x|); erf rounds to 1 from 3.93.
INGOT_FN float erf(float x) {
  float size = abs(x);
  size = size > 4.0f ? 4.0f : size;
  float p = polynomial(size, 0.128379211f, 0.636616349f, 0.102815643f,
                       -0.0193256568f, 0.000211572376f, 0.00124744978f,
                       -0.000379506819f, 4.05138962e-05f);
  return copysign(expm1_of_medium(-fma(size, p, size)), x);
}

// x p(w), w = -log(1 - x^2), split where x p(sqrt w) fits better (the
// variables are those of Giles 2010).
INGOT_FN float erfinv_near(float w) {
  return polynomial(w - 2.5f, 1.50140941f, 0.246640295f, -0.00417750003f,
                    -0.00125275669f, 0.000218410481f, -4.95578024e-06f,
                    -3.47692344e-06f, 4.64677953e-07f, 2.42509213e-08f,
                    -8.6907237e-09f);
}
INGOT_FN float erfinv(float x) {
  float w = -log(fma(-x, x, 1.0f)), s = sqrt(w);
  float far =
      polynomial(s - 3.0f, 2.8329768f, 1.001675f, 0.00944481f, -0.0076375958f,
                 0.005690116f, -0.003597399f, 0.001477765f, -5.4198223e-05f,
                 -0.0003039624f, 0.00011241843f);
  float y = x * where(w < 5.0f, erfinv_near(w), far);
  return where(abs(x) == 1.0f, x * infinity(), y);
}

// The same for |x| < 0.9966, where w < 5: half of the work.
INGOT_FN float erfinv_of_center(float x) {
  return x * erfinv_near(-log_of_normal(fma(-x, x, 1.0f)));
}

}  // namespace math
}  // namespace ingot
