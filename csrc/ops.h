// Operations on arrays: each checks its arguments, promotes, and adds a node.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>

#include "csrc/array.h"
#include "csrc/families.h"
#include "csrc/graph.h"

namespace ingot {

// --- elementwise (ops/elementwise.cpp) ---

#define UNARY(name, Functor, kind, doc) Array name(const Array& x);
#define BINARY(name, Functor, kind, doc) \
  Array name(const Array& a, const Array& b);
#include "csrc/ops.def"
// a where condition, else b.
Array where(const Array& condition, const Array& a, const Array& b);
Array astype(const Array& x, Dtype dtype);

// The shape that both broadcast to; throws ValueError naming `op`.
Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op);
// Sums over the axes along which `shape` was broadcast to x's.
Array sum_to(const Array& x, const Shape& shape);

// --- creation (ops/create.cpp) ---

Array full(const Shape& shape, Number value, Dtype dtype);
Array zeros(const Shape& shape, Dtype dtype);
Array ones(const Shape& shape, Dtype dtype);
Array zeros_like(const Array& x);
Array ones_like(const Array& x);
Array arange(double start, double stop, double step, Dtype dtype);
Array linspace(double start, double stop, int64_t num, Dtype dtype,
               bool endpoint = true);
Array eye(int64_t rows, int64_t columns, int64_t diagonal, Dtype dtype);
Array tri(int64_t rows, int64_t columns, int64_t diagonal, Dtype dtype);
Array tril(const Array& x, int64_t diagonal);
Array triu(const Array& x, int64_t diagonal);

// --- windows of samples (ops/windows.cpp); float32, none below one sample ---

Array bartlett(int64_t samples);
Array blackman(int64_t samples);
Array hamming(int64_t samples);
Array hanning(int64_t samples);

// --- views (ops/view.cpp) ---

Array reshape(const Array& x, Shape shape);  // one dimension may be -1
Array flatten(const Array& x, int64_t start_axis = 0, int64_t end_axis = -1);
Array unflatten(const Array& x, int64_t axis, const Shape& shape);
Array squeeze(const Array& x, const Shape& axes);
Array squeeze(const Array& x);
Array expand_dims(const Array& x, const Shape& axes);
Array transpose(const Array& x);
Array transpose(const Array& x, const Shape& axes);
Array swapaxes(const Array& x, int64_t axis1, int64_t axis2);
Array moveaxis(const Array& x, int64_t source, int64_t destination);
Array broadcast_to(const Array& x, const Shape& shape);
// Elements start, start + step, ... of each axis, up to but not including stop;
// step may be negative. The bounds must be within the array.
Array slice(const Array& x, const Shape& start, const Shape& stop,
            const Shape& step);
// The same bytes read as another type.
Array view(const Array& x, Dtype dtype);
Array contiguous(const Array& x);
Array stop_gradient(const Array& x);
// A new array with the same elements, for a transform to trace.
Array alias(const Array& x);
bool is_alias(const Array& x);
// The arrays, computed once the dependencies have been.
Arrays depends(const Arrays& arrays, const Arrays& dependencies);

// --- composed of views (ops/shape.cpp) ---

// At least 1, 2 or 3 dimensions: (1, n, 1) for a vector.
Array atleast(const Array& x, int64_t ndim);
Array matrix_transpose(const Array& x);
Array flip(const Array& x, const std::optional<Shape>& axes);
// One shift for all axes, or one for each; without axes x is flattened.
Array roll(const Array& x, const Shape& shifts,
           const std::optional<Shape>& axes);
Arrays unstack(const Array& x, int64_t axis);
// by_rows: the first array runs along the first axis ("ij"), not the second.
Arrays meshgrid(const Arrays& arrays, bool sparse, bool by_rows);

// --- other strides (ops/strided.cpp) ---

// The diagonals of two axes, along a new last one.
Array diagonal(const Array& x, int64_t offset, int64_t axis1, int64_t axis2);
// Of a matrix its diagonal; of a vector the matrix that has it.
Array diag(const Array& x, int64_t k);
Array trace(const Array& x, int64_t offset, int64_t axis1, int64_t axis2,
            std::optional<Dtype> dtype);
// Strides and offset count elements of x in row-major order.
Array as_strided(const Array& x, const Shape& shape, const Strides& strides,
                 int64_t offset);

// --- copying (ops/copy.cpp) ---

Array copy(const Array& x);
Array concatenate(const Arrays& arrays, int64_t axis);
Array stack(const Arrays& arrays, int64_t axis);
Arrays split(const Array& x, const Shape& indices, int64_t axis);
Array repeat(const Array& x, int64_t repeats, int64_t axis);
Array tile(const Array& x, Shape repetitions);
Array pad(const Array& x, const Shape& low, const Shape& high,
          const Array& value);
// Beyond the ends x continues: with its last element, mirrored about it, or
// mirrored about its outer edge.
enum class PadMode : uint8_t { edge, reflect, symmetric };
Array pad(const Array& x, const Shape& low, const Shape& high, PadMode mode);
// x with the window given as in slice() replaced by update (broadcast to it).
Array slice_update(const Array& x, const Array& update, const Shape& start,
                   const Shape& stop, const Shape& step);

// --- reductions (ops/reduce.cpp); no axes means all ---

using Axes = std::optional<Shape>;
Array sum(const Array& x, const Axes& axes = {}, bool keepdims = false);
Array prod(const Array& x, const Axes& axes = {}, bool keepdims = false);
Array max(const Array& x, const Axes& axes = {}, bool keepdims = false);
Array min(const Array& x, const Axes& axes = {}, bool keepdims = false);
Array all(const Array& x, const Axes& axes = {}, bool keepdims = false);
Array any(const Array& x, const Axes& axes = {}, bool keepdims = false);
Array mean(const Array& x, const Axes& axes = {}, bool keepdims = false);
Array var(const Array& x, const Axes& axes = {}, bool keepdims = false,
          int64_t ddof = 0);
Array std(const Array& x, const Axes& axes = {}, bool keepdims = false,
          int64_t ddof = 0);
Array logsumexp(const Array& x, const Axes& axes = {}, bool keepdims = false);
Array argmax(const Array& x, std::optional<int64_t> axis = {},
             bool keepdims = false);
Array argmin(const Array& x, std::optional<int64_t> axis = {},
             bool keepdims = false);
Array softmax(const Array& x, const Axes& axes = {});
// scale * sqrt(sum of squares over all arrays), rounded once: float32, or
// float64 if any input is. A small scale keeps it in the range of float32.
Array global_norm(const Arrays& arrays, double scale = 1);

std::pair<Array, Array> minmax(const Array& x, const Axes& axes = {},
                               bool keepdims = false);
Array count_nonzero(const Array& x, const Axes& axes = {},
                    bool keepdims = false);

// --- scans (ops/scan.cpp); no axis means the flattened array ---

Array cumsum(const Array& x, std::optional<int64_t> axis = {},
             bool reverse = false, bool inclusive = true);
Array cumprod(const Array& x, std::optional<int64_t> axis = {},
              bool reverse = false, bool inclusive = true);
Array cummax(const Array& x, std::optional<int64_t> axis = {},
             bool reverse = false, bool inclusive = true);
Array cummin(const Array& x, std::optional<int64_t> axis = {},
             bool reverse = false, bool inclusive = true);
Array logcumsumexp(const Array& x, std::optional<int64_t> axis = {},
                   bool reverse = false, bool inclusive = true);
// Differences of neighbours, n times over.
Array diff(const Array& x, int64_t n = 1, int64_t axis = -1);

// --- clipping (ops/clip_norm.cpp) ---

struct Clipped {
  Arrays gradients;
  Array norm;  // before
};
// Gradients times min(1, max_norm / (norm + 1e-6)), for the norm over all of
// them. Integers become float32. What nobody else holds is written over.
Clipped clip_norm(const Arrays& gradients, const Array& max_norm);

// --- normalization (ops/normalize.cpp) along the last axis ---

// An empty weight or bias is none; else it is a vector, with an element for
// each of a row.
Array layer_norm(const Array& x, const Array& weight, const Array& bias,
                 double eps);
Array rms_norm(const Array& x, const Array& weight, double eps);

// --- attention (ops/attention.cpp) and rotary positions (ops/rope.cpp) ---

// softmax(scale q k^T) v for q (B, N_q, L_q, D), k (B, N_kv, L_k, D) and v
// (B, N_kv, L_k, D_v), where heads of q share one of k and v. An empty mask is
// none; it is bool, or it is added. Empty sinks are none; else one for each
// head of q, a score that takes its part of the probability and has no value.
Array scaled_dot_product_attention(const Array& q, const Array& k,
                                   const Array& v, double scale, bool causal,
                                   const Array& mask, const Array& sinks);
// x (B, ..., T, D) with pairs of its first `dims` features turned by
// scale (offset + t) / base^(2 i / dims), or / frequencies[i] where there are
// such. `traditional` pairs are neighbours, others half of `dims` apart. The
// offset is one number, or one for each of B.
Array rope(const Array& x, int64_t dims, bool traditional, double base,
           double scale, const Array& offset, const Array& frequencies);
// logsumexp(logits) - logits[target], along the last axis, at least in float32
// (ops/cross_entropy.cpp).
Array cross_entropy(const Array& logits, const Array& targets);

// --- sorting (ops/sort.cpp); no axis means the flattened array ---

Array sort(const Array& x, std::optional<int64_t> axis = -1);
Array argsort(const Array& x, std::optional<int64_t> axis = -1);
// Element kth is in its place, none before it is greater, none after it less.
Array partition(const Array& x, int64_t kth, std::optional<int64_t> axis = -1);
Array argpartition(const Array& x, int64_t kth,
                   std::optional<int64_t> axis = -1);
// The k largest elements.
Array topk(const Array& x, int64_t k, std::optional<int64_t> axis = -1);
Array median(const Array& x, const Axes& axes = {}, bool keepdims = false);
// How many elements of a vector in order come before each value, with those
// equal to it if `right`.
Array searchsorted(const Array& sorted, const Array& values, bool right);

// --- unique elements (ops/unique.cpp) ---

struct Unique {
  Array values;   // in order
  Array index;    // of the first of each in the flattened array, uint32
  Array inverse;  // the place in `values` of each element, uint32
  Array counts;   // int32
};
// The `size` smallest; an empty fill is the first of them.
Unique unique(const Array& x, int64_t size, const Array& fill = {});

// --- linear algebra (ops/matmul.cpp, ops/linalg.cpp, ops/inverse.cpp,
// ops/spectrum.cpp) ---

Array matmul(const Array& a, const Array& b);
Array addmm(const Array& c, const Array& a, const Array& b, double alpha,
            double beta);
// a[lhs] @ b[rhs], for indices of matrices that broadcast together (ops/
// gather_matmul.cpp); empty ones are all, in their order.
Array gather_mm(const Array& a, const Array& b, const Array& lhs_indices,
                const Array& rhs_indices);
// a[:, s] @ b[s] for segments (..., 2) of the inner dimension, which tell s from
// its first element to the one behind its last (ops/segmented.cpp).
Array segmented_mm(const Array& a, const Array& b, const Array& segments);
// mask_out (mask_lhs a @ mask_rhs b), where masks, if there are such, have one
// element for each block.
Array block_masked_mm(const Array& a, const Array& b, int64_t block_size,
                      const Array& mask_out, const Array& mask_lhs,
                      const Array& mask_rhs);
// scale times the Hadamard matrix times each line of the last axis, of m 2^k
// elements (ops/hadamard.cpp); by default that is orthogonal.
Array hadamard_transform(const Array& x, std::optional<double> scale);
// x = q @ r for matrices (..., m, n) of float32 or float64: q is (..., m, k), r
// (..., k, n), k = min(m, n).
std::pair<Array, Array> qr(const Array& x);
// Of square matrices. Where a function takes the triangle of one, the rest of it
// is not read; derivatives for a symmetric a are symmetric.
Array inv(const Array& a);
Array tri_inv(const Array& a, bool upper);
Array det(const Array& a);
std::pair<Array, Array> slogdet(const Array& a);  // sign, ln |det|
// l of a = l l', or u of a = u' u.
Array cholesky(const Array& a, bool upper);
// The inverse of a symmetric matrix, given what cholesky() has made of it.
Array cholesky_inv(const Array& a, bool upper);
// a x = b for matrices or one vector b; batch dimensions broadcast.
Array solve(const Array& a, const Array& b);
Array solve_triangular(const Array& a, const Array& b, bool upper);
// a = l[p] u for matrices (..., m, n): p (..., m), l (..., m, k), u (..., k, n).
Arrays lu(const Array& a);
// l and u in one matrix, and the rows that each in turn was exchanged with.
std::pair<Array, Array> lu_factor(const Array& a);
// a v = v diag(w), w ascending.
std::pair<Array, Array> eigh(const Array& a, bool upper);
Array eigvalsh(const Array& a, bool upper);
// a = u diag(s) v' for matrices (..., m, n): u (..., m, m), s (..., k) descending
// and v' (..., n, n); and s alone, where `name` is the function errors speak of.
Arrays svd(const Array& a, bool full = true);
Array singular_values(const Array& a, const char* name);
Array pinv(const Array& a, const Array& rtol = {});
// Along an axis of two or three elements, where a third that lacks is 0.
Array cross(const Array& a, const Array& b, int64_t axis);
// Which norm: that of p (infinite ones are extremes), or one with a name.
struct NormOrder {
  enum Kind { euclidean, frobenius, nuclear, power } kind = euclidean;
  double p = 2;
};
// Of vectors along one axis or of matrices in two (rows, columns); without axes
// x itself is the vector or matrix, and the Euclidean norm is that of all
// elements.
Array norm(const Array& x, NormOrder order, const Axes& axes, bool keepdims);

// --- products (ops/products.cpp, ops/einsum.cpp) ---

Array outer(const Array& a, const Array& b);
Array kron(const Array& a, const Array& b);
Array inner(const Array& a, const Array& b);
Array vecdot(const Array& a, const Array& b, int64_t axis);
// Sums over pairs of axes.
Array tensordot(const Array& a, const Array& b, const Shape& a_axes,
                const Shape& b_axes);
// (..., m, k) @ (..., k, n) for integers as well, which are multiplied first
// and then summed.
Array contract(const Array& a, const Array& b);
// Sums of products along the last axes; half types are rounded once.
Array dot(const Array& a, const Array& b);
Array einsum(const std::string& subscripts, const Arrays& operands);
// The order in which einsum contracts: each step takes operands away, by their
// numbers, and puts its result at the end.
struct EinsumPath {
  std::vector<Shape> steps;
  std::string text;  // what it costs
};
EinsumPath einsum_path(const std::string& subscripts, const Arrays& operands);

// --- indexing (ops/index.cpp, ops/along_axis.cpp) ---

Array take(const Array& x, const Array& indices, std::optional<int64_t> axis);
Array take_along_axis(const Array& x, const Array& indices,
                      std::optional<int64_t> axis);
Array put_along_axis(const Array& x, const Array& indices, const Array& values,
                     std::optional<int64_t> axis);
// Adds values at the indices; the gradient of take_along_axis.
Array add_along_axis(const Array& x, const Array& indices, const Array& values,
                     int64_t axis);
// Index arrays broadcast together; see Gather and Scatter in families.h. `name`
// (a literal) is the function that errors speak of.
Array gather(const Array& x, const Arrays& indices,
             const std::vector<int64_t>& axes,
             const std::vector<int64_t>& windows, const char* name = "gather");
// The shape of updates is that of the index arrays, then the windows.
Array scatter(ScatterOp op, const Array& x, const Arrays& indices,
              const Array& updates, const std::vector<int64_t>& axes,
              const char* name = "scatter");

// Random numbers are in ops/random.h.

// --- axes ---

// An axis counted from either end; throws AxisError naming `op`.
int64_t normalize_axis(int64_t axis, int64_t ndim, const char* op);
// Several, ascending, without duplicates.
Shape normalize_axes(const Shape& axes, int64_t ndim, const char* op);

// --- transforms (grad.cpp) ---

using Function = std::function<Arrays(const Arrays&)>;
// The outputs of f at the primals, and the gradients of the primals given the
// cotangents, which are asked for once the outputs are known.
std::pair<Arrays, Arrays> vjp(const Function& f, const Arrays& primals,
                              const Function& cotangents);
std::pair<Arrays, Arrays> jvp(const Function& f, const Arrays& primals,
                              const Arrays& tangents);
// Gradients of tracers, which made the outputs, given the outputs' cotangents.
// Nothing behind the primals or the `others` is looked at.
Arrays backward(const Arrays& primals, const Arrays& outputs,
                const Arrays& cotangents, const Inputs& others = {});
// Op::vjp for an operation that has the same numbers as a graph:
// compose(inputs) makes its outputs of ordinary operations.
Arrays vjp_through(const std::function<Arrays(const Inputs&)>& compose,
                   const Inputs& in, const Arrays& cotangents,
                   const std::vector<int>& wanted);
// Whether jvp() is taking its first derivative, which it then transposes.
bool taking_jvp();
// The transpose of a map that is linear in its argument, which is shaped like
// the arrays `like`. The map may leave out outputs, and so may the cotangents.
Arrays transposed(const Function& linear, const Arrays& like,
                  const Arrays& cotangents, const Inputs& others);

// --- functions with derivatives of their own (ops/custom.cpp) ---

// f(inputs), whose derivative evaluates f anew rather than keep what it has
// computed. f may read traced arrays besides its inputs.
Arrays checkpoint(const Function& f, const Arrays& inputs);

// What stands for the derivatives of a function; without one they are its own.
// A missing array (an empty one) is zero, in what they take and in what they
// give.
struct CustomRules {
  using Rule =
      std::function<Arrays(const Arrays&, const Arrays&, const Arrays&)>;
  Rule vjp;  // inputs' gradients from inputs, outputs' cotangents, outputs
  Rule jvp;  // outputs' tangents from inputs, inputs' tangents, outputs
  // The outputs for a batch, from inputs, which of them have its axis in front,
  // and its size.
  std::function<Arrays(const Arrays&, const std::vector<bool>&, int64_t)> vmap;
};
Arrays custom_function(const Function& f, const Arrays& inputs,
                       CustomRules rules);

}  // namespace ingot
