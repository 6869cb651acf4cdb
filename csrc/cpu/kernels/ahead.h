// Loops that fetch what they read before they come to it: processors look less
// far ahead, and a core waited for memory up to a third of its time. On x86-64,
// where that was measured; elsewhere these are plain loops.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

namespace ingot::cpu::INGOT_SIMD {
namespace {

constexpr int64_t kAhead = 2048;  // bytes
constexpr int64_t kBlock = 256;   // elements
constexpr int64_t kPart = 1024;   // elements: a tile

// The lines of the bytes that begin so far beyond `from`.
#if defined(__x86_64__)
inline void fetch_beyond(const void* from, int64_t bytes) {
  auto* first = static_cast<const char*>(from) + kAhead;
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(first + i);
}
#else
inline void fetch_beyond(const void*, int64_t) {}
#endif

// The same for a block of the n elements of x. Many are part of still more, and
// what lies behind them will be wanted next.
template <class T>
inline void fetch(const T* x, int64_t block, int64_t n) {
  int64_t left = (n - block) * int64_t(sizeof(T)) - kAhead;
  int64_t bytes = kBlock * sizeof(T);
  fetch_beyond(x + block, n < kPart && left < bytes ? left : bytes);
}

// Calls f(begin, end) for blocks of n elements, having fetched of the arrays.
template <class F, class... T>
inline void in_blocks(int64_t n, F&& f, const T*... arrays) {
#if defined(__x86_64__)
  for (int64_t block = 0; block < n; block += kBlock) {
    (fetch(arrays, block, n), ...);
    f(block, block + kBlock < n ? block + kBlock : n);
  }
#else
  ((void)arrays, ...);
  f(0, n);
#endif
}

}  // namespace
}  // namespace ingot::cpu::INGOT_SIMD
