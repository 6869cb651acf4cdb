// One step of Adafactor over all tensors of a model: the work list that a
// backend is handed.
// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "csrc/graph.h"
#include "metal/rules/adafactor.h"

namespace ingot {

inline constexpr int kAdafactorSettings =
    static_cast<int>(sizeof(Adafactor::Settings<double>) / sizeof(double));
inline constexpr int kAdafactorHyper =
    static_cast<int>(sizeof(Adafactor::Hyper<double>) / sizeof(double));

// One tensor, not empty: a stack of matrices, or where it is not factored one
// row. Inputs lie in any layout; results are contiguous, each either the very
// memory of its input or memory that no input lies in.
struct AdafactorTensor {
  struct Operands {
    Array w, g;    // there is no new gradient
    Array row;     // R, (matrices, rows), or V where it is not factored
    Array column;  // C, (matrices, columns), or none
    Array mean;    // of updates, or none
  };
  bool factored;
  int64_t matrices, rows, columns;
  Dtype compute;  // float32 or float64
  Operands in, out;
};

struct AdafactorTable {
  std::vector<AdafactorTensor> tensors;
  double hyper[kAdafactorHyper];  // of Adafactor, computed in double
  float hyper_float[kAdafactorHyper];
};

// One lazy node for all tensors. Operands are, tensor by tensor, the parameter,
// the gradient, the second moments (those along the last axis and along the one
// before it, or those of a tensor of fewer dimensions) and, with `means`, the
// mean of updates; results the same without the gradient. Settings are scalars
// in the order of Adafactor::Settings, read when the step is computed.
Arrays adafactor(Inputs operands, bool means, const Arrays& settings);

}  // namespace ingot
