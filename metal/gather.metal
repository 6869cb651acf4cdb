// Gather: windows at places that index arrays name. An index out of range
// writes nothing.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/index.h"
#include "msl/kernel.h"
#include "msl/places.h"

using namespace ingot;

template <class T>
[[kernel]] void gather(device const long* index0 [[buffer(0)]],
                       device const long* index1 [[buffer(1)]],
                       device const long* index2 [[buffer(2)]],
                       device const long* index3 [[buffer(3)]],
                       device const T* x [[buffer(4)]],
                       device T* out [[buffer(5)]],
                       device atomic_uint* fault [[buffer(6)]],
                       constant GatherArgs& args [[buffer(7)]],
                       uint group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_position_in_threadgroup]]) {
  for (int e = 0; e < kEach; ++e) {
    ulong i = element(group, thread_index, e);
    if (i >= args.size) return;
    ulong position = i / args.window;
    long offset = place(args.window_shape, args.window_strides,
                        args.window_ndim, i % args.window);
    bool inside = find_place(args, position, index0, index1, index2, index3,
                             fault, offset);
    if (inside) out[i] = x[offset];
  }
}
