// Indices into the matrices of all examples of a batch, for vmap.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/ops/operators.h"
#include "csrc/vmap.h"

namespace ingot {

// Input i of a batch, indices of examples whose matrices, `count` of each, lie
// behind one another; one that is out of range stays so.
inline Array behind_one_another(const Batch& batch, int64_t i, int64_t count) {
  Array index = batch.along(i);
  if (index.dtype() == Dtype::uint64) {  // of which int64 has but a part
    index = minimum(index, Array::scalar(count, Dtype::uint64));
  }
  index = astype(index, Dtype::int64);
  Array zero = Array::scalar(int64_t{0}, Dtype::int64);
  Array length = Array::scalar(count, Dtype::int64);
  index = where(less(index, zero), index + length, index);
  Array inside = logical_and(greater_equal(index, zero), less(index, length));
  auto examples = static_cast<double>(batch.size);
  Array first = arange(0, examples, 1, Dtype::int64) * length;
  Array beyond = Array::scalar(batch.size * count, Dtype::int64);
  index = index + reshape(first, {batch.size, 1});
  return flatten(where(inside, index, beyond));
}

}  // namespace ingot
