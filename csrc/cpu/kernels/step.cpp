// Vectorised loops of the update rules. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include <type_traits>

#include "csrc/cpu/kernels/ahead.h"
#include "csrc/cpu/kernels/types.h"
#include "csrc/cpu/simd.h"
#include "metal/rules/rules.def"

namespace ingot::cpu::INGOT_SIMD {
namespace {

template <class Rule>
constexpr bool gives_update = requires { Rule::gives_update; };

// Parameters and gradients of type W, states of type S, computed in T.
template <class Rule, class T, class W, class S>
void loop(const void* const* in, void* const* out, const void* hyper,
          int64_t n) {
  using Out = std::conditional_t<gives_update<Rule>, T, W>;
  constexpr int slots = Rule::slots;
  const auto h = *static_cast<const typename Rule::template Hyper<T>*>(hyper);
  auto* w = static_cast<const W*>(in[0]);
  auto* g = static_cast<const W*>(in[1]);
  auto* new_w = static_cast<Out*>(out[0]);
  const S* s[slots + 1];
  S* new_s[slots + 1];
  for (int k = 0; k < slots; ++k) {
    s[k] = static_cast<const S*>(in[2 + k]);
    new_s[k] = static_cast<S*>(out[1 + k]);
  }
  auto block = [&](int64_t begin, int64_t end) {
    for (int k = 0; k < slots; ++k) fetch(s[k], begin, n);
    INGOT_IVDEP
    for (int64_t i = begin; i < end; ++i) {
      Element<T, slots> e;
      e.w = static_cast<T>(w[i]);
      for (int k = 0; k < slots; ++k) e.s[k] = static_cast<T>(s[k][i]);
      e = Rule::step(e, static_cast<T>(g[i]), h);
      new_w[i] = static_cast<Out>(e.w);
      for (int k = 0; k < slots; ++k) new_s[k][i] = static_cast<S>(e.s[k]);
    }
  };
  in_blocks(n, block, w, g);
}

template <class Rule, class... T>
void fill_row(StepKernel* row, Types<T...>) {
  ((row[static_cast<int>(dtype_of<T>)] = loop<Rule, T, T, T>), ...);
}

}  // namespace

void fill_step(Kernels& k) {
#define RULE(Type, name, slots, settings)                                 \
  fill_row<Type>(k.step[static_cast<int>(StepRule::Type)], FloatTypes()); \
  k.step_bfloat16[static_cast<int>(StepRule::Type)] =                     \
      loop<Type, float, Bfloat16, float>;                                 \
  k.step_all_bfloat16[static_cast<int>(StepRule::Type)] =                 \
      loop<Type, float, Bfloat16, Bfloat16>;
#include "metal/rules/rules.def"
}

}  // namespace ingot::cpu::INGOT_SIMD
