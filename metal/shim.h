// All that a header shared by the CPU and Metal may use: one vocabulary of
// scalar functions with the same bits on both.
// SPDX-License-Identifier: MIT
#pragma once

#ifdef __METAL_VERSION__
#define INGOT_METAL 1
#include <metal_stdlib>
using namespace metal;  // as_type
#define INGOT_FN static inline
// Apple GPUs have no double.
#define INGOT_FLOATING(F) F(float)
#else
#define INGOT_METAL 0
#include <stdint.h>
// Never emitted out of line: the linker must not hand one instruction set's
// copy to another.
#define INGOT_FN static inline __attribute__((always_inline))
#define INGOT_FLOATING(F) F(float) F(double)
#endif

namespace ingot {

// A parameter and its optimizer state, one element of each.
template <class T, int slots>
struct Element {
  T w;
  T s[slots > 0 ? slots : 1];
};

#if INGOT_METAL

#define INGOT_ROUNDED(name, metal_name) \
  INGOT_FN float name(float x) { return metal::metal_name(x); }
INGOT_ROUNDED(sqrt, precise::sqrt)
INGOT_FN float fma(float x, float y, float z) { return metal::fma(x, y, z); }

#else

template <class To, class From>
INGOT_FN To as_type(From x) {
  return __builtin_bit_cast(To, x);
}

#define INGOT_ROUNDED(name, builtin)                                 \
  INGOT_FN float name(float x) { return __builtin_##builtin##f(x); } \
  INGOT_FN double name(double x) { return __builtin_##builtin(x); }
INGOT_ROUNDED(sqrt, sqrt)
INGOT_FN float fma(float x, float y, float z) {
  return __builtin_fmaf(x, y, z);
}
INGOT_FN double fma(double x, double y, double z) {
  return __builtin_fma(x, y, z);
}

#endif

// Exact or correctly rounded everywhere.
INGOT_ROUNDED(abs, fabs)
INGOT_ROUNDED(floor, floor)
INGOT_ROUNDED(ceil, ceil)
INGOT_ROUNDED(trunc, trunc)
INGOT_ROUNDED(rint, rint)
#undef INGOT_ROUNDED

// Both branches are evaluated: this is what lets loops vectorise.
template <class T>
INGOT_FN T where(bool condition, T a, T b) {
  return condition ? a : b;
}

// NaN is seen in the bits, which no math mode of a compiler may ignore.
INGOT_FN bool isnan(float x) {
  return (as_type<uint32_t>(x) & 0x7fffffffu) > 0x7f800000u;
}
INGOT_FN bool isinf(float x) {
  return (as_type<uint32_t>(x) & 0x7fffffffu) == 0x7f800000u;
}
INGOT_FN bool isfinite(float x) {
  return (as_type<uint32_t>(x) & 0x7fffffffu) < 0x7f800000u;
}
INGOT_FN bool signbit(float x) { return as_type<uint32_t>(x) >> 31 != 0; }
// |x| with the sign of y.
INGOT_FN float copysign(float x, float y) {
  return as_type<float>((as_type<uint32_t>(x) & 0x7fffffffu) |
                        (as_type<uint32_t>(y) & 0x80000000u));
}
#if !INGOT_METAL
INGOT_FN bool isnan(double x) {
  return (as_type<uint64_t>(x) & ~0ull >> 1) > 0x7ffull << 52;
}
INGOT_FN bool isinf(double x) {
  return (as_type<uint64_t>(x) & ~0ull >> 1) == 0x7ffull << 52;
}
INGOT_FN bool isfinite(double x) {
  return (as_type<uint64_t>(x) & ~0ull >> 1) < 0x7ffull << 52;
}
INGOT_FN bool signbit(double x) { return as_type<uint64_t>(x) >> 63 != 0; }
INGOT_FN double copysign(double x, double y) {
  return as_type<double>((as_type<uint64_t>(x) & ~0ull >> 1) |
                         (as_type<uint64_t>(y) & 1ull << 63));
}
#endif

// max and min keep NaN from either side (fmax drops it), sign(NaN) is NaN.
#define INGOT_ORDERED(T)                                            \
  INGOT_FN T max(T x, T y) { return x != x ? x : (x > y ? x : y); } \
  INGOT_FN T min(T x, T y) { return x != x ? x : (x < y ? x : y); } \
  INGOT_FN T sign(T x) {                                            \
    return x > T(0) ? T(1) : (x < T(0) ? T(-1) : x + T(0));         \
  }                                                                 \
  INGOT_FN T rsqrt(T x) { return T(1) / sqrt(x); }
INGOT_FLOATING(INGOT_ORDERED)
#undef INGOT_ORDERED

// Of integers: without these they would be converted to float in silence.
template <class T>
INGOT_FN T max(T x, T y) {
  return x > y ? x : y;
}
template <class T>
INGOT_FN T min(T x, T y) {
  return x < y ? x : y;
}

}  // namespace ingot
