// Where a thread's elements are.
// SPDX-License-Identifier: MIT
#pragma once
#include "../args.h"

namespace ingot {

// The k-th element of a thread: the threads of a group take neighbours, then
// all move on together.
INGOT_FN ulong element(uint group, uint thread_index, int k) {
  return ulong(group) * kGroupElements + ulong(k * kGroup) + thread_index;
}

// The place of element i, counted in row-major order, in one operand.
INGOT_FN long offset_of(constant StridedArgs& args, ulong i, int operand) {
  long offset = 0;
  for (int d = args.ndim - 1; d >= 0; --d) {
    ulong n = ulong(args.shape[d]);
    offset += long(i % n) * args.strides[operand][d];
    i /= n;
  }
  return offset;
}

// The place of element i of some axes.
INGOT_FN long place(constant int64_t* shape, constant int64_t* strides,
                    int ndim, ulong i) {
  long offset = 0;
  for (int d = ndim - 1; d >= 0; --d) {
    ulong n = ulong(shape[d]);
    offset += long(i % n) * strides[d];
    i /= n;
  }
  return offset;
}

// What numbers of a type are computed in.
template <class T>
struct ComputeType {
  typedef T type;
};
template <>
struct ComputeType<half> {
  typedef float type;
};
template <>
struct ComputeType<bfloat> {
  typedef float type;
};
template <class T>
using Compute = typename ComputeType<T>::type;

}  // namespace ingot
