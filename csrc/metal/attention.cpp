// Attention on Metal: one dispatch, a threadgroup for each few queries; the
// gradients take one more for keys and values.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"

namespace ingot::metal {
namespace {

static_assert(kSide * kSide == kGroup);
// Features that the threads of a row keep.
constexpr int64_t kFeatures = int64_t{kSide} * kKept;

int64_t blocks(int64_t n) { return (n + kSide - 1) / kSide; }

bool fits(const AttentionInputs& in) {
  return metal_type(in.q.dtype()) &&
         std::max(in.q.shape(4), in.v.shape(4)) <= kFeatures;
}

AttentionArgs args_of(const Attention& what, const AttentionInputs& in,
                      const Array* cotangent) {
  AttentionArgs args = {};
  args.queries = static_cast<uint64_t>(in.q.shape(3));
  args.keys = static_cast<uint64_t>(in.k.shape(3));
  args.depth = static_cast<uint32_t>(in.q.shape(4));
  args.values = static_cast<uint32_t>(in.v.shape(4));
  args.mask = static_cast<uint32_t>(what.mask);
  args.scale = static_cast<float>(what.scale);
  for (int d = 0; d < 3; ++d) args.heads[d] = in.q.shape(d);
  const Array* operands[] = {&in.q, &in.k, &in.v, in.mask, cotangent};
  for (int i = 0; i < kAttentionOperands; ++i) {
    for (int d = 0; operands[i] && d < 5; ++d) {
      args.strides[i][d] = operands[i]->strides()[d];
    }
  }
  return args;
}

void run(const char* name, const AttentionArgs& args, const AttentionInputs& in,
         std::vector<Operand> others, int64_t rows) {
  // Memory stands in for a mask that is not there.
  const Array& mask = in.mask ? *in.mask : in.q;
  bool numbers = in.mask && in.mask->dtype() != Dtype::bool_;
  std::vector<Operand> operands = {{in.q}, {in.k}, {in.v}, {mask}};
  for (Operand& x : others) operands.push_back(x);
  encoder().dispatch(
      {.pipeline =
           pipeline("attention", name,
                    {metal_type(in.q.dtype()), numbers ? "float" : "bool"}),
       .operands = std::move(operands),
       .args = &args,
       .args_size = sizeof(args),
       .groups = args.heads[0] * args.heads[1] * args.heads[2] * blocks(rows),
       .threads = kGroup});
}

}  // namespace

void MetalBackend::attention(const Attention& what, const AttentionInputs& in,
                             Array& out, Array& lse) {
  if (!fits(in)) {
    Inputs all = {in.q, in.k, in.v, out, lse};
    if (in.mask) all.push_back(*in.mask);
    return on_cpu("attention", all,
                  [&](Backend& cpu) { cpu.attention(what, in, out, lse); });
  }
  run("attend", args_of(what, in, nullptr), in, {{out, true}, {lse, true}},
      in.q.shape(3));
}

void MetalBackend::attention_vjp(const Attention& what,
                                 const AttentionInputs& in, const Array& lse,
                                 const Array& delta, const Array& cotangent,
                                 const AttentionGradients& gradients) {
  if (!fits(in)) {
    Inputs all = {in.q, in.k, in.v, lse, delta, cotangent};
    if (in.mask) all.push_back(*in.mask);
    for (Array* made : {gradients.q, gradients.k, gradients.v}) {
      if (made) all.push_back(*made);
    }
    return on_cpu("attention_vjp", all, [&](Backend& cpu) {
      cpu.attention_vjp(what, in, lse, delta, cotangent, gradients);
    });
  }
  AttentionArgs args = args_of(what, in, &cotangent);
  Array rows = contiguous(lse), means = contiguous(delta);
  if (gradients.q) {
    run("gradient_of_queries", args, in,
        {{rows}, {means}, {cotangent}, {*gradients.q, true}}, in.q.shape(3));
  }
  if (!gradients.k && !gradients.v) return;
  // Of both, where one alone is wanted, memory takes the other.
  auto taken = [](Array* wanted, const Array& like) {
    if (wanted) return *wanted;
    return Array::empty(like.shape(), like.dtype());
  };
  Array dk = taken(gradients.k, in.k), dv = taken(gradients.v, in.v);
  run("gradients_of_keys", args, in,
      {{rows}, {means}, {cotangent}, {dk, true}, {dv, true}}, in.k.shape(3));
}

}  // namespace ingot::metal
