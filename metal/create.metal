// Arrays from nothing: constants, ranges, identity.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/convert.h"
#include "msl/float64.h"
#include "msl/index.h"
#include "msl/kernel.h"

using namespace ingot;

template <class T>
[[kernel]] void fill(device T* out [[buffer(0)]],
                     constant FillArgs& args [[buffer(1)]],
                     uint group [[threadgroup_position_in_grid]],
                     uint thread_index [[thread_position_in_threadgroup]]) {
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i < args.size) out[i] = T(args.bits);
  }
}

// out[i] = start + i * step
template <class T>
[[kernel]] void arange(device T* out [[buffer(0)]],
                       constant ArangeArgs& args [[buffer(1)]],
                       uint group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_position_in_threadgroup]]) {
  Float64 start = args.start, step = args.step;
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i >= args.size) return;
    Float64 x = plus(start, times(step, i));
    out[i] = FromFloat64<T, IsFloat<T>::value>::apply(x);
  }
}

template <class T>
[[kernel]] void eye(device T* out [[buffer(0)]],
                    constant EyeArgs& args [[buffer(1)]],
                    uint group [[threadgroup_position_in_grid]],
                    uint thread_index [[thread_position_in_threadgroup]]) {
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i >= args.size) return;
    long above = long(i % args.columns) - long(i / args.columns);
    out[i] = above == args.diagonal ? T(args.one) : T(0);
  }
}
