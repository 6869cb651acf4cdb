// Copies of transposed arrays.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/array.h"

namespace ingot::cpu {

// Copies x, if its innermost dimension is not the one of stride 1, into
// contiguous memory of its own type; false where it is something else.
bool copy_transposed(const Array& x, Array& out);

}  // namespace ingot::cpu
