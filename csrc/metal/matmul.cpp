// Matrix products on Metal: one dispatch for a batch.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"

namespace ingot::metal {
namespace {

int64_t tiles(int64_t n) { return (n + kTileSide - 1) / kTileSide; }

}  // namespace

void MetalBackend::matmul(const Array& a, const Array& b, Array& out,
                          double alpha, double beta) {
  int64_t last = a.ndim() - 1;
  int64_t m = a.shape(last - 1), k = a.shape(last), n = b.shape(last);
  const char* type = metal_type(a.dtype());
  // Sides are 32-bit numbers in the kernel.
  bool fits = last - 1 <= kMaxDims && std::max({m, n, k}) < INT32_MAX;
  if (!type || !fits) {
    return on_cpu("matmul", {a, b, out},
                  [&](Backend& cpu) { cpu.matmul(a, b, out, alpha, beta); });
  }
  if (out.size() == 0) return;
  MatmulArgs args = {};
  args.m = static_cast<uint32_t>(m);
  args.n = static_cast<uint32_t>(n);
  args.k = static_cast<uint32_t>(k);
  args.ndim = static_cast<int32_t>(last - 1);
  args.a_row = a.strides()[last - 1];
  args.a_column = a.strides()[last];
  args.b_row = b.strides()[last - 1];
  args.b_column = b.strides()[last];
  for (int64_t d = 0; d < last - 1; ++d) {
    args.shape[d] = a.shape(d);
    args.a_batch[d] = a.strides()[d];
    args.b_batch[d] = b.strides()[d];
  }
  args.alpha = static_cast<float>(alpha);
  args.beta = static_cast<float>(beta);
  encoder().dispatch({.pipeline = pipeline("matmul", "matmul", {type}),
                      .operands = {{a}, {b}, {out, true}},
                      .args = &args,
                      .args_size = sizeof(args),
                      .groups = out.size() / (m * n) * tiles(m) * tiles(n),
                      .threads = kTileThreads});
}

}  // namespace ingot::metal
