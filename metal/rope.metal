// Rotary position encoding: a number of the result for each element.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/index.h"
#include "msl/kernel.h"

using namespace ingot;

// All but x is contiguous.
template <class T>
[[kernel]] void rope(device const T* x [[buffer(0)]],
                     device const float* cosine [[buffer(1)]],
                     device const float* sine [[buffer(2)]],
                     device T* out [[buffer(3)]],
                     constant RopeArgs& args [[buffer(4)]],
                     uint group [[threadgroup_position_in_grid]],
                     uint thread_index [[thread_position_in_threadgroup]]) {
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i >= args.x.size) return;
    ulong row = i / args.features, feature = i % args.features;
    T value = x[offset_of(args.x, i, 0)];
    if (feature >= 2 * args.pairs) {
      out[i] = value;
      continue;
    }
    bool pairs_are_near = args.neighbours != 0;
    ulong pair = pairs_are_near ? feature / 2 : feature % args.pairs;
    bool second = pairs_are_near ? feature % 2 != 0 : feature >= args.pairs;
    ulong apart = pairs_are_near ? 1 : args.pairs;
    T other = x[offset_of(args.x, second ? i - apart : i + apart, 0)];
    ulong place = row % args.length;
    if (args.batch != 0) place += row / args.batch * args.length;
    float c = cosine[place * args.pairs + pair];
    float s = sine[place * args.pairs + pair];
    float a = float(value), b = float(other);
    out[i] = T(second ? b * s + a * c : a * c - b * s);
  }
}
