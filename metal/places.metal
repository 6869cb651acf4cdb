// Where the place of each index position begins; indices out of range are
// reported.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/index.h"
#include "msl/places.h"

using namespace ingot;

[[kernel]] void places(device const long* index0 [[buffer(0)]],
                       device const long* index1 [[buffer(1)]],
                       device const long* index2 [[buffer(2)]],
                       device const long* index3 [[buffer(3)]],
                       device uint* offsets [[buffer(4)]],
                       device atomic_uint* fault [[buffer(5)]],
                       constant GatherArgs& args [[buffer(6)]],
                       uint group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_position_in_threadgroup]]) {
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i >= args.size) return;
    long offset = 0;
    find_place(args, i, index0, index1, index2, index3, fault, offset);
    offsets[i] = uint(offset);
  }
}
