// Conversions between the types of arrays, on the GPU: floats saturate into
// integers, NaN becomes 0, whatever is not 0 is true.
// SPDX-License-Identifier: MIT
#pragma once
#include "../shim.h"

namespace ingot {

template <class T>
struct IsFloat {
  enum { value = 0 };
};
template <>
struct IsFloat<float> {
  enum { value = 1 };
};
template <>
struct IsFloat<half> {
  enum { value = 1 };
};
template <>
struct IsFloat<bfloat> {
  enum { value = 1 };
};

template <class To, int from_float, int to_float>
struct Conversion {
  template <class From>
  INGOT_FN To apply(From x) {
    return To(x);
  }
};

// Half types by way of float, rounded once.
template <class To>
struct Conversion<To, 1, 1> {
  template <class From>
  INGOT_FN To apply(From x) {
    return To(float(x));
  }
};
template <class To>
struct Conversion<To, 0, 1> {
  template <class From>
  INGOT_FN To apply(From x) {
    return To(float(x));
  }
};

template <class To>
struct Conversion<To, 1, 0> {
  template <class From>
  INGOT_FN To apply(From from) {
    float x = float(from);
    bool is_signed = To(-1) < To(1);
    ulong top = ulong(1) << (8 * sizeof(To) - 1);
    float beyond = float(top) * (is_signed ? 1.0f : 2.0f);
    float low = is_signed ? -beyond : 0.0f;
    bool inside = x > low && x < beyond;
    To y = To(inside ? x : 0.0f);
    To highest = is_signed ? To(top - 1) : To(-1);
    To lowest = is_signed ? To(top) : To(0);
    return inside || x != x ? y : (x > 0.0f ? highest : lowest);
  }
};

template <class To>
struct Converter {
  template <class From>
  INGOT_FN To apply(From x) {
    return Conversion<To, IsFloat<From>::value, IsFloat<To>::value>::apply(x);
  }
};
template <>
struct Converter<bool> {
  template <class From>
  INGOT_FN bool apply(From x) {
    return x != From(0);
  }
};

template <class To, class From>
INGOT_FN To convert(From x) {
  return Converter<To>::apply(x);
}

}  // namespace ingot
