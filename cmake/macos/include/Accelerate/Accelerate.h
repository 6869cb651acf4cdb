// The part of Apple's Accelerate that the CPU backend calls, declared as in Apple's
// headers, for builds on machines without a macOS SDK.
//
// Only the interface behind ACCELERATE_NEW_LAPACK: 32-bit integers, and symbols that
// end in $NEWLAPACK (macOS 13.3 and later).
// SPDX-License-Identifier: MIT
#pragma once

#if !defined(ACCELERATE_NEW_LAPACK)
#error "Accelerate: ACCELERATE_NEW_LAPACK must be defined"
#endif

enum CBLAS_ORDER { CblasRowMajor = 101, CblasColMajor = 102 };
enum CBLAS_TRANSPOSE {
  CblasNoTrans = 111,
  CblasTrans = 112,
  CblasConjTrans = 113
};
enum CBLAS_UPLO { CblasUpper = 121, CblasLower = 122 };

#define INGOT_ALIAS(name) __asm("_" #name "$NEWLAPACK")
#define INGOT_DECLARE(T, gemm, syrk, gemv, geqrf, orgqr, ormqr)                \
  void cblas_##gemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE trans_a,      \
                    enum CBLAS_TRANSPOSE trans_b, int m, int n, int k,         \
                    T alpha, const T* a, int lda, const T* b, int ldb, T beta, \
                    T* c, int ldc) INGOT_ALIAS(cblas_##gemm);                  \
  void cblas_##syrk(enum CBLAS_ORDER order, enum CBLAS_UPLO triangle,          \
                    enum CBLAS_TRANSPOSE trans, int n, int k, T alpha,         \
                    const T* a, int lda, T beta, T* c, int ldc)                \
      INGOT_ALIAS(cblas_##syrk);                                               \
  void cblas_##gemv(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE trans, int m, \
                    int n, T alpha, const T* a, int lda, const T* x, int incx, \
                    T beta, T* y, int incy) INGOT_ALIAS(cblas_##gemv);         \
  void geqrf##_(const int* m, const int* n, T* a, const int* lda, T* tau,      \
                T* work, const int* lwork, int* info) INGOT_ALIAS(geqrf);      \
  void orgqr##_(const int* m, const int* n, const int* k, T* a,                \
                const int* lda, const T* tau, T* work, const int* lwork,       \
                int* info) INGOT_ALIAS(orgqr);                                 \
  void ormqr##_(const char* side, const char* trans, const int* m,             \
                const int* n, const int* k, const T* a, const int* lda,        \
                const T* tau, T* c, const int* ldc, T* work, const int* lwork, \
                int* info) INGOT_ALIAS(ormqr);

extern "C" {
INGOT_DECLARE(float, sgemm, ssyrk, sgemv, sgeqrf, sorgqr, sormqr)
INGOT_DECLARE(double, dgemm, dsyrk, dgemv, dgeqrf, dorgqr, dormqr)
}

#undef INGOT_DECLARE
#undef INGOT_ALIAS
