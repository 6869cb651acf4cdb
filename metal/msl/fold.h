// What a reduction accumulates: how an element comes in (with what it is
// measured from, and its index), and how two partial results become one.
// SPDX-License-Identifier: MIT
#pragma once
#include "../math.h"
#include "../ops/integer.h"
#include "../order.h"
#include "index.h"

namespace ingot {

// A sum and what rounding has taken from it (Neumaier 1974): float32 alone
// would lose the digits of 1e8 numbers. A vector, which may lie in threadgroup
// memory.
typedef float2 Compensated;

INGOT_FN Compensated joined(Compensated a, Compensated b) {
  float s = a.x + b.x, rest = s - a.x;
  float lost = (a.x - (s - rest)) + (b.x - rest);
  // An infinite sum has lost nothing.
  return float2(s, where(isfinite(s), lost + (a.y + b.y), 0.0f));
}

// Squares of deviations from a center.
template <class T>
struct Deviations {
  typedef Compensated Partial;
  INGOT_FN Partial identity() { return float2(0.0f, 0.0f); }
  INGOT_FN Partial of(T x, T center, ulong) {
    T d = x - center;
    return float2(d * d, 0.0f);
  }
  INGOT_FN Partial join(Partial a, Partial b) { return joined(a, b); }
  INGOT_FN T value(Partial a) { return a.x + a.y; }
};

// Exponentials of the distance to a center, the largest element.
template <class T>
struct Exponentials {
  typedef Compensated Partial;
  INGOT_FN Partial identity() { return float2(0.0f, 0.0f); }
  INGOT_FN Partial of(T x, T center, ulong) {
    return float2(math::exp(x - where(isfinite(center), center, T(0))), 0.0f);
  }
  INGOT_FN Partial join(Partial a, Partial b) { return joined(a, b); }
  INGOT_FN T value(Partial a) { return a.x + a.y; }
};

// The least and the greatest number of a type.
template <class T>
struct Bounds {
  INGOT_FN T lowest() { return numeric_limits<T>::lowest(); }
  INGOT_FN T highest() { return numeric_limits<T>::max(); }
};
template <>
struct Bounds<float> {
  INGOT_FN float lowest() { return -INFINITY; }
  INGOT_FN float highest() { return INFINITY; }
};
template <>
struct Bounds<bool> {
  INGOT_FN bool lowest() { return false; }
  INGOT_FN bool highest() { return true; }
};

// Folds that keep one number of type T.
#define INGOT_FOLD(Name, first, join_expression)          \
  template <class T>                                      \
  struct Name {                                           \
    typedef T Partial;                                    \
    INGOT_FN T identity() { return first; }               \
    INGOT_FN T of(T x, float, ulong) { return x; }        \
    INGOT_FN T join(T a, T b) { return join_expression; } \
    INGOT_FN T value(T a) { return a; }                   \
  };
INGOT_FOLD(Sum, T(0), T(ring(a) + ring(b)))
INGOT_FOLD(Prod, T(1), T(ring(a) * ring(b)))
INGOT_FOLD(Max, Bounds<T>::lowest(), max(a, b))
INGOT_FOLD(Min, Bounds<T>::highest(), min(a, b))
#undef INGOT_FOLD

template <>
struct Sum<float> {
  typedef Compensated Partial;
  INGOT_FN Partial identity() { return float2(0.0f, 0.0f); }
  INGOT_FN Partial of(float x, float, ulong) { return float2(x, 0.0f); }
  INGOT_FN Partial join(Partial a, Partial b) { return joined(a, b); }
  INGOT_FN float value(Partial a) { return a.x + a.y; }
};

// The greatest number is the first extreme.
INGOT_FN ulong rank_of(float x, bool least) {
  Order<uint> order = {0, 0x7f800000u};
  return key_of(as_type<uint>(least ? -x : x), order);
}
template <class T>
INGOT_FN ulong rank_of(T x, bool least) {
  ulong key = ulong(x) ^ (is_signed<T>() ? ulong(1) << 63 : 0);
  return least ? ~key : key;
}

// The first extreme: its rank and its index.
template <class T, bool least>
struct First {
  typedef ulong2 Partial;
  INGOT_FN Partial identity() { return ulong2(0, ~ulong(0)); }
  INGOT_FN Partial of(T x, float, ulong index) {
    return ulong2(rank_of(x, least), index);
  }
  INGOT_FN Partial join(Partial a, Partial b) {
    return b.x > a.x || (b.x == a.x && b.y < a.y) ? b : a;
  }
  INGOT_FN uint value(Partial a) { return uint(a.y); }
};
template <class T>
using ArgMax = First<T, false>;
template <class T>
using ArgMin = First<T, true>;

// Folds over the threads of a group: halves until one is left.
template <class Fold>
INGOT_FN typename Fold::Partial over_group(typename Fold::Partial mine,
                                           uint thread_index,
                                           threadgroup
                                           typename Fold::Partial* shared) {
  shared[thread_index] = mine;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint half_size = kGroup / 2; half_size > 0; half_size /= 2) {
    if (thread_index < half_size) {
      shared[thread_index] =
          Fold::join(shared[thread_index], shared[thread_index + half_size]);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  return shared[0];
}

}  // namespace ingot
