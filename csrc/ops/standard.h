// Functions that the array API standard names and MLX does not, composed of
// others: https://data-apis.org/array-api/2024.12
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/ops.h"

namespace ingot::standard {

// The number next to a on the way to b, in the type that both promote to.
Array nextafter(const Array& a, const Array& b);
// cumsum and cumprod with narrow integers widened; `initial`: that of no elements
// comes first.
Array cumulative_sum(const Array& x, std::optional<int64_t> axis, bool reverse,
                     bool inclusive, bool initial);
Array cumulative_prod(const Array& x, std::optional<int64_t> axis, bool reverse,
                      bool inclusive, bool initial);
// From the greatest on, NaN first; equal elements keep their order.
Array sort_descending(const Array& x, std::optional<int64_t> axis);
Array argsort_descending(const Array& x, std::optional<int64_t> axis);
Array moveaxis(const Array& x, const Shape& source, const Shape& destination);

// Of square matrices; a negative n takes the inverse.
Array matrix_power(const Array& a, int64_t n);
// How many singular values are above rtol times the largest, by default
// max(m, n) eps.
Array matrix_rank(const Array& a, const Array& rtol);
// (sum |x|^p)^(1/p) over all axes given together.
Array vector_norm(const Array& x, double p, const Axes& axes, bool keepdims);
// x = q @ r with a square q.
std::pair<Array, Array> complete_qr(const Array& x);

}  // namespace ingot::standard
