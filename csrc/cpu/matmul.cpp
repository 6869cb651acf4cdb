// Matrix products: BLAS on tiles whose bounds follow from the shape alone, so
// that results do not depend on the number of threads, and Ctrl-C gets between.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <climits>
#include <optional>

#include "csrc/cancel.h"
#include "csrc/cpu/backend.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/pool.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu {
namespace {

[[maybe_unused]] const bool one_thread = blas::use_one_thread();

// Multiplications in a product that is worth a second thread, in a chunk of
// small ones, and (about 10 ms) in one call.
constexpr int64_t kSmall = 64 * 64 * 64;
constexpr int64_t kWorth = int64_t{1} << 22;
constexpr int64_t kCall = int64_t{1} << 28;
constexpr int64_t kTileLength = 512;
// Twice as many rows of what is large: BLAS packs less for each multiplication,
// and there are tiles enough for 8 threads all the same.
constexpr int64_t kLarge = 2048;
constexpr int64_t kHalfDepth = 1024;  // of the panels that are widened at once
// Rows from which on a product with the own transpose is computed by half.
constexpr int64_t kSymmetric = 256;
constexpr int64_t kMirror = 64;  // rows and columns that are mirrored at once

int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Cuts n into equal parts of at most `length`, whole vectors each.
int64_t even_length(int64_t n, int64_t length, int64_t at_least = 1) {
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

std::optional<int64_t> line_distance(int64_t lines, int64_t length,
                                     int64_t stride, int64_t unit) {
  if (lines == 0 || length == 0) return std::max<int64_t>(length, 1);
  if (length != 1 && unit != 1) return std::nullopt;
  int64_t ld = lines == 1 ? std::max<int64_t>(length, 1) : stride;
  bool fits = ld >= std::max<int64_t>(length, 1) && ld <= INT_MAX;
  return fits ? std::optional(ld) : std::nullopt;
}

std::optional<Layout> layout_of(const Array& x) {
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
Array without_repeats(const Array& x) {
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

template <class T>
void multiply(const Plan& plan, const Operand& a, const Operand& b, Array& out,
              T alpha, T beta) {
  Shape batch(out.shape().begin(), out.shape().end() - 2);
  int64_t at_k = 0;
  do {  // also once for k = 0
    int64_t depth = std::min(plan.tile_k, plan.k - at_k);
    T scale = at_k == 0 ? beta : T(1);
    parallel_for(plan.tiles(), plan.grain(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        int64_t index = i / plan.per_matrix();
        auto [row, column] = plan.place(i % plan.per_matrix());
        row *= plan.tile_m;
        column *= plan.tile_n;
        int64_t m = std::min(plan.tile_m, plan.m - row);
        int64_t n = std::min(plan.tile_n, plan.n - column);
        Panel<T> left(a, a.offset(index, batch, row, at_k), m, depth);
        T* to = out.data<T>() + (index * plan.m + row) * plan.n + column;
        if (plan.symmetric && row == column) {
          blas::syrk(m, depth, alpha, *left, scale, to, plan.n);
          continue;
        }
        Panel<T> right(b, b.offset(index, batch, at_k, column), depth, n);
        multiply_tile(m, n, depth, alpha, *left, *right, scale, to, plan.n);
      }
    });
    throw_if_cancelled();
    at_k += plan.tile_k;
  } while (at_k < plan.k);
}

// Whether b is the transpose of a, read from the same memory.
bool is_transpose(const Array& a, const Array& b) {
  int64_t last = a.ndim() - 1;
  Shape shape = a.shape();
  Strides strides = a.strides();
  std::swap(shape[last], shape[last - 1]);
  std::swap(strides[last], strides[last - 1]);
  return a.data<char>() == b.data<char>() && a.dtype() == b.dtype() &&
         b.shape() == shape && b.strides() == strides;
}

// Copies the lower triangles of matrices of n rows to the upper ones.
template <class T>
void mirror(Array& out, int64_t n) {
  auto transpose = kernels().transpose[sizeof(T) == 8 ? 3 : 2];
  int64_t each = ceil_divide(n, kMirror);
  parallel_for(out.size() / (n * n) * each, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T* matrix = out.data<T>() + i / each * n * n;
      int64_t row = i % each * kMirror, rows = std::min(kMirror, n - row);
      for (int64_t column = 0; column < row; column += kMirror) {
        transpose(matrix + row * n + column, n, matrix + column * n + row, n,
                  kMirror, rows);
      }
      for (int64_t r = row; r < row + rows; ++r) {
        for (int64_t c = row; c < r; ++c) matrix[c * n + r] = matrix[r * n + c];
      }
    }
  });
}

template <class T>
void multiply_symmetric(const Plan& plan, const Operand& a, const Operand& b,
                        Array& out, T alpha, T beta) {
  Array product = beta == 0 ? out : Array::empty(out.shape(), out.dtype());
  multiply<T>(plan, a, b, product, alpha, 0);
  mirror<T>(product, plan.n);
  if (beta == 0) return;
  const T* from = product.data<T>();
  T* to = out.data<T>();
  parallel_for(out.size(), plan.n, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = from[i] + beta * to[i];
  });
}

}  // namespace

void CpuBackend::matmul(const Array& a, const Array& b, Array& out,
                        double alpha, double beta) {
  if (out.size() == 0) return;
  if (is_half(out.dtype())) {
    Array wide = Array::empty(out.shape(), Dtype::float32);
    if (beta != 0) copy(out, wide);
    matmul(a, b, wide, alpha, beta);
    copy(wide, out);
    return;
  }
  int64_t m = out.shape(out.ndim() - 2), n = out.shape().back();
  require<MemoryError>(n <= INT_MAX, "matmul: rows of the result must be ",
                       "shorter than 2^31, got ", n);
  bool symmetric = m >= kSymmetric && is_transpose(a, b);
  Plan plan(out.size() / (m * n), m, n, a.shape().back(), is_half(a.dtype()),
            symmetric);
  Operand left(*this, a), right(*this, b);
  auto run = [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto how = symmetric ? multiply_symmetric<T> : multiply<T>;
    how(plan, left, right, out, static_cast<T>(alpha), static_cast<T>(beta));
  };
  if (out.dtype() == Dtype::float64) {
    run(TypeTag<double>());
  } else {
    run(TypeTag<float>());
  }
}

}  // namespace ingot::cpu
