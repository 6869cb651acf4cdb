// Element types: sizes, kinds, promotion, and how to reach the C++ type of one.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <ostream>

#include "csrc/error.h"
#include "csrc/half.h"
#include "metal/complex.h"

namespace ingot {

enum class Dtype : uint8_t {
  bool_,
  uint8,
  uint16,
  uint32,
  uint64,
  int8,
  int16,
  int32,
  int64,
  float16,
  bfloat16,
  float32,
  float64,
  complex64,
};
inline constexpr int kDtypes = 14;

const char* name_of(Dtype dtype);
std::ostream& operator<<(std::ostream& out, Dtype dtype);

inline int64_t size_of(Dtype dtype) {
  constexpr uint8_t sizes[kDtypes] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8};
  return sizes[static_cast<int>(dtype)];
}
inline bool is_floating(Dtype dtype) {
  return dtype >= Dtype::float16 && dtype <= Dtype::float64;
}
inline bool is_complex(Dtype dtype) { return dtype == Dtype::complex64; }
// What has fractions: floating or complex.
inline bool is_inexact(Dtype dtype) { return dtype >= Dtype::float16; }
inline bool is_unsigned(Dtype dtype) {
  return dtype >= Dtype::uint8 && dtype <= Dtype::uint64;
}
inline bool is_signed(Dtype dtype) {
  return dtype >= Dtype::int8 && dtype <= Dtype::int64;
}
inline bool is_integer(Dtype dtype) {
  return dtype >= Dtype::uint8 && dtype <= Dtype::int64;
}
inline bool is_half(Dtype dtype) {
  return dtype == Dtype::float16 || dtype == Dtype::bfloat16;
}

// The type in which both can be added, as documented for mlx.core.
Dtype promote(Dtype a, Dtype b);
// Integers and bool become float32; floating and complex types stay.
inline Dtype floating(Dtype dtype) {
  return is_inexact(dtype) ? dtype : Dtype::float32;
}
// The type of a real part or a magnitude.
inline Dtype real_type(Dtype dtype) {
  return is_complex(dtype) ? Dtype::float32 : dtype;
}
// Integers narrower than 32 bits are added up in 32; no width is left for more,
// so sums and products wrap.
inline Dtype sum_type(Dtype dtype) {
  if (is_inexact(dtype) || size_of(dtype) >= 4) return dtype;
  return is_unsigned(dtype) ? Dtype::uint32 : Dtype::int32;
}
// The type kernels compute in: half types are widened to float32.
inline Dtype compute_type(Dtype dtype) {
  return is_half(dtype) ? Dtype::float32 : dtype;
}

template <class T>
inline constexpr bool is_complex_type = false;
template <class T>
inline constexpr bool is_complex_type<Complex<T>> = true;

template <class T>
struct TypeTag {
  using type = T;
};

// Calls f(TypeTag<T>()) with the C++ type of `dtype`.
template <class F>
decltype(auto) dispatch(Dtype dtype, F&& f) {
  switch (dtype) {
    case Dtype::bool_:
      return f(TypeTag<bool>());
    case Dtype::uint8:
      return f(TypeTag<uint8_t>());
    case Dtype::uint16:
      return f(TypeTag<uint16_t>());
    case Dtype::uint32:
      return f(TypeTag<uint32_t>());
    case Dtype::uint64:
      return f(TypeTag<uint64_t>());
    case Dtype::int8:
      return f(TypeTag<int8_t>());
    case Dtype::int16:
      return f(TypeTag<int16_t>());
    case Dtype::int32:
      return f(TypeTag<int32_t>());
    case Dtype::int64:
      return f(TypeTag<int64_t>());
    case Dtype::float16:
      return f(TypeTag<Half>());
    case Dtype::bfloat16:
      return f(TypeTag<Bfloat16>());
    case Dtype::float32:
      return f(TypeTag<float>());
    case Dtype::float64:
      return f(TypeTag<double>());
    case Dtype::complex64:
      break;
  }
  return f(TypeTag<Complex64>());
}

template <class T>
inline constexpr Dtype dtype_of = Dtype::bool_;
template <>
inline constexpr Dtype dtype_of<uint8_t> = Dtype::uint8;
template <>
inline constexpr Dtype dtype_of<uint16_t> = Dtype::uint16;
template <>
inline constexpr Dtype dtype_of<uint32_t> = Dtype::uint32;
template <>
inline constexpr Dtype dtype_of<uint64_t> = Dtype::uint64;
template <>
inline constexpr Dtype dtype_of<int8_t> = Dtype::int8;
template <>
inline constexpr Dtype dtype_of<int16_t> = Dtype::int16;
template <>
inline constexpr Dtype dtype_of<int32_t> = Dtype::int32;
template <>
inline constexpr Dtype dtype_of<int64_t> = Dtype::int64;
template <>
inline constexpr Dtype dtype_of<Half> = Dtype::float16;
template <>
inline constexpr Dtype dtype_of<Bfloat16> = Dtype::bfloat16;
template <>
inline constexpr Dtype dtype_of<float> = Dtype::float32;
template <>
inline constexpr Dtype dtype_of<double> = Dtype::float64;
template <>
inline constexpr Dtype dtype_of<Complex64> = Dtype::complex64;

}  // namespace ingot
