// The places that index arrays name. An index out of range is reported.
// SPDX-License-Identifier: MIT
#pragma once
#include "index.h"

namespace ingot {

// Only the first that comes is kept.
INGOT_FN void report(device atomic_uint* fault, int axis, long index) {
  if (atomic_fetch_add_explicit(fault, 1u, memory_order_relaxed) != 0) return;
  atomic_store_explicit(fault + 1, uint(axis), memory_order_relaxed);
  atomic_store_explicit(fault + 2, uint(index), memory_order_relaxed);
  atomic_store_explicit(fault + 3, uint(ulong(index) >> 32),
                        memory_order_relaxed);
}

// Adds to `offset` that of the place which an index position names; false where
// there is none.
INGOT_FN bool find_place(constant GatherArgs& args, ulong position,
                         device const long* index0, device const long* index1,
                         device const long* index2, device const long* index3,
                         device atomic_uint* fault, thread long& offset) {
  offset +=
      place(args.others_shape, args.others_strides, args.others_ndim, position);
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
  return inside;
}

}  // namespace ingot
