// The frequencies that the elements of a Fourier transform stand for, and their
// order.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <numeric>

#include "csrc/ops/fft.h"
#include "csrc/ops/operators.h"

namespace ingot {

Array fftshift(const Array& x, const Axes& axes, bool inverse) {
  const char* name = inverse ? "ifftshift" : "fftshift";
  Shape all(x.ndim()), along, shifts;
  std::iota(all.begin(), all.end(), 0);
  for (int64_t axis : axes.value_or(all)) {
    along.push_back(normalize_axis(axis, x.ndim(), name));
    int64_t n = x.shape(along.back());
    shifts.push_back(inverse ? n - n / 2 : n / 2);
  }
  return along.empty() ? x : roll(x, shifts, along);
}

Array fftfreq(int64_t n, double d, bool half) {
  const char* name = half ? "rfftfreq" : "fftfreq";
  require(n > 0, name, ": n must be positive, got ", n);
  require(std::isfinite(d) && d != 0, name,
          ": d must be finite and not 0, got ", d);
  auto span = static_cast<double>(n) * d;
  auto to = static_cast<double>(half ? n / 2 + 1 : n - n / 2);
  Array k = arange(0, to, 1, Dtype::float32);
  if (!half) {
    auto from = -static_cast<double>(n / 2);
    k = concatenate({k, arange(from, 0, 1, Dtype::float32)}, 0);
  }
  return k / Array::scalar(span, Dtype::float32);
}

}  // namespace ingot
