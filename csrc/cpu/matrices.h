// The matrices of an array, its last two axes: where they lie, and a function of
// each, one a task.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <climits>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "csrc/array.h"
#include "csrc/cpu/pool.h"
#include "csrc/families.h"

namespace ingot::cpu {

class CpuBackend;

inline int64_t rows_of(const Array& x) { return x.shape(x.ndim() - 2); }
inline int64_t columns_of(const Array& x) { return x.shape().back(); }

// Where item i of a batch begins: all but the last `inner` axes count items.
inline int64_t start_of(const Array& x, int64_t i, int64_t inner) {
  int64_t offset = 0;
  for (int64_t d = x.ndim() - inner - 1; d >= 0; --d) {
    offset += i % x.shape(d) * x.strides()[d];
    i /= x.shape(d);
  }
  return offset;
}

// x with its last two axes exchanged.
inline Array exchanged(const Array& x) {
  int64_t last = x.ndim() - 1;
  Shape shape = x.shape();
  Strides strides = x.strides();
  std::swap(shape[last], shape[last - 1]);
  std::swap(strides[last], strides[last - 1]);
  return Array::view(x, shape, std::move(strides));
}

// Whether the matrices of x lie row by row without gaps, or column by column.
inline bool in_rows(const Array& x) {
  return x.strides().back() == 1 && x.strides()[x.ndim() - 2] == columns_of(x);
}
inline bool in_columns(const Array& x) { return in_rows(exchanged(x)); }

// The length of a workspace, which LAPACK counts in 32 bits.
inline int length_of(const Factorization& what, const Array& x, double asked,
                     double least) {
  double length = std::max(std::ceil(asked), least);
  require<MemoryError>(length <= INT_MAX, what.name, ": the work space of a ",
                       "matrix must be below 2^31 elements, got shape ",
                       x.shape());
  return static_cast<int>(length);
}

// In a triangle of an (n, n) matrix: calls f(first, last) for each row.
template <class T, class F>
void for_rows(bool upper, int64_t n, T* a, F&& f) {
  for (int64_t i = 0; i < n; ++i) {
    T* row = a + i * n;
    upper ? f(row + i, row + n) : f(row, row + i + 1);
  }
}

// Iterations need not end where numbers are NaN or infinite.
template <class T>
bool all_finite(const T* first, const T* last) {
  if constexpr (is_complex_type<T>) {
    return all_finite(&first->re, &first->re + 2 * (last - first));
  } else {
    bool finite = true;
    for (; first != last; ++first) {
      finite &= std::abs(*first) <= std::numeric_limits<T>::max();
    }
    return finite;
  }
}

template <class T>
bool finite_triangle(bool upper, int64_t n, T* a) {
  bool finite = true;
  for_rows(upper, n, a,
           [&](T* first, T* last) { finite &= all_finite(first, last); });
  return finite;
}

// What must hold of a matrix, and what one is for which step `info` failed.
inline std::pair<const char*, std::string> reason(const Factorization& what,
                                                  int info) {
  switch (what.kind) {
    case Factorization::cholesky:
      return {
          "a must be positive definite",
          cat("a matrix whose leading ", info, " rows and columns are not")};
    case Factorization::eigen:
      return {"eigenvalues must converge", "a matrix for which they do not"};
    case Factorization::singular:
      return {"singular values must converge",
              "a matrix for which they do not"};
    default:
      return {"a must be invertible", "a singular matrix"};
  }
}

// Calls f(i), which gives LAPACK's info, for each matrix of a batch with the
// leading dimensions of `like`, on all threads; then raises an error for the
// first that failed. One matrix takes about `cost` operations.
template <class F>
void for_matrices(const Factorization& what, const Array& like, double cost,
                  F&& f) {
  constexpr double kTask = 1 << 18;  // operations
  Shape batch(like.shape().begin(), like.shape().end() - 2);
  int64_t count = std::accumulate(batch.begin(), batch.end(), int64_t{1},
                                  std::multiplies<int64_t>());
  std::vector<int> info(static_cast<size_t>(count));
  int64_t grain = static_cast<int64_t>(std::max(1.0, kTask / cost));
  parallel_for(count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) info[i] = f(i);
  });
  auto failed = std::find_if(info.begin(), info.end(), [](int i) { return i; });
  if (failed == info.end()) return;
  auto [must, got] = reason(what, *failed);
  int64_t i = failed - info.begin();
  Shape index(batch.size());
  for (int64_t d = batch.size() - 1; d >= 0; --d) {
    index[d] = i % batch[d];
    i /= batch[d];
  }
  throw ValueError(cat(what.name, ": ", must, ", got ", got,
                       batch.empty() ? "" : cat(" at ", index)));
}

// Eigenvalues, and vectors if there are two outputs (eigen.cpp).
void eigen(CpuBackend& backend, const Factorization& what, const Array& a,
           Outputs& out);

}  // namespace ingot::cpu
