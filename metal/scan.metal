// Scans along an axis: in a threadgroup each thread takes neighbours, then all
// join what the threads before them have. The order depends on the shape alone.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/convert.h"
#include "msl/fold.h"
#include "msl/index.h"
#include "msl/kernel.h"

namespace ingot {

// The largest element; the sum of e^x over all, measured from it; and what
// rounding has taken from that.
template <class T>
struct LogSumExp {
  typedef float4 Partial;
  INGOT_FN Partial identity() { return float4(-INFINITY, 0.0f, 0.0f, 0.0f); }
  INGOT_FN Partial of(T x, float, ulong) { return float4(x, 1.0f, 0.0f, 0.0f); }
  INGOT_FN Partial join(Partial a, Partial b) {
    bool first = a.x >= b.x;
    float4 high = first ? a : b, low = first ? b : a;
    float shrink = math::exp(where(low.x == high.x, 0.0f, low.x - high.x));
    Compensated sum =
        joined(float2(high.y, high.z), float2(low.y * shrink, low.z * shrink));
    return float4(high.x, sum.x, sum.y, 0.0f);
  }
  INGOT_FN T value(Partial a) { return a.x + math::log(a.y + a.z); }
};

// Where a line begins in x.
INGOT_FN long line_in(constant ScanArgs& args, ulong line) {
  return place(args.shape, args.strides, args.ndim, line);
}

// Where it begins in out.
INGOT_FN ulong line_out(constant ScanArgs& args, ulong line) {
  return line / args.inner * (args.inner * args.count) + line % args.inner;
}

// The number in its line of the element that comes i-th.
INGOT_FN ulong nth(constant ScanArgs& args, ulong i) {
  return args.reverse != 0 ? args.count - 1 - i : i;
}

}  // namespace ingot

using namespace ingot;

// What the elements of each part come to. Of<In> is a fold, In what elements are
// folded as.
template <template <class> class Of, class T, class In>
[[kernel]] void scan_totals(device const T* x [[buffer(0)]],
                            device typename Of<In>::Partial* totals
                            [[buffer(1)]],
                            constant ScanArgs& args [[buffer(2)]],
                            uint group [[threadgroup_position_in_grid]],
                            uint thread_index
                            [[thread_position_in_threadgroup]]) {
  typedef Of<In> Fold;
  typedef typename Fold::Partial Partial;
  threadgroup Partial shared[kGroup];
  long base = line_in(args, group / args.parts);
  ulong part = group % args.parts;
  ulong end = ingot::min((part + 1) * args.chunk, ulong(args.count));
  Partial mine = Fold::identity();
  for (ulong i = part * args.chunk + thread_index; i < end; i += kGroup) {
    In element = convert<In>(x[base + long(nth(args, i)) * args.stride]);
    mine = Fold::join(mine, Fold::of(element, 0.0f, i));
  }
  Partial all = over_group<Fold>(mine, thread_index, shared);
  if (thread_index == 0) totals[group] = all;
}

// A threadgroup for each part of each line, 1024 elements at a time.
template <template <class> class Of, class T, class In>
[[kernel]] void scan(device const T* x [[buffer(0)]],
                     device const typename Of<In>::Partial* totals
                     [[buffer(1)]],
                     device T* out [[buffer(2)]],
                     constant ScanArgs& args [[buffer(3)]],
                     uint group [[threadgroup_position_in_grid]],
                     uint thread_index [[thread_position_in_threadgroup]]) {
  typedef Of<In> Fold;
  typedef typename Fold::Partial Partial;
  threadgroup Partial shared[kGroup];
  ulong line = group / args.parts, part = group % args.parts;
  long base = line_in(args, line);
  ulong result = line_out(args, line);
  Partial before = Fold::identity();
  for (ulong i = thread_index; i < part; i += kGroup) {
    before = Fold::join(before, totals[line * args.parts + i]);
  }
  before = over_group<Fold>(before, thread_index, shared);
  ulong end = ingot::min((part + 1) * args.chunk, ulong(args.count));
  for (ulong begin = part * args.chunk; begin < end; begin += kGroupElements) {
    ulong first = begin + thread_index * kEach;
    Partial own[kEach];
    Partial mine = Fold::identity();
    for (int k = 0; k < kEach; ++k) {
      ulong i = first + ulong(k);
      if (i < end) {
        In element = convert<In>(x[base + long(nth(args, i)) * args.stride]);
        mine = Fold::join(mine, Fold::of(element, 0.0f, i));
      }
      own[k] = mine;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    shared[thread_index] = mine;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint reach = 1; reach < kGroup; reach *= 2) {
      Partial earlier = Fold::identity();
      if (thread_index >= reach) earlier = shared[thread_index - reach];
      threadgroup_barrier(mem_flags::mem_threadgroup);
      if (thread_index >= reach) {
        shared[thread_index] = Fold::join(earlier, shared[thread_index]);
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    Partial left = before;
    if (thread_index > 0) left = Fold::join(before, shared[thread_index - 1]);
    for (int k = 0; k < kEach; ++k) {
      ulong i = first + ulong(k);
      if (i >= end) break;
      Partial at = left;
      if (args.inclusive != 0) {
        at = Fold::join(left, own[k]);
      } else if (k > 0) {
        at = Fold::join(left, own[k - 1]);
      }
      out[result + nth(args, i) * args.inner] = convert<T>(Fold::value(at));
    }
    before = Fold::join(before, shared[kGroup - 1]);
  }
}

// A thread for each line.
template <template <class> class Of, class T, class In>
[[kernel]] void scan_each(device const T* x [[buffer(0)]],
                          device T* out [[buffer(1)]],
                          constant ScanArgs& args [[buffer(2)]],
                          uint line [[thread_position_in_grid]]) {
  typedef Of<In> Fold;
  if (line >= args.lines) return;
  long base = line_in(args, line);
  ulong result = line_out(args, line);
  typename Fold::Partial before = Fold::identity();
  for (ulong i = 0; i < args.count; ++i) {
    ulong at = nth(args, i);
    In element = convert<In>(x[base + long(at) * args.stride]);
    typename Fold::Partial after =
        Fold::join(before, Fold::of(element, 0.0f, i));
    out[result + at * args.inner] =
        convert<T>(Fold::value(args.inclusive != 0 ? after : before));
    before = after;
  }
}
