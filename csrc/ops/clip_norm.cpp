// Clipping of gradients by the norm of all of them.
// SPDX-License-Identifier: MIT
#include "csrc/ops.h"
#include "csrc/ops/operators.h"
#include "csrc/ops/step.h"

namespace ingot {

Clipped clip_norm(const Arrays& gradients, const Array& max_norm) {
  // A norm is taken 2^24 times smaller: it stays finite for any finite float32
  // gradients.
  constexpr double kScale = 0x1p-24;
  if (gradients.empty()) return {{}, Array::scalar(0.0, Dtype::float32)};
  Array norm = global_norm(gradients, kScale);
  Array scaled;
  {
    StreamScope cpu(default_stream({}));  // a setting is read there
    scaled = max_norm * Array::scalar(kScale, max_norm.dtype());
  }
  Inputs operands;
  operands.reserve(2 * static_cast<int64_t>(gradients.size()));
  for (const Array& g : gradients) {
    Array x = is_inexact(g.dtype()) ? g : astype(g, Dtype::float32);
    operands.push_back(x);  // it is its own parameter, see rules/scale.h
    operands.push_back(std::move(x));
  }
  Array eps = Array::scalar(1e-6 * kScale, Dtype::float64);
  Arrays clipped =
      step(StepRule::Scale, std::move(operands), {scaled, norm, eps});
  return {std::move(clipped), norm / Array::scalar(kScale, norm.dtype())};
}

}  // namespace ingot
