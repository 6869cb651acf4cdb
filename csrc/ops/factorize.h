// What the operations on matrices that LAPACK computes have in common.
// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/operators.h"
#include "csrc/ops/remade.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot::factorize {

inline int64_t rows_of(const Array& x) { return x.shape(x.ndim() - 2); }
inline int64_t columns_of(const Array& x) { return x.shape().back(); }
inline Array transposed(const Array& x) { return swapaxes(x, -1, -2); }

inline Shape batch_of(const Array& x) {
  return Shape(x.shape().begin(), x.shape().end() - 2);
}
inline Shape with(Shape batch, std::initializer_list<int64_t> inner) {
  for (int64_t n : inner) batch.push_back(n);
  return batch;
}

// Elements [begin, end) along an axis, which counts from the end: -1 is the
// last.
inline Array part(const Array& x, int64_t axis, int64_t begin, int64_t end) {
  Shape start(x.ndim(), 0), stop = x.shape(), step(x.ndim(), 1);
  start[x.ndim() + axis] = begin;
  stop[x.ndim() + axis] = end;
  return slice(x, start, stop, step);
}

// Identity matrices (..., n, n).
inline Array identities(const Shape& batch, int64_t n, Dtype dtype) {
  return broadcast_to(eye(n, n, 0, dtype), with(batch, {n, n}));
}

inline void check_matrices(const Array& a, const char* op,
                           bool takes_complex = false) {
  require(a.dtype() == Dtype::float32 || a.dtype() == Dtype::float64 ||
              (takes_complex && is_complex(a.dtype())),
          op, ": a must be float32",
          takes_complex ? ", float64 or complex64" : " or float64", ", got ",
          a.dtype());
  require(a.ndim() >= 2, op, ": a must have at least 2 dimensions, got shape ",
          a.shape());
}
inline void check_square(const Array& a, const char* op) {
  require(a.ndim() >= 2 && rows_of(a) == columns_of(a), op,
          ": a must have square matrices, got shape ", a.shape());
}

class Factorize : public Op {
 public:
  explicit Factorize(Factorization what) : what_(what) {}
  const char* name() const override { return what_.name; }
  std::optional<Saved> saved() const override {
    return Saved{"factorize",
                 {what_.kind, what_.name, what_.upper, what_.transposed}};
  }
  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    compute(backend, in, out);
  }
  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.along());
  }

 protected:
  void compute(Backend& backend, const Inputs& in, Outputs& out) const {
    for (Array& y : out) y.allocate();
    backend.factorize(what_, in, out);
  }

  const Factorization what_;
};

}  // namespace ingot::factorize
