// The norm of many arrays on Metal: one dispatch for each of their types, and
// one more.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"
#include "csrc/metal/self_test.h"
#include "csrc/metal/upload.h"

namespace ingot::metal {
namespace {

// Arrays of one type, cut into pieces.
struct Batch {
  std::vector<NormPiece> pieces;
  std::vector<Operand> addressed;
};

void add(Batch& batch, const Array& x) {
  uint64_t address = gpu_address(x);
  auto size = static_cast<uint64_t>(x.size());
  for (uint64_t at = 0; at < size; at += kStepElements) {
    batch.pieces.push_back({address + at * static_cast<uint64_t>(x.itemsize()),
                            std::min<uint64_t>(kStepElements, size - at)});
  }
  batch.addressed.push_back({x});
}

}  // namespace

void MetalBackend::global_norm(const Inputs& xs, double scale, Array& out) {
  bool supported = self_test().addresses && out.dtype() == Dtype::float32 &&
                   std::all_of(xs.begin(), xs.end(), [](const Array& x) {
                     return is_floating(x.dtype()) && metal_type(x.dtype());
                   });
  if (!supported) {
    Inputs all = xs;
    all.push_back(out);
    return on_cpu("global_norm", all,
                  [&](Backend& b) { b.global_norm(xs, scale, out); });
  }
  Inputs flat = xs;
  for (Array& x : flat) x = contiguous(x);
  std::map<std::string, Batch> batches;
  uint64_t count = 0;
  for (const Array& x : flat) add(batches[metal_type(x.dtype())], x);
  for (auto& [type, batch] : batches) count += batch.pieces.size();
  auto bytes = static_cast<int64_t>(16 * count);  // of a float4 for each
  Array partials = Array::empty({std::max<int64_t>(16, bytes)}, Dtype::uint8);
  int64_t at = 0;
  for (auto& [type, batch] : batches) {
    auto pieces = static_cast<int64_t>(batch.pieces.size());
    Array table = uploaded(batch.pieces);
    Array part = Array::view(partials, {16 * pieces}, {1}, 16 * at);
    NormArgs args = {batch.pieces.size(), 0};
    encoder().dispatch({.pipeline = pipeline("norm", "squares", {type}),
                        .operands = {{table}, {part, true}},
                        .args = &args,
                        .args_size = sizeof(args),
                        .addressed = std::move(batch.addressed),
                        .groups = pieces,
                        .threads = kGroup});
    at += pieces;
  }
  NormArgs args = {count, static_cast<float>(scale)};
  encoder().dispatch({.pipeline = pipeline("norm", "norm"),
                      .operands = {{partials}, {out, true}},
                      .args = &args,
                      .args_size = sizeof(args),
                      .groups = 1,
                      .threads = kGroup});
}

}  // namespace ingot::metal
