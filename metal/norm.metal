// The norm of many arrays taken together: a threadgroup for each piece, then
// one for what they found.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/fold.h"
#include "msl/kernel.h"

namespace ingot {

// Sums of squares in three ranges (Blue 1978), so that no finite number
// overflows or is lost: x is the sum of ordinary squares, y what rounding took
// from it, z that of squares of large numbers, w that of small ones, both after
// scaling.
struct Squares {
  typedef float4 Partial;
  INGOT_FN float4 identity() { return float4(0.0f, 0.0f, 0.0f, 0.0f); }
  INGOT_FN float4 of(float x) {
    float size = abs(x);
    bool large = size > 1.12589991e15f, small = size < 8.88178420e-16f;  // 2^50
    float a = size * 2.64697796e-23f, b = size * 3.77789319e22f;  // 2^-75, 2^75
    bool middle = !large && !small;
    return float4(where(middle, size * size, 0.0f), 0.0f,
                  where(large, a * a, 0.0f), where(small, b * b, 0.0f));
  }
  INGOT_FN float4 join(float4 a, float4 b) {
    Compensated s = joined(float2(a.x, a.y), float2(b.x, b.y));
    return float4(s.x, s.y, a.z + b.z, a.w + b.w);
  }
  // The root, times scale.
  INGOT_FN float value(float4 a, float scale) {
    float middle = a.x + a.y;
    // 2^-150 takes ordinary squares to the scale of large ones.
    float large = sqrt(a.z + middle * 7.00649232e-46f) * scale;
    float small = sqrt(a.w) * scale * 2.64697796e-23f;
    float ordinary = sqrt(middle + a.w * 7.00649232e-46f) * scale;
    return where(a.z != 0.0f || a.z != a.z, large * 3.77789319e22f,
                 where(middle == 0.0f, small, ordinary));
  }
};

}  // namespace ingot

using namespace ingot;

template <class T>
[[kernel]] void squares(device const NormPiece* pieces [[buffer(0)]],
                        device float4* partials [[buffer(1)]],
                        constant NormArgs& args [[buffer(2)]],
                        uint group [[threadgroup_position_in_grid]],
                        uint thread_index [[thread_position_in_threadgroup]]) {
  threadgroup float4 shared[kGroup];
  if (group >= args.count) return;
  NormPiece piece = pieces[group];
  device const T* x = (device const T*)piece.in;
  float4 mine = Squares::identity();
  for (ulong i = thread_index; i < piece.count; i += kGroup) {
    mine = Squares::join(mine, Squares::of(float(x[i])));
  }
  float4 all = over_group<Squares>(mine, thread_index, shared);
  if (thread_index == 0) partials[group] = all;
}

[[kernel]] void norm(device const float4* partials [[buffer(0)]],
                     device float* out [[buffer(1)]],
                     constant NormArgs& args [[buffer(2)]],
                     uint thread_index [[thread_position_in_threadgroup]]) {
  threadgroup float4 shared[kGroup];
  float4 mine = Squares::identity();
  for (ulong i = thread_index; i < args.count; i += kGroup) {
    mine = Squares::join(mine, partials[i]);
  }
  float4 all = over_group<Squares>(mine, thread_index, shared);
  if (thread_index == 0) out[0] = Squares::value(all, args.scale);
}
