// As much of float64 as arange takes: a product and a sum, rounded as the CPU
// rounds them.
// SPDX-License-Identifier: MIT
#pragma once
#include "../args.h"

namespace ingot {

// To 53 bits, ties to even. The lowest bit of more than 54 may stand for all
// that were lost below it.
INGOT_FN Float64 rounded(ulong size, int exponent, uint negative) {
  int excess = 11 - int(clz(size));
  if (excess > 0) {
    ulong half_unit = ulong(1) << (excess - 1);
    ulong rest = size & (2 * half_unit - 1);
    size >>= excess;
    bool up = rest > half_unit || (rest == half_unit && (size & 1) != 0);
    size += up;
    exponent += excess;
  }
  return {size, exponent, negative};
}

// a * n, for n below 2^53.
INGOT_FN Float64 times(Float64 a, ulong n) {
  ulong high = mulhi(ulong(a.size), n), low = a.size * n;
  if (high == 0) return rounded(low, a.exponent, a.negative);
  int shift = int(clz(high));  // 22 at least
  bool lost = (low << shift) != 0;
  ulong top = (high << shift) | (low >> (64 - shift)) | ulong(lost);
  return rounded(top, a.exponent + 64 - shift, a.negative);
}

// 62 bits, where there are any.
INGOT_FN Float64 widened(Float64 a) {
  int shift = int(clz(ulong(a.size))) - 2;
  return {a.size << shift, a.exponent - shift, a.negative};
}

INGOT_FN Float64 plus(Float64 a, Float64 b) {
  if (a.size == 0 && b.size == 0) return {0, 0, a.negative & b.negative};
  if (a.size == 0) return b;
  if (b.size == 0) return a;
  Float64 x = widened(a), y = widened(b);
  bool swap =
      x.exponent < y.exponent || (x.exponent == y.exponent && x.size < y.size);
  Float64 large = swap ? y : x, small = swap ? x : y;
  int shift = large.exponent - small.exponent;
  ulong part = shift < 62 ? small.size >> shift : 0;
  part |= ulong(shift >= 62 || (part << shift) != small.size);
  if (large.negative == small.negative) {
    return rounded(large.size + part, large.exponent, large.negative);
  }
  ulong rest = large.size - part;
  return rounded(rest, large.exponent, rest == 0 ? 0 : large.negative);
}

// To a floating type by way of float, to whole numbers towards zero (those of
// 63 bits).
template <class T, int is_float>
struct FromFloat64 {
  INGOT_FN T apply(Float64 a) {
    float x = ldexp(float(a.size), a.exponent);
    return T(a.negative != 0 ? -x : x);
  }
};
template <class T>
struct FromFloat64<T, 0> {
  INGOT_FN T apply(Float64 a) {
    ulong size = a.exponent >= 0    ? a.size << a.exponent
                 : a.exponent > -64 ? a.size >> -a.exponent
                                    : 0;
    return T(a.negative != 0 ? 0 - size : size);
  }
};

}  // namespace ingot
