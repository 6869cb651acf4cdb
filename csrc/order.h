// How the elements of each type are ordered by their bits.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/dtype.h"
#include "metal/order.h"

namespace ingot {

inline Order<uint64_t> order_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::float16:
      return {0, 0x7c00};
    case Dtype::bfloat16:
      return {0, 0x7f80};
    case Dtype::float32:
      return {0, 0x7f800000};
    case Dtype::float64:
      return {0, 0x7ff0000000000000};
    default:
      return {is_signed(dtype) ? uint64_t{1} << (8 * size_of(dtype) - 1) : 0,
              0};
  }
}

}  // namespace ingot
