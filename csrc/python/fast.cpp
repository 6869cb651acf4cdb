// Fused operations in Python: the module ingot.core.fast.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

// A mask is None, "causal" or an array.
bool is_causal(const OptionalArray& mask) {
  if (!mask || !nb::isinstance<nb::str>(mask->value)) return false;
  bool causal = nb::cast<std::string>(mask->value) == "causal";
  require(causal, "scaled_dot_product_attention: mask must be None, 'causal' ",
          "or an array, got '", Shown{mask->value}, "'");
  return true;
}

void bind_attention(nb::module_& fast) {
  fast.def(
      "scaled_dot_product_attention",
      [](const ArrayLike& q, const ArrayLike& k, const ArrayLike& v,
         double scale, const OptionalArray& mask, const OptionalArray& sinks,
         bool, const StreamArg& stream) {
        OnStream scope(stream);
        bool causal = is_causal(mask);
        return scaled_dot_product_attention(
            to_array(q.value), to_array(k.value), to_array(v.value), scale,
            causal, causal ? Array() : or_none(mask), or_none(sinks));
      },
      "q"_a, "k"_a, "v"_a, nb::kw_only(), "scale"_a, "mask"_a = nb::none(),
      "sinks"_a = nb::none(), "force_fused"_a = false, "stream"_a = nb::none(),
      R"(Attention, softmax(scale q k^T + mask) v.

Blocks of scores are computed and forgotten, in gradients too: memory grows
with the lengths, not with their product. The softmax is computed in float32,
or float64, and half types are rounded once, at the end. Several heads of q
may share one of k and v: head i of q reads head i // (N_q / N_kv).

Args:
    q: queries, (B, N_q, L_q, D) array.
    k: keys, (B, N_kv, L_kv, D) array, where N_kv divides N_q.
    v: values, (B, N_kv, L_kv, D_v) array.
    scale: factor of the scores, as a rule 1 / sqrt(D).
    mask: None; "causal", where query i sees the keys up to i + L_kv - L_q, so
        that the last sees all; a bool array, True where a query sees a key; or
        an array that is added to the scores. Arrays broadcast to (B, N_q, L_q,
        L_kv). A query that sees no key gets zeros.
    sinks: (N_q,) array of scores that take part in the softmax without a
        value, or None.
    force_fused: accepted for compatibility; it is fused always.
    stream: stream or device.

Returns:
    (B, N_q, L_q, D_v) array of the dtype that q, k and v promote to.

Raises:
    ValueError: if shapes do not fit, dtypes do not promote to a floating one,
        or scale is not finite.

References:
    Milakov and Gimelshein (2018), Online normalizer calculation for softmax,
    https://arxiv.org/abs/1805.02867; Dao et al. (2022), FlashAttention,
    https://arxiv.org/abs/2205.14135

Example:
    >>> import ingot.core as mx
    >>> q = k = mx.zeros((1, 1, 2, 4))
    >>> v = mx.array([1.0, 3.0]).reshape(1, 1, 2, 1)
    >>> f = mx.fast.scaled_dot_product_attention
    >>> f(q, k, v, scale=0.5, mask="causal").flatten()
    array([1, 2], dtype=float32))");
  fast.def(
      "rope",
      [](const ArrayLike& a, int64_t dims, bool traditional,
         std::optional<double> base, double scale, const ArrayLike& offset,
         const OptionalArray& freqs, const StreamArg& stream) {
        OnStream scope(stream);
        require(base.has_value() != freqs.has_value(), "rope: exactly one of ",
                "base and freqs must be None, got ",
                freqs ? "both" : "neither");
        return rope(to_array(a.value), dims, traditional, base.value_or(0),
                    scale, to_array(offset.value), or_none(freqs));
      },
      "a"_a, "dims"_a, nb::kw_only(), "traditional"_a, "base"_a.none(),
      "scale"_a, "offset"_a, "freqs"_a = nb::none(), "stream"_a = nb::none(),
      R"(Rotary position encoding: pairs of features turn with the position.

Pair i at position t turns by the angle scale (offset + t) / base^(2 i / dims),
or scale (offset + t) / freqs[i], taken modulo 2 pi without loss: positions of
millions are as exact as small ones. Half types are computed in float32.

Args:
    a: (B, ..., T, D) array, floating.
    dims: features that turn, even; the others stay as they are.
    traditional: whether neighbours are pairs; else features i and i + dims / 2.
    base: number above 0, or None where there are freqs.
    scale: factor of the positions.
    offset: position of the first element, an integer; or an array of one, or
        of B integers.
    freqs: (dims / 2,) array, or None. No gradient passes to it.
    stream: stream or device.

Returns:
    array of the shape and dtype of a.

Raises:
    ValueError: if shapes or dtypes do not fit, dims is odd or beyond D, or not
        exactly one of base and freqs is None.

Reference:
    Su et al. (2021), RoFormer, https://arxiv.org/abs/2104.09864

Example:
    >>> import ingot.core as mx
    >>> x = mx.ones((1, 2, 2))
    >>> options = {"traditional": False, "base": 1e4, "scale": 1.0, "offset": 0}
    >>> mx.fast.rope(x, 2, **options).round(2)
    array([[[1, 1],
            [-0.3, 1.38]]], dtype=float32))");
  fast.def(
      "cross_entropy",
      [](const ArrayLike& logits, const ArrayLike& targets,
         const StreamArg& stream) {
        OnStream scope(stream);
        return cross_entropy(to_array(logits.value), to_array(targets.value));
      },
      "logits"_a, "targets"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Cross entropy of class indices, logsumexp(logits) - logits[target].

Computed in float32 whatever the dtype of the logits, in float64 for float64.

Args:
    logits: (..., K) array, unnormalized log probabilities.
    targets: (...) array of integers in [0, K).
    stream: stream or device.

Returns:
    float32 (float64) array of the shape of targets.

Raises:
    ValueError: if shapes do not fit.
    TypeError: if targets are not integers.
    IndexError: if a target is out of range, once it is computed.

Example:
    >>> import ingot.core as mx
    >>> mx.fast.cross_entropy(mx.array([[2.0, -1.0]]), mx.array([0])).round(4)
    array([0.0486], dtype=float32))");
}

}  // namespace

void bind_fast(nb::module_& m) {
  nb::module_ fast = m.def_submodule("fast", "Fused operations.");
  bind_attention(fast);
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
