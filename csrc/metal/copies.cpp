// Copies of many arrays on Metal: one dispatch for all that are contiguous.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "csrc/metal/backend.h"
#include "csrc/metal/encoder.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"
#include "csrc/metal/self_test.h"
#include "csrc/metal/upload.h"

namespace ingot::metal {
namespace {

bool moves_whole(const Array& x, const Array& out) {
  return x.dtype() == out.dtype() && x.contiguous() && out.contiguous();
}

void add(std::vector<CopyPiece>& pieces, const Array& x, const Array& out) {
  auto size = static_cast<uint64_t>(x.size());
  auto itemsize = static_cast<uint64_t>(x.itemsize());
  uint64_t from = gpu_address(x), to = gpu_address(out);
  for (uint64_t at = 0; at < size; at += kStepElements) {
    pieces.push_back({from + at * itemsize, to + at * itemsize,
                      std::min<uint64_t>(kStepElements, size - at)});
  }
}

}  // namespace

void MetalBackend::copy_all(const Inputs& xs, Inputs& outs) {
  std::vector<CopyPiece> pieces;
  std::vector<Operand> addressed;
  for (int64_t i = 0; i < xs.size(); ++i) {
    if (xs.size() > 1 && self_test().addresses && moves_whole(xs[i], outs[i])) {
      add(pieces, xs[i], outs[i]);
      addressed.push_back({xs[i]});
      addressed.push_back({outs[i], true});
    } else {
      copy(xs[i], outs[i]);
    }
  }
  if (pieces.empty()) return;
  Array table = uploaded(pieces);
  // Parts of one array have one type.
  const char* word = metal_word(outs[0].itemsize());
  encoder().dispatch({.pipeline = pipeline("copies", "copy_pieces", {word}),
                      .operands = {{table}},
                      .addressed = std::move(addressed),
                      .groups = static_cast<int64_t>(pieces.size()),
                      .threads = kGroup});
}

}  // namespace ingot::metal
