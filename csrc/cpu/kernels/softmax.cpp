// Vectorised loops of softmax. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/kernels/fold.h"
#include "csrc/cpu/simd.h"
#include "metal/math.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

template <class T>
void exponential(const void* data, void* out, int64_t n, double shift) {
  auto* x = static_cast<const T*>(data);
  auto* to = static_cast<T*>(out);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    double d = x[i] - shift;
    T high = static_cast<T>(d);
    // What rounding the difference took away, to first order.
    T low = where(isfinite(high), static_cast<T>(d - high), T(0));
    T y = math::exp(high);
    to[i] = y + y * low;
  }
}

// Three passes over one row, which stays in the cache.
template <class T>
void softmax(const void* data, void* out, int64_t n) {
  auto* x = static_cast<const T*>(data);
  auto* to = static_cast<T*>(out);
  T largest = fold_run<Max, Itself>(x, n, x[0]);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) to[i] = math::exp(x[i] - largest);
  double total = fold_run<Sum, Itself>(to, n, 0.0);
  T sum = static_cast<T>(total);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) to[i] = to[i] / sum;
}

}  // namespace

void fill_softmax(Kernels& k) {
  int f = static_cast<int>(Dtype::float32),
      d = static_cast<int>(Dtype::float64);
  k.softmax[f] = softmax<float>;
  k.softmax[d] = softmax<double>;
  k.exponential[f] = exponential<float>;
  k.exponential[d] = exponential<double>;
}

}  // namespace ingot::cpu::INGOT_SIMD
