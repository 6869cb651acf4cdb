// Window functions of signal processing, in forms that lose no digits at the
// ends: cos(2 t) = 1 - 2 sin(t)^2 turns their sums of cosines into squares.
// SPDX-License-Identifier: MIT
#include <numbers>

#include "csrc/ops.h"
#include "csrc/ops/operators.h"

namespace ingot {
namespace {

Array number(double value) { return Array::scalar(value, Dtype::float32); }

// 0, 1, 2 ... 2, 1, 0, times what makes `middle` of half their number.
Array tent(int64_t samples, double middle) {
  Array n = arange(0, static_cast<double>(samples), 1, Dtype::int64);
  Array last = Array::scalar(samples - 1, Dtype::int64);
  double unit = 2 * middle / static_cast<double>(samples - 1);
  return astype(minimum(n, last - n), Dtype::float32) * number(unit);
}

// sin^2 from end to end.
Array squared_sine(int64_t samples) {
  return square(sin(tent(samples, std::numbers::pi / 2)));
}

// Of one sample or none.
Array short_window(int64_t samples) {
  return ones({samples == 1}, Dtype::float32);
}

}  // namespace

Array bartlett(int64_t samples) {
  return samples > 1 ? tent(samples, 1) : short_window(samples);
}

Array hanning(int64_t samples) {
  return samples > 1 ? squared_sine(samples) : short_window(samples);
}

Array hamming(int64_t samples) {
  if (samples <= 1) return short_window(samples);
  return number(0.08) + number(0.92) * squared_sine(samples);
}

Array blackman(int64_t samples) {
  if (samples <= 1) return short_window(samples);
  Array s = squared_sine(samples);
  return s * (number(0.36) + number(0.64) * s);
}

}  // namespace ingot
