// Scatter, once the places have been found and sorted: one thread for each
// element of each place takes the updates in the order of their positions.
// Where an index is out of range nothing is written.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/index.h"
#include "msl/kernel.h"
#include "ops/binary.h"

namespace ingot {

// Integers round towards zero; x / 0 is 0 and INT_MIN / -1 wraps.
INGOT_FN float quotient(float x, float y) { return x / y; }
template <class T>
INGOT_FN T quotient(T x, T y) {
  T d = safe_divisor(y);
  T by_minus_one = T(0 - ring(x));
  return y == T(0) ? T(0) : (d != y ? by_minus_one : T(x / d));
}
struct Quotient {
  template <class T>
  INGOT_FN T apply(T x, T y) {
    return quotient(x, y);
  }
};

}  // namespace ingot

using namespace ingot;

// `sorted` are places with the positions that name them. The last one wins.
template <class T>
[[kernel]] void assign(device const uint2* sorted [[buffer(0)]],
                       device const T* updates [[buffer(1)]],
                       device const uint* fault [[buffer(2)]],
                       device T* out [[buffer(3)]],
                       constant GatherArgs& args [[buffer(4)]],
                       uint group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_position_in_threadgroup]]) {
  if (fault[0] != 0) return;
  ulong count = args.size / args.window;
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i >= args.size) return;
    ulong rank = i / args.window, w = i % args.window;
    uint2 at = sorted[rank];
    if (rank + 1 < count && sorted[rank + 1].x == at.x) continue;
    long inner =
        place(args.window_shape, args.window_strides, args.window_ndim, w);
    out[long(at.x) + inner] = updates[at.y * args.window + w];
  }
}

// The first one combines them all; half types are rounded once.
template <class Functor, class T>
[[kernel]] void combine(device const uint2* sorted [[buffer(0)]],
                        device const T* updates [[buffer(1)]],
                        device const uint* fault [[buffer(2)]],
                        device T* out [[buffer(3)]],
                        constant GatherArgs& args [[buffer(4)]],
                        uint group [[threadgroup_position_in_grid]],
                        uint thread_index [[thread_position_in_threadgroup]]) {
  if (fault[0] != 0) return;
  ulong count = args.size / args.window;
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i >= args.size) return;
    ulong rank = i / args.window, w = i % args.window;
    uint first = sorted[rank].x;
    if (rank > 0 && sorted[rank - 1].x == first) continue;
    long at = long(first) + place(args.window_shape, args.window_strides,
                                  args.window_ndim, w);
    Compute<T> x = Compute<T>(out[at]);
    for (; rank < count && sorted[rank].x == first; ++rank) {
      T y = updates[sorted[rank].y * args.window + w];
      x = Functor::apply(x, Compute<T>(y));
    }
    out[at] = T(x);
  }
}
