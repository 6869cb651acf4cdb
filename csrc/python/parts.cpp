// Products of chosen matrices, or of parts of matrices, in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

void bind_gather_mm(nb::module_& m) {
  m.def(
      "gather_mm",
      [](const ArrayLike& a, const ArrayLike& b, const OptionalArray& lhs,
         const OptionalArray& rhs, bool, const StreamArg& stream) {
        OnStream scope(stream);
        return gather_mm(to_array(a.value), to_array(b.value), or_none(lhs),
                         or_none(rhs));
      },
      "a"_a, "b"_a, "lhs_indices"_a = nb::none(), "rhs_indices"_a = nb::none(),
      nb::kw_only(), "sorted_indices"_a = false, "stream"_a = nb::none(),
      R"(Products of the matrices that indices choose, a[lhs] @ b[rhs].

No matrix is copied. Several products with one matrix of b, such as of tokens
that go to one expert, are computed together, in whichever order they come.

Args:
    a: (..., m, k) or (k,) floating array; lhs_indices count its matrices in
        row-major order, negative ones from the end.
    b: (..., k, n) or (k,) floating array, the same for rhs_indices.
    lhs_indices: integers; all matrices of a in its batch shape by default.
    rhs_indices: integers that broadcast with lhs_indices, the same for b.
    sorted_indices: says that the indices are in order; the results do not
        depend on it.
    stream: stream or device.

Returns:
    (..., m, n) array whose first axes are those of the indices, without the
    axis that a vector lacks.

Raises:
    IndexError: if an index is out of range, when the result is evaluated.
    TypeError: if indices are not integers.
    ValueError: if shapes do not fit, or no operand is floating.

Example:
    >>> import ingot.core as mx
    >>> experts = mx.array([[[1.0], [1.0]], [[10.0], [1.0]]])
    >>> tokens = mx.array([[[1.0, 2.0]], [[3.0, 4.0]]])
    >>> mx.gather_mm(tokens, experts, rhs_indices=mx.array([1, 0]))
    array([[[12]],
           [[7]]], dtype=float32))");
}

void bind_segments(nb::module_& m) {
  m.def(
      "segmented_mm",
      [](const ArrayLike& a, const ArrayLike& b, const ArrayLike& segments,
         const StreamArg& stream) {
        OnStream scope(stream);
        return segmented_mm(to_array(a.value), to_array(b.value),
                            to_array(segments.value));
      },
      "a"_a, "b"_a, "segments"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Matrix products over segments of the inner dimension, a[:, s] @ b[s].

Args:
    a: (m, k) floating array.
    b: (k, n) floating array.
    segments: (..., 2) integers: the first element of each segment, and the one
        behind its last. They may have elements in common, or none; zeros come
        of those that end where they begin, or before.
    stream: stream or device.

Returns:
    (..., m, n) array.

Raises:
    IndexError: if a segment reaches beyond [0, k], when the result is
        evaluated.
    TypeError: if segments are not integers.
    ValueError: if shapes do not fit, or no operand is floating.

Example:
    >>> import ingot.core as mx
    >>> a, b = mx.ones((1, 5)), mx.ones((5, 1))
    >>> mx.segmented_mm(a, b, mx.array([[0, 2], [2, 5]]))
    array([[[2]],
           [[3]]], dtype=float32))");
  m.def(
      "block_masked_mm",
      [](const ArrayLike& a, const ArrayLike& b, int64_t block_size,
         const OptionalArray& out, const OptionalArray& lhs,
         const OptionalArray& rhs, const StreamArg& stream) {
        OnStream scope(stream);
        return block_masked_mm(to_array(a.value), to_array(b.value), block_size,
                               or_none(out), or_none(lhs), or_none(rhs));
      },
      "a"_a, "b"_a, "block_size"_a = 64, "mask_out"_a = nb::none(),
      "mask_lhs"_a = nb::none(), "mask_rhs"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      R"(Matrix product with blocks masked: mask_out (mask_lhs a @ mask_rhs b).

A mask has one element for each block, the last of which may be smaller. Where a
boolean one is False the block counts as 0, whatever it holds; any other mask
multiplies.

Args:
    a: (..., m, k) or (k,) floating array.
    b: (..., k, n) or (k,) floating array.
    block_size: rows and columns of a block, 32 or 64.
    mask_out: array that broadcasts to (..., ceil(m / block_size),
        ceil(n / block_size)).
    mask_lhs: the same for a, of m and k.
    mask_rhs: the same for b, of k and n.
    stream: stream or device.

Returns:
    (..., m, n) array, without the axis that a vector lacks.

Raises:
    ValueError: for another block_size, if shapes do not fit, or if no operand is
        floating.

Example:
    >>> import ingot.core as mx
    >>> mask = mx.array([[True], [False]])
    >>> y = mx.block_masked_mm(mx.ones((64, 3)), mx.ones((3, 2)), 32, mask)
    >>> y[0], y[32]
    (array([3, 3], dtype=float32), array([0, 0], dtype=float32)))");
}

void bind_hadamard(nb::module_& m) {
  m.def(
      "hadamard_transform",
      [](const ArrayLike& a, std::optional<double> scale,
         const StreamArg& stream) {
        OnStream scope(stream);
        return hadamard_transform(to_array(a.value), scale);
      },
      "a"_a, "scale"_a = nb::none(), "stream"_a = nb::none(),
      R"(The Walsh-Hadamard transform along the last axis: scale * H @ a.

H has elements 1 and -1 and orthogonal rows: it is the Kronecker product of one
of m rows (12: Paley's second construction; 20, 28: Williamson's) and k of 2.

Args:
    a: (..., m 2^k) array, for m 1, 12, 20 or 28; integers give float32. A number
        counts as one element.
    scale: number; 1 / sqrt(m 2^k) by default, which makes the transform
        orthogonal.
    stream: stream or device.

Returns:
    array of the shape of a.

Raises:
    ValueError: for another number of elements.

Example:
    >>> import ingot.core as mx
    >>> mx.hadamard_transform(mx.array([1.0, 2.0, 3.0, 4.0]), scale=1)
    array([10, -2, -4, 0], dtype=float32))");
}

}  // namespace

void bind_parts(nb::module_& m) {
  bind_gather_mm(m);
  bind_segments(m);
  bind_hadamard(m);
}

}  // namespace ingot::python
