// Chooses the instruction set when the library is loaded.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/simd.h"

#include <cstdlib>
#include <string_view>

namespace ingot::cpu {

// Each kernels/*.cpp fills its part of the table, once per instruction set.
#define INGOT_LEVEL(level)       \
  namespace level {              \
  void fill_unary(Kernels&);     \
  void fill_binary(Kernels&);    \
  void fill_copy(Kernels&);      \
  void fill_transpose(Kernels&); \
  void fill_reduce(Kernels&);    \
  void fill_scan(Kernels&);      \
  void fill_softmax(Kernels&);   \
  void fill_normalize(Kernels&); \
  void fill_conv(Kernels&);      \
  void fill_attention(Kernels&); \
  void fill_quantize(Kernels&);  \
  void fill_step(Kernels&);      \
  void fill_random(Kernels&);    \
  void fill_adafactor(Kernels&); \
  void fill_limits(Kernels&);    \
  inline void fill(Kernels& k) { \
    fill_unary(k);               \
    fill_binary(k);              \
    fill_copy(k);                \
    fill_transpose(k);           \
    fill_reduce(k);              \
    fill_scan(k);                \
    fill_softmax(k);             \
    fill_normalize(k);           \
    fill_conv(k);                \
    fill_attention(k);           \
    fill_quantize(k);            \
    fill_step(k);                \
    fill_random(k);              \
    fill_adafactor(k);           \
    fill_limits(k);              \
  }                              \
  }
#if defined(__x86_64__)
INGOT_LEVEL(avx2)
INGOT_LEVEL(avx512)
#else
INGOT_LEVEL(neon)
#endif

namespace {

struct Chosen {
  Kernels kernels;
  const char* level;

  Chosen() {
#if defined(__x86_64__)
    const char* wish = std::getenv("INGOT_SIMD");  // to compare levels
    bool narrow = wish && std::string_view(wish) == "avx2";
    if (!__builtin_cpu_supports("x86-64-v3")) {
      throw std::runtime_error(
          "ingot: the processor must support AVX2 and FMA (x86-64-v3)");
    }
    if (__builtin_cpu_supports("x86-64-v4") && !narrow) {
      avx512::fill(kernels);
      level = "avx512";
    } else {
      avx2::fill(kernels);
      level = "avx2";
    }
#else
    neon::fill(kernels);
    level = "neon";
#endif
  }
};

const Chosen& chosen() {
  static const Chosen chosen;
  return chosen;
}

}  // namespace

const Kernels& kernels() { return chosen().kernels; }
const char* simd_level() { return chosen().level; }

}  // namespace ingot::cpu
