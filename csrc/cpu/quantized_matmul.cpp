// Products with matrices of few bits on the CPU. A few rows are multiplied while
// the codes are in registers; for many, tiles are written out in the second-level
// cache and BLAS multiplies them. The matrix as a whole is never in memory, and
// what each number is added up from follows from the shape alone.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <numeric>

#include "csrc/cpu/blas.h"
#include "csrc/cpu/index.h"
#include "csrc/cpu/quantize.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu {
namespace {

// Rows up to which codes are multiplied in registers.
constexpr int64_t kFewRows = 32;
// Of a tile that is written out, and of what it is multiplied with.
constexpr int64_t kTileWidth = 128;
constexpr int64_t kTileDepth = 512;
constexpr int64_t kTileRows = 512;
// Multiplications that are worth a second thread.
constexpr int64_t kWorth = int64_t{1} << 20;

int64_t parts(int64_t n, int64_t each) { return (n + each - 1) / each; }

// Which matrix of x and which of w each matrix of the result is made of.
std::vector<int64_t> chosen(const Array* indices, const char* side,
                            int64_t matrices, int64_t count) {
  std::vector<int64_t> all(static_cast<size_t>(count));
  if (!indices) {
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  Array like = Array::empty({matrices}, Dtype::bool_);
  Gather what{side, {0}, {1}};
  return Places(what, like, {like, *indices}).read_all();
}

template <class T>
class Product {
 public:
  Product(CpuBackend& backend, const QuantizedProduct& what, const Array& x,
          const QuantizedMatrix& w, const Array& out)
      : how_(what.how),
        transposed_(what.transposed),
        x_(in_order(backend, x, dtype_of<T>)),
        scales_(backend, what.how, w, dtype_of<T>),
        out_(out),
        count_(out.shape(0)),
        m_(out.shape(1)),
        n_(out.shape(2)),
        k_(x.shape(2)),
        groups_(w.scales.shape(2)),
        rows_(w.scales.shape(1)),
        lhs_(chosen(what.lhs, "gather_qmm: lhs_indices", x.shape(0), count_)),
        rhs_(chosen(what.rhs, "gather_qmm: rhs_indices", w.words.shape(0),
                    count_)) {}

  void run() const {
    if (transposed_ && m_ <= kFewRows) {
      by_rows();
    } else {
      by_tiles();
    }
  }

 private:
  const T* x_at(int64_t i) const { return x_.data<T>() + lhs_[i] * m_ * k_; }
  T* out_at(int64_t i) const { return out_.template data<T>() + i * m_ * n_; }
  int64_t first_group(int64_t i, int64_t row) const {
    return (rhs_[i] * rows_ + row) * groups_;
  }

  // Each row of w gives a column of the result.
  void by_rows() const {
    auto dot = kernels().quantized_dot[static_cast<int>(dtype_of<T>)];
    int64_t grain =
        std::max<int64_t>(1, kWorth / std::max<int64_t>(1, m_ * k_));
    parallel_for(count_ * n_, grain, [&](int64_t at, int64_t end) {
      Scales::Room room;
      for (; at < end; ++at) {
        int64_t i = at / n_, row = at % n_, first = first_group(i, row);
        dot(how_, scales_.words(first), scales_.scales(first, groups_, room),
            scales_.biases(first, groups_, room), groups_, x_at(i), m_,
            out_at(i) + row, n_);
      }
    });
  }

  // Each task makes a tile of the result, in the order of depth.
  void by_tiles() const {
    int64_t down = parts(m_, kTileRows), across = parts(n_, kTileWidth);
    int64_t work = std::min(m_, kTileRows) * std::min(n_, kTileWidth) * k_;
    int64_t grain = std::max<int64_t>(1, kWorth / std::max<int64_t>(1, work));
    parallel_for(count_ * down * across, grain, [&](int64_t at, int64_t end) {
      std::unique_ptr<T[]> tile(new T[kTileWidth * kTileDepth]);
      Scales::Room room;
      for (; at < end; ++at) {
        int64_t i = at / (down * across);
        make_tile(i, at / across % down * kTileRows, at % across * kTileWidth,
                  tile.get(), room);
      }
    });
  }

  void make_tile(int64_t i, int64_t row, int64_t column, T* tile,
                 Scales::Room& room) const {
    int64_t rows = std::min(kTileRows, m_ - row);
    int64_t width = std::min(kTileWidth, n_ - column);
    T* out = out_at(i) + row * n_ + column;
    for (int64_t d = 0; d < k_; d += kTileDepth) {
      int64_t depth = std::min(kTileDepth, k_ - d);
      int64_t across = transposed_ ? depth : width;
      if (transposed_) {
        write_out(i, column, width, d, depth, tile, room);
      } else {
        write_out(i, d, depth, column, width, tile, room);
      }
      blas::Matrix<const T> left = {x_at(i) + row * k_ + d,
                                    static_cast<int>(k_), false};
      blas::Matrix<const T> right = {tile, static_cast<int>(across),
                                     transposed_};
      blas::gemm(static_cast<int>(rows), static_cast<int>(width),
                 static_cast<int>(depth), T(1), left, right, T(d > 0), out,
                 static_cast<int>(n_));
    }
  }

  // A window of matrix i of w.
  void write_out(int64_t i, int64_t row, int64_t rows, int64_t column,
                 int64_t columns, T* tile, Scales::Room& room) const {
    auto kernel = kernels().dequantize[static_cast<int>(dtype_of<T>)];
    int64_t groups = columns / how_.group;
    for (int64_t r = 0; r < rows; ++r) {
      int64_t first = first_group(i, row + r) + column / how_.group;
      kernel(how_, scales_.words(first), scales_.scales(first, groups, room),
             scales_.biases(first, groups, room), groups, tile + r * columns);
    }
  }

  Quantization how_;
  bool transposed_;
  Array x_;
  Scales scales_;
  Array out_;
  int64_t count_, m_, n_, k_;
  int64_t groups_, rows_;  // of a matrix of w: of each row, and rows
  std::vector<int64_t> lhs_, rhs_;
};

template <class T>
void multiply(CpuBackend& backend, const QuantizedProduct& what, const Array& x,
              const QuantizedMatrix& w, Array& out) {
  Array target = out;
  if (out.dtype() != dtype_of<T>) {
    target = Array::empty(out.shape(), dtype_of<T>);
  }
  Product<T>(backend, what, x, w, target).run();
  if (target.get() != out.get()) backend.copy(target, out);
}

}  // namespace

void CpuBackend::quantized_matmul(const QuantizedProduct& what, const Array& x,
                                  const QuantizedMatrix& w, Array& out) {
  if (x.shape(2) == 0) return fill({}, out);
  if (compute_type(out.dtype()) == Dtype::float64) {
    multiply<double>(*this, what, x, w, out);
  } else {
    multiply<float>(*this, what, x, w, out);
  }
}

}  // namespace ingot::cpu
