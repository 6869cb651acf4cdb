// Type traits and numeric_limits.
// SPDX-License-Identifier: MIT
#pragma once

namespace metal {

template <class T, T v>
struct integral_constant {
  static constexpr constant T value = v;
};
typedef integral_constant<bool, true> true_type;
typedef integral_constant<bool, false> false_type;

template <class A, class B>
struct is_same : false_type {};
template <class A>
struct is_same<A, A> : true_type {};
template <class A, class B>
constexpr constant bool is_same_v = is_same<A, B>::value;

template <bool condition, class A, class B>
struct conditional {
  typedef A type;
};
template <class A, class B>
struct conditional<false, A, B> {
  typedef B type;
};
template <bool condition, class A, class B>
using conditional_t = typename conditional<condition, A, B>::type;

template <bool condition, class T = void>
struct enable_if {};
template <class T>
struct enable_if<true, T> {
  typedef T type;
};
template <bool condition, class T = void>
using enable_if_t = typename enable_if<condition, T>::type;

template <class T>
struct remove_cv {
  typedef T type;
};
template <class T>
struct remove_cv<const T> {
  typedef T type;
};
template <class T>
struct remove_cv<volatile T> {
  typedef T type;
};
template <class T>
struct remove_cv<const volatile T> {
  typedef T type;
};
template <class T>
using remove_cv_t = typename remove_cv<T>::type;

template <class T>
struct is_floating_point
    : integral_constant<bool, is_same_v<remove_cv_t<T>, float> ||
                                  is_same_v<remove_cv_t<T>, half> ||
                                  is_same_v<remove_cv_t<T>, bfloat>> {};
template <class T>
constexpr constant bool is_floating_point_v = is_floating_point<T>::value;

template <class T>
struct is_integral : integral_constant<bool, __is_integral(T)> {};
template <class T>
constexpr constant bool is_integral_v = is_integral<T>::value;
template <class T>
constexpr constant bool is_signed_v = __is_signed(T) || is_floating_point_v<T>;
template <class T>
constexpr constant bool is_unsigned_v = __is_unsigned(T);

template <class T>
struct numeric_limits;

#define SOFTMETAL_FLOATING_LIMITS(T, small, large, step, bits) \
  template <>                                                  \
  struct numeric_limits<T> {                                   \
    static constexpr constant bool is_signed = true;           \
    static constexpr constant int digits = bits;               \
    static constexpr T min() { return T(small); }              \
    static constexpr T max() { return T(large); }              \
    static constexpr T lowest() { return T(-(large)); }        \
    static constexpr T epsilon() { return T(step); }           \
    static constexpr T infinity() { return T(INFINITY); }      \
    static constexpr T quiet_NaN() { return T(NAN); }          \
  };
SOFTMETAL_FLOATING_LIMITS(float, FLT_MIN, FLT_MAX, FLT_EPSILON, 24)
SOFTMETAL_FLOATING_LIMITS(half, 6.10351562e-05f, 65504.0f, 9.765625e-04f, 11)
SOFTMETAL_FLOATING_LIMITS(bfloat, FLT_MIN, 3.38953139e+38f, 7.8125e-03f, 8)
#undef SOFTMETAL_FLOATING_LIMITS

#define SOFTMETAL_INTEGER_LIMITS(T)                                       \
  template <>                                                             \
  struct numeric_limits<T> {                                              \
    static constexpr constant bool is_signed = __is_signed(T);            \
    static constexpr constant int digits = 8 * sizeof(T) - is_signed;     \
    static constexpr T max() { return T(~0ul >> (64 - digits)); }         \
    static constexpr T min() { return is_signed ? T(-max() - 1) : T(0); } \
    static constexpr T lowest() { return min(); }                         \
  };
SOFTMETAL_INTEGER_LIMITS(char)
SOFTMETAL_INTEGER_LIMITS(int8_t)
SOFTMETAL_INTEGER_LIMITS(uchar)
SOFTMETAL_INTEGER_LIMITS(short)
SOFTMETAL_INTEGER_LIMITS(ushort)
SOFTMETAL_INTEGER_LIMITS(int)
SOFTMETAL_INTEGER_LIMITS(uint)
SOFTMETAL_INTEGER_LIMITS(long)
SOFTMETAL_INTEGER_LIMITS(ulong)
#undef SOFTMETAL_INTEGER_LIMITS

}  // namespace metal
