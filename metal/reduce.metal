// Reductions over any axes: a threadgroup folds the elements of one result (or
// of a part of it) in a fixed order.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/convert.h"
#include "msl/fold.h"
#include "msl/index.h"
#include "msl/kernel.h"

namespace ingot {

// What becomes of the fold of all parts.
struct Keep {
  template <class V>
  INGOT_FN V apply(V x, float center, float scale) {
    (void)center;
    (void)scale;
    return x;
  }
};
struct ByCount {  // mean, var
  INGOT_FN float apply(float x, float center, float scale) {
    (void)center;
    return x / scale;
  }
};
struct Root {  // std
  INGOT_FN float apply(float x, float center, float scale) {
    (void)center;
    return sqrt(x / scale);
  }
};
struct LogPlusCenter {  // logsumexp; of infinite elements it is the center
  INGOT_FN float apply(float x, float center, float scale) {
    (void)scale;
    return where(isfinite(center), math::log(x) + center, center);
  }
};

}  // namespace ingot

using namespace ingot;

// From elements to partial results, one for each result and part. Of<In> is a
// fold of msl/fold.h, In what elements are folded as.
template <template <class> class Of, class T, class In>
[[kernel]] void fold(device const T* x [[buffer(0)]],
                     device const float* centers [[buffer(1)]],
                     device typename Of<In>::Partial* partials [[buffer(2)]],
                     constant ReduceArgs& args [[buffer(3)]],
                     uint group [[threadgroup_position_in_grid]],
                     uint thread_index [[thread_position_in_threadgroup]]) {
  typedef Of<In> Fold;
  typedef typename Fold::Partial Partial;
  threadgroup Partial shared[kGroup];
  ulong result = group / args.parts, part = group % args.parts;
  long base = place(args.kept_shape, args.kept_strides, args.kept, result);
  float center = centers[result * args.center_step];
  ulong end = (part + 1) * args.chunk;
  if (end > args.count) end = args.count;
  Partial mine = Fold::identity();
  for (ulong i = part * args.chunk + thread_index; i < end; i += kGroup) {
    long at =
        base + place(args.folded_shape, args.folded_strides, args.folded, i);
    mine = Fold::join(mine, Fold::of(convert<In>(x[at]), center, i));
  }
  Partial all = over_group<Fold>(mine, thread_index, shared);
  if (thread_index == 0) partials[group] = all;
}

// One thread for each result.
template <template <class> class Of, class In, class Finish, class Out>
[[kernel]] void finish(device const typename Of<In>::Partial* partials
                       [[buffer(0)]],
                       device const float* centers [[buffer(1)]],
                       device Out* out [[buffer(2)]],
                       constant ReduceArgs& args [[buffer(3)]],
                       uint result [[thread_position_in_grid]]) {
  typedef Of<In> Fold;
  if (result >= args.results) return;
  typename Fold::Partial all = Fold::identity();
  for (uint part = 0; part < args.parts; ++part) {
    all = Fold::join(all, partials[ulong(result) * args.parts + part]);
  }
  out[result] = convert<Out>(Finish::apply(
      Fold::value(all), centers[result * args.center_step], args.scale));
}

// exp(x - max) / sum of those, along the last axis: a threadgroup for each row.
// `out` is contiguous.
template <class T>
[[kernel]] void softmax(device const T* x [[buffer(0)]],
                        device T* out [[buffer(1)]],
                        constant ReduceArgs& args [[buffer(2)]],
                        uint group [[threadgroup_position_in_grid]],
                        uint thread_index [[thread_position_in_threadgroup]]) {
  threadgroup float largest[kGroup];
  threadgroup Compensated sums[kGroup];
  long base = place(args.kept_shape, args.kept_strides, args.kept, group);
  long stride = args.folded > 0 ? args.folded_strides[0] : 0;
  float top = Bounds<float>::lowest();
  for (ulong i = thread_index; i < args.count; i += kGroup) {
    top = ingot::max(top, float(x[base + long(i) * stride]));
  }
  top = over_group<Max<float>>(top, thread_index, largest);
  Compensated mine = Sum<float>::identity();
  for (ulong i = thread_index; i < args.count; i += kGroup) {
    float e = math::exp(float(x[base + long(i) * stride]) - top);
    mine = Sum<float>::join(mine, Sum<float>::of(e, 0.0f, i));
  }
  float total =
      Sum<float>::value(over_group<Sum<float>>(mine, thread_index, sums));
  for (ulong i = thread_index; i < args.count; i += kGroup) {
    float e = math::exp(float(x[base + long(i) * stride]) - top);
    out[ulong(group) * args.count + i] = T(e / total);
  }
}

// Few elements for each of many results: a thread folds its own, in one pass.
template <template <class> class Of, class T, class In, class Finish, class Out>
[[kernel]] void fold_each(device const T* x [[buffer(0)]],
                          device const float* centers [[buffer(1)]],
                          device Out* out [[buffer(2)]],
                          constant ReduceArgs& args [[buffer(3)]],
                          uint result [[thread_position_in_grid]]) {
  typedef Of<In> Fold;
  if (result >= args.results) return;
  long base = place(args.kept_shape, args.kept_strides, args.kept, result);
  float center = centers[result * args.center_step];
  typename Fold::Partial all = Fold::identity();
  for (ulong i = 0; i < args.count; ++i) {
    long at =
        base + place(args.folded_shape, args.folded_strides, args.folded, i);
    all = Fold::join(all, Fold::of(convert<In>(x[at]), center, i));
  }
  out[result] =
      convert<Out>(Finish::apply(Fold::value(all), center, args.scale));
}
