// Complex arrays: their parts, and functions of several elements by way of pairs
// of reals.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/ops.h"

namespace ingot {

// Real arrays are their own real part and conjugate.
Array real(const Array& x);
Array imag(const Array& x);
Array conj(const Array& x);
// x as another type, of complex numbers the real part where that type is real.
// astype() refuses those: nothing else drops an imaginary part.
Array converted(const Array& x, Dtype dtype);
// Real and imaginary parts side by side along a new last axis, and back.
Array as_pairs(const Array& x);
Array from_pairs(const Array& pairs);

// Of a reduction over ascending axes; empty where it has no meaning.
Array reduce_complex(const Reduction& what, const Array& x, bool keepdims);
Array scan_complex(const Scan& what, const Array& x);
// Matrices (..., m, k) and (..., k, n).
Array matmul_complex(const Array& a, const Array& b);

// a v = v diag(w) for square matrices (ops/spectrum.cpp).
std::pair<Array, Array> eig(const Array& a);
Array eigvals(const Array& a);

}  // namespace ingot
