// What sorts and selections do to any axis: they bring it to the end.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "csrc/ops.h"

namespace ingot {

// Runs f on x with `axis` last, and moves it back.
template <class F>
Array along_last(const Array& x, std::optional<int64_t> axis, const char* name,
                 F&& f) {
  if (!axis) return f(reshape(x, {-1}));
  int64_t from = normalize_axis(*axis, x.ndim(), name);
  return moveaxis(f(moveaxis(x, from, -1)), -1, from);
}

}  // namespace ingot
