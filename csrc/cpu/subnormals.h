// Optimizer steps treat subnormal numbers as zero.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace ingot::cpu {

// While one lives, this thread reads and writes subnormal numbers as zero, as
// Apple GPUs do.
class FlushSubnormals {
 public:
  FlushSubnormals() : before_(get()) { set(before_ | kFlush); }
  ~FlushSubnormals() { set(before_); }
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr uint64_t kFlush = 0x8040;  // FTZ and DAZ
  static uint64_t get() { return _mm_getcsr(); }
  static void set(uint64_t word) { _mm_setcsr(static_cast<uint32_t>(word)); }
#else
  static constexpr uint64_t kFlush = uint64_t{1} << 24;  // FZ
  static uint64_t get() {
    uint64_t word;
    asm volatile("mrs %0, fpcr" : "=r"(word));
    return word;
  }
  static void set(uint64_t word) { asm volatile("msr fpcr, %0" ::"r"(word)); }
#endif
  uint64_t before_;
};

}  // namespace ingot::cpu
