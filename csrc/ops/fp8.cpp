// Floats of eight bits, E4M3: composed of operations on the bits.
// SPDX-License-Identifier: MIT
#include "csrc/ops/operators.h"
#include "csrc/ops/quantize.h"
#include "metal/quantize.h"

namespace ingot {
namespace {

// Where a format has its fraction, and what its exponents are counted from.
struct Format {
  Dtype dtype, word;
  int64_t fraction, bias;
};

// To the nearest, halves to the even one. Below 2^-6 codes count in steps of
// 2^-9; above, they are the bits of the exponent and the first three of the
// fraction.
Array code_of(const Array& x, const Format& format) {
  auto word = [&](int64_t n) { return Array::scalar(n, format.word); };
  auto number = [&](double n) { return Array::scalar(n, format.dtype); };
  int64_t sign = 8 * size_of(format.dtype) - 1, dropped = format.fraction - 3;
  Array bits = view(x, format.word);
  auto below_sign = static_cast<int64_t>((uint64_t{1} << sign) - 1);
  Array size = bitwise_and(bits, word(below_sign));
  Array odd = bitwise_and(right_shift(size, word(dropped)), word(1));
  Array half = word((int64_t{1} << (dropped - 1)) - 1);
  Array normal = right_shift(size + half + odd, word(dropped)) -
                 word((format.bias - 7) << 3);
  Array small = astype(round(abs(x) * number(512)), format.word);
  Array code = where(less(abs(x), number(0x1p-6)), small, normal);
  code = where(isnan(x), word(127), minimum(code, word(126)));
  return bitwise_or(code, left_shift(right_shift(bits, word(sign)), word(7)));
}

}  // namespace

Array to_fp8(const Array& x) {
  require<TypeError>(is_floating(x.dtype()),
                     "to_fp8: x must have a floating dtype, got ", x.dtype());
  bool wide = x.dtype() == Dtype::float64;
  Format format = wide ? Format{Dtype::float64, Dtype::uint64, 52, 1023}
                       : Format{Dtype::float32, Dtype::uint32, 23, 127};
  Array same = stop_gradient(astype(x, format.dtype));
  return astype(code_of(same, format), Dtype::uint8);
}

Array from_fp8(const Array& x, Dtype dtype) {
  require<TypeError>(x.dtype() == Dtype::uint8,
                     "from_fp8: x must have dtype uint8, got ", x.dtype());
  require<TypeError>(is_floating(dtype),
                     "from_fp8: dtype must be a floating one, got ", dtype);
  Array values = Array::empty({256}, Dtype::float32);
  for (uint32_t i = 0; i < 256; ++i) values.data<float>()[i] = fp8_value(i);
  return take(astype(values, dtype), x, 0);
}

}  // namespace ingot
