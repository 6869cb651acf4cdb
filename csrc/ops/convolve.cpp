// The convolution of two vectors.
// SPDX-License-Identifier: MIT
#include "csrc/ops/conv.h"

namespace ingot {

Array convolve(const Array& a, const Array& v, ConvolveMode mode) {
  require(a.ndim() == 1 && v.ndim() == 1,
          "convolve: a and v must have one dimension, got shapes ", a.shape(),
          " and ", v.shape());
  require(a.size() > 0 && v.size() > 0,
          "convolve: a and v must not be empty, got shapes ", a.shape(),
          " and ", v.shape());
  Dtype dtype = promote(a.dtype(), v.dtype());
  require(is_floating(dtype), "convolve: a and v must promote to a floating ",
          "type, got ", a.dtype(), " and ", v.dtype());
  if (v.size() > a.size()) return convolve(v, a, mode);
  int64_t n = v.size();
  ConvOptions options;
  options.flip = true;
  if (mode == ConvolveMode::full) options.low = options.high = {n - 1};
  if (mode == ConvolveMode::same) {
    options.low = {n / 2};
    options.high = {(n - 1) / 2};
  }
  Array y = conv(reshape(a, {1, a.size(), 1}), reshape(v, {1, n, 1}), options,
                 "convolve", 1);
  return flatten(y);
}

}  // namespace ingot
