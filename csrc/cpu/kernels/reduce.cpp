// Vectorised loops of the reductions. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/kernels/fold.h"
#include "csrc/cpu/kernels/types.h"
#include "csrc/cpu/simd.h"
#include "metal/math.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

// bool is folded as a byte.
template <class T>
struct Stored {
  typedef T type;
};
template <>
struct Stored<bool> {
  typedef uint8_t type;
};

// Sums and products: double for floats, unsigned (so that it may wrap) of the
// result's width for integers.
template <class T>
struct Accumulator {
  typedef uint32_t type;
};
template <>
struct Accumulator<int64_t> {
  typedef uint64_t type;
};
template <>
struct Accumulator<uint64_t> {
  typedef uint64_t type;
};
template <>
struct Accumulator<float> {
  typedef double type;
};
template <>
struct Accumulator<double> {
  typedef double type;
};

// Lines too short for the lanes of fold_run are folded side by side.
constexpr int64_t kAbreast = 32;
template <class A>
INGOT_FN bool abreast(int64_t lines, int64_t n) {
  return n < int64_t(kLaneBytes / sizeof(A)) && lines >= kAbreast;
}

// `centers` may be null where the map does not look at it.
template <class Fold, class Map, class T, class A>
INGOT_FN void fold_abreast(const T* x, int64_t stride, int64_t n, A* to,
                           const double* centers) {
  for (int64_t j = 0; j < n; ++j) {
    INGOT_IVDEP
    for (int64_t i = 0; i < kAbreast; ++i) {
      double center = centers ? centers[i] : 0;
      A element = Map::template scalar<A>(x[i * stride + j], center);
      to[i] = Fold::fold(to[i], element);
    }
  }
}

template <class Fold, class Map, class T, class A>
void rows(const void* data, int64_t stride, int64_t lines, int64_t n,
          void* accumulators, const double* centers) {
  auto* x = static_cast<const T*>(data);
  auto* to = static_cast<A*>(accumulators);
  int64_t i = 0;
  if (abreast<A>(lines, n)) {
    for (; i + kAbreast <= lines; i += kAbreast) {
      fold_abreast<Fold, Map>(x + i * stride, stride, n, to + i,
                              centers ? centers + i : nullptr);
    }
  }
  for (; i < lines; ++i) {
    double center = centers ? centers[i] : 0;
    to[i] = fold_run<Fold, Map>(x + i * stride, n, to[i], center);
  }
}

template <class Fold, class Map, class T, class A, int kLines>
INGOT_FN void fold_columns(const T* x, int64_t stride, int64_t n, A* to,
                           const double* centers) {
  INGOT_IVDEP
  for (int64_t j = 0; j < n; ++j) {
    double center = centers ? centers[j] : 0;
    A a = to[j];
    for (int64_t i = 0; i < kLines; ++i) {
      a = Fold::fold(a, Map::template scalar<A>(x[i * stride + j], center));
    }
    to[j] = a;
  }
}

template <class Fold, class Map, class T, class A>
void columns(const void* data, int64_t stride, int64_t lines, int64_t n,
             void* accumulators, const double* centers) {
  auto* x = static_cast<const T*>(data);
  auto* to = static_cast<A*>(accumulators);
  int64_t i = 0;
  for (; i + 4 <= lines; i += 4) {
    fold_columns<Fold, Map, T, A, 4>(x + i * stride, stride, n, to, centers);
  }
  for (; i < lines; ++i) {
    fold_columns<Fold, Map, T, A, 1>(x + i * stride, stride, n, to, centers);
  }
}

// exp is folded from a small buffer: its own loop vectorises.
template <class T>
INGOT_FN void exponentials(const T* x, T* to, int64_t n, T center) {
  INGOT_IVDEP
  for (int64_t j = 0; j < n; ++j) to[j] = math::exp(x[j] - center);
}

constexpr int64_t kBuffer = 256;

template <class T>
void exponential_rows(const void* data, int64_t stride, int64_t lines,
                      int64_t n, void* accumulators, const double* centers) {
  auto* x = static_cast<const T*>(data);
  auto* to = static_cast<double*>(accumulators);
  T buffer[kBuffer];
  int64_t i = 0;
  if (abreast<double>(lines, n)) {
    for (; i + kAbreast <= lines; i += kAbreast) {
      for (int64_t j = 0; j < n; ++j) {
        INGOT_IVDEP
        for (int64_t l = i; l < i + kAbreast; ++l) {
          to[l] += math::exp(x[l * stride + j] - T(centers[l]));
        }
      }
    }
  }
  for (; i < lines; ++i) {
    for (int64_t j = 0; j < n; j += kBuffer) {
      int64_t length = n - j < kBuffer ? n - j : kBuffer;
      exponentials(x + i * stride + j, buffer, length, T(centers[i]));
      to[i] = fold_run<Sum, Itself>(buffer, length, to[i]);
    }
  }
}

template <class T>
void exponential_columns(const void* data, int64_t stride, int64_t lines,
                         int64_t n, void* accumulators, const double* centers) {
  auto* x = static_cast<const T*>(data);
  auto* to = static_cast<double*>(accumulators);
  for (int64_t i = 0; i < lines; ++i) {
    INGOT_IVDEP
    for (int64_t j = 0; j < n; ++j) {
      to[j] += math::exp(x[i * stride + j] - T(centers[j]));
    }
  }
}

template <class T>
INGOT_FN bool beats(const Max&, T x, T best) {
  return (x > best) | ((x != x) & (best == best));
}
template <class T>
INGOT_FN bool beats(const Min&, T x, T best) {
  return (x < best) | ((x != x) & (best == best));
}

// The extreme of a block comes first, its place is looked for only where it is
// a new one.
template <class Fold, class T>
void arg_rows(const void* data, int64_t stride, int64_t lines, int64_t n,
              int64_t first, void* values, uint32_t* indices) {
  constexpr int64_t kBlock = 1024;
  auto* x = static_cast<const T*>(data);
  auto* best = static_cast<T*>(values);
  int64_t i = 0;
  if (abreast<T>(lines, n)) {
    for (; i + kAbreast <= lines; i += kAbreast) {
      for (int64_t j = 0; j < n; ++j) {
        uint32_t index = static_cast<uint32_t>(first + j);
        INGOT_IVDEP
        for (int64_t l = i; l < i + kAbreast; ++l) {
          T element = x[l * stride + j];
          bool better = beats(Fold(), element, best[l]);
          best[l] = better ? element : best[l];
          indices[l] = better ? index : indices[l];
        }
      }
    }
  }
  for (; i < lines; ++i) {
    const T* line = x + i * stride;
    for (int64_t j = 0; j < n; j += kBlock) {
      int64_t length = n - j < kBlock ? n - j : kBlock;
      T found = fold_run<Fold, Itself>(line + j, length, best[i]);
      if (!beats(Fold(), found, best[i])) continue;
      int64_t k = j;
      while (!((line[k] == found) | (line[k] != line[k]))) ++k;
      best[i] = found;
      indices[i] = static_cast<uint32_t>(first + k);
    }
  }
}

template <class Fold, class T>
void arg_columns(const void* data, int64_t stride, int64_t lines, int64_t n,
                 int64_t first, void* values, uint32_t* indices) {
  auto* x = static_cast<const T*>(data);
  auto* best = static_cast<T*>(values);
  for (int64_t i = 0; i < lines; ++i) {
    uint32_t index = static_cast<uint32_t>(first + i);
    INGOT_IVDEP
    for (int64_t j = 0; j < n; ++j) {
      T element = x[i * stride + j];
      bool better = beats(Fold(), element, best[j]);
      best[j] = better ? element : best[j];
      indices[j] = better ? index : indices[j];
    }
  }
}

template <class Fold, class Map, class T, class A>
void set(Kernels& k, Pass pass, Dtype dtype) {
  int p = static_cast<int>(pass), d = static_cast<int>(dtype);
  k.rows[p][d] = rows<Fold, Map, T, A>;
  k.columns[p][d] = columns<Fold, Map, T, A>;
}

template <class T>
void fill_type(Kernels& k, Dtype dtype) {
  typedef typename Stored<T>::type E;
  typedef typename Accumulator<T>::type A;
  set<Sum, Itself, E, A>(k, Pass::sum, dtype);
  set<Prod, Itself, E, A>(k, Pass::prod, dtype);
  set<Max, Itself, E, E>(k, Pass::max, dtype);
  set<Min, Itself, E, E>(k, Pass::min, dtype);
  int d = static_cast<int>(dtype);
  k.arg_rows[static_cast<int>(ArgReduceOp::max)][d] = arg_rows<Max, E>;
  k.arg_rows[static_cast<int>(ArgReduceOp::min)][d] = arg_rows<Min, E>;
  k.arg_columns[static_cast<int>(ArgReduceOp::max)][d] = arg_columns<Max, E>;
  k.arg_columns[static_cast<int>(ArgReduceOp::min)][d] = arg_columns<Min, E>;
}

template <class T>
void fill_float(Kernels& k, Dtype dtype) {
  set<Sum, Deviation, T, double>(k, Pass::deviations, dtype);
  int p = static_cast<int>(Pass::exponentials), d = static_cast<int>(dtype);
  k.rows[p][d] = exponential_rows<T>;
  k.columns[p][d] = exponential_columns<T>;
}

// Whether a half type is non-zero, for all() and any().
void half_to_bool(const void* x, void* out, int64_t n) {
  auto* bits = static_cast<const uint16_t*>(x);
  auto* to = static_cast<bool*>(out);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) to[i] = (bits[i] & 0x7fff) != 0;
}

template <class... T>
void fill_types(Kernels& k, Types<T...>) {
  (fill_type<T>(k, dtype_of<T>), ...);
}

}  // namespace

void fill_reduce(Kernels& k) {
  fill_types(k, AllTypes());
  fill_float<float>(k, Dtype::float32);
  fill_float<double>(k, Dtype::float64);
  convert_kernel(k, Dtype::float16, Dtype::bool_) = half_to_bool;
  convert_kernel(k, Dtype::bfloat16, Dtype::bool_) = half_to_bool;
}

}  // namespace ingot::cpu::INGOT_SIMD
