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

// The place of element i, counted in row-major order, of axes. A GPU divides
// numbers of 32 bits several times faster than those of 64.
INGOT_FN long place(constant int64_t* shape, constant int64_t* strides,
                    int ndim, ulong i) {
  long offset = 0;
  if (i < 0xffffffffu) {
    uint rest = uint(i);
    for (int d = ndim - 1; d > 0; --d) {
      // Longer axes hold all of the rest, as this one does.
      uint n = uint(min(ulong(shape[d]), ulong(0xffffffffu)));
      offset += long(rest % n) * strides[d];
      rest /= n;
    }
    i = rest;
  } else {
    for (int d = ndim - 1; d > 0; --d) {
      ulong n = ulong(shape[d]);
      offset += long(i % n) * strides[d];
      i /= n;
    }
  }
  return ndim > 0 ? offset + long(i) * strides[0] : 0;
}

// The same in one operand.
INGOT_FN long offset_of(constant StridedArgs& args, ulong i, int operand) {
  return place(args.shape, args.strides[operand], args.ndim, i);
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
