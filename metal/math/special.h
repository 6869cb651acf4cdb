// The error function and its inverse. Coefficients come from fit.py.
// SPDX-License-Identifier: MIT
#pragma once
#include "../shim.h"
#include "exp_log.h"

namespace ingot {
namespace math {

// x + x p(x^2) up to 1; beyond, 1 - erfc |x| with log(erfc) a polynomial.
INGOT_FN float erf(float x) {
  float size = clamp(abs(x), 0.0f, 4.0f), z = size * size;
  float near =
      polynomial(z, 0.128379166f, -0.376126289f, 0.112836182f, -0.0268551242f,
                 0.0051907259f, -0.000803065428f, 7.91990169e-05f);
  float far =
      polynomial(size, 0.00034196235f, 1.1270889f, 0.6381425f, 0.10311144f,
                 -0.021841718f, 0.0029489563f, -0.0001865538f);
  float y = where(size < 1.0f, fma(size, near, size), 1.0f - exp(-far));
  return copysign(y, x);
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
