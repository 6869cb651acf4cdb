// The routines of BLAS and LAPACK that the CPU backend calls, overloaded on the
// type: Accelerate on macOS, OpenBLAS elsewhere. All of them run on the calling
// thread alone; columns are contiguous in LAPACK, rows in gemm and gemv.
// SPDX-License-Identifier: MIT
#pragma once

#if defined(__APPLE__)
#include <Accelerate/Accelerate.h>
#define INGOT_CBLAS(name) cblas_##name
#define INGOT_LAPACK(name) name##_
#else
#include <cblas.h>
#define INGOT_CBLAS(name) scipy_cblas_##name
#define INGOT_LAPACK(name) scipy_##name##_
extern "C" {
#define INGOT_DECLARE(T, geqrf, orgqr)                                      \
  void INGOT_LAPACK(geqrf)(int* m, int* n, T* a, int* lda, T* tau, T* work, \
                           int* lwork, int* info);                          \
  void INGOT_LAPACK(orgqr)(int* m, int* n, int* k, T* a, int* lda, T* tau,  \
                           T* work, int* lwork, int* info);
INGOT_DECLARE(float, sgeqrf, sorgqr)
INGOT_DECLARE(double, dgeqrf, dorgqr)
#undef INGOT_DECLARE
}
#endif

namespace ingot::cpu::blas {

// A matrix as BLAS reads it: rows of `ld` elements, or columns if transposed.
template <class T>
struct Matrix {
  T* data;
  int ld;
  bool transposed;
};

inline CBLAS_TRANSPOSE flag(bool transposed) {
  return transposed ? CblasTrans : CblasNoTrans;
}

// gemm: c = alpha * a @ b + beta * c, where a is (m, k), b is (k, n).
// gemv: y = alpha * a @ x + beta * y, where a is (m, n).
// geqrf, orgqr: see LAPACK; lwork = -1 asks for the size of `work`.
#define INGOT_BLAS(T, gemm_name, gemv_name, geqrf_name, orgqr_name)           \
  inline void gemm(int m, int n, int k, T alpha, Matrix<const T> a,           \
                   Matrix<const T> b, T beta, T* c, int ldc) {                \
    INGOT_CBLAS(gemm_name)                                                    \
    (CblasRowMajor, flag(a.transposed), flag(b.transposed), m, n, k, alpha,   \
     a.data, a.ld, b.data, b.ld, beta, c, ldc);                               \
  }                                                                           \
  inline void gemv(int m, int n, T alpha, Matrix<const T> a, const T* x,      \
                   int incx, T beta, T* y, int incy) {                        \
    INGOT_CBLAS(gemv_name)                                                    \
    (CblasRowMajor, flag(a.transposed), a.transposed ? n : m,                 \
     a.transposed ? m : n, alpha, a.data, a.ld, x, incx, beta, y, incy);      \
  }                                                                           \
  inline int geqrf(int m, int n, T* a, int lda, T* tau, T* work, int lwork) { \
    int info = 0;                                                             \
    INGOT_LAPACK(geqrf_name)(&m, &n, a, &lda, tau, work, &lwork, &info);      \
    return info;                                                              \
  }                                                                           \
  inline int orgqr(int m, int n, int k, T* a, int lda, T* tau, T* work,       \
                   int lwork) {                                               \
    int info = 0;                                                             \
    INGOT_LAPACK(orgqr_name)(&m, &n, &k, a, &lda, tau, work, &lwork, &info);  \
    return info;                                                              \
  }
INGOT_BLAS(float, sgemm, sgemv, sgeqrf, sorgqr)
INGOT_BLAS(double, dgemm, dgemv, dgeqrf, dorgqr)
#undef INGOT_BLAS

// Called once before the others.
inline bool use_one_thread() {
#if !defined(__APPLE__)
  scipy_openblas_set_num_threads(1);
#endif
  return true;
}

// The library and its version.
inline const char* description() {
#if defined(__APPLE__)
  return "Accelerate";
#else
  return scipy_openblas_get_config();
#endif
}

}  // namespace ingot::cpu::blas
