// Eigenvalues and eigenvectors by LAPACK, one matrix a task: of symmetric and
// Hermitian matrices, whose values are real, and of all square ones.
// SPDX-License-Identifier: MIT
#include <type_traits>
#include <vector>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/lapack.h"
#include "csrc/cpu/matrices.h"

namespace ingot::cpu {
namespace {

template <class T>
class Eigen {
 public:
  Eigen(CpuBackend& backend, const Factorization& what, const Array& a,
        Outputs& out)
      : backend_(backend),
        what_(what),
        a_(a),
        out_(out),
        vectors_(out.size() == 2),
        n_(static_cast<int>(columns_of(a))),
        all_(int64_t{n_} * n_) {}

  // Rows read as columns are the transpose: the matrix, or the conjugate of a
  // Hermitian one, whose vectors are those of the matrix conjugated.
  void symmetric() {
    Lengths lengths = ask_symmetric();
    Array a = copied(a_);
    for_matrices(what_, a, 10.0 * n_ * all_, [&](int64_t i) {
      T* matrix = a.data<T>() + i * all_;
      Real* w = out_[0].data<Real>() + i * n_;
      if (!finite_triangle(what_.upper, n_, matrix)) {
        std::fill_n(w, n_, kNaN);
        std::fill_n(matrix, all_, not_a_number());
        return 0;
      }
      std::vector<T> work(lengths.work);
      std::vector<Real> reals(lengths.reals);
      std::vector<int> integers(lengths.integers);
      int info = symmetric(matrix, w, work.data(), lengths, reals.data(),
                           integers.data());
      if constexpr (kComplex) {
        for (T* x = matrix; x != matrix + all_; ++x) x->im = -x->im;
      }
      return info;
    });
    if (vectors_) backend_.copy(exchanged(a), out_[1]);
  }

  void general() {
    T size = T(1);
    int n = n_;
    if constexpr (kComplex) {
      float reals = 0;  // it gives another length there
      lapack::geev(vectors_, n, nullptr, nullptr, nullptr, &size, -1, &reals);
    } else {
      lapack::geev(vectors_, n, nullptr, nullptr, nullptr, nullptr, &size, -1);
    }
    int length = length_of(what_, a_, up(size), 4.0 * n);
    Array columns = copied(exchanged(a_));
    for_matrices(what_, columns, 25.0 * n * all_, [&](int64_t i) {
      T* matrix = columns.data<T>() + i * all_;
      std::vector<Complex64> w(n, Complex64(kNaN, kNaN));
      std::vector<T> v(vectors_ ? all_ : 1, not_a_number()), work(length);
      int info = 0;
      if (all_finite(matrix, matrix + all_)) {
        info = general(matrix, w.data(), v.data(), work.data(), length);
      }
      if (info == 0) write(i, w, v);
      return info;
    });
  }

 private:
  static constexpr bool kComplex = is_complex_type<T>;
  using Real = std::conditional_t<kComplex, float, T>;
  static constexpr Real kNaN = std::numeric_limits<Real>::quiet_NaN();

  struct Lengths {
    int work, reals, integers;
  };

  static T not_a_number() {
    if constexpr (kComplex) {
      return T(kNaN, kNaN);
    } else {
      return kNaN;
    }
  }

  // A length that LAPACK gives as a T: float may have rounded it down.
  static double up(T size) {
    if constexpr (kComplex) {
      return size.re * (1 + 1e-6);
    } else {
      return size * (1 + 1e-6);
    }
  }

  Array copied(const Array& x) {
    Array y = Array::empty(x.shape(), x.dtype());
    backend_.copy(x, y);
    return y;
  }

  int symmetric(T* a, Real* w, T* work, Lengths lengths, Real* reals,
                int* integers) {
    if constexpr (kComplex) {
      return lapack::heevd(vectors_, !what_.upper, n_, a, n_, w, work,
                           lengths.work, reals, lengths.reals, integers,
                           lengths.integers);
    } else {
      return lapack::syevd(vectors_, !what_.upper, n_, a, n_, w, work,
                           lengths.work, integers, lengths.integers);
    }
  }

  Lengths ask_symmetric() {
    T size = T(1);
    Real reals = 1;
    int integers = 1;
    symmetric(nullptr, nullptr, &size, {-1, -1, -1}, &reals, &integers);
    double n = n_, square = n * n;
    double least = vectors_ ? (kComplex ? 2 * n + square : 6 * n + 2 * square)
                            : (kComplex ? n : 2 * n);
    Lengths lengths;
    lengths.work = length_of(what_, a_, up(size), 1 + least);
    lengths.reals = 0;
    if constexpr (kComplex) {
      lengths.reals =
          length_of(what_, a_, reals * (1 + 1e-6),
                    vectors_ ? 1 + 5 * n + 2 * square : std::max(n, 1.0));
    }
    lengths.integers = std::max(integers, vectors_ ? 3 + 5 * n_ : 1);
    return lengths;
  }

  int general(T* a, Complex64* w, T* v, T* work, int length) {
    if constexpr (kComplex) {
      std::vector<float> reals(2 * static_cast<size_t>(n_));
      return lapack::geev(vectors_, n_, a, w, v, work, length, reals.data());
    } else {
      std::vector<T> re(n_), im(n_);
      int info =
          lapack::geev(vectors_, n_, a, re.data(), im.data(), v, work, length);
      for (int c = 0; c < n_; ++c) w[c] = element(re[c], im[c]);
      return info;
    }
  }

  // Vectors are columns. Where a value of a real matrix has an imaginary part,
  // the next one is its conjugate, and their vectors are x + iy and x - iy of
  // two neighbouring columns x and y.
  void write(int64_t i, const std::vector<Complex64>& w,
             const std::vector<T>& v) {
    std::copy(w.begin(), w.end(), out_[0].data<Complex64>() + i * n_);
    if (!vectors_) return;
    Complex64* out = out_[1].data<Complex64>() + i * all_;
    for (int64_t c = 0; c < n_; ++c) {
      for (int64_t r = 0; r < n_; ++r) {
        Complex64& element_of_v = out[r * n_ + c];
        if constexpr (kComplex) {
          element_of_v = v[c * n_ + r];
        } else {
          const T* x = v.data() + (w[c].im < 0 ? c - 1 : c) * n_;
          T y = w[c].im == 0 ? T(0) : w[c].im > 0 ? x[n_ + r] : -x[n_ + r];
          element_of_v = element(x[r], y);
        }
      }
    }
  }

  static Complex64 element(Real re, Real im) {
    return Complex64(static_cast<float>(re), static_cast<float>(im));
  }

  CpuBackend& backend_;
  const Factorization& what_;
  const Array& a_;
  Outputs& out_;
  bool vectors_;
  int n_;
  int64_t all_;
};

}  // namespace

void eigen(CpuBackend& backend, const Factorization& what, const Array& a,
           Outputs& out) {
  dispatch(a.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_floating_point_v<T> || is_complex_type<T>) {
      Eigen<T> of(backend, what, a, out);
      is_complex(out[0].dtype()) ? of.general() : of.symmetric();
    }
  });
}

}  // namespace ingot::cpu
