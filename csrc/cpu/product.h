// How a product of matrices is cut into tiles, and the matrices that BLAS reads:
// where they lie, or widened copies of their windows.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <climits>
#include <optional>
#include <utility>

#include "csrc/allocator.h"
#include "csrc/backend.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu::products {

// Multiplications in a product that is worth a second thread, in a chunk of
// small ones, and (about 10 ms) in one call.
inline constexpr int64_t kSmall = 64 * 64 * 64;
inline constexpr int64_t kWorth = int64_t{1} << 22;
inline constexpr int64_t kCall = int64_t{1} << 28;
inline constexpr int64_t kTileLength = 512;
// Twice as many rows of what is large: BLAS packs less for each multiplication,
// and there are tiles enough for 8 threads all the same.
inline constexpr int64_t kLarge = 2048;
inline constexpr int64_t kHalfDepth =
    1024;  // of the panels that are widened at once

inline int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Cuts n into equal parts of at most `length`, whole vectors each.
inline int64_t even_length(int64_t n, int64_t length, int64_t at_least = 1) {
  int64_t parts = std::max(at_least, ceil_divide(n, length));
  return std::clamp<int64_t>((ceil_divide(n, parts) + 15) / 16 * 16, 1,
                             std::max<int64_t>(n, 1));
}

// How a product (batch, m, n, k) is cut; of a symmetric one only tiles on and
// below the diagonal count.
struct Plan {
  int64_t batch, m, n, k;
  bool symmetric;
  int64_t tile_m, tile_n, tile_k;

  Plan(int64_t batch, int64_t m, int64_t n, int64_t k, bool half,
       bool symmetric)
      : batch(batch), m(m), n(n), k(k), symmetric(symmetric) {
    bool whole = m * n <= kSmall / std::max<int64_t>(k, 1);
    int64_t parts = symmetric ? 3 : whole || batch >= 8 ? 1 : 2;
    int64_t rows = m >= kLarge && n >= kLarge && !symmetric ? 2 : 1;
    tile_m = even_length(m, rows * kTileLength, m >= 64 ? parts : 1);
    tile_n = even_length(n, kTileLength, n >= 64 ? parts : 1);
    int64_t depth = std::max(kTileLength, kCall / (tile_m * tile_n));
    tile_k = even_length(k, half ? kHalfDepth : depth);
  }
  int64_t rows() const { return ceil_divide(m, tile_m); }
  int64_t columns() const { return ceil_divide(n, tile_n); }
  int64_t per_matrix() const {
    return symmetric ? rows() * (rows() + 1) / 2 : rows() * columns();
  }
  int64_t tiles() const { return batch * per_matrix(); }
  // The row and column of tiles that hold tile i of a matrix.
  std::pair<int64_t, int64_t> place(int64_t i) const {
    if (!symmetric) return {i / columns(), i % columns()};
    int64_t row = 0;
    while (i > row) i -= ++row;
    return {row, i};
  }
  int64_t grain() const {
    int64_t work = tile_m * tile_n * std::max<int64_t>(tile_k, 1);
    return std::max<int64_t>(1, kWorth / work);
  }
};

// Lines of contiguous elements, `ld` apart: rows, or columns if transposed.
struct Layout {
  int64_t ld;
  bool transposed;
};

inline std::optional<int64_t> line_distance(int64_t lines, int64_t length,
                                            int64_t stride, int64_t unit) {
  if (lines == 0 || length == 0) return std::max<int64_t>(length, 1);
  if (length != 1 && unit != 1) return std::nullopt;
  int64_t ld = lines == 1 ? std::max<int64_t>(length, 1) : stride;
  bool fits = ld >= std::max<int64_t>(length, 1) && ld <= INT_MAX;
  return fits ? std::optional(ld) : std::nullopt;
}

inline std::optional<Layout> layout_of(const Array& x) {
  int64_t rows = x.shape(x.ndim() - 2), columns = x.shape().back();
  int64_t row = x.strides()[x.ndim() - 2], column = x.strides().back();
  if (auto ld = line_distance(rows, columns, row, column)) {
    return Layout{*ld, false};
  }
  if (auto ld = line_distance(columns, rows, column, row)) {
    return Layout{*ld, true};
  }
  return std::nullopt;
}

// x with dimensions of stride 0 (but for the matrix) shrunk to one.
inline Array without_repeats(const Array& x) {
  Shape shape = x.shape();
  for (int64_t i = 0; i < x.ndim() - 2; ++i) {
    if (x.strides()[i] == 0 && x.size() > 0) shape[i] = 1;
  }
  return Array::view(x, shape, x.strides());
}

// Matrices that BLAS can read where they are, or gathered copies of them.
struct Operand {
  Array array;
  Layout layout;
  Strides batch;  // 0 where a matrix is repeated

  Operand(Backend& backend, const Array& x) : array(x) {
    if (auto direct = layout_of(x)) {
      layout = *direct;
    } else {
      Array once = without_repeats(x);
      array = Array::empty(once.shape(), once.dtype());
      backend.copy(once, array);
      layout = *layout_of(array);
    }
    for (int64_t i = 0; i < x.ndim() - 2; ++i) {
      batch.push_back(array.shape(i) == 1 ? 0 : array.strides()[i]);
    }
  }

  // Of element (row, column) of a matrix, in elements.
  int64_t offset(int64_t index, const Shape& shape, int64_t row,
                 int64_t column) const {
    int64_t at =
        layout.transposed ? column * layout.ld + row : row * layout.ld + column;
    for (int64_t i = batch.size() - 1; i >= 0; --i) {
      at += index % shape[i] * batch[i];
      index /= shape[i];
    }
    return at;
  }
};

// A window of an operand in the type to compute in; half types are widened into
// memory of its own.
template <class T>
class Panel {
 public:
  Panel(const Operand& x, int64_t offset, int64_t rows, int64_t columns) {
    bool transposed = x.layout.transposed;
    if (!is_half(x.array.dtype())) {
      matrix_ = {x.array.data<T>() + offset, static_cast<int>(x.layout.ld),
                 transposed};
      return;
    }
    int64_t lines = transposed ? columns : rows;
    int64_t length = transposed ? rows : columns;
    wide_ = allocator::allocate(lines * length * sizeof(T));
    auto* from = x.array.data<uint16_t>() + offset;
    auto* to = static_cast<T*>(wide_->data);
    auto widen = kernels().convert[static_cast<int>(x.array.dtype())]
                                  [static_cast<int>(Dtype::float32)];
    for (int64_t i = 0; i < lines; ++i) {
      widen(from + i * x.layout.ld, to + i * length, length);
    }
    matrix_ = {to, static_cast<int>(std::max<int64_t>(length, 1)), transposed};
  }
  const blas::Matrix<const T>& operator*() const { return matrix_; }

 private:
  blas::Matrix<const T> matrix_;
  BufferPtr wide_;
};

template <class T>
void multiply_tile(int64_t m, int64_t n, int64_t k, T alpha,
                   blas::Matrix<const T> a, blas::Matrix<const T> b, T beta,
                   T* c, int64_t ldc) {
  bool column = n == 1, row = m == 1;
  if ((!column && !row) || k == 0) {
    blas::gemm(m, n, k, alpha, a, b, beta, c, ldc);
    return;
  }
  int step = column ? ldc : 1;
  if (beta == 0) {  // gemv may read what it scales
    for (int64_t i = 0; i < m * n; ++i) c[i * step] = 0;
    beta = 1;
  }
  if (column) {
    blas::gemv(m, k, alpha, a, b.data, b.transposed ? 1 : b.ld, beta, c, step);
  } else {
    b.transposed = !b.transposed;
    blas::gemv(n, k, alpha, b, a.data, a.transposed ? a.ld : 1, beta, c, step);
  }
}

}  // namespace ingot::cpu::products
