// Normalization along the last axis: a threadgroup for each row. The gradients
// of weight and bias are sums over rows, by blocks of them and then over the
// blocks, in a fixed order.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/fold.h"
#include "msl/index.h"
#include "msl/kernel.h"

namespace ingot {

// An element x of a row becomes ((x * unit - center) - rest) / root.
struct Scale {
  float unit, center, rest, root;
};
INGOT_FN float normalized(float x, Scale s) {
  return ((x * s.unit - s.center) - s.rest) / s.root;
}

// A power of two that takes x, which is not negative, to [1, 2), where it and
// its inverse are normal numbers: what is scaled by it keeps its bits.
INGOT_FN float unit_for(float x) {
  int exponent = int(as_type<uint32_t>(x) >> 23);
  int inverse = 254 - exponent;
  inverse = inverse < 1 ? 1 : (inverse > 253 ? 253 : inverse);
  return as_type<float>(uint32_t(inverse) << 23);
}

// A mean as two numbers: the quotient, and what rounding has taken from it. n
// is a whole number.
INGOT_FN float2 mean_of(Compensated sum, float n) {
  float mean = (sum.x + sum.y) / n;
  return float2(mean, (fma(-mean, n, sum.x) + sum.y) / n);
}

// Folds over the threads of a group, leaving the memory to be used again.
INGOT_FN Compensated sum_over_group(Compensated mine, uint thread_index,
                                    threadgroup Compensated* sums) {
  Compensated all = over_group<Sum<float>>(mine, thread_index, sums);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  return all;
}

// The scale of a row. In units of its largest element no square overflows, and
// the center has digits beyond a float's: a large mean costs none.
template <class T>
INGOT_FN Scale scale_of(device const T* x, constant NormalizeArgs& args,
                        uint thread_index, threadgroup float* largest,
                        threadgroup Compensated* sums) {
  long step = args.steps[kNormalizedX];
  float n = float(args.count), top = args.root_eps;
  for (ulong i = thread_index; i < args.count; i += kGroup) {
    top = max(top, abs(float(x[long(i) * step])));
  }
  Scale s = {unit_for(over_group<Max<float>>(top, thread_index, largest)), 0.0f,
             0.0f, 0.0f};
  Compensated sum = Sum<float>::identity();
  if (args.centered != 0) {
    for (ulong i = thread_index; i < args.count; i += kGroup) {
      float scaled = float(x[long(i) * step]) * s.unit;
      sum = joined(sum, float2(scaled, 0.0f));
    }
    float2 mean = mean_of(sum_over_group(sum, thread_index, sums), n);
    s.center = mean.x;
    s.rest = mean.y;
  }
  sum = Sum<float>::identity();
  for (ulong i = thread_index; i < args.count; i += kGroup) {
    float d = (float(x[long(i) * step]) * s.unit - s.center) - s.rest;
    sum = joined(sum, float2(d * d, 0.0f));
  }
  sum = sum_over_group(sum, thread_index, sums);
  float e = args.root_eps * s.unit;
  s.root = sqrt((sum.x + sum.y) / n + e * e);
  return s;
}

}  // namespace ingot

using namespace ingot;

// `out` is contiguous.
template <class X, class W, class B, class Out>
[[kernel]] void normalize_rows(device const X* x [[buffer(0)]],
                               device const W* weight [[buffer(1)]],
                               device const B* bias [[buffer(2)]],
                               device Out* out [[buffer(3)]],
                               constant NormalizeArgs& args [[buffer(4)]],
                               uint group [[threadgroup_position_in_grid]],
                               uint thread_index
                               [[thread_position_in_threadgroup]]) {
  threadgroup float largest[kGroup];
  threadgroup Compensated sums[kGroup];
  x += offset_of(args.rows, group, kNormalizedX);
  out += ulong(group) * args.count;
  Scale s = scale_of(x, args, thread_index, largest, sums);
  for (ulong i = thread_index; i < args.count; i += kGroup) {
    long j = long(i);
    float y = normalized(float(x[j * args.steps[kNormalizedX]]), s);
    if (args.weighted != 0) y = y * float(weight[j * args.weight_step]);
    if (args.biased != 0) y = y + float(bias[j * args.bias_step]);
    out[i] = Out(y);
  }
}

// The gradient of x, contiguous, and the scale of each row: with y = normalized
// x and g its gradient, (g - mean(g) - y mean(g y)) / root.
template <class X, class W, class C>
[[kernel]] void gradient_of_rows(device const X* x [[buffer(0)]],
                                 device const W* weight [[buffer(1)]],
                                 device const C* cotangent [[buffer(2)]],
                                 device X* dx [[buffer(3)]],
                                 device float4* scales [[buffer(4)]],
                                 constant NormalizeArgs& args [[buffer(5)]],
                                 uint group [[threadgroup_position_in_grid]],
                                 uint thread_index
                                 [[thread_position_in_threadgroup]]) {
  threadgroup float largest[kGroup];
  threadgroup Compensated sums[kGroup];
  x += offset_of(args.rows, group, kNormalizedX);
  cotangent += offset_of(args.rows, group, kCotangent);
  dx += ulong(group) * args.count;
  Scale s = scale_of(x, args, thread_index, largest, sums);
  if (thread_index == 0) {
    scales[group] = float4(s.unit, s.center, s.rest, s.root);
  }
  if (args.wants_x == 0) return;
  Compensated total = Sum<float>::identity(), product = Sum<float>::identity();
  for (ulong i = thread_index; i < args.count; i += kGroup) {
    long j = long(i);
    float g = float(cotangent[j * args.steps[kCotangent]]);
    if (args.weighted != 0) g = g * float(weight[j * args.weight_step]);
    float y = normalized(float(x[j * args.steps[kNormalizedX]]), s);
    total = joined(total, float2(g, 0.0f));
    product = joined(product, float2(g * y, 0.0f));
  }
  float n = float(args.count);
  float2 shift = float2(0.0f, 0.0f);
  if (args.centered != 0) {
    shift = mean_of(sum_over_group(total, thread_index, sums), n);
  }
  product = sum_over_group(product, thread_index, sums);
  float slope = (product.x + product.y) / n;
  for (ulong i = thread_index; i < args.count; i += kGroup) {
    long j = long(i);
    float g = float(cotangent[j * args.steps[kCotangent]]);
    if (args.weighted != 0) g = g * float(weight[j * args.weight_step]);
    float y = normalized(float(x[j * args.steps[kNormalizedX]]), s);
    dx[i] = X(((g - shift.x) - shift.y - y * slope) / s.root * s.unit);
  }
}

// What a block of rows adds to the gradients of weight and bias: a thread for
// each column.
template <class X, class C>
[[kernel]] void gradient_of_columns(device const X* x [[buffer(0)]],
                                    device const C* cotangent [[buffer(1)]],
                                    device const float4* scales [[buffer(2)]],
                                    device float4* partials [[buffer(3)]],
                                    constant NormalizeArgs& args [[buffer(4)]],
                                    uint group [[threadgroup_position_in_grid]],
                                    uint thread_index
                                    [[thread_position_in_threadgroup]]) {
  ulong block = group % args.blocks;
  ulong column = ulong(group / args.blocks) * kGroup + thread_index;
  if (column >= args.count) return;
  ulong end = (block + 1) * args.block_rows;
  if (end > args.rows.size) end = args.rows.size;
  long at = long(column) * args.steps[kNormalizedX];
  long at_cotangent = long(column) * args.steps[kCotangent];
  Compensated for_weight = Sum<float>::identity();
  Compensated for_bias = Sum<float>::identity();
  for (ulong row = block * args.block_rows; row < end; ++row) {
    float4 scale = scales[row];
    Scale s = {scale.x, scale.y, scale.z, scale.w};
    float y =
        normalized(float(x[offset_of(args.rows, row, kNormalizedX) + at]), s);
    float c =
        float(cotangent[offset_of(args.rows, row, kCotangent) + at_cotangent]);
    for_weight = joined(for_weight, float2(c * y, 0.0f));
    for_bias = joined(for_bias, float2(c, 0.0f));
  }
  partials[block * args.count + column] =
      float4(for_weight.x, for_weight.y, for_bias.x, for_bias.y);
}

// The sums over the blocks, to those of the two that are there.
template <class W, class B>
[[kernel]] void gradient_of_vectors(device const float4* partials [[buffer(0)]],
                                    device W* dweight [[buffer(1)]],
                                    device B* dbias [[buffer(2)]],
                                    constant NormalizeArgs& args [[buffer(3)]],
                                    uint column [[thread_position_in_grid]]) {
  if (column >= args.count) return;
  Compensated for_weight = Sum<float>::identity();
  Compensated for_bias = Sum<float>::identity();
  for (ulong block = 0; block < args.blocks; ++block) {
    float4 part = partials[block * args.count + column];
    for_weight = joined(for_weight, float2(part.x, part.y));
    for_bias = joined(for_bias, float2(part.z, part.w));
  }
  if (args.weighted != 0) dweight[column] = W(for_weight.x + for_weight.y);
  if (args.biased != 0) dbias[column] = B(for_bias.x + for_bias.y);
}
