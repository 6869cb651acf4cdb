// The operations within each family, and the attributes that say which one.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "csrc/array.h"

namespace ingot {

// One enumerator per line of ops.def, named as its functor.
enum class UnaryOp : uint8_t {
#define UNARY(name, Functor, kind, doc) Functor,
#include "csrc/ops.def"
};

enum class BinaryOp : uint8_t {
#define BINARY(name, Functor, kind, doc) Functor,
#include "csrc/ops.def"
};

#define UNARY(name, Functor, kind, doc) +1
inline constexpr int kUnaryOps = 0
#include "csrc/ops.def"
    ;
#define BINARY(name, Functor, kind, doc) +1
inline constexpr int kBinaryOps = 0
#include "csrc/ops.def"
    ;

// One elementwise operation, of whichever family.
struct Elementwise {
  enum class Family : uint8_t { unary, binary, select, cast };
  Family family;
  UnaryOp unary = {};
  BinaryOp binary = {};
};

// One enumerator per line of rules.def, named as its struct.
enum class StepRule : uint8_t {
#define RULE(Type, name, slots, settings) Type,
#include "metal/rules/rules.def"
};

#define RULE(Type, name, slots, settings) +1
inline constexpr int kRules = 0
#include "metal/rules/rules.def"
    ;

enum class ReduceOp : uint8_t {
  sum,
  prod,
  max,
  min,
  all,
  any,
  mean,
  var,  // and std: squared deviations from the mean over n - ddof
  std,
  logsumexp,
};
enum class ArgReduceOp : uint8_t { max, min };
enum class ScanOp : uint8_t { sum, prod, max, min, logsumexp };
inline constexpr int kScanOps = 5;
enum class ScatterOp : uint8_t { assign, add, multiply, divide, max, min };

struct Reduction {
  ReduceOp op;
  Shape axes;  // ascending, not empty
  int64_t ddof = 0;
};

// What a reduction gives of the elements of a line up to each of them, or, if
// not inclusive, of those before it; in reverse from the line's end.
struct Scan {
  ScanOp op;
  int64_t axis;
  bool reverse = false;
  bool inclusive = true;
};

// Of each line along the last axis, the elements of ranks `begin` to `end` - 1 in
// order, as a stable sort has them. With `rest` it is one rank, whose element
// comes in its place, with those before it, and those behind it, in any order.
struct Selection {
  int64_t begin, end;
  bool rest = false;
};

// Brings rows along the last axis to one scale:
// (x - m) / sqrt(v + eps) * weight + bias, where m is the mean if `centered`,
// else 0, and v the mean of (x - m)^2.
struct Normalization {
  bool centered;
  double eps;
};

// What its operands' gradients are written to; null where one is not wanted.
struct NormalizationGradients {
  Array* x;
  Array* weight;
  Array* bias;
};

// Of x (n, spatial..., channels) with weight (outputs, taps..., channels /
// groups) to out (n, positions..., outputs): out[n, p, c] is the sum over taps t
// and channels i of x[n, (p * stride + t * kernel_dilation - low) /
// input_dilation, i] * weight[c, t, i], where that is a place of x. Channels and
// outputs come in `groups` equal parts, each by itself.
struct Convolution {
  Shape stride, low, kernel_dilation, input_dilation;  // by spatial dimension
  int64_t groups = 1;
};

// Which keys a query sees: all, those up to its own place counted from the end,
// those that a mask names, or all, with what a mask adds to their scores.
enum class MaskKind : uint8_t { none, causal, boolean, additive };

// softmax(scale q k^T) v, along the keys, for matrices q (..., queries, depth),
// k (..., keys, depth) and v (..., keys, values) with the same three leading
// dimensions, as a mask (..., queries, keys) has. A query that sees no key gets
// zeros.
struct Attention {
  double scale;
  MaskKind mask;
};

struct AttentionInputs {
  const Array& q;
  const Array& k;
  const Array& v;
  const Array* mask;  // bool or of the compute type; null where there is none
};

// What their gradients are written to; null where one is not wanted.
struct AttentionGradients {
  Array* q;
  Array* k;
  Array* v;
};

// What is done to each matrix of a batch, the last two axes of arrays of float32
// or float64. The number of outputs says how much is asked for.
struct Factorization {
  enum Kind : uint8_t {
    inverse,             // a -> a^-1
    triangular_inverse,  // the same of one triangle; the other is 0
    cholesky,            // a -> l, a = l l', or u, a = u' u, of a's triangle
    lu,                  // a -> l and u in one matrix, the rows exchanged in
                         // turn, and the row of l u that each row of a is
    determinant,         // l and u, exchanged rows -> determinant, or its sign
                         // and the logarithm of its magnitude
    solve,               // l and u, exchanged rows, b -> x, a x = b or a' x = b
    triangular_solve,    // a's triangle, b -> x, a x = b
    eigen,               // a's triangle -> w [, v], a v = v w, w ascending and
                         // real; or all of a, where w is complex
    singular,            // a -> s, or u, s, v', a = u s v', s descending; u and
                         // v are square or have min(m, n) columns
  };
  Kind kind;
  const char* name;  // of the function, for errors
  bool upper = false;
  bool transposed = false;
};

// Numbers in few bits. Groups of neighbours along the last axis share a scale: in
// affine mode w = scale * code + bias, with codes that count from 0, and scales
// and biases of w's type. In the others w = scale * code, codes are small floats
// (E2M1, in mxfp8 E4M3) and scales have 8 bits: powers of two (E8M0), or in nvfp4
// E4M3. Codes of `bits` bits follow one another in words of 32, from the lowest
// bit up.
struct Quantization {
  enum Mode : uint8_t { affine, mxfp4, mxfp8, nvfp4 };
  Mode mode;
  int32_t bits;
  int64_t group;
};

// Biases are null but in affine mode.
struct QuantizedMatrix {
  const Array& words;
  const Array& scales;
  const Array* biases;
};

// Of x (b, m, k) and w, (b, n, k) if transposed, else (b, k, n): matrix i of the
// result is that of matrices i, or where there are indices of lhs[i] and rhs[i].
struct QuantizedProduct {
  Quantization how;
  bool transposed;
  const Array* lhs = nullptr;
  const Array* rhs = nullptr;
};

// The discrete Fourier transform along `axes`, which are not empty:
// out[k] = scale * sum of x[j] exp(-2 pi i j k / n), or exp(+2 pi i j k / n).
struct Fourier {
  enum Kind : uint8_t {
    complex,    // complex64 -> complex64
    from_real,  // float32 -> complex64: the rest of the last of the axes, behind
                // n / 2 + 1 elements, would be their conjugates
    to_real,    // the inverse of this; the length of that axis is out's
  };
  Kind kind;
  bool inverse;
  double scale;
  Shape axes;
};

// Takes windows out of in[0] at places given by index arrays in[1..]:
// in[1 + i] indexes axis axes[i]; negative indices count from the end. All
// index arrays have one shape I, already broadcast. out.shape = I + windows:
// windows[d] elements of axis d, from the indexed place or from 0.
struct Gather {
  const char* name;  // of the function, for errors
  std::vector<int64_t> axes;
  std::vector<int64_t> windows;  // one per axis of in[0]
};

// Combines in.back() (shape I + windows) with the windows of `out`, which holds
// in[0] already, in the order of the index positions: the last of several
// assignments to one place wins. Places are as in Gather.
struct Scatter {
  const char* name;
  ScatterOp op;
  std::vector<int64_t> axes;
  std::vector<int64_t> windows;
};

enum class DistributionKind : uint8_t {
  bits,              // uniform words, uint32
  uniform,           // [low, high)
  normal,            // mean, standard deviation
  truncated_normal,  // standard normal within [low, high]
};

struct Distribution {
  DistributionKind kind;
  double a = 0;  // low, or mean
  double b = 1;  // high, or standard deviation
};

struct StepTable;
struct AdafactorTable;

}  // namespace ingot
