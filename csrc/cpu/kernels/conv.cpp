// The vectorised loop of convolutions whose channels do not mix. Built once per
// instruction set.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/simd.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

template <class T>
void add_products(const void* a, const void* b, void* sums, int64_t n) {
  auto* x = static_cast<const T*>(a);
  auto* y = static_cast<const T*>(b);
  auto* to = static_cast<T*>(sums);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) to[i] += x[i] * y[i];
}

}  // namespace

void fill_conv(Kernels& k) {
  k.add_products[static_cast<int>(Dtype::float32)] = add_products<float>;
  k.add_products[static_cast<int>(Dtype::float64)] = add_products<double>;
}

}  // namespace ingot::cpu::INGOT_SIMD
