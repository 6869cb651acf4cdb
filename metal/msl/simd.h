// What the threads of a simdgroup find together.
// SPDX-License-Identifier: MIT
#pragma once
#include "../args.h"

namespace ingot {

// The sum over them, in the same order on all of them.
INGOT_FN float simd_total(float x) {
  for (ushort mask = kSimd / 2; mask > 0; mask /= 2) {
    x = x + simd_shuffle_xor(x, mask);
  }
  return x;
}

}  // namespace ingot
