// Numbers in few bits: what packs and unpacks them (quantize.cpp), multiplies them
// (quantized_matmul.cpp, qqmm.cpp), and floats of eight bits (fp8.cpp).
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/ops.h"

namespace ingot {

// See Quantization in families.h; biases are empty but in affine mode.
struct Quantized {
  Array words, scales, biases;
};
// Throws ValueError, naming a function, for what no mode has.
const char* name_of(Quantization::Mode mode);
Quantization quantization(const char* name, const std::string& mode,
                          std::optional<int64_t> group,
                          std::optional<int64_t> bits);
// A global scale, for nvfp4 alone, is that of a whole matrix, or empty.
// `name` is a function's, and `argument` its array's, for errors.
Quantized quantize(const Array& w, const Quantization& how,
                   const Array& global_scale = {},
                   const char* name = "quantize", const char* argument = "w");
Array dequantize(const Quantized& w, const Quantization& how,
                 std::optional<Dtype> dtype, const Array& global_scale = {});
// x @ w, or of w transposed; batch dimensions broadcast.
Array quantized_matmul(const Array& x, const Quantized& w, bool transpose,
                       const Quantization& how);
// The same of the matrices whose numbers, counted along all batch dimensions,
// lie in lhs and rhs; empty indices name all of them.
Array gather_qmm(const Array& x, const Quantized& w, const Array& lhs,
                 const Array& rhs, bool transpose, const Quantization& how,
                 const Array& global_scale = {});
// x @ w transposed, both rounded (qqmm.cpp); w is in words if there are scales.
Array qqmm(const Array& x, const Array& w, const Array& scales,
           const Quantization& how, const Array& x_scale, const Array& w_scale);
// Rounded numbers whose gradient is that of x.
Array rounded_from(const Array& rounded, const Array& x);
// The numbers of the format E4M3, as uint8.
Array to_fp8(const Array& x);
Array from_fp8(const Array& x, Dtype dtype);

// --- what these share ---

// The number of columns of a quantized matrix. Throws ValueError or TypeError
// unless words, scales and biases belong together; `name` is a function's.
int64_t columns_of(const char* name, const Quantized& w,
                   const Quantization& how);

// The factor beside the scales of nvfp4: the largest number that a matrix has is
// the largest that its format has.
Array nvfp4_factor(const char* name, const Quantization& how,
                   const Array& global_scale);

// One of three dimensions and one of words, scales and biases, as the operation
// has them; with two vectors of indices, of the matrices that these name.
Array quantized_product(const Quantization& how, bool transposed,
                        const Array& x, const Quantized& w,
                        const Arrays& indices);

// As an operation's inputs hold it, from number `first` on.
inline QuantizedMatrix matrix_of(const Inputs& in, int64_t first,
                                 const Quantization& how) {
  bool affine = how.mode == Quantization::affine;
  return {in[first], in[first + 1], affine ? &in[first + 2] : nullptr};
}

}  // namespace ingot
