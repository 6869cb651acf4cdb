// The interface of a backend: one virtual per family of operations.
// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <functional>
#include <vector>

#include "csrc/array.h"
#include "csrc/chain.h"
#include "csrc/families.h"
#include "csrc/graph.h"

namespace ingot {

// What went wrong with a part of what a GPU was asked for: with the numbers
// above `first`, up to `last`, of Backend::asked().
struct Failure {
  int64_t first;
  int64_t last;
  std::exception_ptr error;
};
using Failures = std::vector<Failure>;

// What is called, once and on any thread, when work has been computed.
struct Afterwards {
  int64_t since;  // what Backend::begin() gave
  // Before its memory may be used for something else.
  std::function<void(const Failures&)> settle;
  // Then.
  std::function<void()> announce;
};

// Inputs are ready arrays in any layout (any stride, also 0 or negative, any
// offset); outputs have their memory already unless said otherwise. An
// elementwise output may be the very memory of a contiguous input.
class Backend {
 public:
  virtual ~Backend() = default;

  // elementwise: inputs broadcast to the output's shape already
  virtual void unary(UnaryOp op, const Array& x, Array& out) = 0;
  virtual void binary(BinaryOp op, const Array& a, const Array& b,
                      Array& out) = 0;
  virtual void select(const Array& condition, const Array& a, const Array& b,
                      Array& out) = 0;
  // Whether one of these, which is elementwise, may be a link of a chain.
  virtual bool links(Node&) const { return false; }
  // Computes a chain; each result has its memory, which may be that of an
  // operand that no later link reads.
  virtual void chain(const Chain&) {}
  // out[...] = x[...], converting; both in any layout, of the same shape.
  virtual void copy(const Array& x, Array& out) = 0;
  // The same of several pairs, whose outputs are parts of one array.
  virtual void copy_all(const Inputs& xs, Inputs& outs) {
    for (int64_t i = 0; i < xs.size(); ++i) copy(xs[i], outs[i]);
  }

  // creation
  virtual void fill(Number value, Array& out) = 0;
  virtual void arange(double start, double step, Array& out) = 0;
  virtual void eye(int64_t diagonal, Array& out) = 0;

  // reductions; out is contiguous and holds the axes kept, in their order
  virtual void reduce(const Reduction& what, const Array& x, Array& out) = 0;
  // index of the first extreme along `axis`, where NaN is one; out is uint32
  virtual void arg_reduce(ArgReduceOp op, const Array& x, int64_t axis,
                          Array& out) = 0;
  // out is contiguous, of x's shape and type
  virtual void scan(const Scan& what, const Array& x, Array& out) = 0;
  // along the last axis
  virtual void softmax(const Array& x, Array& out) = 0;
  // along the last axis; weight and bias (vectors) are null where there is none
  virtual void normalize(const Normalization& what, const Array& x,
                         const Array* weight, const Array* bias,
                         Array& out) = 0;
  // the gradients of its operands, given that of its result
  virtual void normalize_vjp(const Normalization& what, const Array& x,
                             const Array* weight, const Array& cotangent,
                             const NormalizationGradients& gradients) = 0;
  // lse, of the compute type, is the logarithm of the sum of exponentials of
  // each query's scores
  virtual void attention(const Attention& what, const AttentionInputs& in,
                         Array& out, Array& lse) = 0;
  // the gradients of its operands; delta, of lse's shape, is the sum over each
  // row of out times its cotangent, less the cotangent of lse
  virtual void attention_vjp(const Attention& what, const AttentionInputs& in,
                             const Array& lse, const Array& delta,
                             const Array& cotangent,
                             const AttentionGradients& gradients) = 0;
  // out = x, of shape (..., T, D), with pairs (a, b) along the last axis turned:
  // (a c - b s, a s + b c). Tables of c and s, of the compute type, are (T, h) or
  // (B, T, h), for the first axis of x; the pairs are features i and i + h, or
  // neighbours, and what lies beyond 2 h is copied.
  virtual void rope(bool neighbours, const Array& x, const Array& cosine,
                    const Array& sine, Array& out) = 0;
  virtual void sort(const Array& x, Array& out) = 0;
  virtual void argsort(const Array& x, Array& out) = 0;  // out is uint32
  // the elements, or with `indices` their places in the line, uint32
  virtual void select_ranks(const Selection& what, bool indices, const Array& x,
                            Array& out) = 0;
  // how many elements of a vector in order come before each value (of the same
  // type), with those equal to it if `right`; out is uint32. Or of several such
  // vectors (n, length), each for values (n, ...) of its own.
  virtual void searchsorted(const Array& sorted, const Array& values,
                            bool right, Array& out) = 0;
  // scale * sqrt of the sum of squares of all elements of all arrays, float32
  // or float64
  virtual void global_norm(const Inputs& xs, double scale, Array& out) = 0;

  // out = alpha * a @ b + beta * out for matrices (..., m, k) and (..., k, n),
  // batch dimensions broadcast already; if beta is 0, out is only written
  virtual void matmul(const Array& a, const Array& b, Array& out, double alpha,
                      double beta) = 0;
  // out[t] = the sum of a[left[i]] @ b[right[i]] over all i with to[i] = t, for
  // matrices (x, m, k), (y, k, n) and (z, m, n); in: a, b, and three vectors of
  // indices. `name` is the function that errors speak of.
  virtual void gather_matmul(const char* name, const Inputs& in,
                             Array& out) = 0;
  // out[i] = a[:, s] @ b[s], for a (m, k), b (k, n), where segments (x, 2) tell
  // s from its first element to the one behind its last. Or, if `spread`, for a
  // (x, m, n) and b (n, k), the sum of a[i] @ b[:, s] at s, for out (m, k).
  virtual void segmented_matmul(bool spread, const Array& a, const Array& b,
                                const Array& segments, Array& out) = 0;
  // x = Q R for matrices (..., m, n); q is (..., m, k), r (..., k, n), k = min
  virtual void qr(const Array& x, Array& q, Array& r) = 0;
  // The same function of every matrix, see Factorization in families.h; of what
  // comes in, batch dimensions are broadcast already. A ValueError names the
  // first matrix that has no result.
  virtual void factorize(const Factorization& what, const Inputs& in,
                         Outputs& out) = 0;

  // few bits, see Quantization in families.h; w and what it is made of differ in
  // the size of the last axis alone
  virtual void quantize(const Quantization& how, const Array& w, Array& words,
                        Array& scales, Array* biases) = 0;
  virtual void dequantize(const Quantization& how, const QuantizedMatrix& w,
                          Array& out) = 0;
  virtual void quantized_matmul(const QuantizedProduct& what, const Array& x,
                                const QuantizedMatrix& w, Array& out) = 0;

  // convolution; x, weight and out have one floating type
  virtual void convolve(const Convolution& what, const Array& x,
                        const Array& weight, Array& out) = 0;
  // the gradient of its weight, given x and that of its result
  virtual void convolve_weight(const Convolution& what, const Array& x,
                               const Array& cotangent, Array& out) = 0;

  // indexing: see Gather and Scatter in families.h. An index out of range is an
  // IndexError, before anything is written.
  virtual void gather(const Gather& what, const Inputs& in, Array& out) = 0;
  virtual void scatter(const Scatter& what, const Inputs& in, Array& out) = 0;
  // out[i, j, k] = x[i, indices[i, j, k], k], for an axis in the middle; x and
  // indices differ in shape along the axis only.
  virtual void take_along_axis(int64_t axis, const Array& x,
                               const Array& indices, Array& out) = 0;
  // out[i, indices[i, j, k], k] = (or +=) values[i, j, k], in order of j.
  virtual void put_along_axis(int64_t axis, bool add, const Array& indices,
                              const Array& values, Array& out) = 0;

  // random numbers: key is a uint32 array (2,); see csrc/ops/random.h
  virtual void random(const Distribution& distribution, const Array& key,
                      Array& out) = 0;

  // one optimizer step on all tensors of a model; see csrc/ops/step.h
  virtual void step(const StepTable& table) = 0;
  // the same of Adafactor; see csrc/ops/adafactor.h
  virtual void adafactor(const AdafactorTable& table) = 0;

  // see Fourier in families.h
  virtual void fourier(const Fourier& what, const Array& x, Array& out) = 0;

  // --- for a backend that computes later than it is asked (a GPU) ---

  // Whether the methods above may return before they have been computed; they
  // run in the order of the calls.
  virtual bool deferred() const { return false; }
  // How much it has been asked for so far, a number that grows.
  virtual int64_t asked() { return 0; }
  // The same, before a task asks for anything; its commit ends it.
  virtual int64_t begin() { return 0; }
  // Hands over what was asked for since the last commit. Throws nothing.
  virtual void commit(Afterwards then) {
    then.settle({});
    then.announce();
  }
  // Waits until this thread may read and write the memory of an array. Throws
  // Cancelled where work that uses it failed.
  virtual void await(const Array&) {}
  // Waits for all that was committed.
  virtual void drain() {}
};

// The backend of a device; throws ValueError where there is none.
Backend& backend_of(Device device);
// Called by each backend at load.
void register_backend(DeviceType type, Backend& backend);
// Why there is no GPU, for errors.
void explain_no_gpu(const std::string& reason);

}  // namespace ingot
