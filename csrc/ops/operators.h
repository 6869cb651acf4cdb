// Arithmetic operators on arrays, so that formulas in the core read as such.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/ops.h"

namespace ingot {

inline Array operator+(const Array& a, const Array& b) { return add(a, b); }
inline Array operator-(const Array& a, const Array& b) {
  return subtract(a, b);
}
inline Array operator*(const Array& a, const Array& b) {
  return multiply(a, b);
}
inline Array operator/(const Array& a, const Array& b) { return divide(a, b); }
inline Array operator-(const Array& x) { return negative(x); }

}  // namespace ingot
