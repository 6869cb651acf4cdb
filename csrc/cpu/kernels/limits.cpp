// The bodies of the bare loops. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstring>

#include "csrc/cpu/simd.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

// Bits, since the order in which floats are added is not for compilers to change.
uint32_t read(float* const* s, int64_t n) {
  auto* x = reinterpret_cast<const uint32_t*>(s[0]);
  uint32_t all = 0;
  for (int64_t i = 0; i < n; ++i) all ^= x[i];
  return all;
}

uint32_t fill(float* const* s, int64_t n) {
  std::memset(s[0], 1, n * sizeof(float));
  return 0;
}

uint32_t copy(float* const* s, int64_t n) {
  std::memcpy(s[1], s[0], n * sizeof(float));
  return 0;
}

uint32_t add(float* const* s, int64_t n) {
  float *a = s[0], *b = s[1], *out = s[2];
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) out[i] = a[i] + b[i];
  return 0;
}

uint32_t sgd(float* const* s, int64_t n) {
  float *w = s[0], *g = s[1];
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) w[i] -= 1e-3f * g[i];
  return 0;
}

uint32_t momentum(float* const* s, int64_t n) {
  float *w = s[0], *g = s[1], *v = s[2];
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    v[i] = 0.9f * v[i] + g[i];
    w[i] -= 1e-3f * v[i];
  }
  return 0;
}

uint32_t adam(float* const* s, int64_t n) {
  float *w = s[0], *g = s[1], *m = s[2], *v = s[3];
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    m[i] = 0.9f * m[i] + 0.1f * g[i];
    v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
    w[i] = 0.9999f * w[i] - 1e-3f * m[i] / (std::sqrt(v[i]) + 1e-8f);
  }
  return 0;
}

}  // namespace

void fill_limits(Kernels& k) {
  // In the order of kBareLoopKinds.
  const BareLoopKernel loops[kBareLoops] = {read, fill,     copy, add,
                                            sgd,  momentum, adam};
  for (int i = 0; i < kBareLoops; ++i) k.bare_loop[i] = loops[i];
}

}  // namespace ingot::cpu::INGOT_SIMD
