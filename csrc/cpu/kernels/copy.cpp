// Vectorised conversions and selection. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/kernels/ahead.h"
#include "csrc/cpu/kernels/types.h"
#include "csrc/cpu/simd.h"
#include "metal/math/complex.h"
#include "metal/shim.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

template <class T>
inline constexpr bool is_float = false;
template <>
inline constexpr bool is_float<float> = true;
template <>
inline constexpr bool is_float<double> = true;
template <>
inline constexpr bool is_float<Half> = true;
template <>
inline constexpr bool is_float<Bfloat16> = true;
template <>
inline constexpr bool is_float<Complex64> = true;

template <class T>
INGOT_FN T real_part(T x) {
  return x;
}
INGOT_FN float real_part(Complex64 x) { return x.re; }

template <class To>
inline constexpr bool is_signed = To(-1) < To(0);

template <class To>
inline constexpr To highest =
    is_signed<To> ? To((uint64_t(1) << (8 * sizeof(To) - 1)) - 1) : To(-1);
template <class To>
inline constexpr To lowest =
    is_signed<To> ? To(uint64_t(1) << (8 * sizeof(To) - 1)) : To(0);

// 2^bits, the first value beyond `highest`, is exact in every float type.
template <class To, class From>
inline constexpr From beyond =
    From(uint64_t(1) << (8 * sizeof(To) - 1)) * From(is_signed<To> ? 1 : 2);

template <class To, class From>
INGOT_FN To convert(From x) {
  if constexpr (is_float<From> && !is_float<To> &&
                dtype_of<To> != Dtype::bfloat16 &&
                dtype_of<To> != Dtype::float16) {
    constexpr From low = is_signed<To> ? -beyond<To, From> : From(0);
    bool inside = x > low && x < beyond<To, From>;
    To y = static_cast<To>(inside ? x : From(0));
    To saturated = x > From(0) ? highest<To> : lowest<To>;
    return inside || x != x ? y : saturated;
  } else {
    return static_cast<To>(x);
  }
}

template <class From, class To>
void loop(const void* x, void* out, int64_t n) {
  auto* in = static_cast<const From*>(x);
  auto* to = static_cast<To*>(out);
  auto block = [&](int64_t begin, int64_t end) {
    INGOT_IVDEP
    for (int64_t i = begin; i < end; ++i) {
      if constexpr (dtype_of<To> == Dtype::bool_) {
        to[i] = in[i] != From(0);
      } else {
        to[i] = convert<To>(real_part(in[i]));
      }
    }
  };
  in_blocks(n, block, in);
}

template <class From, class... To>
void fill_row(Kernels& k, Types<To...>) {
  ((convert_kernel(k, dtype_of<From>, dtype_of<To>) = loop<From, To>), ...);
}

template <class... From>
void fill_table(Kernels& k, Types<From...>) {
  (fill_row<From>(k, AllTypes()), ...);
  (fill_row<From>(k, Types<Complex64>()), ...);
}

#if defined(__F16C__)
// GCC does not vectorise conversions of _Float16; the instructions do.
void half_to_float(const void* x, void* out, int64_t n) {
  auto* in = static_cast<const Half*>(x);
  auto* to = static_cast<float*>(out);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(bits));
  }
  for (; i < n; ++i) to[i] = static_cast<float>(in[i]);
}

void float_to_half(const void* x, void* out, int64_t n) {
  auto* in = static_cast<const float*>(x);
  auto* to = static_cast<Half*>(out);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    __m128i bits = _mm256_cvtps_ph(_mm256_loadu_ps(in + i), 0);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), bits);
  }
  for (; i < n; ++i) to[i] = Half(in[i]);
}
#else
constexpr auto half_to_float = loop<Half, float>;
constexpr auto float_to_half = loop<float, Half>;
#endif

template <class T>
void select(const bool* condition, const void* a, const void* b, void* out,
            int64_t n) {
  auto* yes = static_cast<const T*>(a);
  auto* no = static_cast<const T*>(b);
  auto* to = static_cast<T*>(out);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) to[i] = condition[i] ? yes[i] : no[i];
}

}  // namespace

void fill_copy(Kernels& k) {
  fill_table(k, AllTypes());
  fill_row<Complex64>(k, AllTypes());
  convert_kernel(k, Dtype::float16, Dtype::float32) = half_to_float;
  convert_kernel(k, Dtype::float32, Dtype::float16) = float_to_half;
  convert_kernel(k, Dtype::bfloat16, Dtype::float32) = loop<Bfloat16, float>;
  convert_kernel(k, Dtype::float32, Dtype::bfloat16) = loop<float, Bfloat16>;
  k.select[0] = select<uint8_t>;
  k.select[1] = select<uint16_t>;
  k.select[2] = select<uint32_t>;
  k.select[3] = select<uint64_t>;
}

}  // namespace ingot::cpu::INGOT_SIMD
