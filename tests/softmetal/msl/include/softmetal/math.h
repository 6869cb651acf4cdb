// Math functions: of float by the C library, of half and bfloat through float,
// of vectors one element at a time.
// SPDX-License-Identifier: MIT
#pragma once

namespace metal {

#define SOFTMETAL_MATH1(name, builtin)                               \
  inline float name(float x) { return builtin(x); }                  \
  inline half name(half x) { return half(builtin(float(x))); }       \
  inline bfloat name(bfloat x) { return bfloat(builtin(float(x))); } \
  template <class T, int n>                                          \
  inline vec<T, n> name(vec<T, n> x) {                               \
    for (int i = 0; i < n; ++i) x[i] = name(T(x[i]));                \
    return x;                                                        \
  }
#define SOFTMETAL_MATH2(name, builtin)                          \
  inline float name(float x, float y) { return builtin(x, y); } \
  inline half name(half x, half y) {                            \
    return half(builtin(float(x), float(y)));                   \
  }                                                             \
  inline bfloat name(bfloat x, bfloat y) {                      \
    return bfloat(builtin(float(x), float(y)));                 \
  }                                                             \
  template <class T, int n>                                     \
  inline vec<T, n> name(vec<T, n> x, vec<T, n> y) {             \
    for (int i = 0; i < n; ++i) x[i] = name(T(x[i]), T(y[i]));  \
    return x;                                                   \
  }
#define SOFTMETAL_TEST(name, builtin)                    \
  inline bool name(float x) { return builtin(x); }       \
  inline bool name(half x) { return builtin(float(x)); } \
  inline bool name(bfloat x) { return builtin(float(x)); }

inline float softmetal_rsqrt(float x) { return 1.0f / __builtin_sqrtf(x); }
inline float softmetal_exp10(float x) { return __builtin_powf(10.0f, x); }
inline float softmetal_fract(float x) {
  return __builtin_fminf(x - __builtin_floorf(x), 0.99999994f);
}

SOFTMETAL_MATH1(sqrt, __builtin_sqrtf)
SOFTMETAL_MATH1(rsqrt, softmetal_rsqrt)
SOFTMETAL_MATH1(exp, __builtin_expf)
SOFTMETAL_MATH1(exp2, __builtin_exp2f)
SOFTMETAL_MATH1(exp10, softmetal_exp10)
SOFTMETAL_MATH1(log, __builtin_logf)
SOFTMETAL_MATH1(log2, __builtin_log2f)
SOFTMETAL_MATH1(log10, __builtin_log10f)
SOFTMETAL_MATH1(sin, __builtin_sinf)
SOFTMETAL_MATH1(cos, __builtin_cosf)
SOFTMETAL_MATH1(tan, __builtin_tanf)
SOFTMETAL_MATH1(asin, __builtin_asinf)
SOFTMETAL_MATH1(acos, __builtin_acosf)
SOFTMETAL_MATH1(atan, __builtin_atanf)
SOFTMETAL_MATH1(sinh, __builtin_sinhf)
SOFTMETAL_MATH1(cosh, __builtin_coshf)
SOFTMETAL_MATH1(tanh, __builtin_tanhf)
SOFTMETAL_MATH1(fabs, __builtin_fabsf)
SOFTMETAL_MATH1(floor, __builtin_floorf)
SOFTMETAL_MATH1(ceil, __builtin_ceilf)
SOFTMETAL_MATH1(round, __builtin_roundf)
SOFTMETAL_MATH1(rint, __builtin_rintf)
SOFTMETAL_MATH1(trunc, __builtin_truncf)
SOFTMETAL_MATH1(fract, softmetal_fract)
SOFTMETAL_MATH2(pow, __builtin_powf)
SOFTMETAL_MATH2(atan2, __builtin_atan2f)
SOFTMETAL_MATH2(fmod, __builtin_fmodf)
SOFTMETAL_MATH2(copysign, __builtin_copysignf)
SOFTMETAL_MATH2(fmin, __builtin_fminf)
SOFTMETAL_MATH2(fmax, __builtin_fmaxf)
SOFTMETAL_TEST(isnan, __builtin_isnan)
SOFTMETAL_TEST(isinf, __builtin_isinf)
SOFTMETAL_TEST(isfinite, __builtin_isfinite)

inline float fma(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
inline bfloat fma(bfloat x, bfloat y, bfloat z) {
  return bfloat(__builtin_fmaf(float(x), float(y), float(z)));
}
inline half fma(half x, half y, half z) { return __builtin_fmaf16(x, y, z); }
template <class T, int n>
inline vec<T, n> fma(vec<T, n> x, vec<T, n> y, vec<T, n> z) {
  for (int i = 0; i < n; ++i) x[i] = fma(T(x[i]), T(y[i]), T(z[i]));
  return x;
}

inline bool signbit(float x) { return as_type<uint>(x) >> 31 != 0; }
inline float ldexp(float x, int n) { return __builtin_ldexpf(x, n); }

// The division that `/` means without fast math.
template <class T>
inline T divide(T x, T y) {
  return x / y;
}

// These differ from the plain functions in speed and accuracy alone.
#define SOFTMETAL_VARIANT(space) \
  namespace space {              \
  using metal::acos;             \
  using metal::asin;             \
  using metal::atan;             \
  using metal::atan2;            \
  using metal::ceil;             \
  using metal::copysign;         \
  using metal::cos;              \
  using metal::cosh;             \
  using metal::divide;           \
  using metal::exp;              \
  using metal::exp10;            \
  using metal::exp2;             \
  using metal::fabs;             \
  using metal::floor;            \
  using metal::fma;              \
  using metal::fmax;             \
  using metal::fmin;             \
  using metal::fmod;             \
  using metal::log;              \
  using metal::log10;            \
  using metal::log2;             \
  using metal::pow;              \
  using metal::rint;             \
  using metal::round;            \
  using metal::rsqrt;            \
  using metal::sin;              \
  using metal::sinh;             \
  using metal::sqrt;             \
  using metal::tan;              \
  using metal::tanh;             \
  using metal::trunc;            \
  }
SOFTMETAL_VARIANT(precise)
SOFTMETAL_VARIANT(fast)

#undef SOFTMETAL_MATH1
#undef SOFTMETAL_MATH2
#undef SOFTMETAL_TEST
#undef SOFTMETAL_VARIANT

}  // namespace metal
