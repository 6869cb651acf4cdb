// Matrix factorisations by LAPACK, one matrix a task.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <climits>
#include <vector>

#include "csrc/cancel.h"
#include "csrc/cpu/backend.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/tiles.h"

namespace ingot::cpu {
namespace {

// Householder factorisation of n columns of m elements in place: the first
// min(m, n) of them become those of q, and r is written out. Panel by panel, so
// that Ctrl-C gets between, and all threads share what follows from a panel.
template <class T>
class Factorisation {
 public:
  Factorisation(int64_t m, int64_t n, T* columns)
      : m_(m), n_(n), k_(std::min(m, n)), columns_(columns), scale_(k_) {
    width_ = std::clamp<int64_t>(kPanel / m, 4, 64);
    if (m * n * k_ < kWorth || width_ > k_) width_ = k_;
    T size[2];
    int w = width_;
    blas::geqrf(m_, w, columns_, m_, nullptr, &size[0], -1);
    blas::orgqr(m_, w, w, columns_, m_, nullptr, &size[1], -1);
    work_.resize(static_cast<size_t>(std::max(size[0], size[1])));
  }

  void run(T* r) {
    for (int64_t j = 0; j < k_; j += width_) {
      int64_t end = std::min(j + width_, k_);
      blas::geqrf(m_ - j, end - j, at(j, j), m_, &scale_[j], work_.data(),
                  work_.size());
      apply(true, j, end, n_);
    }
    for (int64_t i = 0; i < k_; ++i) {
      std::fill_n(r + i * n_, i, T(0));
      for (int64_t j = i; j < n_; ++j) r[i * n_ + j] = *at(i, j);
    }
    for (int64_t j = (k_ - 1) / width_ * width_; j >= 0; j -= width_) {
      int64_t end = std::min(j + width_, k_);
      for (int64_t c = end; c < k_; ++c) std::fill(at(j, c), at(end, c), T(0));
      apply(false, j, end, k_);
      blas::orgqr(m_ - j, end - j, end - j, at(j, j), m_, &scale_[j],
                  work_.data(), work_.size());
    }
  }

 private:
  static constexpr int64_t kWorth = int64_t{1} << 26;  // multiplications
  static constexpr int64_t kPanel = int64_t{1} << 22;  // elements
  static constexpr int64_t kApply = int64_t{1} << 24;  // multiplications

  T* at(int64_t row, int64_t column) { return columns_ + column * m_ + row; }

  // Multiplies columns [end, stop) by the reflectors of panel [j, end).
  void apply(bool transposed, int64_t j, int64_t end, int64_t stop) {
    throw_if_cancelled();
    int64_t grain = std::max<int64_t>(1, kApply / (m_ * (end - j)));
    parallel_for(stop - end, grain, [&](int64_t first, int64_t last) {
      auto call = [&](T* work, int length) {
        blas::ormqr(transposed, m_ - j, last - first, end - j, at(j, j), m_,
                    &scale_[j], at(j, end + first), m_, work, length);
      };
      T size;
      call(&size, -1);
      std::vector<T> work(static_cast<size_t>(size));
      call(work.data(), work.size());
    });
  }

  int64_t m_, n_, k_, width_;
  T* columns_;
  std::vector<T> scale_, work_;
};

// x with its last two axes exchanged, cut to the first `columns` of the last.
Array exchanged(const Array& x, int64_t columns) {
  int64_t last = x.ndim() - 1;
  Shape shape = x.shape();
  shape[last - 1] = x.shape(last);
  shape[last] = columns;
  Strides strides = x.strides();
  std::swap(strides[last], strides[last - 1]);
  return Array::view(x, shape, std::move(strides));
}

}  // namespace

void CpuBackend::qr(const Array& x, Array& q, Array& r) {
  int64_t m = x.shape(x.ndim() - 2), n = x.shape().back();
  require<MemoryError>(m <= INT_MAX && n <= INT_MAX,
                       "qr: sides of a matrix must be below 2^31, got ", m,
                       " and ", n);
  Array view = exchanged(x, m);
  Array columns = Array::empty(view.shape(), x.dtype());
  copy(view, columns);
  dispatch(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_floating_point_v<T>) {
      int64_t k = std::min(m, n);
      int64_t grain = m * n < kParallel ? 1 : x.size() / (m * n);
      parallel_for(x.size() / (m * n), grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          Factorisation<T>(m, n, columns.data<T>() + i * m * n)
              .run(r.data<T>() + i * k * n);
        }
      });
    }
  });
  copy(exchanged(columns, std::min(m, n)), q);
}

const char* blas_description() { return blas::description(); }

}  // namespace ingot::cpu
