// Vectorised loops of attention: one row of a block of scores at a time. Built
// once per instruction set.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/kernels/fold.h"
#include "csrc/cpu/simd.h"
#include "metal/math.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

template <class T>
constexpr T kNothing = -static_cast<T>(__builtin_inff());

// What is measured from the largest score: of a row without any, from 0, which
// leaves zeros.
template <class T>
INGOT_FN T finite_or_zero(T top) {
  return top == kNothing<T> ? T(0) : top;
}

template <class T>
void mask_boolean(void* scores, const void* mask, int64_t step, int64_t n) {
  auto* x = static_cast<T*>(scores);
  auto* seen = static_cast<const bool*>(mask);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) x[i] = seen[i * step] ? x[i] : kNothing<T>;
}

template <class T>
void mask_additive(void* scores, const void* mask, int64_t step, int64_t n) {
  auto* x = static_cast<T*>(scores);
  auto* bias = static_cast<const T*>(mask);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) x[i] += bias[i * step];
}

template <class T>
double softmax_part(void* scores, int64_t n, double* largest, double* total) {
  auto* x = static_cast<T*>(scores);
  const T before = static_cast<T>(*largest);
  const T top = fold_run<Max, Itself>(x, n, before);
  const T shift = finite_or_zero(top);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) x[i] = math::exp(x[i] - shift);
  const double factor = math::exp(before - shift);
  *total = *total * factor + fold_run<Sum, Itself>(x, n, 0.0);
  *largest = top;
  return factor;
}

template <class T>
void softmax_slope(void* scores, void* slopes, int64_t n, double lse,
                   double delta) {
  auto* p = static_cast<T*>(scores);
  auto* slope = static_cast<T*>(slopes);
  const T shift = finite_or_zero(static_cast<T>(lse));
  const T mean = static_cast<T>(delta);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    p[i] = math::exp(p[i] - shift);
    slope[i] = p[i] * (slope[i] - mean);
  }
}

template <class T>
void fill(Kernels& k, Dtype dtype) {
  int type = static_cast<int>(dtype);
  k.mask_boolean[type] = mask_boolean<T>;
  k.mask_additive[type] = mask_additive<T>;
  k.softmax_part[type] = softmax_part<T>;
  k.softmax_slope[type] = softmax_slope<T>;
}

}  // namespace

void fill_attention(Kernels& k) {
  fill<float>(k, Dtype::float32);
  fill<double>(k, Dtype::float64);
}

}  // namespace ingot::cpu::INGOT_SIMD
