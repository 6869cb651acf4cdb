// What the convolutions of the CPU backend and the gradients of their weights
// share: arrays of one form, and panels of positions.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <climits>

#include "csrc/backend.h"
#include "csrc/cpu/unfold.h"

namespace ingot::cpu {

// Elements of a panel, which stays in a core's cache, and its rows.
inline constexpr int64_t kPanel = 128 << 10;
inline constexpr int64_t kLeastRows = 128, kMostRows = 4096;
// Multiplications that are worth a second thread.
inline constexpr int64_t kWorth = int64_t{1} << 21;

inline int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline int64_t grain_of_work(int64_t each) {
  return std::max<int64_t>(1, kWorth / std::max<int64_t>(each, 1));
}

// x in contiguous memory, as that type.
inline Array ready(Backend& backend, const Array& x, Dtype dtype) {
  if (x.dtype() == dtype && x.contiguous()) return x;
  Array made = Array::empty(x.shape(), dtype);
  backend.copy(x, made);
  return made;
}

inline Array shaped(const Array& x, const Shape& shape) {
  return Array::view(x, shape, contiguous_strides(shape));
}

// A contiguous array with three spatial dimensions.
inline Array spatial(const Array& x) {
  Shape shape = x.shape();
  while (shape.size() < kSpatial + 2) shape.insert(1, 1);
  return shaped(x, shape);
}

inline Convolution spatial(Convolution what) {
  while (what.stride.size() < kSpatial) {
    what.stride.insert(0, 1);
    what.low.insert(0, 0);
    what.kernel_dilation.insert(0, 1);
    what.input_dilation.insert(0, 1);
  }
  return what;
}

// Positions of a panel; how many that makes of all.
struct Panels {
  int64_t rows, count;

  Panels(int64_t positions, int64_t columns) {
    rows = std::clamp(kPanel / std::max<int64_t>(columns, 1), kLeastRows,
                      kMostRows);
    count = ceil_divide(positions, rows);
    rows = ceil_divide(positions, std::max<int64_t>(count, 1));
  }
};

inline bool is_depthwise(const Convolution& what, const Shape& weight) {
  return what.groups > 1 && weight.back() == 1 && weight[0] == what.groups;
}

inline void check_sizes(const Shape& weight, int64_t columns) {
  require<MemoryError>(
      std::max(weight[0], columns) <= INT_MAX,
      "conv: taps times channels, and outputs, must be fewer than 2^31, got ",
      columns, " and ", weight[0]);
}

template <class T>
BufferPtr room(int64_t n) {
  return allocator::allocate(static_cast<size_t>(n) * sizeof(T));
}

template <class F>
void by_type(Dtype dtype, F&& f) {
  if (dtype == Dtype::float64) {
    f(TypeTag<double>());
  } else {
    f(TypeTag<float>());
  }
}

}  // namespace ingot::cpu
