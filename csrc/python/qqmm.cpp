// Products of which both operands are quantized, in Python.
// SPDX-License-Identifier: MIT
#include "csrc/ops/quantize.h"
#include "csrc/python/module.h"

namespace ingot::python {

void bind_qqmm(nb::module_& m) {
  m.def(
      "qqmm",
      [](const ArrayLike& x, const ArrayLike& w, const OptionalArray& scales,
         const std::optional<int64_t>& group_size,
         const std::optional<int64_t>& bits, const std::string& mode,
         const OptionalArray& global_scale_x,
         const OptionalArray& global_scale_w, const StreamArg& stream) {
        OnStream scope(stream);
        return qqmm(to_array(x.value), to_array(w.value), or_none(scales),
                    quantization("qqmm", mode, group_size, bits),
                    or_none(global_scale_x), or_none(global_scale_w));
      },
      "x"_a, "w"_a, "scales"_a = nb::none(), "group_size"_a = nb::none(),
      "bits"_a = nb::none(), "mode"_a = "nvfp4",
      "global_scale_x"_a = nb::none(), "global_scale_w"_a = nb::none(),
      nb::kw_only(), "stream"_a = nb::none(),
      R"(The product x @ w.T of numbers that are rounded to those of a format of few bits.

x is what dequantize() gives back of what quantize() makes of it, and so is w, which may
also be given in words with its scales. Gradients pass to x and to a w that is no words
as if nothing had been rounded: that of x is dy @ w, with the rounded w, that of w is
dy.T @ x, with the rounded x.

Args:
    x: (..., k) array, floating.
    w: (..., n, k) array, floating; or the words of one, uint32, from quantize().
    scales: what quantize() has made of w beside its words, or None.
    group_size: numbers that share a scale, or None for the mode's.
    bits: of each number, or None for the mode's.
    mode: "nvfp4" or "mxfp8".
    global_scale_x: in mode nvfp4 a number that all scales of x are in proportion
        to, as in quantize(); or None.
    global_scale_w: that of w.
    stream: stream or device.

Returns:
    (..., n) array of the dtype that x has, or that x and a w that is no words
    promote to.

Raises:
    ValueError: if the mode is another one or does not have the group size or the
        bits, or if shapes do not fit each other.
    TypeError: if a dtype is not as said.

Reference:
    Bengio et al. (2013), Estimating or propagating gradients through stochastic
    neurons, https://arxiv.org/abs/1308.3432 (the gradients).

Example:
    >>> import ingot.core as mx
    >>> x, w = mx.full((1, 32), 1.05), mx.ones((2, 32))
    >>> mx.qqmm(x, w, mode="mxfp8")  # 1.05 becomes 1
    array([[32, 32]], dtype=float32))");
}

}  // namespace ingot::python
