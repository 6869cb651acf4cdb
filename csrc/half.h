// The two 16-bit floating types as storage: they convert, float computes.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#if defined(__F16C__)
#include <immintrin.h>
#endif

// Included by files built for different instruction sets: nothing may be
// emitted out of line, or the linker could keep the copy of the wrong one.
#define INGOT_ALWAYS_INLINE __attribute__((always_inline))

namespace ingot {

struct Half {
  uint16_t bits;
  Half() = default;
  INGOT_ALWAYS_INLINE explicit Half(float x) : bits(pack(x)) {}
  INGOT_ALWAYS_INLINE explicit operator float() const { return unpack(bits); }

#if defined(__F16C__)
  INGOT_ALWAYS_INLINE static uint16_t pack(float x) { return _cvtss_sh(x, 0); }
  INGOT_ALWAYS_INLINE static float unpack(uint16_t bits) {
    return _cvtsh_ss(bits);
  }
#else
  INGOT_ALWAYS_INLINE static uint16_t pack(float x) {
    return __builtin_bit_cast(uint16_t, static_cast<_Float16>(x));
  }
  INGOT_ALWAYS_INLINE static float unpack(uint16_t bits) {
    return static_cast<float>(__builtin_bit_cast(_Float16, bits));
  }
#endif
};

struct Bfloat16 {
  uint16_t bits;
  Bfloat16() = default;
  INGOT_ALWAYS_INLINE explicit Bfloat16(float x) : bits(pack(x)) {}
  INGOT_ALWAYS_INLINE explicit operator float() const { return unpack(bits); }

  // Rounds to nearest, ties to even; a NaN keeps its sign and stays a NaN.
  INGOT_ALWAYS_INLINE static uint16_t pack(float x) {
    uint32_t u = __builtin_bit_cast(uint32_t, x);
    uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    uint32_t quiet = (u >> 16) | 0x40u;
    return static_cast<uint16_t>(x != x ? quiet : rounded);
  }
  INGOT_ALWAYS_INLINE static float unpack(uint16_t bits) {
    return __builtin_bit_cast(float, static_cast<uint32_t>(bits) << 16);
  }
};

}  // namespace ingot
