// Numbers in few bits, see Quantization in csrc/families.h: packed, unpacked, and
// multiplied while they are unpacked. Sums are those of the CPU's lanes.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/index.h"
#include "msl/kernel.h"
#include "msl/simd.h"
#include "quantize.h"

namespace ingot {

template <int mode, class S>
INGOT_FN float scale_of(S scale) {
  return mode == kAffine ? float(scale) : scale_value(uint(float(scale)), mode);
}

template <int mode>
INGOT_FN float number_of(uint code, float scale, float bias) {
  return mode == kAffine ? fma(float(code), scale, bias)
                         : float_value(code, mode) * scale;
}

template <int bits>
INGOT_FN uint code_at(device const uint* words, ulong i) {
  words += i * bits / 32;
  uint shift = uint(i * bits % 32);
  uint high = shift + bits > 32 ? words[1] : 0u;
  return code_in(words[0], high, shift, bits);
}

}  // namespace ingot

using namespace ingot;

// Scales, of type S, and biases; all but w is contiguous. Without biases `biases`
// is not touched.
template <class T, class S, int mode, int bits>
[[kernel]] void pack(device const T* w [[buffer(0)]],
                     device uint* words [[buffer(1)]],
                     device S* scales [[buffer(2)]],
                     device S* biases [[buffer(3)]],
                     constant QuantizeArgs& args [[buffer(4)]],
                     uint group [[threadgroup_position_in_grid]],
                     uint thread_index [[thread_position_in_threadgroup]]) {
  ulong g = ulong(group) * kGroup + thread_index;
  if (g >= args.groups) return;
  ulong first = g * args.group;
  float low = float(w[offset_of(args.w, first, 0)]);
  float high = low, largest = ingot::abs(low);
  for (uint i = 1; i < args.group; ++i) {
    float x = float(w[offset_of(args.w, first + i, 0)]);
    low = ingot::min(low, x);
    high = ingot::max(high, x);
    largest = ingot::max(largest, ingot::abs(x));
  }
  Affine<float> affine = affine_of(low, high, bits);
  uint code = scale_code(largest, mode);
  float scale = scale_value(code, mode);
  if (mode == kAffine) {
    scales[g] = S(affine.scale);
    biases[g] = S(affine.bias);
  } else {
    scales[g] = S(float(code));
  }
  words += first * bits / 32;
  ulong held = 0;
  uint filled = 0;
  for (uint i = 0; i < args.group; ++i) {
    float x = float(w[offset_of(args.w, first + i, 0)]);
    uint bits_of_x = mode == kAffine ? affine_code(x, affine, bits)
                                     : float_code(x, scale, mode);
    held |= ulong(bits_of_x) << filled;
    filled += bits;
    if (filled >= 32) {
      *words++ = uint(held);
      held >>= 32;
      filled -= 32;
    }
  }
}

template <class T, class S, int mode, int bits>
[[kernel]] void unpack(device const uint* words [[buffer(0)]],
                       device const S* scales [[buffer(1)]],
                       device const S* biases [[buffer(2)]],
                       device T* out [[buffer(3)]],
                       constant QuantizeArgs& args [[buffer(4)]],
                       uint group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_position_in_threadgroup]]) {
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i >= args.groups * args.group) return;
    ulong g = i / args.group;
    float bias = mode == kAffine ? float(biases[g]) : 0.0f;
    out[i] = T(number_of<mode>(code_at<bits>(words, i),
                               scale_of<mode>(scales[g]), bias));
  }
}

template <class T, class S, int mode, int bits>
[[kernel]] void dot_rows(device const T* x [[buffer(0)]],
                         device const uint* words [[buffer(1)]],
                         device const S* scales [[buffer(2)]],
                         device const S* biases [[buffer(3)]],
                         device T* out [[buffer(4)]],
                         constant QuantizedDotArgs& args [[buffer(5)]],
                         uint group [[threadgroup_position_in_grid]],
                         uint thread_index [[thread_position_in_threadgroup]]) {
  ulong task = ulong(group) * kSimds + thread_index / kSimd;
  ulong strips = (args.m + kSharing - 1) / kSharing;
  if (task >= args.matrices * strips * args.n) return;
  ulong column = task % args.n, strip = task / args.n % strips;
  ulong matrix = task / (args.n * strips), row = strip * kSharing;
  ulong rows = ingot::min(args.m - row, ulong(kSharing));
  ulong place = matrix * args.n + column;
  words += place * (args.k * bits / 32);
  scales += place * (args.k / args.group);
  biases += place * (args.k / args.group);
  x += (matrix * args.m + row) * args.k;
  out += (matrix * args.m + row) * args.n + column;
  float sums[kSharing];
  for (uint r = 0; r < kSharing; ++r) sums[r] = 0.0f;
  for (ulong i = thread_index % kSimd; i < args.k; i += kSimd) {
    ulong g = i / args.group;
    float bias = mode == kAffine ? float(biases[g]) : 0.0f;
    float number = number_of<mode>(code_at<bits>(words, i),
                                   scale_of<mode>(scales[g]), bias);
    for (uint r = 0; r < rows; ++r) {
      sums[r] = ingot::fma(number, float(x[r * args.k + i]), sums[r]);
    }
  }
  for (uint r = 0; r < rows; ++r) {
    float total = simd_total(sums[r]);
    if (thread_index % kSimd == 0) out[r * args.n] = T(total);
  }
}
