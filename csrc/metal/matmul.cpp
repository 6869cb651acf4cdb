// Matrix products on Metal: one dispatch for a batch.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"
#include "csrc/metal/places.h"
#include "csrc/metal/sort.h"

namespace ingot::metal {
namespace {

int64_t tiles(int64_t n) { return (n + kTileSide - 1) / kTileSide; }

// The sides and strides of matrices, the last two axes.
MatmulArgs product_of(const Array& a, const Array& b) {
  int64_t last = a.ndim() - 1;
  MatmulArgs args = {};
  args.m = static_cast<uint32_t>(a.shape(last - 1));
  args.n = static_cast<uint32_t>(b.shape(last));
  args.k = static_cast<uint32_t>(a.shape(last));
  args.a_row = a.strides()[last - 1];
  args.a_column = a.strides()[last];
  args.b_row = b.strides()[last - 1];
  args.b_column = b.strides()[last];
  args.alpha = 1;
  return args;
}

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
  MatmulArgs args = product_of(a, b);
  args.ndim = static_cast<int32_t>(last - 1);
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

void MetalBackend::gather_matmul(const char* name, const Inputs& in,
                                 Array& out) {
  const Array &a = in[0], &b = in[1];
  int64_t pairs = in[2].size(), results = out.shape(0);
  const char* type = metal_type(a.dtype());
  int64_t most = std::max({a.shape(0), b.shape(0), results, pairs});
  bool supported = type && most < UINT32_MAX && a.size() > 0 && b.size() > 0 &&
                   std::max({a.shape(1), a.shape(2), b.shape(2)}) < INT32_MAX;
  for (int64_t i = 2; i < 5; ++i) supported &= fits(in[i]);
  if (!supported || pairs == 0) {
    Inputs all = in;
    all.push_back(out);
    return on_cpu("gather_matmul", all,
                  [&](Backend& cpu) { cpu.gather_matmul(name, in, out); });
  }
  auto numbers = [&](const Array& x, const Array& indices) {
    Places places(name);
    Array line = Array::view(x, {x.shape(0)}, {1});
    places.set_windows({1}, line);
    places.index(0, 1, line, as_indices(indices));
    return places.find(indices.size()).offsets;
  };
  Array left = numbers(a, in[2]), right = numbers(b, in[3]);
  Array order = sorted_pairs(numbers(out, in[4]));
  GatherMatmulArgs args = {};
  args.product = product_of(a, b);
  args.pairs = static_cast<uint64_t>(pairs);
  args.a_matrix = a.strides()[0];
  args.b_matrix = b.strides()[0];
  encoder().dispatch(
      {.pipeline = pipeline("matmul", "gather_matmul", {type}),
       .operands = {{a}, {b}, {left}, {right}, {order}, {out, true}},
       .args = &args,
       .args_size = sizeof(args),
       .groups = results * tiles(out.shape(1)) * tiles(out.shape(2)),
       .threads = kTileThreads});
}

void MetalBackend::segmented_matmul(bool spread, const Array& a, const Array& b,
                                    const Array& segments, Array& out) {
  on_cpu("segmented_matmul", {a, b, segments, out}, [&](Backend& cpu) {
    cpu.segmented_matmul(spread, a, b, segments, out);
  });
}

}  // namespace ingot::metal
