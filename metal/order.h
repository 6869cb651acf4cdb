// The order of elements as one of unsigned numbers: sorting compares those.
// SPDX-License-Identifier: MIT
#pragma once
#include "shim.h"

namespace ingot {

// How the elements of a type are ordered by their bits.
template <class Bits>
struct Order {
  Bits flip;      // the sign bit of signed integers
  Bits infinity;  // of floating types, else 0
};

template <class Bits>
INGOT_FN Order<Bits> narrowed(Order<uint64_t> order) {
  return {Bits(order.flip), Bits(order.infinity)};
}

// NaN is above all else, both zeros are equal.
template <class Bits>
INGOT_FN Bits key_of(Bits x, Order<Bits> order) {
  if (order.infinity == 0) return Bits(x ^ order.flip);
  const Bits sign = Bits(Bits(1) << (8 * sizeof(Bits) - 1));
  Bits magnitude = Bits(x & Bits(~sign));
  if (magnitude > order.infinity) return Bits(~Bits(0));
  if (magnitude == 0) return sign;
  return (x & sign) != 0 ? Bits(~x) : Bits(x | sign);
}

}  // namespace ingot
