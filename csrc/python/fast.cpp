// Fused operations in Python: the module ingot.core.fast.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using OptionalArray = std::optional<ArrayLike>;

Array or_none(const OptionalArray& x) {
  return x ? to_array(x->value) : Array();
}

}  // namespace

void bind_fast(nb::module_& m) {
  nb::module_ fast = m.def_submodule("fast", "Fused operations.");
  fast.def(
      "layer_norm",
      [](const ArrayLike& x, const OptionalArray& weight,
         const OptionalArray& bias, double eps, const StreamArg& stream) {
        OnStream scope(stream);
        return layer_norm(to_array(x.value), or_none(weight), or_none(bias),
                          eps);
      },
      "x"_a, "weight"_a.none(), "bias"_a.none(), "eps"_a, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(Layer normalization, (x - E[x]) / sqrt(Var[x] + eps) * weight + bias.

Mean and variance are those of the last axis. Sums are kept in more than
float32, half types are rounded once, at the end.

Args:
    x: (..., n) array.
    weight: (n,) array, or None for 1.
    bias: (n,) array, or None for 0.
    eps: number added to the variance, at least 0.
    stream: stream or device.

Returns:
    array of the shape of x, and of the dtype of x * weight + bias; integers
    alone give float32.

Raises:
    ValueError: if x has no axis, weight or bias another shape, or eps is
        negative or not finite.

Reference:
    Ba, Kiros and Hinton (2016), Layer normalization,
    https://arxiv.org/abs/1607.06450

Example:
    >>> import ingot.core as mx
    >>> x = mx.array([[1.0, 3.0], [10.0, 30.0]])
    >>> mx.fast.layer_norm(x, mx.array([1.0, 2.0]), None, eps=0.0)
    array([[-1, 2],
           [-1, 2]], dtype=float32))");
  fast.def(
      "rms_norm",
      [](const ArrayLike& x, const OptionalArray& weight, double eps,
         const StreamArg& stream) {
        OnStream scope(stream);
        return rms_norm(to_array(x.value), or_none(weight), eps);
      },
      "x"_a, "weight"_a.none(), "eps"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Root mean square normalization, x / sqrt(E[x^2] + eps) * weight.

The mean is that of the last axis. Sums are kept in more than float32, half
types are rounded once, at the end.

Args:
    x: (..., n) array.
    weight: (n,) array, or None for 1.
    eps: number added to the mean square, at least 0.
    stream: stream or device.

Returns:
    array of the shape of x, and of the dtype of x * weight; integers alone
    give float32.

Raises:
    ValueError: if x has no axis, weight another shape, or eps is negative or
        not finite.

Reference:
    Zhang and Sennrich (2019), Root mean square layer normalization,
    https://arxiv.org/abs/1910.07467

Example:
    >>> import ingot.core as mx
    >>> mx.fast.rms_norm(mx.array([[3.0, -3.0]]), None, eps=0.0)
    array([[1, -1]], dtype=float32))");
}

}  // namespace ingot::python
