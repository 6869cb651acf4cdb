// Functions of matrices by LAPACK, one matrix a task. Rows read as columns are
// the transpose, which most of these serves as well: nothing is transposed then.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <climits>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/lapack.h"
#include "csrc/cpu/matrices.h"

namespace ingot::cpu {
namespace {

void check_sides(const Factorization& what, const Array& x) {
  require<MemoryError>(rows_of(x) <= INT_MAX && columns_of(x) <= INT_MAX,
                       what.name, ": sides of a matrix must be below 2^31, ",
                       "got shape ", x.shape());
}

template <class T>
void clear_other_triangle(bool upper, int64_t n, T* a) {
  for (int64_t i = 0; i < n; ++i) {
    T* row = a + i * n;
    upper ? std::fill(row, row + i, T(0))
          : std::fill(row + i + 1, row + n, T(0));
  }
}

// What one call is asked for, for elements of type T.
template <class T>
class Matrices {
 public:
  Matrices(CpuBackend& backend, const Factorization& what, const Inputs& in,
           Outputs& out)
      : backend_(backend), what_(what), in_(in), out_(out) {}

  void run() {
    switch (what_.kind) {
      case Factorization::inverse:
        return invert();
      case Factorization::triangular_inverse:
        return invert_triangle();
      case Factorization::cholesky:
        return cholesky();
      case Factorization::lu:
        return lu();
      case Factorization::determinant:
        return determinant();
      case Factorization::solve:
        return solve();
      case Factorization::triangular_solve:
        return solve_triangle();
      case Factorization::singular:
        return singular();
      case Factorization::eigen:  // see eigen.cpp
        return;
    }
  }

 private:
  static constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();

  // The elements of x, row by row, to be written over.
  Array copied(const Array& x) {
    Array y = Array::empty(x.shape(), x.dtype());
    backend_.copy(x, y);
    return y;
  }

  // x, or a copy of it, in rows.
  Array rows(const Array& x) { return in_rows(x) ? x : copied(x); }

  // Rows are exchanged in turn with those that `pivots` name.
  static int factor(int m, int n, T* columns, int* pivots) {
    int info = lapack::getrf(m, n, columns, m, pivots);
    for (int i = 0; i < std::min(m, n); ++i) {  // a NaN is no pivot
      if (pivots[i] <= i || pivots[i] > m) pivots[i] = i + 1;
    }
    return info;
  }

  // The inverse of a transpose is the transpose of the inverse.
  void invert() {
    backend_.copy(in_[0], out_[0]);
    int n = static_cast<int>(columns_of(out_[0]));
    T size = 1;
    lapack::getri(n, nullptr, n, nullptr, &size, -1);
    int length = length_of(what_, out_[0], size, n);
    for_matrices(what_, out_[0], 2.0 * n * n * n, [&](int64_t i) {
      T* a = out_[0].data<T>() + i * n * n;
      std::vector<int> pivots(n);
      std::vector<T> work(length);
      int info = factor(n, n, a, pivots.data());
      if (info == 0) {
        info = lapack::getri(n, a, n, pivots.data(), work.data(), length);
      }
      return info;
    });
  }

  void invert_triangle() {
    backend_.copy(in_[0], out_[0]);
    int n = static_cast<int>(columns_of(out_[0]));
    for_matrices(what_, out_[0], n * double(n) * n, [&](int64_t i) {
      T* a = out_[0].data<T>() + i * n * n;
      clear_other_triangle(what_.upper, n, a);
      return lapack::trtri(!what_.upper, n, a, n);
    });
  }

  void cholesky() {
    backend_.copy(in_[0], out_[0]);
    int n = static_cast<int>(columns_of(out_[0]));
    for_matrices(what_, out_[0], n * double(n) * n, [&](int64_t i) {
      T* a = out_[0].data<T>() + i * n * n;
      clear_other_triangle(what_.upper, n, a);
      if (finite_triangle(what_.upper, n, a)) {
        return lapack::potrf(!what_.upper, n, a, n);
      }
      for_rows(what_.upper, n, a,
               [&](T* first, T* last) { std::fill(first, last, kNaN); });
      return 0;
    });
  }

  void lu() {
    Array columns = copied(exchanged(in_[0]));
    int64_t m = rows_of(in_[0]), n = columns_of(in_[0]), k = std::min(m, n);
    for_matrices(what_, in_[0], 1.0 + m * double(n) * k, [&](int64_t i) {
      std::vector<int> pivots(k), order(m);
      if (k > 0) factor(m, n, columns.data<T>() + i * m * n, pivots.data());
      std::iota(order.begin(), order.end(), 0);
      uint32_t* exchanges = out_[1].data<uint32_t>() + i * k;
      for (int64_t r = 0; r < k; ++r) {
        exchanges[r] = pivots[r] - 1;
        std::swap(order[r], order[pivots[r] - 1]);
      }
      uint32_t* permutation = out_[2].data<uint32_t>() + i * m;
      for (int64_t r = 0; r < m; ++r) permutation[order[r]] = r;
      return 0;
    });
    backend_.copy(exchanged(columns), out_[0]);
  }

  void determinant() {
    const Array &a = in_[0], &exchanges = in_[1];
    int64_t n = columns_of(a);
    int64_t step = a.strides().back() + a.strides()[a.ndim() - 2];
    for_matrices(what_, a, 1.0 + n, [&](int64_t i) {
      double sign = 1, product = 1, log = 0;
      for (int64_t r = 0; r < n; ++r) {
        double d = a.data<T>()[start_of(a, i, 2) + r * step];
        uint32_t with =
            exchanges.data<uint32_t>()[start_of(exchanges, i, 1) +
                                       r * exchanges.strides().back()];
        if (with != r) sign = -sign;
        if (!(d >= 0)) sign = d < 0 ? -sign : d;
        if (d == 0) sign = 0;
        product *= std::abs(d);
        log += std::log(std::abs(d));
      }
      if (out_.size() == 1) {
        out_[0].data<T>()[i] = static_cast<T>(sign < 0 ? -product : product);
      } else {
        out_[0].data<T>()[i] = static_cast<T>(sign);
        out_[1].data<T>()[i] = static_cast<T>(log);
      }
      return 0;
    });
  }

  void solve() {
    Array a = rows(in_[0]), exchanges = copied(in_[1]);
    backend_.copy(in_[2], out_[0]);
    int64_t n = columns_of(a), k = columns_of(out_[0]);
    // LU gives no others, but a file may.
    const auto* first = exchanges.data<uint32_t>();
    require(std::all_of(first, first + exchanges.size(),
                        [n](uint32_t r) { return r < n; }),
            what_.name, ": exchanged rows must be among the ", n, " of a");
    for_matrices(what_, out_[0], n * double(n) * k, [&](int64_t i) {
      const T* factors = a.data<T>() + start_of(a, i, 2);
      for (int64_t r = 0; r < n; ++r) {
        if (factors[r * n + r] == 0) return static_cast<int>(r + 1);
      }
      T* x = out_[0].data<T>() + i * n * k;
      auto exchange = [&](int64_t r) {
        const uint32_t* at = exchanges.data<uint32_t>() +
                             start_of(exchanges, i, 1) +
                             r * exchanges.strides().back();
        if (*at != r) std::swap_ranges(x + r * k, x + r * k + k, x + *at * k);
      };
      bool t = what_.transposed;
      for (int64_t r = 0; !t && r < n; ++r) exchange(r);
      lapack::trsm(t, t, !t, n, k, factors, n, x, k);
      lapack::trsm(!t, t, t, n, k, factors, n, x, k);
      for (int64_t r = n - 1; t && r >= 0; --r) exchange(r);
      return 0;
    });
  }

  void solve_triangle() {
    bool turned = in_columns(in_[0]);
    Array a = turned ? exchanged(in_[0]) : rows(in_[0]);
    backend_.copy(in_[1], out_[0]);
    int64_t n = columns_of(a), k = columns_of(out_[0]);
    for_matrices(what_, out_[0], n * double(n) * k, [&](int64_t i) {
      const T* triangle = a.data<T>() + start_of(a, i, 2);
      for (int64_t r = 0; r < n; ++r) {
        if (triangle[r * n + r] == 0) return static_cast<int>(r + 1);
      }
      lapack::trsm(what_.upper != turned, turned, false, n, k, triangle, n,
                   out_[0].data<T>() + i * n * k, k);
      return 0;
    });
  }

  // Rows read as columns are a' = v s u'.
  void singular() {
    bool vectors = out_.size() == 3;
    int m = static_cast<int>(rows_of(in_[0]));
    int n = static_cast<int>(columns_of(in_[0]));
    int k = std::min(m, n), longer = std::max(m, n);
    Array& s = out_[vectors ? 1 : 0];
    int columns = vectors ? static_cast<int>(columns_of(out_[0])) : 1;
    int lines = vectors ? static_cast<int>(rows_of(out_[2])) : 1;
    const char* job = !vectors ? "N" : columns == m && lines == n ? "A" : "S";
    T size = 1;
    lapack::gesdd(job, n, m, nullptr, n, nullptr, nullptr, n, nullptr, columns,
                  &size, -1, nullptr);
    int length = length_of(what_, in_[0], size * (1 + 1e-6),
                           (vectors ? 4.0 * k : 3.0) * k + 7.0 * k + longer);
    Array a = copied(in_[0]);
    for_matrices(what_, a, 10.0 * m * n * k, [&](int64_t i) {
      T *matrix = a.data<T>() + i * m * n, *values = s.data<T>() + i * k;
      T* u = vectors ? out_[0].data<T>() + i * m * columns : nullptr;
      T* vt = vectors ? out_[2].data<T>() + i * lines * n : nullptr;
      if (all_finite(matrix, matrix + int64_t{m} * n)) {
        std::vector<T> work(length);
        std::vector<int> more(8 * static_cast<size_t>(k));
        return lapack::gesdd(job, n, m, matrix, n, values, vt, n, u, columns,
                             work.data(), length, more.data());
      }
      std::fill_n(values, k, kNaN);
      if (u) std::fill_n(u, int64_t{m} * columns, kNaN);
      if (vt) std::fill_n(vt, int64_t{lines} * n, kNaN);
      return 0;
    });
  }

  CpuBackend& backend_;
  const Factorization& what_;
  const Inputs& in_;
  Outputs& out_;
};

}  // namespace

void CpuBackend::factorize(const Factorization& what, const Inputs& in,
                           Outputs& out) {
  if (std::all_of(out.begin(), out.end(),
                  [](const Array& y) { return y.size() == 0; })) {
    return;
  }
  for (const Array& x : in) {
    if (x.ndim() >= 2 && is_inexact(x.dtype())) check_sides(what, x);
  }
  if (what.kind == Factorization::eigen) return eigen(*this, what, in[0], out);
  dispatch(in[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_floating_point_v<T>) {
      Matrices<T>(*this, what, in, out).run();
    }
  });
}

}  // namespace ingot::cpu
