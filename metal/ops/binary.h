// One functor per elementwise function of two arguments.
// SPDX-License-Identifier: MIT
#pragma once
#include "../math.h"
#include "../shim.h"
#include "integer.h"

namespace ingot {

// Float division as Python defines it: the quotient rounds down and the
// remainder takes the sign of y. The quotient comes from the exact remainder,
// since floor(x / y) is one too large where x / y rounds up to an integer.
#define INGOT_DIVISION(T)                                           \
  INGOT_FN T remainder(T x, T y) {                                  \
    T r = math::fmod(x, y), zero = where(y < T(0), T(-0.0f), T(0)); \
    bool shift = (r < T(0)) != (y < T(0));                          \
    return where(r == T(0), zero, where(shift, r + y, r));          \
  }                                                                 \
  INGOT_FN T floor_divide(T x, T y) {                               \
    T r = math::fmod(x, y), q = rint((x - r) / y);                  \
    bool below = (r != T(0)) & ((r < T(0)) != (y < T(0)));          \
    T floored = where(below, q - T(1), q);                          \
    return where(y == T(0), x / y,                                  \
                 where(floored == T(0), x / y * T(0), floored));    \
  }                                                                 \
  INGOT_FN T power(T x, T y) { return math::pow(x, y); }
INGOT_FLOATING(INGOT_DIVISION)
#undef INGOT_DIVISION

// The larger side times sqrt(1 + the squared ratio), which does not overflow.
// An infinite side outweighs NaN.
#define INGOT_HYPOT(T)                                     \
  INGOT_FN T hypot(T x, T y) {                             \
    T a = abs(x), b = abs(y), longer = max(a, b);          \
    T ratio = min(a, b) / longer;                          \
    T length = longer * sqrt(fma(ratio, ratio, T(1)));     \
    length = where(longer == T(0), longer, length);        \
    return where(isinf(x), a, where(isinf(y), b, length)); \
  }
INGOT_FLOATING(INGOT_HYPOT)
#undef INGOT_HYPOT

struct Add {
  template <class T>
  INGOT_FN T apply(T x, T y) {
    return T(ring(x) + ring(y));
  }
};

struct Subtract {
  template <class T>
  INGOT_FN T apply(T x, T y) {
    return T(ring(x) - ring(y));
  }
};

struct Multiply {
  template <class T>
  INGOT_FN T apply(T x, T y) {
    return T(ring(x) * ring(y));
  }
};

struct Divide {
  template <class T>
  INGOT_FN T apply(T x, T y) {
    return x / y;
  }
};

// Functors that are a function under another name.
#define INGOT_BINARY(Functor, function) \
  struct Functor {                      \
    template <class T>                  \
    INGOT_FN T apply(T x, T y) {        \
      return function(x, y);            \
    }                                   \
  };
INGOT_BINARY(FloorDivide, floor_divide)
INGOT_BINARY(Remainder, remainder)
INGOT_BINARY(Power, power)
INGOT_BINARY(Maximum, max)
INGOT_BINARY(Minimum, min)
INGOT_BINARY(LogAddExp, math::logaddexp)
INGOT_BINARY(ArcTan2, math::atan2)
INGOT_BINARY(Hypot, hypot)
INGOT_BINARY(CopySign, copysign)
#undef INGOT_BINARY

#define INGOT_COMPARE(Functor, sign) \
  struct Functor {                   \
    template <class T>               \
    INGOT_FN bool apply(T x, T y) {  \
      return x sign y;               \
    }                                \
  };
INGOT_COMPARE(Equal, ==)
INGOT_COMPARE(NotEqual, !=)
INGOT_COMPARE(Less, <)
INGOT_COMPARE(LessEqual, <=)
INGOT_COMPARE(Greater, >)
INGOT_COMPARE(GreaterEqual, >=)
#undef INGOT_COMPARE

struct LogicalAnd {
  template <class T>
  INGOT_FN bool apply(T x, T y) {
    return x != T(0) && y != T(0);
  }
};

struct LogicalOr {
  template <class T>
  INGOT_FN bool apply(T x, T y) {
    return x != T(0) || y != T(0);
  }
};

struct LogicalXor {
  template <class T>
  INGOT_FN bool apply(T x, T y) {
    return (x != T(0)) != (y != T(0));
  }
};

struct BitwiseAnd {
  template <class T>
  INGOT_FN T apply(T x, T y) {
    return T(ring(x) & ring(y));
  }
};

struct BitwiseOr {
  template <class T>
  INGOT_FN T apply(T x, T y) {
    return T(ring(x) | ring(y));
  }
};

struct BitwiseXor {
  template <class T>
  INGOT_FN T apply(T x, T y) {
    return T(ring(x) ^ ring(y));
  }
};

// A shift by the width of T or more, or by a negative count, moves every bit
// out: 0, or -1 where a negative number is shifted right.
struct LeftShift {
  template <class T>
  INGOT_FN T apply(T x, T y) {
    typedef typename Scalar<T>::Ring Ring;
    Ring width = 8 * sizeof(T);
    return T(
        where(ring(y) < width, ring(x) << (ring(y) & (width - 1)), Ring(0)));
  }
};

struct RightShift {
  template <class T>
  INGOT_FN T apply(T x, T y) {
    typedef typename Scalar<T>::Ring Ring;
    Ring width = 8 * sizeof(T);
    bool inside = ring(y) < width;
    T shifted = T(x >> where(inside, ring(y), width - 1));
    return where(inside || is_signed<T>(), shifted, T(0));
  }
};

}  // namespace ingot
