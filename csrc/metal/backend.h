// The Metal backend: each family's method is in the file of its name. What has
// no kernel runs on the CPU, on the same memory, and is counted.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/backend.h"

namespace ingot::metal {

class MetalBackend final : public Backend {
 public:
  explicit MetalBackend(Backend& cpu) : cpu_(cpu) {}

  void unary(UnaryOp op, const Array& x, Array& out) override;
  void binary(BinaryOp op, const Array& a, const Array& b, Array& out) override;
  void select(const Array& condition, const Array& a, const Array& b,
              Array& out) override;
  bool links(Node& node) const override;
  void chain(const Chain& chain) override;
  void copy(const Array& x, Array& out) override;
  void copy_all(const Inputs& xs, Inputs& outs) override;
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

  bool deferred() const override { return true; }
  int64_t asked() override;
  int64_t begin() override;
  void commit(Afterwards then) override;
  void await(const Array& x) override;
  void drain() override;

 private:
  // Waits for the memory of the arrays, then calls f(the CPU backend).
  template <class F>
  void on_cpu(const char* family, const Inputs& arrays, F&& f);

  // Of a few rows of x, each with all of w.
  void dot_rows(const Quantization& how, const Array& x,
                const QuantizedMatrix& w, Array& out);

  // x itself where it is contiguous, else a copy that is.
  Array contiguous(const Array& x);
  // Integers as contiguous int64.
  Array as_indices(const Array& x);

  Backend& cpu_;
};

// Makes the GPU a device of this process, if there is one.
void start(Backend& cpu);

}  // namespace ingot::metal
