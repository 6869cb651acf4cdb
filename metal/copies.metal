// Copies of many arrays at once: a threadgroup for each piece of one.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/kernel.h"

using namespace ingot;

template <class T>
[[kernel]] void copy_pieces(device const CopyPiece* pieces [[buffer(0)]],
                            uint group [[threadgroup_position_in_grid]],
                            uint thread_index
                            [[thread_position_in_threadgroup]]) {
  CopyPiece piece = pieces[group];
  device const T* x = (device const T*)piece.in;
  device T* out = (device T*)piece.out;
  for (ulong i = thread_index; i < piece.count; i += kGroup) out[i] = x[i];
}
