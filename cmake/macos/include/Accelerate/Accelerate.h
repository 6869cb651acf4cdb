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
enum CBLAS_DIAG { CblasNonUnit = 131, CblasUnit = 132 };
enum CBLAS_SIDE { CblasLeft = 141, CblasRight = 142 };

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
#define INGOT_DECLARE_ONE_MATRIX(T, trsm, getrf, getri, potrf, trtri, syevd,  \
                                 gesdd)                                       \
  void cblas_##trsm(                                                          \
      enum CBLAS_ORDER order, enum CBLAS_SIDE side, enum CBLAS_UPLO triangle, \
      enum CBLAS_TRANSPOSE trans, enum CBLAS_DIAG diagonal, int m, int n,     \
      T alpha, const T* a, int lda, T* b, int ldb) INGOT_ALIAS(cblas_##trsm); \
  void getrf##_(const int* m, const int* n, T* a, const int* lda, int* ipiv,  \
                int* info) INGOT_ALIAS(getrf);                                \
  void getri##_(const int* n, T* a, const int* lda, const int* ipiv, T* work, \
                const int* lwork, int* info) INGOT_ALIAS(getri);              \
  void potrf##_(const char* uplo, const int* n, T* a, const int* lda,         \
                int* info) INGOT_ALIAS(potrf);                                \
  void trtri##_(const char* uplo, const char* diag, const int* n, T* a,       \
                const int* lda, int* info) INGOT_ALIAS(trtri);                \
  void syevd##_(const char* jobz, const char* uplo, const int* n, T* a,       \
                const int* lda, T* w, T* work, const int* lwork, int* iwork,  \
                const int* liwork, int* info) INGOT_ALIAS(syevd);             \
  void gesdd##_(const char* jobz, const int* m, const int* n, T* a,           \
                const int* lda, T* s, T* u, const int* ldu, T* vt,            \
                const int* ldvt, T* work, const int* lwork, int* iwork,       \
                int* info) INGOT_ALIAS(gesdd);
#define INGOT_DECLARE_EIGEN(T, geev)                                        \
  void geev##_(const char* jobvl, const char* jobvr, const int* n, T* a,    \
               const int* lda, T* wr, T* wi, T* vl, const int* ldvl, T* vr, \
               const int* ldvr, T* work, const int* lwork, int* info)       \
      INGOT_ALIAS(geev);

extern "C" {
INGOT_DECLARE(float, sgemm, ssyrk, sgemv, sgeqrf, sorgqr, sormqr)
INGOT_DECLARE(double, dgemm, dsyrk, dgemv, dgeqrf, dorgqr, dormqr)
INGOT_DECLARE_ONE_MATRIX(float, strsm, sgetrf, sgetri, spotrf, strtri, ssyevd,
                         sgesdd)
INGOT_DECLARE_ONE_MATRIX(double, dtrsm, dgetrf, dgetri, dpotrf, dtrtri, dsyevd,
                         dgesdd)
INGOT_DECLARE_EIGEN(float, sgeev)
INGOT_DECLARE_EIGEN(double, dgeev)
void cgeev_(const char* jobvl, const char* jobvr, const int* n, void* a,
            const int* lda, void* w, void* vl, const int* ldvl, void* vr,
            const int* ldvr, void* work, const int* lwork, float* rwork,
            int* info) INGOT_ALIAS(cgeev);
void cheevd_(const char* jobz, const char* uplo, const int* n, void* a,
             const int* lda, float* w, void* work, const int* lwork,
             float* rwork, const int* lrwork, int* iwork, const int* liwork,
             int* info) INGOT_ALIAS(cheevd);
}

#undef INGOT_DECLARE_EIGEN
#undef INGOT_DECLARE_ONE_MATRIX
#undef INGOT_DECLARE
#undef INGOT_ALIAS
