// The table of vectorised kernels: filled at load from the files that were
// built for this processor's instruction set.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "csrc/dtype.h"
#include "csrc/families.h"

// In front of a loop whose iterations do not depend on one another. Clang would
// otherwise test for overlap, and run a loop in place one element at a time.
#if defined(__clang__)
#define INGOT_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define INGOT_IVDEP _Pragma("GCC ivdep")
#endif

namespace ingot::cpu {

// Kernels work on contiguous elements; `out` may be an input.
using UnaryKernel = void (*)(const void* x, void* out, int64_t n);
using BinaryKernel = void (*)(const void* a, const void* b, void* out,
                              int64_t n);
using SelectKernel = void (*)(const bool* condition, const void* a,
                              const void* b, void* out, int64_t n);

// to[r * to_stride + c] = from[c * from_stride + r], strides in elements.
using TransposeKernel = void (*)(const void* from, int64_t from_stride,
                                 void* to, int64_t to_stride, int64_t rows,
                                 int64_t columns);

// What one sweep over an array accumulates; `deviations` are the squares of
// x - center, `exponentials` are exp(x - center), with one center per result.
enum class Pass : uint8_t { sum, prod, max, min, deviations, exponentials };
inline constexpr int kPasses = 6;
// Folds `lines` lines of n elements, `stride` apart, into accumulators, of the
// type accumulator_of(): one per line (rows), or one per element (columns).
using ReduceKernel = void (*)(const void* x, int64_t stride, int64_t lines,
                              int64_t n, void* accumulators,
                              const double* centers);
// The same for the extreme value and its index; x begins at index `first`.
using ArgReduceKernel = void (*)(const void* x, int64_t stride, int64_t lines,
                                 int64_t n, int64_t first, void* values,
                                 uint32_t* indices);
// `lines` lines of n elements, `line_stride` apart: from one element of a line
// to the next it is `step`.
struct ScanLines {
  int64_t lines, n, line_stride, step;
};
// Scans keep a state for each line. Without `out` they only bring it forward.
struct ScanKernels {
  int64_t state_bytes;
  void (*start)(void* states, int64_t n);
  void (*scan)(const void* x, void* out, const ScanLines& at, void* states,
               bool inclusive);
  // From the states of `blocks` blocks, `stride` apart, to those before them.
  void (*carry)(void* states, int64_t stride, int64_t blocks);
};
// out[i] = exp(x[i] - shift).
using ExponentialKernel = void (*)(const void* x, void* out, int64_t n,
                                   double shift);

// Sums and products of floats are kept in double, those of integers wrap.
inline Dtype accumulator_of(Pass pass, Dtype compute) {
  if (pass == Pass::max || pass == Pass::min) return compute;
  if (is_floating(compute)) return Dtype::float64;
  bool wide = size_of(compute) == 8;
  if (is_unsigned(compute)) return wide ? Dtype::uint64 : Dtype::uint32;
  return wide ? Dtype::int64 : Dtype::int32;
}

// Of one row of n elements. A weight of ones and a bias of -0 change nothing.
using NormalizeKernel = void (*)(const Normalization& what, const void* x,
                                 const void* weight, const void* bias,
                                 void* out, int64_t n);
// One row of its gradients. Null is what is not wanted; to the sums over rows,
// of weight and bias, this row is added.
struct NormalizeVjpRow {
  const void *x, *weight, *cotangent;
  void* dx;
  double *dweight, *dbias;
  void* scratch;  // room for three rows
};
using NormalizeVjpKernel = void (*)(const Normalization& what,
                                    const NormalizeVjpRow& row, int64_t n);

// Of one row of attention's scores, n elements. A mask takes away what it does
// not name, or adds itself; its elements are `step` apart.
using MaskKernel = void (*)(void* scores, const void* mask, int64_t step,
                            int64_t n);
// A further part of the row becomes e^(x - largest). The largest element and
// the sum are kept; returns what that of the parts before has shrunk by.
using SoftmaxPartKernel = double (*)(void* scores, int64_t n, double* largest,
                                     double* total);
// Scores become probabilities p = e^(x - lse), and slopes, which come as those
// of p, become those of the scores, p (slope - delta).
using SoftmaxSlopeKernel = void (*)(void* scores, void* slopes, int64_t n,
                                    double lse, double delta);

// Of `groups` groups, see Quantization. Scales are of the type that is computed
// in, as biases are, or for small floats bytes.
using QuantizeKernel = void (*)(const Quantization& how, const void* w,
                                int64_t groups, uint32_t* words, void* scales,
                                void* biases);
// The same back. Scales are numbers here; biases are not read where there are
// none.
using DequantizeKernel = void (*)(const Quantization& how,
                                  const uint32_t* words, const void* scales,
                                  const void* biases, int64_t groups,
                                  void* out);
// Sums of products of one such row with `rows` contiguous rows of x.
using QuantizedDotKernel = void (*)(const Quantization& how,
                                    const uint32_t* words, const void* scales,
                                    const void* biases, int64_t groups,
                                    const void* x, int64_t rows, void* out,
                                    int64_t out_stride);

// What neighbouring positions of a depthwise convolution meet: the first of
// them meets the channels at x[t] of tap t, the next ones those `x_step` bytes
// on, and they themselves are `y_step` bytes apart. Weights are read, or what
// they belong to is added to.
struct ChannelTaps {
  const void* const* x;
  void* const* weights;
  int64_t count, channels;
  int64_t x_step, y_step;
};
// n positions from `y` on become the sums over taps of x * weight; or these are
// cotangents, and x * y is added to the weights.
using MultiplyChannels = void (*)(const ChannelTaps& taps, int64_t n, void* y);
using AddChannels = void (*)(const ChannelTaps& taps, int64_t n, const void* y);

// Takes the parameter, the gradient and the slots to the new parameter and
// slots; `hyper` is the rule's Hyper of the compute type.
using StepKernel = void (*)(const void* const* in, void* const* out,
                            const void* hyper, int64_t n);

// Adafactor's updates u of `lines` lines of n elements, one after the other.
// Factored: from one factor for each line and one for each place in a line.
using FactoredKernel = void (*)(const void* g, const void* lines_factors,
                                const void* factors, void* u, int64_t lines,
                                int64_t n);
// The new moments of n places from sums of squared gradients, of `parts` parts
// that are `stride` apart; the first of them takes the moments as well.
using MarginKernel = void (*)(void* sums, int64_t stride, int64_t parts,
                              double count, const void* old, void* moments,
                              const void* hyper, int64_t n);
// The factors of rows, or with a null `whole` of columns, in place.
using FactorKernel = void (*)(void* moments, const double* whole, int64_t n);
// Not factored: from the old moments of all elements, which become new ones.
using MomentKernel = void (*)(const void* g, const void* v, void* new_v,
                              void* u, const void* hyper, int64_t n);
// The new parameters and means of updates; without means, those are null.
using AdafactorKernel = void (*)(const void* w, const void* u, const void* mean,
                                 void* new_w, void* new_mean,
                                 const double* size_and_shrink,
                                 const void* hyper, int64_t n);

// A deviate x becomes x * scale + shift; truncated normals are then multiplied
// by root and kept in [low, high]. Numbers are rounded to the output's type.
struct RandomArgs {
  uint32_t k0, k1;  // the key
  double scale, shift, root, low, high;
};
// Draws from both words of each generator call on counters (c0 + i, c1 + i).
using RandomKernel = void (*)(const RandomArgs& args, uint32_t c0, uint32_t c1,
                              void* first, void* second, int64_t n);

// One part of a bare loop (see limits.h), over up to four streams. The result
// keeps what is only read from being left out.
inline constexpr int kBareLoops = 7;
using BareLoopKernel = uint32_t (*)(float* const* streams, int64_t n);

struct Kernels {
  // By op and compute type; null where the op does not take that type.
  UnaryKernel unary[kUnaryOps][kDtypes] = {};
  BinaryKernel binary[kBinaryOps][kDtypes] = {};
  // By source and destination. Floats saturate into integers, NaN becomes 0.
  UnaryKernel convert[kDtypes][kDtypes] = {};
  SelectKernel select[4] = {};  // by log2 of the element size
  TransposeKernel transpose[4] = {};
  // By pass and compute type; the last two passes take floats only.
  ReduceKernel rows[kPasses][kDtypes] = {};
  ReduceKernel columns[kPasses][kDtypes] = {};
  ArgReduceKernel arg_rows[2][kDtypes] = {};  // by ArgReduceOp
  ArgReduceKernel arg_columns[2][kDtypes] = {};
  ScanKernels scan[kScanOps][kDtypes] = {};
  UnaryKernel softmax[kDtypes] = {};  // of one row
  ExponentialKernel exponential[kDtypes] = {};
  NormalizeKernel normalize[kDtypes] = {};
  NormalizeVjpKernel normalize_vjp[kDtypes] = {};
  MultiplyChannels multiply_channels[kDtypes] = {};
  AddChannels add_channels[kDtypes] = {};
  MaskKernel mask_boolean[kDtypes] = {};
  MaskKernel mask_additive[kDtypes] = {};
  SoftmaxPartKernel softmax_part[kDtypes] = {};
  SoftmaxSlopeKernel softmax_slope[kDtypes] = {};
  QuantizeKernel quantize[kDtypes] = {};
  DequantizeKernel dequantize[kDtypes] = {};
  QuantizedDotKernel quantized_dot[kDtypes] = {};
  StepKernel step[kRules][kDtypes] = {};
  // Parameters and gradients in bfloat16; states in float32, or in bfloat16, too.
  StepKernel step_bfloat16[kRules] = {};
  StepKernel step_all_bfloat16[kRules] = {};
  FactoredKernel factored[kDtypes] = {};
  MarginKernel margins[kDtypes] = {};
  FactorKernel factors[kDtypes] = {};
  MomentKernel moments[kDtypes] = {};
  AdafactorKernel adafactor[kDtypes] = {};
  RandomKernel random[4][kDtypes] = {};  // by DistributionKind and output type
  BareLoopKernel bare_loop[kBareLoops] = {};
};

inline UnaryKernel& convert_kernel(Kernels& k, Dtype from, Dtype to) {
  return k.convert[static_cast<int>(from)][static_cast<int>(to)];
}

// The table of this processor, and the name of its instruction set.
const Kernels& kernels();
const char* simd_level();

}  // namespace ingot::cpu
