// The functions of math.h and the operators for complex numbers, on the CPU
// alone. Those of float go by way of double, where products of floats are exact
// and nothing overflows that does not in the result.
// SPDX-License-Identifier: MIT
#pragma once
#include "../complex.h"
#include "../ops/integer.h"
#include "../shim.h"
#include "libm.h"

#if !INGOT_METAL

namespace ingot {

// Neither wraps, and both are what they are classified in.
template <class T>
struct Scalar<Complex<T>> {
  typedef Complex<T> Ring;
  typedef Complex<T> Floating;
};

INGOT_FN Complex<double> wide(Complex64 z) {
  return Complex<double>(double(z.re), double(z.im));
}
INGOT_FN Complex64 narrow(Complex<double> z) {
  return Complex64(float(z.re), float(z.im));
}
INGOT_FN float narrow(double x) { return float(x); }

template <class T>
INGOT_FN bool operator==(Complex<T> a, Complex<T> b) {
  return a.re == b.re && a.im == b.im;
}
template <class T>
INGOT_FN bool operator!=(Complex<T> a, Complex<T> b) {
  return !(a == b);
}
template <class T>
INGOT_FN bool isnan(Complex<T> z) {
  return isnan(z.re) || isnan(z.im);
}
template <class T>
INGOT_FN bool isinf(Complex<T> z) {
  return isinf(z.re) || isinf(z.im);
}
template <class T>
INGOT_FN bool isfinite(Complex<T> z) {
  return isfinite(z.re) && isfinite(z.im);
}

template <class T>
INGOT_FN Complex<T> operator-(Complex<T> z) {
  return Complex<T>(-z.re, -z.im);
}
template <class T>
INGOT_FN Complex<T> operator+(Complex<T> a, Complex<T> b) {
  return Complex<T>(a.re + b.re, a.im + b.im);
}
template <class T>
INGOT_FN Complex<T> operator-(Complex<T> a, Complex<T> b) {
  return Complex<T>(a.re - b.re, a.im - b.im);
}
template <class T>
INGOT_FN Complex<T> operator*(T a, Complex<T> b) {
  return Complex<T>(a * b.re, a * b.im);
}

INGOT_FN Complex<double> operator*(Complex<double> a, Complex<double> b) {
  return Complex<double>(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
}

// By the larger part of b (Smith 1962), so that infinite ones give 0.
INGOT_FN Complex<double> operator/(Complex<double> a, Complex<double> b) {
  bool turned = abs(b.re) < abs(b.im);
  double p = where(turned, b.im, b.re), q = where(turned, b.re, b.im);
  double x = where(turned, a.im, a.re), y = where(turned, a.re, a.im);
  double ratio = where(p == 0.0, 0.0, q / p);
  double divisor = p + q * ratio;
  double im = (y - x * ratio) / divisor;
  return Complex<double>((x + y * ratio) / divisor, where(turned, -im, im));
}

INGOT_FN Complex64 operator*(Complex64 a, Complex64 b) {
  return narrow(wide(a) * wide(b));
}
INGOT_FN Complex64 operator/(Complex64 a, Complex64 b) {
  return narrow(wide(a) / wide(b));
}

// Of floats in double: squares neither overflow nor vanish.
INGOT_FN double abs(Complex<double> z) {
  double size = sqrt(z.re * z.re + z.im * z.im);
  return where(isinf(z), double(__builtin_inf()), size);
}
INGOT_FN float abs(Complex64 z) { return narrow(abs(wide(z))); }

INGOT_FN Complex<double> sqrt(Complex<double> z) {
  double size = abs(z), a = sqrt(0.5 * (size + abs(z.re)));
  double b = where(isinf(z.im), abs(z.im), 0.5 * abs(z.im) / a);
  b = where(size == 0.0, 0.0, b);
  bool left = z.re < 0.0;
  return Complex<double>(where(left, b, a),
                         __builtin_copysign(where(left, a, b), z.im));
}
INGOT_FN Complex64 sqrt(Complex64 z) { return narrow(sqrt(wide(z))); }

INGOT_FN Complex64 rsqrt(Complex64 z) {
  return narrow(Complex<double>(1.0) / sqrt(wide(z)));
}

namespace math {

INGOT_FN Complex<double> times_i(Complex<double> z) {
  return Complex<double>(-z.im, z.re);
}
INGOT_FN Complex<double> over_i(Complex<double> z) {
  return Complex<double>(z.im, -z.re);
}

// x y, but 0 where y is: also for infinite x.
INGOT_FN double scaled(double x, double y) { return where(y == 0.0, y, x * y); }

INGOT_FN Complex<double> exp(Complex<double> z) {
  double size = exp(z.re);
  return Complex<double>(size * cos(z.im), scaled(size, sin(z.im)));
}

// ln |z| keeps its digits where |z| is near 1.
INGOT_FN Complex<double> log(Complex<double> z) {
  double x = abs(z.re), y = abs(z.im);
  double p = where(x < y, y, x), q = where(x < y, x, y);
  bool near = p > 0.5 && p < 2.0;
  double size = near ? 0.5 * log1p((p - 1.0) * (p + 1.0) + q * q) : log(abs(z));
  return Complex<double>(size, atan2(z.im, z.re));
}

INGOT_FN Complex<double> log1p(Complex<double> z) {
  double less = z.re * (z.re + 2.0) + z.im * z.im;  // |1 + z|^2 - 1
  Complex<double> next(1.0 + z.re, z.im);
  return Complex<double>(less > -0.5 ? 0.5 * log1p(less) : log(abs(next)),
                         atan2(next.im, next.re));
}

INGOT_FN Complex<double> log2(Complex<double> z) {
  return 1.44269504088896341 * log(z);
}
INGOT_FN Complex<double> log10(Complex<double> z) {
  return 0.434294481903251828 * log(z);
}

INGOT_FN Complex<double> sinh(Complex<double> z) {
  return Complex<double>(scaled(cos(z.im), sinh(z.re)),
                         scaled(cosh(z.re), sin(z.im)));
}
INGOT_FN Complex<double> cosh(Complex<double> z) {
  return Complex<double>(cosh(z.re) * cos(z.im), scaled(sinh(z.re), sin(z.im)));
}
// Beyond 300 the real part is 1 in every digit, the imaginary one 0.
INGOT_FN Complex<double> tanh(Complex<double> z) {
  double x = max(min(z.re, 300.0), -300.0);
  double s = sinh(x), c = cos(z.im), divisor = s * s + c * c;
  return Complex<double>(s * cosh(x) / divisor, sin(z.im) * c / divisor);
}
INGOT_FN Complex<double> sin(Complex<double> z) {
  return over_i(sinh(times_i(z)));
}
INGOT_FN Complex<double> cos(Complex<double> z) { return cosh(times_i(z)); }
INGOT_FN Complex<double> tan(Complex<double> z) {
  return over_i(tanh(times_i(z)));
}

// The inverses are Kahan's ("Branch cuts for complex elementary functions",
// 1987): real functions of square roots, without cancellation.
INGOT_FN Complex<double> sqrt_below(Complex<double> z) {  // sqrt(1 - z)
  return sqrt(Complex<double>(1.0 - z.re, -z.im));
}
INGOT_FN Complex<double> sqrt_above(Complex<double> z) {  // sqrt(1 + z)
  return sqrt(Complex<double>(1.0 + z.re, z.im));
}
INGOT_FN Complex<double> asin(Complex<double> z) {
  Complex<double> a = sqrt_below(z), b = sqrt_above(z);
  return Complex<double>(atan2(z.re, a.re * b.re - a.im * b.im),
                         asinh(a.re * b.im - a.im * b.re));
}
INGOT_FN Complex<double> acos(Complex<double> z) {
  Complex<double> a = sqrt_below(z), b = sqrt_above(z);
  return Complex<double>(2.0 * atan2(a.re, b.re),
                         asinh(b.re * a.im - b.im * a.re));
}
INGOT_FN Complex<double> acosh(Complex<double> z) {
  Complex<double> a = sqrt(Complex<double>(z.re - 1.0, z.im));
  Complex<double> b = sqrt_above(z);
  return Complex<double>(asinh(a.re * b.re + a.im * b.im),
                         2.0 * atan2(a.im, b.re));
}
INGOT_FN Complex<double> atanh(Complex<double> z) {
  double x = abs(z.re), gap = 1.0 - x, y = z.im * z.im;
  double re = 0.25 * log1p(4.0 * x / (gap * gap + y));
  return Complex<double>(__builtin_copysign(re, z.re),
                         0.5 * atan2(2.0 * z.im, gap * (1.0 + x) - y));
}
INGOT_FN Complex<double> asinh(Complex<double> z) {
  return over_i(asin(times_i(z)));
}
INGOT_FN Complex<double> atan(Complex<double> z) {
  return over_i(atanh(times_i(z)));
}

#define INGOT_BY_DOUBLE(name) \
  INGOT_FN Complex64 name(Complex64 z) { return narrow(name(wide(z))); }
INGOT_BY_DOUBLE(exp)
INGOT_BY_DOUBLE(log)
INGOT_BY_DOUBLE(log1p)
INGOT_BY_DOUBLE(log2)
INGOT_BY_DOUBLE(log10)
INGOT_BY_DOUBLE(sinh)
INGOT_BY_DOUBLE(cosh)
INGOT_BY_DOUBLE(tanh)
INGOT_BY_DOUBLE(sin)
INGOT_BY_DOUBLE(cos)
INGOT_BY_DOUBLE(tan)
INGOT_BY_DOUBLE(asin)
INGOT_BY_DOUBLE(acos)
INGOT_BY_DOUBLE(atan)
INGOT_BY_DOUBLE(asinh)
INGOT_BY_DOUBLE(acosh)
INGOT_BY_DOUBLE(atanh)
#undef INGOT_BY_DOUBLE

}  // namespace math

// e^(b ln a). 0^b is 1 for b = 0, 0 where Re b > 0, else NaN.
INGOT_FN Complex64 power(Complex64 a, Complex64 b) {
  Complex<double> y = math::exp(wide(b) * math::log(wide(a)));
  double nan = __builtin_nan("");
  Complex<double> of_zero(where(b.re > 0.0f, 0.0, nan));
  of_zero = where(b == Complex64(0), Complex<double>(1.0), of_zero);
  return narrow(where(a == Complex64(0), of_zero, y));
}

}  // namespace ingot

#endif
