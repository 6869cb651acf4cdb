// What other families sort.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/array.h"

namespace ingot::metal {

// The elements' keys (see metal/order.h) with their indices in their rows, each
// row of a contiguous array in order: shape (x.size(), 2), uint32, or uint64
// for elements of eight bytes.
Array sorted_pairs(const Array& x);

}  // namespace ingot::metal
