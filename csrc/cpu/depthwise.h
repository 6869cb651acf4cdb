// Convolutions whose channels do not mix.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/cpu/conv.h"

namespace ingot::cpu {

// The positions of a phase, of contiguous arrays: `factors` are those of all
// taps, (taps, channels), of a weight of that shape.
void multiply_channels(const Phase& phase, const Array& x, const Array& factors,
                       const Shape& weight, Array& out);

// Adds to `sums`, (blocks, taps, channels), the gradients of the weight from
// blocks of `each` positions. Nothing is dilated: the phase has all taps.
void add_channels(const Phase& phase, const Array& x, const Array& cotangent,
                  const Shape& weight, int64_t each, Array& sums);

}  // namespace ingot::cpu
