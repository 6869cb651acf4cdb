// Vectorised loops of Adafactor. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include "metal/rules/adafactor.h"

#include "csrc/cpu/kernels/types.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

template <class T>
void factored(const void* g, const void* line_factors, const void* factors,
              void* u, int64_t lines, int64_t n) {
  auto* from = static_cast<const T*>(g);
  auto* each = static_cast<const T*>(factors);
  auto* to = static_cast<T*>(u);
  if (n == 1) {  // the lines' factors are the long ones
    const T own = *each;
    each = static_cast<const T*>(line_factors);
    INGOT_IVDEP
    for (int64_t i = 0; i < lines; ++i) to[i] = from[i] * (own * each[i]);
    return;
  }
  for (int64_t line = 0; line < lines; ++line, from += n, to += n) {
    const T own = static_cast<const T*>(line_factors)[line];
    INGOT_IVDEP
    for (int64_t i = 0; i < n; ++i) to[i] = from[i] * (own * each[i]);
  }
}

constexpr int64_t kBuffer = 256;

template <class T>
void margins(void* sums, int64_t stride, int64_t parts, double count,
             const void* old, void* moments, const void* hyper, int64_t n) {
  const auto h = *static_cast<const Adafactor::Hyper<T>*>(hyper);
  for (int64_t at = 0; at < n; at += kBuffer) {
    int64_t length = n - at < kBuffer ? n - at : kBuffer;
    auto* first = static_cast<T*>(sums) + at;
    auto* before = static_cast<const T*>(old) + at;
    auto* fresh = static_cast<T*>(moments) + at;
    double all[kBuffer] = {};
    for (int64_t part = 0; part < parts; ++part) {
      const T* sum = first + part * stride;
      INGOT_IVDEP
      for (int64_t i = 0; i < length; ++i) all[i] += sum[i];
    }
    INGOT_IVDEP
    for (int64_t i = 0; i < length; ++i) {
      T mean = static_cast<T>(all[i] / count);
      T moment = Adafactor::moment(before[i], mean, h);
      first[i] = moment;
      fresh[i] = moment;
    }
  }
}

template <class T>
void factors(void* moments, const double* whole, int64_t n) {
  auto* x = static_cast<T*>(moments);
  if (whole) {
    const T mean = static_cast<T>(*whole);
    INGOT_IVDEP
    for (int64_t i = 0; i < n; ++i) x[i] = Adafactor::row_factor(x[i], mean);
  } else {
    INGOT_IVDEP
    for (int64_t i = 0; i < n; ++i) x[i] = Adafactor::column_factor(x[i]);
  }
}

template <class T>
void moments(const void* g, const void* v, void* new_v, void* u,
             const void* hyper, int64_t n) {
  const auto h = *static_cast<const Adafactor::Hyper<T>*>(hyper);
  auto* from = static_cast<const T*>(g);
  auto* old = static_cast<const T*>(v);
  auto* fresh = static_cast<T*>(new_v);
  auto* to = static_cast<T*>(u);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    T moment = Adafactor::moment(old[i], from[i] * from[i], h);
    to[i] = from[i] * Adafactor::column_factor(moment);
    fresh[i] = moment;
  }
}

template <class T, bool means>
void loop(const T* w, const T* u, const T* mean, T* new_w, T* new_mean, T size,
          T shrink, Adafactor::Hyper<T> h, int64_t n) {
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    Element<T, 1> e;
    e.w = w[i];
    e.s[0] = means ? mean[i] : T(0);
    e = Adafactor::step(e, u[i], size, shrink, h);
    new_w[i] = e.w;
    if (means) new_mean[i] = e.s[0];
  }
}

template <class T>
void step(const void* w, const void* u, const void* mean, void* new_w,
          void* new_mean, const double* size_and_shrink, const void* hyper,
          int64_t n) {
  const auto h = *static_cast<const Adafactor::Hyper<T>*>(hyper);
  auto run = mean ? loop<T, true> : loop<T, false>;
  run(static_cast<const T*>(w), static_cast<const T*>(u),
      static_cast<const T*>(mean), static_cast<T*>(new_w),
      static_cast<T*>(new_mean), static_cast<T>(size_and_shrink[0]),
      static_cast<T>(size_and_shrink[1]), h, n);
}

template <class... T>
void fill(Kernels& k, Types<T...>) {
  ((k.factored[static_cast<int>(dtype_of<T>)] = factored<T>), ...);
  ((k.margins[static_cast<int>(dtype_of<T>)] = margins<T>), ...);
  ((k.factors[static_cast<int>(dtype_of<T>)] = factors<T>), ...);
  ((k.moments[static_cast<int>(dtype_of<T>)] = moments<T>), ...);
  ((k.adafactor[static_cast<int>(dtype_of<T>)] = step<T>), ...);
}

}  // namespace

void fill_adafactor(Kernels& k) { fill(k, FloatTypes()); }

}  // namespace ingot::cpu::INGOT_SIMD
