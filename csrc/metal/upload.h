// Tables that the host writes for a dispatch.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include "csrc/allocator.h"
#include "csrc/array.h"

namespace ingot::metal {

// In memory that nothing on the GPU still uses: the host writes at once.
template <class T>
Array uploaded(const std::vector<T>& rows) {
  allocator::GpuScope off(false);
  auto bytes = static_cast<int64_t>(rows.size() * sizeof(T));
  Array table = Array::empty({bytes}, Dtype::uint8);
  std::copy(rows.begin(), rows.end(), table.data<T>());
  return table;
}

}  // namespace ingot::metal
