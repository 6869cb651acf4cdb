// Numbers in few bits in Python.
// SPDX-License-Identifier: MIT
#include "csrc/ops/quantize.h"

#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using OptionalInt = std::optional<int64_t>;

Quantized quantized(const ArrayLike& w, const ArrayLike& scales,
                    const OptionalArray& biases) {
  return {to_array(w.value), to_array(scales.value), or_none(biases)};
}

nb::tuple to_tuple(const Quantized& w) {
  if (!w.biases) return nb::make_tuple(w.words, w.scales);
  return nb::make_tuple(w.words, w.scales, w.biases);
}

void bind_both_ways(nb::module_& m) {
  m.def(
      "quantize",
      [](const ArrayLike& w, const OptionalInt& group_size,
         const OptionalInt& bits, const std::string& mode,
         const OptionalArray& global_scale, const StreamArg& stream) {
        OnStream scope(stream);
        return to_tuple(quantize(
            to_array(w.value), quantization("quantize", mode, group_size, bits),
            or_none(global_scale)));
      },
      nb::arg(), "group_size"_a = nb::none(), "bits"_a = nb::none(),
      "mode"_a = "affine", nb::kw_only(), "global_scale"_a = nb::none(),
      "stream"_a = nb::none(),
      nb::sig("def quantize(w: array | numpy.typing.ArrayLike, /, "
              "group_size: int | None = None, bits: int | None = None, "
              "mode: str = 'affine', *, "
              "global_scale: array | numpy.typing.ArrayLike | None = None, "
              "stream: Stream | Device | None = None) -> tuple[array, ...]"),
      R"(The numbers of a matrix in a few bits each, with a scale for each group.

Groups are neighbours along the last axis. Codes follow one another in words of
32 bits, from the lowest bit up.

======  =======================  ============================  ======  ======
mode    group_size               bits                          scales  biases
======  =======================  ============================  ======  ======
affine  32, 64 (default), 128    1, 2, 3, 4 (default), 5, 6, 8  as w    yes
mxfp4   32                       4 (E2M1)                      E8M0    no
mxfp8   32                       8 (E4M3)                      E8M0    no
nvfp4   16                       4 (E2M1)                      E4M3    no
======  =======================  ============================  ======  ======

In mode affine w is about scale * code + bias, where codes count from 0 to
2^bits - 1 across the group's range: from the end that is further from 0, in
steps that have 0 among their multiples. In the others w is about scale * code,
where codes are small floats and scales the least that let the largest number
of the group be one; a group that is not finite has the scale NaN. No gradient
passes.

Args:
    w: (..., n, k) array, floating, where k is a multiple of group_size.
    group_size: numbers that share a scale, or None for the default.
    bits: of each number, or None for the default.
    mode: "affine", "mxfp4", "mxfp8" or "nvfp4".
    global_scale: in mode nvfp4 a number that all scales are in proportion to,
        as a rule the largest magnitude in w; 2688, the largest that the format
        has, stands for it.
    stream: stream or device.

Returns:
    words, a (..., n, k * bits / 32) array of uint32; scales, (..., n, k /
    group_size), of the dtype of w or uint8; and in mode affine biases like the
    scales.

Raises:
    ValueError: if w has one dimension, k is not a multiple of group_size, or
        the mode does not have the group size or the bits.
    TypeError: if w is not floating.

Reference:
    OCP Microscaling Formats (MX) Specification 1.0 (2023)

Example:
    >>> import ingot.core as mx
    >>> w = mx.arange(64, dtype=mx.float32).reshape(2, 32) % 16
    >>> words, scales, biases = mx.quantize(w, group_size=32)
    >>> words[0]
    array([2309737967, 19088743, 2309737967, 19088743], dtype=uint32)
    >>> scales[0], biases[0]
    (array([-1], dtype=float32), array([15], dtype=float32)))");
  m.def(
      "dequantize",
      [](const ArrayLike& w, const ArrayLike& scales,
         const OptionalArray& biases, const OptionalInt& group_size,
         const OptionalInt& bits, const std::string& mode,
         const OptionalArray& global_scale, const DtypeArg& dtype,
         const StreamArg& stream) {
        OnStream scope(stream);
        std::optional<Dtype> result;
        if (dtype) result = dtype->value;
        return dequantize(quantized(w, scales, biases),
                          quantization("dequantize", mode, group_size, bits),
                          result, or_none(global_scale));
      },
      nb::arg(), "scales"_a, "biases"_a = nb::none(),
      "group_size"_a = nb::none(), "bits"_a = nb::none(), "mode"_a = "affine",
      "global_scale"_a = nb::none(), "dtype"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      nb::sig("def dequantize(w: array | numpy.typing.ArrayLike, /, "
              "scales: array | numpy.typing.ArrayLike, "
              "biases: array | numpy.typing.ArrayLike | None = None, "
              "group_size: int | None = None, bits: int | None = None, "
              "mode: str = 'affine', "
              "global_scale: array | numpy.typing.ArrayLike | None = None, "
              "dtype: Dtype | None = None, *, "
              "stream: Stream | Device | None = None) -> array"),
      R"(The numbers that quantize() has put into a few bits each.

In mode affine scale * code + bias, in the others scale * code. Half types are
computed in float32 and rounded once. Gradients pass to scales and biases.

Args:
    w: (..., n, words) array of uint32.
    scales: (..., n, groups) array: floating in mode affine, else uint8.
    biases: array like scales in mode affine, else None.
    group_size: numbers that share a scale, or None for the mode's default.
    bits: of each number, or None for the mode's default.
    mode: "affine", "mxfp4", "mxfp8" or "nvfp4".
    global_scale: what quantize() was given.
    dtype: floating; None is that of the scales, or bfloat16 for those of 8
        bits.
    stream: stream or device.

Returns:
    (..., n, groups * group_size) array.

Raises:
    ValueError: if shapes do not fit each other, or the mode does not have the
        group size or the bits.
    TypeError: if a dtype is not as said.

Example:
    >>> import ingot.core as mx
    >>> w = mx.array([[-3.0, 0.0, 1.0, 2.0] * 8])
    >>> parts = mx.quantize(w, group_size=32, bits=2)
    >>> mx.dequantize(*parts, group_size=32, bits=2)[0, :4]
    array([-3, 0, 1.5, 1.5], dtype=float32))");
}

void bind_quantized_products(nb::module_& m) {
  m.def(
      "quantized_matmul",
      [](const ArrayLike& x, const ArrayLike& w, const ArrayLike& scales,
         const OptionalArray& biases, bool transpose,
         const OptionalInt& group_size, const OptionalInt& bits,
         const std::string& mode, const StreamArg& stream) {
        OnStream scope(stream);
        return quantized_matmul(
            to_array(x.value), quantized(w, scales, biases), transpose,
            quantization("quantized_matmul", mode, group_size, bits));
      },
      nb::arg(), nb::arg(), "scales"_a, "biases"_a = nb::none(),
      "transpose"_a = true, "group_size"_a = nb::none(), "bits"_a = nb::none(),
      "mode"_a = "affine", nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def quantized_matmul(x: array | numpy.typing.ArrayLike, "
              "w: array | numpy.typing.ArrayLike, /, "
              "scales: array | numpy.typing.ArrayLike, "
              "biases: array | numpy.typing.ArrayLike | None = None, "
              "transpose: bool = True, group_size: int | None = None, "
              "bits: int | None = None, mode: str = 'affine', *, "
              "stream: Stream | Device | None = None) -> array"),
      R"(The product x @ w.T, or x @ w, with a quantized matrix.

The matrix is never in memory as a whole. Half types are computed in float32 and
rounded once. Gradients pass to x, scales and biases.

Args:
    x: (..., k) array.
    w: (..., n, words) array of uint32 from quantize(), whose rows stand for k
        numbers; or of k rows. Batch dimensions broadcast.
    scales: (..., n, groups) array: floating in mode affine, else uint8.
    biases: array like scales in mode affine, else None.
    transpose: whether w is transposed.
    group_size: numbers that share a scale, or None for the mode's default.
    bits: of each number, or None for the mode's default.
    mode: "affine", "mxfp4", "mxfp8" or "nvfp4".
    stream: stream or device.

Returns:
    (..., n) array, of the dtype that x, scales and biases promote to; scales of
    8 bits do not count.

Raises:
    ValueError: if shapes do not fit each other, or the mode does not have the
        group size or the bits.
    TypeError: if a dtype is not as said.

Example:
    >>> import ingot.core as mx
    >>> w = mx.array([[1.0, 2.0] * 16, [0.0, 15.0] * 16])
    >>> mx.quantized_matmul(mx.ones((32,)), *mx.quantize(w, 32), group_size=32)
    array([48, 240], dtype=float32))");
  m.def(
      "gather_qmm",
      [](const ArrayLike& x, const ArrayLike& w, const ArrayLike& scales,
         const OptionalArray& biases, const OptionalArray& lhs_indices,
         const OptionalArray& rhs_indices, bool transpose,
         const OptionalInt& group_size, const OptionalInt& bits,
         const std::string& mode, const OptionalArray& global_scale, bool,
         const StreamArg& stream) {
        OnStream scope(stream);
        return gather_qmm(to_array(x.value), quantized(w, scales, biases),
                          or_none(lhs_indices), or_none(rhs_indices), transpose,
                          quantization("gather_qmm", mode, group_size, bits),
                          or_none(global_scale));
      },
      nb::arg(), nb::arg(), "scales"_a, "biases"_a = nb::none(),
      "lhs_indices"_a = nb::none(), "rhs_indices"_a = nb::none(),
      "transpose"_a = true, "group_size"_a = nb::none(), "bits"_a = nb::none(),
      "mode"_a = "affine", "global_scale"_a = nb::none(), nb::kw_only(),
      "sorted_indices"_a = false, "stream"_a = nb::none(),
      nb::sig("def gather_qmm(x: array | numpy.typing.ArrayLike, "
              "w: array | numpy.typing.ArrayLike, /, "
              "scales: array | numpy.typing.ArrayLike, "
              "biases: array | numpy.typing.ArrayLike | None = None, "
              "lhs_indices: array | numpy.typing.ArrayLike | None = None, "
              "rhs_indices: array | numpy.typing.ArrayLike | None = None, "
              "transpose: bool = True, group_size: int | None = None, "
              "bits: int | None = None, mode: str = 'affine', "
              "global_scale: array | numpy.typing.ArrayLike | None = None, *, "
              "sorted_indices: bool = False, "
              "stream: Stream | Device | None = None) -> array"),
      R"(Products of matrices with quantized ones, each chosen by an index.

Result i is x[lhs_indices[i]] @ w[rhs_indices[i]].T, or without the transpose,
where the matrices of x and of w are counted along all their batch dimensions.
Gradients pass to x, scales and biases.

Args:
    x: (..., m, k) array.
    w: (..., n, words) array of uint32 from quantize().
    scales: (..., n, groups) array: floating in mode affine, else uint8.
    biases: array like scales in mode affine, else None.
    lhs_indices: array of integers, or None for all matrices of x in their
        shape. It broadcasts with rhs_indices.
    rhs_indices: the same for w.
    transpose: whether matrices of w are transposed.
    group_size: numbers that share a scale, or None for the mode's default.
    bits: of each number, or None for the mode's default.
    mode: "affine", "mxfp4", "mxfp8" or "nvfp4".
    global_scale: what quantize() was given for w.
    sorted_indices: accepted for compatibility; any order is as fast.
    stream: stream or device.

Returns:
    array of the shape of the indices, then (m, n).

Raises:
    ValueError: if shapes do not fit each other, or the mode does not have the
        group size or the bits.
    TypeError: if a dtype is not as said.
    IndexError: if an index is out of range, once it is computed.

Example:
    >>> import ingot.core as mx
    >>> w = mx.stack([mx.ones((1, 32)), mx.full((1, 32), 2.0)])
    >>> x = mx.ones((1, 1, 32))
    >>> index = mx.array([1, 0, 1])
    >>> parts = mx.quantize(w, group_size=32)
    >>> mx.gather_qmm(x, *parts, None, index, group_size=32).flatten()
    array([64, 32, 64], dtype=float32))");
}

void bind_fp8(nb::module_& m) {
  m.def(
      "to_fp8",
      [](const ArrayLike& x, const StreamArg& stream) {
        OnStream scope(stream);
        return to_fp8(to_array(x.value));
      },
      "x"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Numbers as floats of 8 bits, E4M3, in the bytes of an array of uint8.

A sign, four bits of exponent and three of fraction: to the nearest, halves to
the even one. What is beyond 448 becomes that; NaN stays NaN.

Args:
    x: array, floating.
    stream: stream or device.

Returns:
    array of uint8.

Raises:
    TypeError: if x is not floating.

Example:
    >>> import ingot.core as mx
    >>> mx.to_fp8(mx.array([1.0, -2.0, 1000.0]))
    array([56, 192, 126], dtype=uint8))");
  m.def(
      "from_fp8",
      [](const ArrayLike& x, const DtypeArg& dtype, const StreamArg& stream) {
        OnStream scope(stream);
        return from_fp8(to_array(x.value), dtype_or(dtype, Dtype::bfloat16));
      },
      "x"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      R"(The numbers that to_fp8() has put into 8 bits each.

Args:
    x: array of uint8.
    dtype: floating; None is bfloat16.
    stream: stream or device.

Returns:
    array of the dtype.

Raises:
    TypeError: if a dtype is not as said.

Example:
    >>> import ingot.core as mx
    >>> mx.from_fp8(mx.to_fp8(mx.array([1.0, -2.0, 0.3])), mx.float32)
    array([1, -2, 0.3125], dtype=float32))");
}

}  // namespace

void bind_quantize(nb::module_& m) {
  bind_both_ways(m);
  bind_quantized_products(m);
  bind_fp8(m);
}

}  // namespace ingot::python
