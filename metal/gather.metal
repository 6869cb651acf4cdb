// Gather: windows at places that index arrays name. An index out of range
// writes nothing and is reported.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/index.h"

namespace ingot {

// Only the first that comes is kept.
INGOT_FN void report(device atomic_uint* fault, int axis, long index) {
  if (atomic_fetch_add_explicit(fault, 1u, memory_order_relaxed) != 0) return;
  atomic_store_explicit(fault + 1, uint(axis), memory_order_relaxed);
  atomic_store_explicit(fault + 2, uint(index), memory_order_relaxed);
  atomic_store_explicit(fault + 3, uint(ulong(index) >> 32),
                        memory_order_relaxed);
}

}  // namespace ingot

using namespace ingot;

template <class T>
[[kernel]] void gather(device const T* x [[buffer(0)]],
                       device const long* index0 [[buffer(1)]],
                       device const long* index1 [[buffer(2)]],
                       device const long* index2 [[buffer(3)]],
                       device const long* index3 [[buffer(4)]],
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
                        args.window_ndim, i % args.window) +
                  place(args.others_shape, args.others_strides,
                        args.others_ndim, position);
    bool inside = true;
    for (int k = 0; k < args.indexed; ++k) {
      long index = k == 0   ? index0[position]
                   : k == 1 ? index1[position]
                   : k == 2 ? index2[position]
                            : index3[position];
      long at = index < 0 ? index + args.sizes[k] : index;
      if (at < 0 || at >= args.places[k]) {
        report(fault, k, index);
        inside = false;
      } else {
        offset += at * args.strides[k];
      }
    }
    if (inside) out[i] = x[offset];
  }
}

#define INGOT_GATHER(T) \
  template [[host_name("gather")]] [[kernel]] decltype(gather<T>) gather<T>;
