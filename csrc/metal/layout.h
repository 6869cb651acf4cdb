// How a kernel walks over operands of one shape.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <initializer_list>

#include "csrc/array.h"
#include "metal/args.h"

namespace ingot::metal {

// Threadgroups that keep a GPU busy.
constexpr int64_t kGroups = 1024;

// Dimensions of more than one element, from the outermost, and the strides of
// each operand along them.
struct Dims {
  Shape shape;
  SmallVector<Strides, kMaxOperands> strides;
};
// Those of operands of one shape, merged where all of them allow.
Dims merged(const Shape& shape,
            const SmallVector<Strides, kMaxOperands>& strides);

// The operands' common shape with dimensions merged where all of them allow.
struct Layout {
  bool fits;  // into kMaxDims dimensions
  bool flat;  // each operand is contiguous or a single number
  FlatArgs flat_args;
  StridedArgs strided_args;

  explicit Layout(std::initializer_list<const Array*> operands);
};

// Axes of one operand, as they are added from the outermost.
struct Axes {
  Shape shape;
  Strides strides;

  // Neighbours that lie evenly become one.
  void add(int64_t n, int64_t stride) {
    if (n == 1) return;
    if (!shape.empty() && strides.back() == stride * n) {
      shape.back() *= n;
      strides.back() = stride;
    } else {
      shape.push_back(n);
      strides.push_back(stride);
    }
  }
  void store(int64_t* to_shape, int64_t* to_strides) const {
    std::copy(shape.begin(), shape.end(), to_shape);
    std::copy(strides.begin(), strides.end(), to_strides);
  }
};

// The threadgroups that take `size` elements.
inline int64_t groups_for(int64_t size) {
  return (size + kGroupElements - 1) / kGroupElements;
}

// The name of a type in a kernel; null where Metal has none (float64).
const char* metal_type(Dtype dtype);
// An unsigned type of as many bytes, for kernels that only move elements.
const char* metal_word(int64_t itemsize);

}  // namespace ingot::metal
