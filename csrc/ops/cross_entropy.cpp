// Cross entropy of logits and class indices, of ordinary operations: beside the
// logits nothing of their size is kept.
// SPDX-License-Identifier: MIT
#include "csrc/ops.h"
#include "csrc/ops/operators.h"

namespace ingot {

Array cross_entropy(const Array& logits, const Array& targets) {
  require(logits.ndim() > 0, "cross_entropy: logits must have at least one ",
          "dimension, got shape ", logits.shape());
  Shape rows(logits.shape().begin(), logits.shape().end() - 1);
  require(targets.shape() == rows,
          "cross_entropy: targets must have the shape ",
          "of logits without the last axis, ", rows, ", got ", targets.shape());
  require<TypeError>(is_integer(targets.dtype()),
                     "cross_entropy: targets must be integers, got ",
                     targets.dtype());
  Dtype dtype = promote(floating(logits.dtype()), Dtype::float32);
  Array x = astype(logits, dtype);
  Array chosen = take_along_axis(x, expand_dims(targets, {-1}), -1);
  return logsumexp(x, Shape{-1}) - squeeze(chosen, {-1});
}

}  // namespace ingot
