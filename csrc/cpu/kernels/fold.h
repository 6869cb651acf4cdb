// Folding contiguous elements into one value, many lanes at a time. The order
// of additions depends on the length alone, not on the instruction set.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "csrc/cpu/kernels/ahead.h"
#include "metal/shim.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif
// Several vectors in flight hide the latency of an addition.
constexpr int kLaneBytes = 256;

template <class T, int n>
struct VectorOf {
  typedef T type __attribute__((vector_size(n * sizeof(T))));
};

template <class Wide, class Narrow>
INGOT_FN Wide widened(Narrow x) {
  if constexpr (__is_same(Wide, Narrow)) return x;
#if defined(__AVX512F__) && !defined(__clang__)
  // Of this conversion GCC makes two halves, at half the speed.
  typedef VectorOf<float, 8>::type Floats;
  if constexpr (__is_same(Narrow, Floats) && sizeof(Wide) == 64) {
    return Wide(_mm512_cvtps_pd(__m256(x)));
  }
#endif
  return __builtin_convertvector(x, Wide);
}

// Folds work on single values and on vectors.
struct Sum {
  template <class A>
  INGOT_FN A fold(A a, A x) {
    return a + x;
  }
};
struct Prod {
  template <class A>
  INGOT_FN A fold(A a, A x) {
    return a * x;
  }
};
// A NaN wins once and stays.
struct Max {
  template <class A>
  INGOT_FN A fold(A a, A x) {
    return ((x > a) | (x != x)) ? x : a;
  }
};
struct Min {
  template <class A>
  INGOT_FN A fold(A a, A x) {
    return ((x < a) | (x != x)) ? x : a;
  }
};

// What is folded of an element: itself, or its squared distance to the center.
struct Itself {
  template <class A, class T>
  INGOT_FN A scalar(T x, double) {
    return static_cast<A>(x);
  }
  template <class A, class T>
  INGOT_FN A vector(T x, double) {
    return widened<A>(x);
  }
};
struct Deviation {
  template <class A, class T>
  INGOT_FN A scalar(T x, double center) {
    A d = static_cast<A>(x) - center;
    return d * d;
  }
  template <class A, class T>
  INGOT_FN A vector(T x, double center) {
    A d = widened<A>(x) - center;
    return d * d;
  }
};

// Folds as many whole groups of lanes as fit, sets `i` behind them.
template <class Fold, class Map, class A, class T>
INGOT_FN A fold_lanes(const T* x, int64_t n, A start, double center,
                      int64_t& i) {
  constexpr int width = kVectorBytes / sizeof(A);
  constexpr int lanes = kLaneBytes / sizeof(A);
  typedef typename VectorOf<A, width>::type Wide;
  typedef typename VectorOf<T, width>::type Narrow;
  Wide lane[lanes / width];
  for (i = 0; i + lanes <= n; i += lanes) {
    fetch_beyond(x + i, lanes * sizeof(T));
    for (int v = 0; v < lanes / width; ++v) {
      Narrow narrow;
      __builtin_memcpy(&narrow, x + i + v * width, sizeof narrow);
      Wide wide = Map::template vector<Wide>(narrow, center);
      lane[v] = i == 0 ? wide : Fold::fold(lane[v], wide);
    }
  }
  A value[lanes];
  __builtin_memcpy(value, lane, sizeof value);
  for (int half = lanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) {
      value[l] = Fold::fold(value[l], value[l + half]);
    }
  }
  return Fold::fold(start, value[0]);
}

template <class Fold, class Map, class A, class T>
INGOT_FN A fold_run(const T* x, int64_t n, A start, double center = 0) {
  constexpr int64_t lanes = kLaneBytes / sizeof(A);
  int64_t i = 0;
  if (n >= lanes) {
    start = fold_lanes<Fold, Map>(x, n, start, center, i);
  }
  for (; i < n; ++i) {
    start = Fold::fold(start, Map::template scalar<A>(x[i], center));
  }
  return start;
}

}  // namespace
}  // namespace ingot::cpu::INGOT_SIMD
