// Names of the element types and the promotion table.
// SPDX-License-Identifier: MIT
#include "csrc/dtype.h"

namespace ingot {

const char* name_of(Dtype dtype) {
  static constexpr const char* names[kDtypes] = {
      "bool",     "uint8",   "uint16",  "uint32",   "uint64",
      "int8",     "int16",   "int32",   "int64",    "float16",
      "bfloat16", "float32", "float64", "complex64"};
  return names[static_cast<int>(dtype)];
}

std::ostream& operator<<(std::ostream& out, Dtype dtype) {
  return out << name_of(dtype);
}

namespace {

Dtype signed_of_size(int64_t bytes) {
  switch (bytes) {
    case 1:
      return Dtype::int8;
    case 2:
      return Dtype::int16;
    case 4:
      return Dtype::int32;
    default:
      return Dtype::int64;
  }
}

}  // namespace

Dtype promote(Dtype a, Dtype b) {
  if (a == b) return a;
  if (a > b) std::swap(a, b);
  // The kinds are in ascending order, so b is the wider or the signed one.
  if (a == Dtype::bool_) return b;
  if (is_complex(b)) return b;
  if (is_floating(b)) {
    bool both_half = is_half(a) && is_half(b);
    return both_half ? Dtype::float32 : b;
  }
  if (is_unsigned(a) && is_signed(b)) {
    if (a == Dtype::uint64) return Dtype::float32;
    return size_of(b) > size_of(a) ? b : signed_of_size(2 * size_of(a));
  }
  return size_of(a) > size_of(b) ? a : b;
}

}  // namespace ingot
