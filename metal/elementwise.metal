// Elementwise kernels: a functor over contiguous or strided operands. The host
// adds the line that names functor and types.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/convert.h"
#include "msl/index.h"
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

#define INGOT_KERNEL(name, ...) \
  template [[host_name(name)]] [[kernel]] decltype(__VA_ARGS__) __VA_ARGS__;
#define INGOT_UNARY(F, T, Out)                          \
  INGOT_KERNEL("unary_flat_" #T, unary_flat<F, T, Out>) \
  INGOT_KERNEL("unary_strided_" #T, unary_strided<F, T, Out>)
#define INGOT_BINARY(F, T, Out)                           \
  INGOT_KERNEL("binary_flat_" #T, binary_flat<F, T, Out>) \
  INGOT_KERNEL("binary_strided_" #T, binary_strided<F, T, Out>)
#define INGOT_SELECT(T) INGOT_KERNEL("select_strided_" #T, select_strided<T>)
#define INGOT_COPY(From, To)                                    \
  INGOT_KERNEL("copy_flat_" #From "_" #To, copy_flat<From, To>) \
  INGOT_KERNEL("copy_strided_" #From "_" #To, copy_strided<From, To>)

// The types that each kind of csrc/ops.def takes.
#define INGOT_FLOATS(M, F) \
  M(F, float, float) M(F, half, half) M(F, bfloat, bfloat)
#define INGOT_WHOLES(M, F) \
  M(F, uint8_t, uint8_t)   \
  M(F, uint16_t, uint16_t) \
  M(F, uint32_t, uint32_t) \
  M(F, uint64_t, uint64_t) \
  M(F, int8_t, int8_t)     \
  M(F, int16_t, int16_t)   \
  M(F, int32_t, int32_t) M(F, int64_t, int64_t) M(F, bool, bool)
#define INGOT_TESTS(M, F) M(F, float, bool) M(F, half, bool) M(F, bfloat, bool)
#define INGOT_WHOLE_TESTS(M, F) \
  M(F, uint8_t, bool)           \
  M(F, uint16_t, bool)          \
  M(F, uint32_t, bool)          \
  M(F, uint64_t, bool)          \
  M(F, int8_t, bool)            \
  M(F, int16_t, bool) M(F, int32_t, bool) M(F, int64_t, bool) M(F, bool, bool)

#define INGOT_UNARY_floating(F) INGOT_FLOATS(INGOT_UNARY, F)
#define INGOT_UNARY_numeric(F) \
  INGOT_FLOATS(INGOT_UNARY, F) INGOT_WHOLES(INGOT_UNARY, F)
#define INGOT_UNARY_rounding(F) INGOT_FLOATS(INGOT_UNARY, F)
#define INGOT_UNARY_test(F) INGOT_TESTS(INGOT_UNARY, F)
#define INGOT_UNARY_integer(F) INGOT_WHOLES(INGOT_UNARY, F)
#define INGOT_UNARY_logical(F) INGOT_UNARY(F, bool, bool)

#define INGOT_BINARY_arithmetic(F) \
  INGOT_FLOATS(INGOT_BINARY, F) INGOT_WHOLES(INGOT_BINARY, F)
#define INGOT_BINARY_floating(F) INGOT_FLOATS(INGOT_BINARY, F)
#define INGOT_BINARY_compare(F) \
  INGOT_TESTS(INGOT_BINARY, F) INGOT_WHOLE_TESTS(INGOT_BINARY, F)
#define INGOT_BINARY_logical(F) INGOT_BINARY(F, bool, bool)
#define INGOT_BINARY_integer(F) INGOT_WHOLES(INGOT_BINARY, F)
