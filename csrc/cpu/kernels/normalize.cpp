// Vectorised loops of normalization: one row at a time, which stays in the
// cache. Sums are kept in double. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/kernels/fold.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

// A double as two numbers of the type that rows have: x - high is exact where
// it matters.
template <class T>
struct Split {
  T high, low;
  explicit Split(double x)
      : high(static_cast<T>(x)), low(static_cast<T>(x - high)) {}
  T distance(T x) const { return (x - high) - low; }
};

// The center of a row, and the root of the mean square around it.
template <class T>
struct Scale {
  Split<T> center;
  T root;
};

template <class T>
double mean_of(const T* x, int64_t n) {
  return fold_run<Sum, Itself>(x, n, 0.0) / static_cast<double>(n);
}

template <class T>
Scale<T> scale_of(const Normalization& what, const T* x, int64_t n) {
  double center = what.centered ? mean_of(x, n) : 0.0;
  double sum = fold_run<Sum, Deviation>(x, n, 0.0, center);
  double square = sum / static_cast<double>(n);
  return {Split<T>(center), static_cast<T>(sqrt(square + what.eps))};
}

template <class T>
void normalize(const Normalization& what, const void* data, const void* weight,
               const void* bias, void* out, int64_t n) {
  auto* x = static_cast<const T*>(data);
  auto* w = static_cast<const T*>(weight);
  auto* b = static_cast<const T*>(bias);
  auto* to = static_cast<T*>(out);
  const Scale<T> scale = scale_of(what, x, n);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    to[i] = scale.center.distance(x[i]) / scale.root * w[i] + b[i];
  }
}

template <class T>
void add_product(double* sum, const T* a, const T* b, int64_t n) {
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    sum[i] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
}

template <class T>
void add(double* sum, const T* a, int64_t n) {
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) sum[i] += static_cast<double>(a[i]);
}

// y is the row before weight and bias, g its gradient.
template <class T>
void normalize_vjp(const Normalization& what, const NormalizeVjpRow& row,
                   int64_t n) {
  auto* x = static_cast<const T*>(row.x);
  auto* w = static_cast<const T*>(row.weight);
  auto* c = static_cast<const T*>(row.cotangent);
  auto* y = static_cast<T*>(row.scratch);
  if (row.dbias) add(row.dbias, c, n);
  if (!row.dx && !row.dweight) return;
  const Scale<T> scale = scale_of(what, x, n);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    y[i] = scale.center.distance(x[i]) / scale.root;
  }
  if (row.dweight) add_product(row.dweight, c, y, n);
  if (!row.dx) return;
  T *g = y + n, *product = g + n, *dx = static_cast<T*>(row.dx);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    g[i] = c[i] * w[i];
    product[i] = g[i] * y[i];
  }
  const Split<T> shift(what.centered ? mean_of(g, n) : 0.0);
  const T slope = static_cast<T>(mean_of(product, n));
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    dx[i] = (shift.distance(g[i]) - y[i] * slope) / scale.root;
  }
}

}  // namespace

void fill_normalize(Kernels& k) {
  int f = static_cast<int>(Dtype::float32),
      d = static_cast<int>(Dtype::float64);
  k.normalize[f] = normalize<float>;
  k.normalize[d] = normalize<double>;
  k.normalize_vjp[f] = normalize_vjp<float>;
  k.normalize_vjp[d] = normalize_vjp<double>;
}

}  // namespace ingot::cpu::INGOT_SIMD
