// Convolutions: a thread computes one element of the result, in float32 whatever
// the type. Sums over channels, lines, planes and all are kept apart: they lose
// fewer digits than one long sum.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/index.h"
#include "msl/kernel.h"

namespace ingot {

// Whether a tap meets an element of the input along a spatial dimension, whose
// offset is added.
INGOT_FN bool meets(constant ConvArgs& args, int d, int position, int tap,
                    thread long& offset) {
  int at =
      position * args.stride[d] + tap * args.kernel_dilation[d] - args.low[d];
  int gaps = args.input_dilation[d];
  if (gaps != 1) {
    if (at % gaps != 0) return false;
    at /= gaps;
  }
  offset += long(at) * args.x_spatial[d];
  return at >= 0 && at < args.input[d];
}

// The sum over the channels of a group.
template <class T>
INGOT_FN float channels_product(device const T* x, device const T* weight,
                                constant ConvArgs& args) {
  float sum = 0.0f;
  for (uint c = 0; c < args.channels; ++c) {
    sum = fma(float(x[long(c) * args.x_channel]),
              float(weight[long(c) * args.weight_channel]), sum);
  }
  return sum;
}

}  // namespace ingot

using namespace ingot;

template <class T>
[[kernel]] void conv(device const T* x [[buffer(0)]],
                     device const T* weight [[buffer(1)]],
                     device T* out [[buffer(2)]],
                     constant ConvArgs& args [[buffer(3)]],
                     uint group [[threadgroup_position_in_grid]],
                     uint thread_index [[thread_position_in_threadgroup]]) {
  ulong rest = ulong(group) * kGroup + thread_index;
  if (rest >= args.size) return;
  ulong outputs = ulong(args.outputs) * args.groups;
  ulong output = rest % outputs;
  rest /= outputs;
  int at[kSpatial];
  long to = long(output) * args.out_channel;
  for (int d = kSpatial - 1; d >= 0; --d) {
    at[d] = int(rest % ulong(args.positions[d]));
    rest /= ulong(args.positions[d]);
    to += long(at[d]) * args.out_spatial[d];
  }
  x += long(rest) * args.x_batch + long(output / args.outputs) * args.x_group;
  weight += long(output) * args.weight_output;
  float sum = 0.0f;
  for (int i = 0; i < args.taps[0]; ++i) {
    long depth = 0;
    if (!meets(args, 0, at[0], i, depth)) continue;
    float plane = 0.0f;
    for (int j = 0; j < args.taps[1]; ++j) {
      long height = depth;
      if (!meets(args, 1, at[1], j, height)) continue;
      float line = 0.0f;
      for (int k = 0; k < args.taps[2]; ++k) {
        long width = height;
        if (!meets(args, 2, at[2], k, width)) continue;
        long tap = long(i) * args.weight_spatial[0] +
                   long(j) * args.weight_spatial[1] +
                   long(k) * args.weight_spatial[2];
        line += channels_product(x + width, weight + tap, args);
      }
      plane += line;
    }
    sum += plane;
  }
  out[to + long(rest) * args.out_batch] = T(sum);
}
