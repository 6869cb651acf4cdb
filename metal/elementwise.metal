// Elementwise kernels: a functor over contiguous or strided operands. The host
// names functor and types.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/convert.h"
#include "msl/index.h"
#include "msl/kernel.h"
#include "ops/binary.h"
#include "ops/unary.h"

using namespace ingot;

// Half types are computed in float and rounded once.
template <class Functor, class T, class Out>
INGOT_FN Out apply(T x) {
  return Out(Functor::apply(Compute<T>(x)));
}
template <class Functor, class T, class Out>
INGOT_FN Out apply(T x, T y) {
  return Out(Functor::apply(Compute<T>(x), Compute<T>(y)));
}

template <class Functor, class T, class Out>
[[kernel]] void unary_flat(device const T* x [[buffer(0)]],
                           device Out* out [[buffer(1)]],
                           constant FlatArgs& args [[buffer(2)]],
                           uint group [[threadgroup_position_in_grid]],
                           uint thread_index
                           [[thread_position_in_threadgroup]]) {
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i < args.size) {
      out[i] = apply<Functor, T, Out>(x[i * args.steps[0]]);
    }
  }
}

template <class Functor, class T, class Out>
[[kernel]] void unary_strided(device const T* x [[buffer(0)]],
                              device Out* out [[buffer(1)]],
                              constant StridedArgs& args [[buffer(2)]],
                              uint group [[threadgroup_position_in_grid]],
                              uint thread_index
                              [[thread_position_in_threadgroup]]) {
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i < args.size) {
      out[i] = apply<Functor, T, Out>(x[offset_of(args, i, 0)]);
    }
  }
}

template <class Functor, class T, class Out>
[[kernel]] void binary_flat(device const T* a [[buffer(0)]],
                            device const T* b [[buffer(1)]],
                            device Out* out [[buffer(2)]],
                            constant FlatArgs& args [[buffer(3)]],
                            uint group [[threadgroup_position_in_grid]],
                            uint thread_index
                            [[thread_position_in_threadgroup]]) {
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i < args.size) {
      out[i] =
          apply<Functor, T, Out>(a[i * args.steps[0]], b[i * args.steps[1]]);
    }
  }
}

template <class Functor, class T, class Out>
[[kernel]] void binary_strided(device const T* a [[buffer(0)]],
                               device const T* b [[buffer(1)]],
                               device Out* out [[buffer(2)]],
                               constant StridedArgs& args [[buffer(3)]],
                               uint group [[threadgroup_position_in_grid]],
                               uint thread_index
                               [[thread_position_in_threadgroup]]) {
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i < args.size) {
      out[i] = apply<Functor, T, Out>(a[offset_of(args, i, 0)],
                                      b[offset_of(args, i, 1)]);
    }
  }
}

template <class T>
[[kernel]] void select_strided(device const bool* condition [[buffer(0)]],
                               device const T* a [[buffer(1)]],
                               device const T* b [[buffer(2)]],
                               device T* out [[buffer(3)]],
                               constant StridedArgs& args [[buffer(4)]],
                               uint group [[threadgroup_position_in_grid]],
                               uint thread_index
                               [[thread_position_in_threadgroup]]) {
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i < args.size) {
      bool yes = condition[offset_of(args, i, 0)];
      out[i] = yes ? a[offset_of(args, i, 1)] : b[offset_of(args, i, 2)];
    }
  }
}

// Operand 0 is read, operand 1 is written, each in its layout.
template <class From, class To>
[[kernel]] void copy_strided(device const From* x [[buffer(0)]],
                             device To* out [[buffer(1)]],
                             constant StridedArgs& args [[buffer(2)]],
                             uint group [[threadgroup_position_in_grid]],
                             uint thread_index
                             [[thread_position_in_threadgroup]]) {
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i < args.size) {
      out[offset_of(args, i, 1)] = convert<To>(x[offset_of(args, i, 0)]);
    }
  }
}

template <class From, class To>
[[kernel]] void copy_flat(device const From* x [[buffer(0)]],
                          device To* out [[buffer(1)]],
                          constant FlatArgs& args [[buffer(2)]],
                          uint group [[threadgroup_position_in_grid]],
                          uint thread_index
                          [[thread_position_in_threadgroup]]) {
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i < args.size) out[i] = convert<To>(x[i * args.steps[0]]);
  }
}
