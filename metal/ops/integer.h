// The integer side of the elementwise functors: arithmetic that wraps, and the
// shim's functions for integers and bool, so that one functor serves all.
// SPDX-License-Identifier: MIT
#pragma once
#include "../shim.h"

namespace ingot {

// The type in which T adds and multiplies without undefined behaviour
// (unsigned for integers), and the floating type it is classified in.
template <class T>
struct Scalar {
  typedef uint32_t Ring;
  typedef float Floating;
};
template <>
struct Scalar<int64_t> {
  typedef uint64_t Ring;
  typedef float Floating;
};
template <>
struct Scalar<uint64_t> {
  typedef uint64_t Ring;
  typedef float Floating;
};
#define INGOT_OWN_RING(T) \
  template <>             \
  struct Scalar<T> {      \
    typedef T Ring;       \
    typedef T Floating;   \
  };
INGOT_FLOATING(INGOT_OWN_RING)
#undef INGOT_OWN_RING

template <class T>
INGOT_FN typename Scalar<T>::Ring ring(T x) {
  return typename Scalar<T>::Ring(x);
}

template <class T>
INGOT_FN typename Scalar<T>::Floating floating(T x) {
  return typename Scalar<T>::Floating(x);
}

template <class T>
INGOT_FN constexpr bool is_signed() {
  return T(-1) < T(1);
}

// Not `x < 0`, which compilers remark on where T is unsigned.
template <class T>
INGOT_FN bool is_negative(T x) {
  return x < T(1) && x != T(0);
}

template <class T>
INGOT_FN T abs(T x) {
  return T(where(is_negative(x), 0 - ring(x), ring(x)));
}

template <class T>
INGOT_FN T sign(T x) {
  return where(is_negative(x), T(-1), T(x != T(0)));
}

// A divisor that neither traps nor overflows: 1 in place of 0 and, for signed
// types, of -1.
template <class T>
INGOT_FN T safe_divisor(T x) {
  return where(x == T(0) || (is_signed<T>() && x == T(-1)), T(1), x);
}

// Rounds down, as Python does; x // 0 is 0 and INT_MIN // -1 wraps.
template <class T>
INGOT_FN T floor_divide(T x, T y) {
  T d = safe_divisor(y), q = T(x / d), r = T(x % d);
  bool below = r != T(0) && is_negative(r) != is_negative(y);
  T floored = T(ring(q) - ring(T(below)));
  T by_minus_one = T(0 - ring(x));
  return where(y == T(0), T(0), where(d != y, by_minus_one, floored));
}

// Takes the sign of y, as Python does; x % 0 is 0.
template <class T>
INGOT_FN T remainder(T x, T y) {
  T r = T(x % safe_divisor(y));
  bool shift = r != T(0) && is_negative(r) != is_negative(y);
  return where(y == T(0), T(0), where(shift, T(r + y), r));
}

// By squaring, wrapping; a negative exponent gives 0 unless |x| is 1.
template <class T>
INGOT_FN T power(T x, T y) {
  typedef typename Scalar<T>::Ring Ring;
  bool inverse = is_negative(y);
  Ring result = 1, base = ring(x);
  for (Ring n = where(inverse, ring(y) & 1, ring(y)); n != 0; n >>= 1) {
    result *= where((n & 1) != 0, base, Ring(1));
    base *= base;
  }
  bool unit = x == T(1) || (is_signed<T>() && x == T(-1));
  return where(inverse && !unit, T(0), T(result));
}

}  // namespace ingot
