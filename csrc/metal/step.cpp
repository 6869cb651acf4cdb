// The optimizer step on Metal: tensors of the same types share one dispatch,
// whose threadgroups find their piece in a table of addresses.
// SPDX-License-Identifier: MIT
#include "csrc/ops/step.h"

#include <map>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"
#include "csrc/metal/self_test.h"
#include "csrc/metal/upload.h"
#include "csrc/ops/rule.h"

namespace ingot::metal {
namespace {

static_assert(kMaxSlots <= kStepMaxSlots);

constexpr const char* kRuleTypes[] = {
#define RULE(Type, name, slots, settings) #Type,
#include "metal/rules/rules.def"
};

// Tensors whose parameters, gradients and states have the same types.
struct Batch {
  std::vector<StepPiece> pieces;
  std::vector<Operand> addressed;
};

// The operands of one tensor, contiguous.
struct Tensor {
  Inputs in, out;
};

// What the kernels for a rule and a tensor take: the rule, and the types of
// parameter, gradient, state and result.
std::vector<std::string> types_of(const StepTable& table, const Tensor& t) {
  std::vector<std::string> types = {kRuleTypes[static_cast<int>(table.rule)]};
  for (int k = 0; k < 3; ++k) {
    const Array& x = t.in[std::min<int64_t>(k, t.in.size() - 1)];
    types.push_back(metal_type(x.dtype()));
  }
  types.push_back(metal_type(t.out[0].dtype()));
  return types;
}

void add(Batch& batch, const Tensor& t) {
  uint64_t in[2 + kStepMaxSlots] = {}, out[1 + kStepMaxSlots] = {};
  for (int64_t k = 0; k < t.in.size(); ++k) in[k] = gpu_address(t.in[k]);
  for (int64_t k = 0; k < t.out.size(); ++k) out[k] = gpu_address(t.out[k]);
  auto size = static_cast<uint64_t>(t.in[0].size());
  for (uint64_t at = 0; at < size; at += kStepElements) {
    StepPiece piece = {};
    auto place = [at](uint64_t address, const Array& x) {
      return address + at * static_cast<uint64_t>(x.itemsize());
    };
    for (int64_t k = 0; k < t.in.size(); ++k) {
      piece.in[k] = place(in[k], t.in[k]);
    }
    for (int64_t k = 0; k < t.out.size(); ++k) {
      piece.out[k] = place(out[k], t.out[k]);
    }
    piece.count = std::min<uint64_t>(kStepElements, size - at);
    batch.pieces.push_back(piece);
  }
  for (const Array& x : t.in) batch.addressed.push_back({x});
  for (const Array& x : t.out) batch.addressed.push_back({x, true});
}

// Whether the kernel clips, and by what. Those of the rule Scale stand here, and
// its own factors are 1.
struct Clip {
  Array norm;  // none if nothing is clipped
  float max_norm = 0, eps = 0;

  explicit Clip(const StepTable& table) {
    if (!table.clip[0]) return;
    max_norm = static_cast<float>(number(*table.clip[0]));
    eps = static_cast<float>(number(*table.clip[2]));
    const Array& given = *table.clip[1];
    if (given.dtype() == Dtype::float32) {
      norm = given;
    } else {
      norm = uploaded(std::vector<float>{static_cast<float>(number(given))});
    }
  }
};

template <class Args>
void fill_hyper(Args& args, const StepTable& table) {
  static_assert(kMaxHyper <= kStepMaxHyper);
  if (table.rule == StepRule::Scale) {
    std::fill_n(args.hyper, 2, 1.0f);
  } else {
    std::copy_n(table.hyper_float, kMaxHyper, args.hyper);
  }
}

// All tensors of the same types at once.
void run(const StepTable& table, const Clip& clip,
         const std::vector<std::string>& types, Batch& batch) {
  Array pieces = uploaded(batch.pieces);
  StepArgs args = {0, clip.max_norm, clip.eps, {}};
  fill_hyper(args, table);
  if (clip.norm) {
    args.norm = gpu_address(clip.norm);
    batch.addressed.push_back({clip.norm});
  }
  encoder().dispatch({.pipeline = pipeline("step", "step_pieces", types),
                      .operands = {{pieces}},
                      .args = &args,
                      .args_size = sizeof(args),
                      .addressed = std::move(batch.addressed),
                      .groups = static_cast<int64_t>(batch.pieces.size()),
                      .threads = kGroup});
}

// One tensor, for devices that can't follow addresses.
void run(const StepTable& table, const Clip& clip, const Tensor& t) {
  StepTensorArgs args = {static_cast<uint64_t>(t.in[0].size()),
                         clip.norm ? 1u : 0u,
                         clip.max_norm,
                         clip.eps,
                         {}};
  fill_hyper(args, table);
  Dispatch work = {
      .pipeline = pipeline("step", "step_tensor", types_of(table, t)),
      .args = &args,
      .args_size = sizeof(args),
      .groups = groups_for(t.in[0].size()),
      .threads = kGroup};
  for (int64_t k = 0; k < 2 + kStepMaxSlots; ++k) {
    work.operands.push_back({t.in[k < t.in.size() ? k : 0]});
  }
  for (int64_t k = 0; k < 1 + kStepMaxSlots; ++k) {
    work.operands.push_back({t.out[k < t.out.size() ? k : 0], true});
  }
  work.operands.push_back({clip.norm ? clip.norm : t.in[0]});
  encoder().dispatch(work);
}

}  // namespace

void MetalBackend::step(const StepTable& table) {
  std::vector<Tensor> tensors;
  Inputs all;
  bool supported = true;
  for (const StepTensor& t : table.tensors) {
    Tensor& made = tensors.emplace_back();
    for (int k = 0; k < 2 + table.slots; ++k) made.in.push_back(*t.in[k]);
    for (int k = 0; k < 1 + table.slots; ++k) made.out.push_back(*t.out[k]);
    for (const Array& x : made.in) {
      supported = supported && metal_type(x.dtype());
      all.push_back(x);
    }
    for (const Array& x : made.out) all.push_back(x);
  }
  if (table.clip[0]) all.push_back(*table.clip[1]);
  if (!supported) {
    return on_cpu("step", all, [&](Backend& b) { b.step(table); });
  }
  for (Tensor& t : tensors) {
    for (Array& x : t.in) x = contiguous(x);
  }
  Clip clip(table);
  if (!self_test().addresses) {
    for (const Tensor& t : tensors) run(table, clip, t);
    return;
  }
  std::map<std::vector<std::string>, Batch> batches;
  for (const Tensor& t : tensors) add(batches[types_of(table, t)], t);
  for (auto& [types, batch] : batches) run(table, clip, types, batch);
}

}  // namespace ingot::metal
