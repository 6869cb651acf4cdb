// The vectorised loops of convolutions whose channels do not mix: lanes go over
// channels. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/kernels/fold.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

// Positions that share a load of the weights, and taps that share one of the
// cotangents: as many sums as stay in registers.
constexpr int kPositions = 4, kTaps = 9;

template <class V>
INGOT_FN V read(const void* from, int64_t at) {
  V x;
  __builtin_memcpy(&x, static_cast<const char*>(from) + at, sizeof(V));
  return x;
}

template <class V>
INGOT_FN void write(V x, void* to, int64_t at) {
  __builtin_memcpy(static_cast<char*>(to) + at, &x, sizeof(V));
}

// Calls f(V(), at) for all channels, as vectors and then as what is left;
// `at` counts bytes.
template <class T, class F>
INGOT_FN void for_channels(int64_t channels, F&& f) {
  constexpr int kSmall = 16 / sizeof(T);
  using Vector = typename VectorOf<T, kVectorBytes / sizeof(T)>::type;
  using Small = typename VectorOf<T, kSmall>::type;
  int64_t at = 0, end = channels * static_cast<int64_t>(sizeof(T));
  for (; at + kVectorBytes <= end; at += kVectorBytes) f(Vector(), at);
  for (; at + 16 <= end; at += 16) f(Small(), at);
  for (; at < end; at += sizeof(T)) f(T(), at);
}

template <class T, int positions>
void multiply_some(const ChannelTaps& taps, int64_t first, void* y) {
  for_channels<T>(taps.channels, [&](auto zero, int64_t at) {
    using V = decltype(zero);
    V sums[positions] = {};
    for (int64_t t = 0; t < taps.count; ++t) {
      V weight = read<V>(taps.weights[t], at);
      const int64_t from = first * taps.x_step + at;
      for (int i = 0; i < positions; ++i) {
        sums[i] += read<V>(taps.x[t], from + i * taps.x_step) * weight;
      }
    }
    for (int i = 0; i < positions; ++i) {
      write(sums[i], y, (first + i) * taps.y_step + at);
    }
  });
}

template <class T>
void multiply_channels(const ChannelTaps& taps, int64_t n, void* y) {
  int64_t p = 0;
  for (; p + kPositions <= n; p += kPositions) {
    multiply_some<T, kPositions>(taps, p, y);
  }
  for (; p < n; ++p) multiply_some<T, 1>(taps, p, y);
}

// Returns the first tap that is not added.
template <int count, class V>
INGOT_FN int64_t add_some(const ChannelTaps& taps, int64_t first, int64_t n,
                          const void* y, int64_t at) {
  for (; first + count <= taps.count; first += count) {
    V sums[count] = {};
    for (int64_t p = 0; p < n; ++p) {
      V cotangent = read<V>(y, p * taps.y_step + at);
      for (int t = 0; t < count; ++t) {
        sums[t] += read<V>(taps.x[first + t], p * taps.x_step + at) * cotangent;
      }
    }
    for (int t = 0; t < count; ++t) {
      void* to = taps.weights[first + t];
      write(read<V>(to, at) + sums[t], to, at);
    }
  }
  return first;
}

template <class T>
void add_channels(const ChannelTaps& taps, int64_t n, const void* y) {
  for_channels<T>(taps.channels, [&](auto zero, int64_t at) {
    using V = decltype(zero);
    int64_t first = add_some<kTaps, V>(taps, 0, n, y, at);
    first = add_some<3, V>(taps, first, n, y, at);
    add_some<1, V>(taps, first, n, y, at);
  });
}

template <class T>
void fill(Kernels& k, Dtype dtype) {
  k.multiply_channels[static_cast<int>(dtype)] = multiply_channels<T>;
  k.add_channels[static_cast<int>(dtype)] = add_channels<T>;
}

}  // namespace

void fill_conv(Kernels& k) {
  fill<float>(k, Dtype::float32);
  fill<double>(k, Dtype::float64);
}

}  // namespace ingot::cpu::INGOT_SIMD
