// Rotary position encoding on Metal: one dispatch.
// SPDX-License-Identifier: MIT
#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"

namespace ingot::metal {

void MetalBackend::rope(bool neighbours, const Array& x, const Array& cosine,
                        const Array& sine, Array& out) {
  Layout layout({&x});
  const char* type = metal_type(x.dtype());
  if (!type || !layout.fits) {
    return on_cpu("rope", {x, cosine, sine, out}, [&](Backend& cpu) {
      cpu.rope(neighbours, x, cosine, sine, out);
    });
  }
  if (out.size() == 0) return;
  RopeArgs args = {};
  args.x = layout.strided_args;
  args.features = static_cast<uint64_t>(x.shape().back());
  args.pairs = static_cast<uint64_t>(cosine.shape().back());
  args.length = static_cast<uint64_t>(x.shape(x.ndim() - 2));
  if (cosine.ndim() == 3) {
    args.batch =
        args.x.size / args.features / static_cast<uint64_t>(cosine.shape(0));
  }
  args.neighbours = neighbours;
  Array c = contiguous(cosine), s = contiguous(sine);
  encoder().dispatch({.pipeline = pipeline("rope", "rope", {type}),
                      .operands = {{x}, {c}, {s}, {out, true}},
                      .args = &args,
                      .args_size = sizeof(args),
                      .groups = groups_for(x.size()),
                      .threads = kGroup});
}

}  // namespace ingot::metal
