// Numbers in few bits on Metal: one kernel each to pack them, to unpack them, and
// to multiply them with a few rows. For many the matrix is unpacked.
// SPDX-License-Identifier: MIT
#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"
#include "csrc/metal/self_test.h"

namespace ingot::metal {
namespace {

// Rows of x up to which a kernel reads w anew for every kSharing of them.
constexpr int64_t kFewRows = 32;

using Types = std::vector<std::string>;

// What the kernels are made for.
Types types_of(const Quantization& how, Dtype dtype, Dtype scales) {
  bool affine = how.mode == Quantization::affine;
  return {metal_type(dtype), affine ? metal_type(scales) : "uchar",
          std::to_string(how.mode), std::to_string(how.bits)};
}

Inputs arrays_of(const QuantizedMatrix& w) {
  Inputs all = {w.words, w.scales};
  if (w.biases) all.push_back(*w.biases);
  return all;
}

bool supported(const QuantizedMatrix& w, Dtype dtype) {
  return metal_type(dtype) && metal_type(w.scales.dtype());
}

}  // namespace

void MetalBackend::quantize(const Quantization& how, const Array& w,
                            Array& words, Array& scales, Array* biases) {
  Layout layout({&w});
  if (!layout.fits || !metal_type(w.dtype())) {
    Inputs all = {w, words, scales};
    if (biases) all.push_back(*biases);
    return on_cpu("quantize", all, [&](Backend& cpu) {
      cpu.quantize(how, w, words, scales, biases);
    });
  }
  if (w.size() == 0) return;
  QuantizeArgs args = {};
  args.w = layout.strided_args;
  args.groups = static_cast<uint64_t>(w.size() / how.group);
  args.group = static_cast<uint32_t>(how.group);
  const Array& b = biases ? *biases : scales;
  encoder().dispatch(
      {.pipeline = pipeline("quantize", "pack",
                            types_of(how, w.dtype(), scales.dtype())),
       .operands = {{w}, {words, true}, {scales, true}, {b, true}},
       .args = &args,
       .args_size = sizeof(args),
       .groups = (w.size() / how.group + kGroup - 1) / kGroup,
       .threads = kGroup});
}

void MetalBackend::dequantize(const Quantization& how, const QuantizedMatrix& w,
                              Array& out) {
  if (!supported(w, out.dtype())) {
    Inputs all = arrays_of(w);
    all.push_back(out);
    return on_cpu("dequantize", all,
                  [&](Backend& cpu) { cpu.dequantize(how, w, out); });
  }
  if (out.size() == 0) return;
  QuantizeArgs args = {};
  args.groups = static_cast<uint64_t>(out.size() / how.group);
  args.group = static_cast<uint32_t>(how.group);
  Array words = contiguous(w.words), scales = contiguous(w.scales);
  Array biases = w.biases ? contiguous(*w.biases) : scales;
  encoder().dispatch(
      {.pipeline = pipeline("quantize", "unpack",
                            types_of(how, out.dtype(), w.scales.dtype())),
       .operands = {{words}, {scales}, {biases}, {out, true}},
       .args = &args,
       .args_size = sizeof(args),
       .groups = groups_for(out.size()),
       .threads = kGroup});
}

void MetalBackend::quantized_matmul(const QuantizedProduct& what,
                                    const Array& x, const QuantizedMatrix& w,
                                    Array& out) {
  if (!supported(w, out.dtype()) || !self_test().wide || what.lhs) {
    Inputs all = arrays_of(w);
    all.push_back(x);
    all.push_back(out);
    if (what.lhs) all.push_back(*what.lhs);
    if (what.rhs) all.push_back(*what.rhs);
    return on_cpu("quantized_matmul", all,
                  [&](Backend& cpu) { cpu.quantized_matmul(what, x, w, out); });
  }
  if (out.size() == 0) return;
  if (x.shape(2) == 0) return fill({}, out);
  if (what.transposed && x.shape(1) <= kFewRows) {
    return dot_rows(what.how, x, w, out);
  }
  auto wide = [](int64_t rows, int64_t columns, const Array& like) {
    return Array::empty({like.shape(0), rows, columns}, Dtype::float32);
  };
  int64_t columns = w.scales.shape(2) * what.how.group;
  Array matrix = wide(w.words.shape(1), columns, w.words);
  dequantize(what.how, w, matrix);
  if (what.transposed) {
    Strides strides = matrix.strides();
    std::swap(strides[1], strides[2]);
    matrix = Array::view(matrix, {matrix.shape(0), columns, matrix.shape(1)},
                         strides);
  }
  Array rows = x, product = out;
  if (out.dtype() != Dtype::float32) {
    rows = wide(x.shape(1), x.shape(2), x);
    copy(x, rows);
    product = wide(out.shape(1), out.shape(2), out);
  }
  matmul(rows, matrix, product, 1, 0);
  if (product.get() != out.get()) copy(product, out);
}

void MetalBackend::dot_rows(const Quantization& how, const Array& x,
                            const QuantizedMatrix& w, Array& out) {
  QuantizedDotArgs args = {};
  args.matrices = static_cast<uint64_t>(out.shape(0));
  args.m = static_cast<uint64_t>(out.shape(1));
  args.n = static_cast<uint64_t>(out.shape(2));
  args.k = static_cast<uint64_t>(x.shape(2));
  args.group = static_cast<uint32_t>(how.group);
  Array rows = contiguous(x);
  Array words = contiguous(w.words), scales = contiguous(w.scales);
  Array biases = w.biases ? contiguous(*w.biases) : scales;
  uint64_t strips = (args.m + kSharing - 1) / kSharing;
  uint64_t tasks = args.matrices * strips * args.n;
  encoder().dispatch(
      {.pipeline = pipeline("quantize", "dot_rows",
                            types_of(how, out.dtype(), w.scales.dtype())),
       .operands = {{rows}, {words}, {scales}, {biases}, {out, true}},
       .args = &args,
       .args_size = sizeof(args),
       .groups = static_cast<int64_t>((tasks + kSimds - 1) / kSimds),
       .threads = kGroup});
}

}  // namespace ingot::metal
