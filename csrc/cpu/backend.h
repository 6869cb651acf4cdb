// The CPU backend: each family's method is in the file of its name.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/backend.h"

namespace ingot::cpu {

// The BLAS library in use, and its version.
const char* blas_description();

class CpuBackend final : public Backend {
 public:
  void unary(UnaryOp op, const Array& x, Array& out) override;
  void binary(BinaryOp op, const Array& a, const Array& b, Array& out) override;
  void select(const Array& condition, const Array& a, const Array& b,
              Array& out) override;
  bool links(Node&) const override { return true; }
  void chain(const Chain& chain) override;
  void copy(const Array& x, Array& out) override;
  void fill(Number value, Array& out) override;
  void arange(double start, double step, Array& out) override;
  void eye(int64_t diagonal, Array& out) override;
  void reduce(const Reduction& what, const Array& x, Array& out) override;
  void arg_reduce(ArgReduceOp op, const Array& x, int64_t axis,
                  Array& out) override;
  void scan(const Scan& what, const Array& x, Array& out) override;
  void softmax(const Array& x, Array& out) override;
  void normalize(const Normalization& what, const Array& x, const Array* weight,
                 const Array* bias, Array& out) override;
  void normalize_vjp(const Normalization& what, const Array& x,
                     const Array* weight, const Array& cotangent,
                     const NormalizationGradients& gradients) override;
  void attention(const Attention& what, const AttentionInputs& in, Array& out,
                 Array& lse) override;
  void attention_vjp(const Attention& what, const AttentionInputs& in,
                     const Array& lse, const Array& delta,
                     const Array& cotangent,
                     const AttentionGradients& gradients) override;
  void rope(bool neighbours, const Array& x, const Array& cosine,
            const Array& sine, Array& out) override;
  void sort(const Array& x, Array& out) override;
  void argsort(const Array& x, Array& out) override;
  void select_ranks(const Selection& what, bool indices, const Array& x,
                    Array& out) override;
  void searchsorted(const Array& sorted, const Array& values, bool right,
                    Array& out) override;
  void global_norm(const Inputs& xs, double scale, Array& out) override;
  void matmul(const Array& a, const Array& b, Array& out, double alpha,
              double beta) override;
  void gather_matmul(const char* name, const Inputs& in, Array& out) override;
  void segmented_matmul(bool spread, const Array& a, const Array& b,
                        const Array& segments, Array& out) override;
  void qr(const Array& x, Array& q, Array& r) override;
  void quantize(const Quantization& how, const Array& w, Array& words,
                Array& scales, Array* biases) override;
  void dequantize(const Quantization& how, const QuantizedMatrix& w,
                  Array& out) override;
  void quantized_matmul(const QuantizedProduct& what, const Array& x,
                        const QuantizedMatrix& w, Array& out) override;
  void convolve(const Convolution& what, const Array& x, const Array& weight,
                Array& out) override;
  void convolve_weight(const Convolution& what, const Array& x,
                       const Array& cotangent, Array& out) override;
  void factorize(const Factorization& what, const Inputs& in,
                 Outputs& out) override;
  void fourier(const Fourier& what, const Array& x, Array& out) override;
  void gather(const Gather& what, const Inputs& in, Array& out) override;
  void scatter(const Scatter& what, const Inputs& in, Array& out) override;
  void take_along_axis(int64_t axis, const Array& x, const Array& indices,
                       Array& out) override;
  void put_along_axis(int64_t axis, bool add, const Array& indices,
                      const Array& values, Array& out) override;
  void random(const Distribution& distribution, const Array& key,
              Array& out) override;
  void step(const StepTable& table) override;
  void adafactor(const AdafactorTable& table) override;
};

}  // namespace ingot::cpu
