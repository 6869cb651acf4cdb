// What builds the operations of saved_table.cpp for which one line is too short.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/saved.h"

namespace ingot {

Array build_arange(const Reading& r);
Array build_reduction(const Reading& r);
Array build_arg_reduction(const Reading& r, bool largest);
Array build_scan(const Reading& r);
Array build_matmul(const Reading& r);
Arrays build_factorization(const Reading& r);
Arrays build_step(const Reading& r);
Arrays build_adafactor(const Reading& r);
Array build_norm(const Reading& r);
Arrays build_depends(const Reading& r);
Arrays build_split(const Reading& r);
Array build_gather(const Reading& r);
Array build_scatter(const Reading& r);
Array build_conv(const Reading& r);
Array build_conv_weight(const Reading& r);
Array build_as_pairs(const Reading& r);
Array build_from_pairs(const Reading& r);
Array build_gather_matmul(const Reading& r);
Array build_segmented_matmul(const Reading& r);
Array build_select(const Reading& r);
Array build_fourier(const Reading& r);
Arrays build_quantize(const Reading& r);
Array build_dequantize(const Reading& r);
Array build_quantized_matmul(const Reading& r);

}  // namespace ingot
