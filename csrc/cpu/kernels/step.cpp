// Vectorised loops of the update rules. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/kernels/ahead.h"
#include "csrc/cpu/kernels/types.h"
#include "csrc/cpu/simd.h"
#include "metal/rules/rules.def"

namespace ingot::cpu::INGOT_SIMD {
namespace {

template <class Rule, class T>
void loop(const void* const* in, void* const* out, const void* hyper,
          int64_t n) {
  constexpr int slots = Rule::slots;
  const auto h = *static_cast<const typename Rule::template Hyper<T>*>(hyper);
  auto* w = static_cast<const T*>(in[0]);
  auto* g = static_cast<const T*>(in[1]);
  auto* new_w = static_cast<T*>(out[0]);
  const T* s[slots + 1];
  T* new_s[slots + 1];
  for (int k = 0; k < slots; ++k) {
    s[k] = static_cast<const T*>(in[2 + k]);
    new_s[k] = static_cast<T*>(out[1 + k]);
  }
  auto block = [&](int64_t begin, int64_t end) {
    for (int k = 0; k < slots; ++k) fetch(s[k], begin, n);
    INGOT_IVDEP
    for (int64_t i = begin; i < end; ++i) {
      Element<T, slots> e;
      e.w = w[i];
      for (int k = 0; k < slots; ++k) e.s[k] = s[k][i];
      e = Rule::step(e, g[i], h);
      new_w[i] = e.w;
      for (int k = 0; k < slots; ++k) new_s[k][i] = e.s[k];
    }
  };
  in_blocks(n, block, w, g);
}

template <class Rule, class... T>
void fill_row(StepKernel* row, Types<T...>) {
  ((row[static_cast<int>(dtype_of<T>)] = loop<Rule, T>), ...);
}

}  // namespace

void fill_step(Kernels& k) {
#define RULE(Type, name, slots, settings) \
  fill_row<Type>(k.step[static_cast<int>(StepRule::Type)], FloatTypes());
#include "metal/rules/rules.def"
}

}  // namespace ingot::cpu::INGOT_SIMD
