// Convolutions, channels last: x (n, spatial..., channels), weight (outputs,
// taps..., channels / groups).
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/ops.h"

namespace ingot {

// Of each of one to three spatial dimensions, or one number for all of them.
// What is padded on both sides is 0; a negative padding cuts off. `flip` turns
// the weight around.
struct ConvOptions {
  Shape stride = {1}, low = {0}, high = {0};
  Shape dilation = {1}, input_dilation = {1};
  int64_t groups = 1;
  bool flip = false;
};
// `name` (a literal) is the function that errors speak of, `dims` the spatial
// dimensions that it takes, or 0.
Array conv(const Array& x, const Array& weight, const ConvOptions& options,
           const char* name = "conv_general", int64_t dims = 0);
struct ConvTransposeOptions {
  Shape stride = {1}, padding = {0}, dilation = {1}, output_padding = {0};
  int64_t groups = 1;
};
Array conv_transpose(const Array& x, const Array& weight,
                     const ConvTransposeOptions& options, const char* name,
                     int64_t dims);
// Of two vectors: wherever they overlap, where the shorter one is whole, or as
// many elements as the longer one has.
enum class ConvolveMode : uint8_t { full, same, valid };
Array convolve(const Array& a, const Array& v, ConvolveMode mode);

}  // namespace ingot
