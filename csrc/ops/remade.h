// What makes operations that no function of ops.h gives alone, or whose functions
// choose for themselves: files name them. All checks are made here as well.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/ops.h"

namespace ingot {

// start, start + step, ...: `size` of them.
Array progression(double start, double step, int64_t size, Dtype dtype);

// Inputs are x, then a weight and a bias where there are such; for the gradients
// of the inputs listed in `wanted` also the cotangent.
struct NormalizeLayout {
  bool weighted, biased;
};
Array normalized(Normalization what, NormalizeLayout at, const Arrays& in,
                 Dtype result);
Arrays normalize_gradients(Normalization what, NormalizeLayout at,
                           const Arrays& in, const Shape& wanted);

// Inputs are q, k, v and the mask, if any: the result and lse; for the gradients
// of the inputs listed in `wanted` also lse, delta and the cotangent.
Arrays attend(Attention what, const Arrays& in);
Arrays attend_gradients(Attention what, const Arrays& in, const Shape& wanted);

Array turned(bool neighbours, const Array& x, const Array& cosine,
             const Array& sine);

// To `positions` in each spatial dimension; and the gradient of a weight of such
// a shape.
Array convolved_at(const Convolution& what, const Array& x, const Array& weight,
                   const Shape& positions);
Array convolved_weight(const Convolution& what, const Array& x,
                       const Array& cotangent, const Shape& shape);

// The function that errors speak of comes last; it is a literal.
Array triangular_inverse(const Array& a, bool upper, const char* name);
// l and u in one matrix, the exchanges, and the row that each one of a is.
Arrays lu_factors(const Array& a, const char* name);
// Of a, b and the first two of these.
Array solve_factored(const Arrays& in, bool transposed, const char* name);
// Of a and the first two of these: the determinant, or its sign and logarithm.
Arrays determinant_factored(const Arrays& in, int64_t outputs,
                            const char* name);
// The values, or these and the vectors.
Arrays eigen(const Array& a, bool upper, int64_t outputs, const char* name);
// The same of a matrix that need not be symmetric; complex.
Arrays general_eigen(const Array& a, int64_t outputs, const char* name);
enum class Vectors : uint8_t { none, thin, full };
Arrays singular(const Array& a, Vectors vectors, const char* name);
// p, which is the pseudoinverse of a.
Array pseudoinverse_of(const Array& a, const Array& p);

// Of a, b and vectors that say which of their matrices are multiplied, and to which
// of `results` sums each product belongs.
Array gathered_products(const Arrays& in, int64_t results);
// Products of the columns of a with the rows of b in each segment; or, spread, of
// matrix i of a with the columns of b in segment i, side by side.
Array segmented_products(bool spread, const Array& a, const Array& b,
                         const Array& segments);
// Along the last axis, or the indices; the function that errors speak of comes
// last.
Array selected(Selection what, bool indices, const Array& x, const char* name);
Array fourier_of(const Fourier& what, const Array& x, const Shape& shape);

}  // namespace ingot
