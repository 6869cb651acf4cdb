// Random numbers on Metal: one kernel from bits to deviates.
// SPDX-License-Identifier: MIT
#include "csrc/ops/random.h"

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"

namespace ingot::metal {

void MetalBackend::random(const Distribution& distribution, const Array& key,
                          Array& out) {
  const char* type = metal_type(out.dtype());
  // The generator counts in 32 bits.
  if (!type || out.size() > UINT32_MAX) {
    return on_cpu("random", {key, out},
                  [&](Backend& b) { b.random(distribution, key, out); });
  }
  if (out.size() == 0) return;
  constexpr const char* kinds[] = {"Bits", "Uniform", "Normal",
                                   "TruncatedNormal"};
  const char* kind = kinds[static_cast<int>(distribution.kind)];
  random::Affine a = random::affine_of(distribution, out.dtype());
  DrawArgs args = {static_cast<uint64_t>(out.size()),
                   static_cast<uint64_t>(key.strides()[0]),
                   static_cast<float>(a.scale),
                   static_cast<float>(a.shift),
                   static_cast<float>(a.root),
                   static_cast<float>(a.low),
                   static_cast<float>(a.high)};
  encoder().dispatch({
      .pipeline = pipeline("random", "draws", {kind, type}),
      .operands = {{key}, {out, true}},
      .args = &args,
      .args_size = sizeof(args),
      .groups = groups_for((out.size() + 1) / 2),
      .threads = kGroup,
  });
}

}  // namespace ingot::metal
