// What reading and writing by index arrays have in common, along one axis or
// through windows.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <numeric>

#include "csrc/backend.h"
#include "csrc/ops.h"

namespace ingot {

inline void require_integers(const Array& indices, const char* op) {
  require<TypeError>(is_integer(indices.dtype()), op,
                     ": indices must be integers, got ", indices.dtype());
}

// Gives `out` the elements of in[0], in place where nobody else needs those and
// what follows takes no time: written over, they cannot be had again.
inline void copy_or_donate(Backend& backend, const Inputs& in, Array& out) {
  constexpr int64_t kMany = 1 << 20;  // index positions
  if (in[1].size() <= kMany && donatable(in, 0)) {
    out.view_of(in[0], contiguous_strides(out.shape()));
  } else {
    out.allocate();
    backend.copy(in[0], out);
  }
}

// 0, 1, 2 ... in row-major order.
inline Array counting(const Shape& shape) {
  int64_t n = std::accumulate(shape.begin(), shape.end(), int64_t{1},
                              std::multiplies<int64_t>());
  return reshape(arange(0, static_cast<double>(n), 1, Dtype::int64), shape);
}

inline Array keep_where(const Array& condition, const Array& x) {
  return where(condition, x, Array::scalar(0.0, x.dtype()));
}

}  // namespace ingot
