// Scalar types, address spaces and the constants of Metal.
// SPDX-License-Identifier: MIT
#pragma once

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef long int64_t;
typedef uchar uint8_t;
typedef ushort uint16_t;
typedef uint uint32_t;
typedef ulong uint64_t;
typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ptrdiff_t;
typedef _Float16 half;
typedef __bf16 bfloat;

// The strict pass, which only checks, has real address spaces. The code that
// runs has none: the sanitizers look at no other space than the plain one.
// `constant` stays plain in both, since clang cannot copy a struct out of a
// space of its own.
#if SOFTMETAL_STRICT
#define device __attribute__((address_space(1)))
#define threadgroup __attribute__((address_space(3)))
#define SOFTMETAL_EACH_SPACE(F) F(device) F(threadgroup) F(thread)
#else
#define device
#define threadgroup
#define SOFTMETAL_EACH_SPACE(F) F(thread)
#endif
#define constant const
#define thread

#define METAL_FUNC inline __attribute__((always_inline))

// Where the caller of a function with such a last parameter stands.
#define SOFTMETAL_SITE \
  unsigned site = __builtin_LINE() << 8 | (__builtin_COLUMN() & 255)

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define FLT_MAX 3.40282347e+38f
#define FLT_MIN 1.17549435e-38f
#define FLT_EPSILON 1.19209290e-07f
#define MAXFLOAT FLT_MAX
#define INT_MAX 0x7fffffff
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX 0xffffffffu
#define M_E_F 2.71828182845904523536f
#define M_LN2_F 0.693147180559945309417f
#define M_LOG2E_F 1.44269504088896340736f
#define M_PI_F 3.14159265358979323846f
#define M_PI_2_F 1.57079632679489661923f
#define M_1_PI_F 0.318309886183790671538f
#define M_SQRT2_F 1.41421356237309504880f

template <class To, class From>
inline To as_type(From x) {
  static_assert(sizeof(To) == sizeof(From), "as_type: sizes must be equal");
  return __builtin_bit_cast(To, x);
}

namespace metal {
using ::as_type;
}
