// One optimizer step over all tensors of a model: the work list that a backend
// is handed, and the rules of metal/rules by name.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "csrc/array.h"
#include "csrc/families.h"
#include "csrc/graph.h"
#include "metal/rules/rules.def"

namespace ingot {

inline constexpr int kMaxSlots = std::max({
#define RULE(Type, name, states, settings) static_cast<int>(Type::slots),
#include "metal/rules/rules.def"
});
inline constexpr int kMaxHyper = std::max({
#define RULE(Type, name, slots, settings) \
  static_cast<int>(sizeof(Type::Hyper<double>) / sizeof(double)),
#include "metal/rules/rules.def"
});

// Elements of a chunk, at most: 1 MiB of traffic, a few ten microseconds.
inline constexpr int64_t kStepChunk = 32 << 10;

// One tensor. Inputs are the parameter, the gradient and the slots, in any
// layout; outputs are the parameter (or an update, in the compute type) and the
// slots, contiguous, each either the very memory of its input (of an update that
// is the gradient) or memory that no input of the step lies in.
struct StepTensor {
  int64_t size;
  Dtype compute;    // float32 or float64
  bool contiguous;  // every operand
  const Array* in[2 + kMaxSlots];
  const Array* out[1 + kMaxSlots];
  const void* in_data[2 + kMaxSlots];  // of the first element
  void* out_data[1 + kMaxSlots];
};

// Elements [first, first + count) of a tensor; `first` is a multiple of
// kStepChunk.
struct StepChunk {
  int64_t first;
  int32_t count;
  int32_t tensor;
};

struct StepTable {
  StepRule rule;
  int slots;
  std::vector<StepTensor> tensors;
  std::vector<StepChunk> chunks;
  int64_t size = 0;  // elements of all tensors
  // The rule's Hyper as numbers, computed in double.
  double hyper[kMaxHyper];
  float hyper_float[kMaxHyper];
  // The settings of a clipping that was not computed before, or null: gradients
  // are first scaled, and rounded to their own type. When a GPU is asked for the
  // step, a norm in float32 may not have been computed. Those of the rule Scale
  // are here, too, and its Hyper is left to be derived.
  const Array* clip[3] = {};
};

struct RuleInfo {
  const char* name;
  std::vector<std::string> slots, settings;
};
const RuleInfo& info(StepRule rule);
// Throws ValueError where there is none of that name.
StepRule rule_named(const std::string& name);

// One lazy node for all tensors. Operands are, tensor by tensor, the parameter,
// the gradient and the slots; results the new parameter and the new slots.
// Settings are scalars of any type, read when the step is computed; the memory
// of parameters and slots that have no other owner then is written in place.
// Gradients that a clipping gives are taken from before it, and clipped as they
// are read, unless they have been computed.
Arrays step(StepRule rule, Inputs operands, const Arrays& settings);
// The same numbers from the same formula as a graph of ordinary operations.
Arrays composed_step(StepRule rule, Inputs operands, const Arrays& settings);

// x + 1; at once for an integer scalar (below 2^53) that has been computed, so
// that a count does not grow a graph.
Array increment(const Array& x);

}  // namespace ingot
