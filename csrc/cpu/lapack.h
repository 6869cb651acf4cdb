// The routines for single matrices, beside those of blas.h, that the CPU backend
// calls. Columns are contiguous in all but trsm; each of LAPACK's gives its
// `info`: 0, or i > 0 where the i-th step failed.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/cpu/blas.h"
#include "metal/complex.h"

#if defined(__APPLE__)
#define INGOT_LENGTH
#else
#define INGOT_LENGTH , 1
extern "C" {
#define INGOT_DECLARE(T, getrf, getri, potrf, trtri, syevd, gesdd)           \
  void INGOT_LAPACK(getrf)(int* m, int* n, T* a, int* lda, int* pivots,      \
                           int* info);                                       \
  void INGOT_LAPACK(getri)(int* n, T* a, int* lda, int* pivots, T* work,     \
                           int* lwork, int* info);                           \
  void INGOT_LAPACK(potrf)(const char* uplo, int* n, T* a, int* lda,         \
                           int* info, size_t);                               \
  void INGOT_LAPACK(trtri)(const char* uplo, const char* diag, int* n, T* a, \
                           int* lda, int* info, size_t, size_t);             \
  void INGOT_LAPACK(syevd)(const char* jobz, const char* uplo, int* n, T* a, \
                           int* lda, T* w, T* work, int* lwork, int* iwork,  \
                           int* liwork, int* info, size_t, size_t);          \
  void INGOT_LAPACK(gesdd)(const char* jobz, int* m, int* n, T* a, int* lda, \
                           T* s, T* u, int* ldu, T* vt, int* ldvt, T* work,  \
                           int* lwork, int* iwork, int* info, size_t);
INGOT_DECLARE(float, sgetrf, sgetri, spotrf, strtri, ssyevd, sgesdd)
INGOT_DECLARE(double, dgetrf, dgetri, dpotrf, dtrtri, dsyevd, dgesdd)
#undef INGOT_DECLARE
#define INGOT_DECLARE(T, geev)                                                \
  void INGOT_LAPACK(geev)(const char* jobvl, const char* jobvr, int* n, T* a, \
                          int* lda, T* wr, T* wi, T* vl, int* ldvl, T* vr,    \
                          int* ldvr, T* work, int* lwork, int* info, size_t,  \
                          size_t);
INGOT_DECLARE(float, sgeev)
INGOT_DECLARE(double, dgeev)
#undef INGOT_DECLARE
// Complex numbers are pairs of floats.
void INGOT_LAPACK(cgeev)(const char* jobvl, const char* jobvr, int* n, void* a,
                         int* lda, void* w, void* vl, int* ldvl, void* vr,
                         int* ldvr, void* work, int* lwork, float* rwork,
                         int* info, size_t, size_t);
void INGOT_LAPACK(cheevd)(const char* jobz, const char* uplo, int* n, void* a,
                          int* lda, float* w, void* work, int* lwork,
                          float* rwork, int* lrwork, int* iwork, int* liwork,
                          int* info, size_t, size_t);
}
#endif

namespace ingot::cpu::lapack {

inline const char* triangle(bool upper) { return upper ? "U" : "L"; }

// trsm: b = a^-1 b of rows, where a is a triangle of (n, n), b is (n, k).
// The others see LAPACK; lwork = -1 asks for the sizes of `work` and `iwork`.
#define INGOT_ROUTINES(T, trsm_name, getrf_name, getri_name, potrf_name,       \
                       trtri_name, syevd_name, gesdd_name)                     \
  inline void trsm(bool upper, bool transposed, bool unit, int n, int k,       \
                   const T* a, int lda, T* b, int ldb) {                       \
    INGOT_CBLAS(trsm_name)                                                     \
    (CblasRowMajor, CblasLeft, upper ? CblasUpper : CblasLower,                \
     blas::flag(transposed), unit ? CblasUnit : CblasNonUnit, n, k, T(1), a,   \
     lda, b, ldb);                                                             \
  }                                                                            \
  inline int getrf(int m, int n, T* a, int lda, int* pivots) {                 \
    int info = 0;                                                              \
    INGOT_LAPACK(getrf_name)(&m, &n, a, &lda, pivots, &info);                  \
    return info;                                                               \
  }                                                                            \
  inline int getri(int n, T* a, int lda, int* pivots, T* work, int lwork) {    \
    int info = 0;                                                              \
    INGOT_LAPACK(getri_name)(&n, a, &lda, pivots, work, &lwork, &info);        \
    return info;                                                               \
  }                                                                            \
  inline int potrf(bool upper, int n, T* a, int lda) {                         \
    int info = 0;                                                              \
    INGOT_LAPACK(potrf_name)                                                   \
    (triangle(upper), &n, a, &lda, &info INGOT_LENGTH);                        \
    return info;                                                               \
  }                                                                            \
  inline int trtri(bool upper, int n, T* a, int lda) {                         \
    int info = 0;                                                              \
    INGOT_LAPACK(trtri_name)                                                   \
    (triangle(upper), "N", &n, a, &lda, &info INGOT_LENGTHS);                  \
    return info;                                                               \
  }                                                                            \
  inline int syevd(bool vectors, bool upper, int n, T* a, int lda, T* w,       \
                   T* work, int lwork, int* iwork, int liwork) {               \
    int info = 0;                                                              \
    INGOT_LAPACK(syevd_name)                                                   \
    (vectors ? "V" : "N", triangle(upper), &n, a, &lda, w, work, &lwork,       \
     iwork, &liwork, &info INGOT_LENGTHS);                                     \
    return info;                                                               \
  }                                                                            \
  inline int gesdd(const char* jobz, int m, int n, T* a, int lda, T* s, T* u,  \
                   int ldu, T* vt, int ldvt, T* work, int lwork, int* iwork) { \
    int info = 0;                                                              \
    INGOT_LAPACK(gesdd_name)                                                   \
    (jobz, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, iwork,        \
     &info INGOT_LENGTH);                                                      \
    return info;                                                               \
  }
INGOT_ROUTINES(float, strsm, sgetrf, sgetri, spotrf, strtri, ssyevd, sgesdd)
INGOT_ROUTINES(double, dtrsm, dgetrf, dgetri, dpotrf, dtrtri, dsyevd, dgesdd)
#undef INGOT_ROUTINES

// With the right vectors in the columns of v, if they are wanted.
#define INGOT_ROUTINES(T, geev_name)                                          \
  inline int geev(bool vectors, int n, T* a, T* wr, T* wi, T* v, T* work,     \
                  int lwork) {                                                \
    int info = 0, one = 1;                                                    \
    INGOT_LAPACK(geev_name)                                                   \
    ("N", vectors ? "V" : "N", &n, a, &n, wr, wi, nullptr, &one, v, &n, work, \
     &lwork, &info INGOT_LENGTHS);                                            \
    return info;                                                              \
  }
INGOT_ROUTINES(float, sgeev)
INGOT_ROUTINES(double, dgeev)
#undef INGOT_ROUTINES

// Complex numbers, whatever the type that LAPACK's header has for them.
struct Untyped {
  Complex64* data;
  template <class T>
  operator T*() const {
    return reinterpret_cast<T*>(data);
  }
};

inline int geev(bool vectors, int n, Complex64* a, Complex64* w, Complex64* v,
                Complex64* work, int lwork, float* rwork) {
  int info = 0, one = 1;
  INGOT_LAPACK(cgeev)
  ("N", vectors ? "V" : "N", &n, Untyped{a}, &n, Untyped{w}, nullptr, &one,
   Untyped{v}, &n, Untyped{work}, &lwork, rwork, &info INGOT_LENGTHS);
  return info;
}
inline int heevd(bool vectors, bool upper, int n, Complex64* a, int lda,
                 float* w, Complex64* work, int lwork, float* rwork, int lrwork,
                 int* iwork, int liwork) {
  int info = 0;
  INGOT_LAPACK(cheevd)
  (vectors ? "V" : "N", triangle(upper), &n, Untyped{a}, &lda, w, Untyped{work},
   &lwork, rwork, &lrwork, iwork, &liwork, &info INGOT_LENGTHS);
  return info;
}

}  // namespace ingot::cpu::lapack
