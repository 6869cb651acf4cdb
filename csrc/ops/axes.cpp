// Axes counted from either end, as arguments give them.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "csrc/ops.h"

namespace ingot {

int64_t normalize_axis(int64_t axis, int64_t ndim, const char* op) {
  require<AxisError>(axis >= -ndim && axis < ndim, op, ": axis must be in [",
                     -ndim, ", ", ndim, "), got ", axis);
  return axis < 0 ? axis + ndim : axis;
}

Shape normalize_axes(const Shape& axes, int64_t ndim, const char* op) {
  Shape sorted;
  for (int64_t axis : axes) sorted.push_back(normalize_axis(axis, ndim, op));
  std::sort(sorted.begin(), sorted.end());
  require(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(), op,
          ": axes must not repeat, got ", axes);
  return sorted;
}

}  // namespace ingot
