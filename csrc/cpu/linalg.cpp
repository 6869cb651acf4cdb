// Matrix factorisations by LAPACK, one matrix a task.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <climits>
#include <vector>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/pool.h"

namespace ingot::cpu {
namespace {

// Householder factorisation of `columns` (n columns of m elements) in place:
// the first min(m, n) of them become those of q, and r is written out.
template <class T>
void factorise(int m, int n, T* columns, T* r) {
  int k = std::min(m, n);
  T size[2];
  blas::geqrf(m, n, columns, m, nullptr, &size[0], -1);
  blas::orgqr(m, k, k, columns, m, nullptr, &size[1], -1);
  int length = static_cast<int>(std::max(size[0], size[1]));
  std::vector<T> scale(k), work(length);
  blas::geqrf(m, n, columns, m, scale.data(), work.data(), length);
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      r[i * n + j] = i <= j ? columns[j * m + i] : T(0);
    }
  }
  blas::orgqr(m, k, k, columns, m, scale.data(), work.data(), length);
}

// x with its last two axes exchanged, cut to the first `columns` of the last.
Array exchanged(const Array& x, int64_t columns) {
  int64_t last = x.ndim() - 1;
  auto data = std::make_shared<ArrayData>();
  data->shape = x.shape();
  data->shape[last - 1] = x.shape(last);
  data->shape[last] = columns;
  data->dtype = x.dtype();
  data->size = size_of(data->shape, x.dtype(), "qr");
  Strides strides = x.strides();
  std::swap(strides[last], strides[last - 1]);
  Array view(std::move(data));
  view.view_of(x, std::move(strides));
  return view;
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
      parallel_for(x.size() / (m * n), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          factorise(static_cast<int>(m), static_cast<int>(n),
                    columns.data<T>() + i * m * n, r.data<T>() + i * k * n);
        }
      });
    }
  });
  copy(exchanged(columns, std::min(m, n)), q);
}

const char* blas_description() { return blas::description(); }

}  // namespace ingot::cpu
