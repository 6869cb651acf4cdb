// What products of matrices ask of their operands.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/error.h"
#include "csrc/ops.h"

namespace ingot {

inline void check_inner(const Array& a, const Array& b, const char* op) {
  require(a.ndim() > 0 && b.ndim() > 0, op,
          ": a and b must have at least one dimension, got shapes ", a.shape(),
          " and ", b.shape());
  int64_t inner = b.shape(b.ndim() == 1 ? 0 : b.ndim() - 2);
  require(a.shape().back() == inner, op,
          ": last dimension of a must equal the ",
          b.ndim() == 1 ? "length" : "second to last", " of b, got shapes ",
          a.shape(), " and ", b.shape());
}

inline void check_factors(const Array& a, const Array& b, Dtype dtype,
                          const char* op) {
  require(is_inexact(dtype), op, ": a and b must promote to a floating type, ",
          "or complex64, got ", a.dtype(), " and ", b.dtype());
  check_inner(a, b, op);
}

inline Shape batch_of(const Array& x) {
  return Shape(x.shape().begin(), x.shape().end() - 2);
}

inline Shape with_matrix(Shape batch, int64_t rows, int64_t columns) {
  batch.push_back(rows);
  batch.push_back(columns);
  return batch;
}

}  // namespace ingot
