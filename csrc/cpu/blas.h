// The routines of BLAS and LAPACK that the CPU backend calls, overloaded on the
// type: Accelerate on macOS, OpenBLAS elsewhere. All of them run on the calling
// thread alone; columns are contiguous in LAPACK, rows in gemm and gemv.
// SPDX-License-Identifier: MIT
#pragma once

#if defined(__APPLE__)
#include <Accelerate/Accelerate.h>
#define INGOT_CBLAS(name) cblas_##name
#define INGOT_LAPACK(name) name##_
#define INGOT_LENGTHS
#else
#include <cblas.h>

#include <cstddef>
#define INGOT_CBLAS(name) scipy_cblas_##name
#define INGOT_LAPACK(name) scipy_##name##_
#define INGOT_LENGTHS , 1, 1
extern "C" {
// The lengths of strings come last.
#define INGOT_DECLARE(T, geqrf, orgqr, ormqr)                                \
  void INGOT_LAPACK(geqrf)(int* m, int* n, T* a, int* lda, T* tau, T* work,  \
                           int* lwork, int* info);                           \
  void INGOT_LAPACK(ormqr)(const char* side, const char* trans, int* m,      \
                           int* n, int* k, T* a, int* lda, T* tau, T* c,     \
                           int* ldc, T* work, int* lwork, int* info, size_t, \
                           size_t);                                          \
  void INGOT_LAPACK(orgqr)(int* m, int* n, int* k, T* a, int* lda, T* tau,   \
                           T* work, int* lwork, int* info);
INGOT_DECLARE(float, sgeqrf, sorgqr, sormqr)
INGOT_DECLARE(double, dgeqrf, dorgqr, dormqr)
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
// syrk: the same of a and its transpose (m = n), in the lower triangle alone.
// gemv: y = alpha * a @ x + beta * y, where a is (m, n).
// geqrf, orgqr, ormqr (from the left): see LAPACK; lwork = -1 asks for the size
// of `work`.
#define INGOT_BLAS(T, gemm_name, syrk_name, gemv_name, geqrf_name, orgqr_name, \
                   ormqr_name)                                                 \
  inline void gemm(int m, int n, int k, T alpha, Matrix<const T> a,            \
                   Matrix<const T> b, T beta, T* c, int ldc) {                 \
    INGOT_CBLAS(gemm_name)                                                     \
    (CblasRowMajor, flag(a.transposed), flag(b.transposed), m, n, k, alpha,    \
     a.data, a.ld, b.data, b.ld, beta, c, ldc);                                \
  }                                                                            \
  inline void syrk(int n, int k, T alpha, Matrix<const T> a, T beta, T* c,     \
                   int ldc) {                                                  \
    INGOT_CBLAS(syrk_name)                                                     \
    (CblasRowMajor, CblasLower, flag(a.transposed), n, k, alpha, a.data, a.ld, \
     beta, c, ldc);                                                            \
  }                                                                            \
  inline void gemv(int m, int n, T alpha, Matrix<const T> a, const T* x,       \
                   int incx, T beta, T* y, int incy) {                         \
    INGOT_CBLAS(gemv_name)                                                     \
    (CblasRowMajor, flag(a.transposed), a.transposed ? n : m,                  \
     a.transposed ? m : n, alpha, a.data, a.ld, x, incx, beta, y, incy);       \
  }                                                                            \
  inline int geqrf(int m, int n, T* a, int lda, T* tau, T* work, int lwork) {  \
    int info = 0;                                                              \
    INGOT_LAPACK(geqrf_name)(&m, &n, a, &lda, tau, work, &lwork, &info);       \
    return info;                                                               \
  }                                                                            \
  inline int orgqr(int m, int n, int k, T* a, int lda, T* tau, T* work,        \
                   int lwork) {                                                \
    int info = 0;                                                              \
    INGOT_LAPACK(orgqr_name)(&m, &n, &k, a, &lda, tau, work, &lwork, &info);   \
    return info;                                                               \
  }                                                                            \
  inline int ormqr(bool transposed, int m, int n, int k, T* a, int lda,        \
                   T* tau, T* c, int ldc, T* work, int lwork) {                \
    int info = 0;                                                              \
    INGOT_LAPACK(ormqr_name)("L", transposed ? "T" : "N", &m, &n, &k, a, &lda, \
                             tau, c, &ldc, work, &lwork, &info INGOT_LENGTHS); \
    return info;                                                               \
  }
INGOT_BLAS(float, sgemm, ssyrk, sgemv, sgeqrf, sorgqr, sormqr)
INGOT_BLAS(double, dgemm, dsyrk, dgemv, dgeqrf, dorgqr, dormqr)
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
