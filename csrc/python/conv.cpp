// Convolutions in Python.
// SPDX-License-Identifier: MIT
#include "csrc/ops/conv.h"

#include "csrc/python/module.h"

namespace ingot::python {
namespace {

// (low, high), each of numbers for all spatial dimensions.
using PaddingArg = std::variant<IntOrInts, std::pair<Shape, Shape>>;

constexpr const char* kConv[] = {"conv1d", "conv2d", "conv3d"};
constexpr const char* kConvTranspose[] = {
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"};

// One dimension takes numbers, more of them one for each as well.
template <class Ints>
Shape shape_of(const Ints& values) {
  if constexpr (std::is_same_v<Ints, int64_t>) {
    return {values};
  } else {
    return values.values;
  }
}

template <class Ints>
void bind_dims(nb::module_& m, int64_t dims, const char* doc) {
  m.def(
      kConv[dims - 1],
      [dims](const ArrayLike& input, const ArrayLike& weight,
             const Ints& stride, const Ints& padding, const Ints& dilation,
             int64_t groups, const StreamArg& stream) {
        OnStream scope(stream);
        ConvOptions options;
        options.stride = shape_of(stride);
        options.low = options.high = shape_of(padding);
        options.dilation = shape_of(dilation);
        options.groups = groups;
        return conv(to_array(input.value), to_array(weight.value), options,
                    kConv[dims - 1], dims);
      },
      "input"_a, "weight"_a, "stride"_a = 1, "padding"_a = 0, "dilation"_a = 1,
      "groups"_a = 1, nb::kw_only(), "stream"_a = nb::none(), doc);
}

template <class Ints>
void bind_transpose_dims(nb::module_& m, int64_t dims, const char* doc) {
  m.def(
      kConvTranspose[dims - 1],
      [dims](const ArrayLike& input, const ArrayLike& weight,
             const Ints& stride, const Ints& padding, const Ints& dilation,
             const Ints& output_padding, int64_t groups,
             const StreamArg& stream) {
        OnStream scope(stream);
        ConvTransposeOptions options;
        options.stride = shape_of(stride);
        options.padding = shape_of(padding);
        options.dilation = shape_of(dilation);
        options.output_padding = shape_of(output_padding);
        options.groups = groups;
        return conv_transpose(to_array(input.value), to_array(weight.value),
                              options, kConvTranspose[dims - 1], dims);
      },
      "input"_a, "weight"_a, "stride"_a = 1, "padding"_a = 0, "dilation"_a = 1,
      "output_padding"_a = 0, "groups"_a = 1, nb::kw_only(),
      "stream"_a = nb::none(), doc);
}

ConvolveMode to_mode(const std::string& mode) {
  if (mode == "full") return ConvolveMode::full;
  if (mode == "same") return ConvolveMode::same;
  require(mode == "valid",
          "convolve: mode must be 'full', 'same' or 'valid', got '", mode, "'");
  return ConvolveMode::valid;
}

void bind_general(nb::module_& m) {
  m.def(
      "conv_general",
      [](const ArrayLike& input, const ArrayLike& weight,
         const IntOrInts& stride, const PaddingArg& padding,
         const IntOrInts& kernel_dilation, const IntOrInts& input_dilation,
         int64_t groups, bool flip, const StreamArg& stream) {
        OnStream scope(stream);
        ConvOptions options;
        if (auto* both = std::get_if<IntOrInts>(&padding)) {
          options.low = options.high = both->values;
        } else {
          std::tie(options.low, options.high) =
              std::get<std::pair<Shape, Shape>>(padding);
        }
        options.stride = stride.values;
        options.dilation = kernel_dilation.values;
        options.input_dilation = input_dilation.values;
        options.groups = groups;
        options.flip = flip;
        return conv(to_array(input.value), to_array(weight.value), options);
      },
      "input"_a, "weight"_a, "stride"_a = 1, "padding"_a = 0,
      "kernel_dilation"_a = 1, "input_dilation"_a = 1, "groups"_a = 1,
      "flip"_a = false, nb::kw_only(), "stream"_a = nb::none(),
      R"(Convolution over one to three spatial dimensions, in its general form.

out[n, p, o] = sum over taps t and channels c of
weight[o, t, c] * x[n, p * stride + t * kernel_dilation, c], where x is the input
with input_dilation - 1 zeros between its elements and padding around them.

Args:
    input: (N, ..., C_in) floating array with 1 to 3 spatial dimensions.
    weight: (C_out, ..., C_in / groups) floating array.
    stride: positions to move on by, for all spatial dimensions or one for each.
        Default: 1.
    padding: zeros on both sides, for all or for each; or two sequences, of those
        before and of those after. Negative numbers cut off. Default: 0.
    kernel_dilation: distance of neighbouring taps. Default: 1.
    input_dilation: distance of neighbouring elements of the input. Default: 1.
    groups: parts of the channels that are convolved each by itself. Default: 1.
    flip: turn the taps around, as in mathematics. Default: False.
    stream: stream or device.

Returns:
    (N, ..., C_out) array.

Raises:
    ValueError: if shapes or settings do not fit, or no operand is floating.

Example:
    >>> import ingot.core as mx
    >>> x = mx.array([1.0, 2.0, 3.0]).reshape(1, 3, 1)
    >>> w = mx.array([1.0, 10.0]).reshape(1, 2, 1)
    >>> mx.conv_general(x, w, padding=([1], [0])).flatten()
    array([10, 21, 32], dtype=float32))");
}

void bind_convolve(nb::module_& m) {
  m.def(
      "convolve",
      [](const ArrayLike& a, const ArrayLike& v, const std::string& mode,
         const StreamArg& stream) {
        OnStream scope(stream);
        return convolve(to_array(a.value), to_array(v.value), to_mode(mode));
      },
      "a"_a, "v"_a, "mode"_a = "full", nb::kw_only(), "stream"_a = nb::none(),
      R"(Convolution of two vectors: out[k] = sum over i of a[i] * v[k - i].

Args:
    a: (n,) floating array.
    v: (m,) floating array; the longer one is taken for a.
    mode: 'full' gives all n + m - 1 elements, 'valid' those to which all of the
        shorter vector contributes, 'same' the middle max(n, m). Default: 'full'.
    stream: stream or device.

Raises:
    ValueError: if an operand is empty or no vector, or none is floating.

Example:
    >>> import ingot.core as mx
    >>> mx.convolve(mx.array([1.0, 2.0, 3.0]), mx.array([1.0, 10.0]))
    array([1, 12, 23, 30], dtype=float32))");
}

}  // namespace

void bind_conv(nb::module_& m) {
  bind_dims<int64_t>(m, 1, R"(Convolution over one dimension, channels last.

Args:
    input: (N, L, C_in) floating array.
    weight: (C_out, K, C_in / groups) floating array.
    stride: positions to move on by. Default: 1.
    padding: zeros on both sides. Default: 0.
    dilation: distance of neighbouring taps. Default: 1.
    groups: parts of the channels that are convolved each by itself. Default: 1.
    stream: stream or device.

Returns:
    (N, (L + 2 * padding - dilation * (K - 1) - 1) // stride + 1, C_out) array.

Raises:
    ValueError: if shapes or settings do not fit, or no operand is floating.

Example:
    >>> import ingot.core as mx
    >>> mx.conv1d(mx.ones((1, 4, 2)), mx.ones((1, 3, 2)), padding=1).flatten()
    array([4, 6, 6, 4], dtype=float32))");
  bind_dims<IntOrInts>(m, 2, R"(Convolution over two dimensions, channels last.

Args:
    input: (N, H, W, C_in) floating array.
    weight: (C_out, KH, KW, C_in / groups) floating array.
    stride: positions to move on by, for both dimensions or one for each.
        Default: 1.
    padding: zeros on both sides. Default: 0.
    dilation: distance of neighbouring taps. Default: 1.
    groups: parts of the channels that are convolved each by itself. Default: 1.
    stream: stream or device.

Returns:
    (N, H_out, W_out, C_out) array, with sizes as in conv1d.

Raises:
    ValueError: if shapes or settings do not fit, or no operand is floating.

Example:
    >>> import ingot.core as mx
    >>> x, w = mx.ones((1, 8, 8, 3)), mx.ones((16, 3, 3, 3))
    >>> mx.conv2d(x, w, stride=2, padding=(1, 0)).shape
    (1, 4, 3, 16))");
  bind_dims<IntOrInts>(m, 3,
                       R"(Convolution over three dimensions, channels last.

Args:
    input: (N, D, H, W, C_in) floating array.
    weight: (C_out, KD, KH, KW, C_in / groups) floating array.
    stride: positions to move on by, for all dimensions or one for each.
        Default: 1.
    padding: zeros on both sides. Default: 0.
    dilation: distance of neighbouring taps. Default: 1.
    groups: parts of the channels that are convolved each by itself. Default: 1.
    stream: stream or device.

Returns:
    (N, D_out, H_out, W_out, C_out) array, with sizes as in conv1d.

Raises:
    ValueError: if shapes or settings do not fit, or no operand is floating.

Example:
    >>> import ingot.core as mx
    >>> mx.conv3d(mx.ones((1, 4, 4, 4, 2)), mx.ones((5, 2, 3, 3, 2))).shape
    (1, 3, 2, 2, 5))");
  bind_transpose_dims<int64_t>(
      m, 1, R"(Transposed convolution over one dimension, channels last.

The linear map of the gradient of a convolution: element i of the input adds its
multiple of the weight at i * stride.

Args:
    input: (N, L, C_in) floating array.
    weight: (C_out, K, C_in / groups) floating array.
    stride: distance of neighbouring elements of the input. Default: 1.
    padding: elements of the result to cut off on both sides. Default: 0.
    dilation: distance of neighbouring taps. Default: 1.
    output_padding: elements to add at the end of the result. Default: 0.
    groups: parts of the channels that are convolved each by itself. Default: 1.
    stream: stream or device.

Returns:
    (N, (L - 1) * stride - 2 * padding + dilation * (K - 1) + 1 + output_padding,
    C_out) array.

Raises:
    ValueError: if shapes or settings do not fit, or no operand is floating.

Example:
    >>> import ingot.core as mx
    >>> x = mx.array([1.0, 2.0]).reshape(1, 2, 1)
    >>> mx.conv_transpose1d(x, mx.ones((1, 3, 1)), stride=2).flatten()
    array([1, 1, 3, 2, 2], dtype=float32))");
  bind_transpose_dims<IntOrInts>(
      m, 2, R"(Transposed convolution over two dimensions, channels last.

Args:
    input: (N, H, W, C_in) floating array.
    weight: (C_out, KH, KW, C_in / groups) floating array.
    stride: distance of neighbouring elements of the input, for both dimensions
        or one for each. Default: 1.
    padding: elements of the result to cut off on both sides. Default: 0.
    dilation: distance of neighbouring taps. Default: 1.
    output_padding: elements to add at the end of the result. Default: 0.
    groups: parts of the channels that are convolved each by itself. Default: 1.
    stream: stream or device.

Returns:
    (N, H_out, W_out, C_out) array, with sizes as in conv_transpose1d.

Raises:
    ValueError: if shapes or settings do not fit, or no operand is floating.

Example:
    >>> import ingot.core as mx
    >>> x, w = mx.ones((1, 4, 4, 3)), mx.ones((8, 3, 3, 3))
    >>> mx.conv_transpose2d(x, w, 2, 1, output_padding=1).shape
    (1, 8, 8, 8))");
  bind_transpose_dims<IntOrInts>(
      m, 3, R"(Transposed convolution over three dimensions, channels last.

Args:
    input: (N, D, H, W, C_in) floating array.
    weight: (C_out, KD, KH, KW, C_in / groups) floating array.
    stride: distance of neighbouring elements of the input, for all dimensions
        or one for each. Default: 1.
    padding: elements of the result to cut off on both sides. Default: 0.
    dilation: distance of neighbouring taps. Default: 1.
    output_padding: elements to add at the end of the result. Default: 0.
    groups: parts of the channels that are convolved each by itself. Default: 1.
    stream: stream or device.

Returns:
    (N, D_out, H_out, W_out, C_out) array, with sizes as in conv_transpose1d.

Raises:
    ValueError: if shapes or settings do not fit, or no operand is floating.

Example:
    >>> import ingot.core as mx
    >>> x, w = mx.ones((1, 2, 2, 2, 1)), mx.ones((4, 3, 3, 3, 1))
    >>> mx.conv_transpose3d(x, w, stride=2).shape
    (1, 5, 5, 5, 4))");
  bind_general(m);
  bind_convolve(m);
}

}  // namespace ingot::python
