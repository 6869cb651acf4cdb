// Complex numbers as two of a real type, the real part first: what NumPy and
// BLAS have in memory. On the CPU alone; math/complex.h has what they can do.
// SPDX-License-Identifier: MIT
#pragma once

#ifndef __METAL_VERSION__

namespace ingot {

template <class T>
struct Complex {
  T re, im;
  Complex() = default;
  __attribute__((always_inline)) constexpr Complex(T re, T im)
      : re(re), im(im) {}
  template <class Real>
  __attribute__((always_inline)) constexpr explicit Complex(Real re)
      : re(static_cast<T>(re)), im(0) {}
};

typedef Complex<float> Complex64;

}  // namespace ingot

#endif
