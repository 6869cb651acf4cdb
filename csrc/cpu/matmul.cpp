// Matrix products: BLAS on tiles whose bounds follow from the shape alone, so
// that results do not depend on the number of threads, and Ctrl-C gets between.
// SPDX-License-Identifier: MIT
#include "csrc/cancel.h"
#include "csrc/cpu/backend.h"
#include "csrc/cpu/pool.h"
#include "csrc/cpu/product.h"

namespace ingot::cpu {
namespace {

using namespace products;

[[maybe_unused]] const bool one_thread = blas::use_one_thread();

// Rows from which on a product with the own transpose is computed by half.
constexpr int64_t kSymmetric = 256;
constexpr int64_t kMirror = 64;  // rows and columns that are mirrored at once

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
