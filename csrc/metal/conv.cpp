// Convolutions on Metal: one kernel. The gradient of the weight is one too,
// where batch and channels, positions and taps have changed places.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"

namespace ingot::metal {
namespace {

// Numbers of spatial dimensions, the last of three; `otherwise` for the others.
template <class To>
void set(To (&to)[kSpatial], const int64_t* from, int64_t dims,
         int64_t otherwise) {
  for (int64_t d = 0; d < kSpatial; ++d) {
    int64_t i = d - (kSpatial - dims);
    to[d] = static_cast<To>(i < 0 ? otherwise : from[i]);
  }
}

// Whether what the kernel computes along each dimension fits 32 bits: the least
// and the greatest place that a tap may meet.
bool fits(const Convolution& what, const Array& weight, const Array& out) {
  int64_t least = 0, greatest = 0;
  for (int64_t d = 0; d < what.stride.size(); ++d) {
    least = std::max(least, std::abs(what.low[d]));
    int64_t last = out.shape(d + 1) * what.stride[d] +
                   weight.shape(d + 1) * what.kernel_dilation[d];
    greatest = std::max({greatest, last, what.input_dilation[d]});
  }
  return least < INT32_MAX / 2 && greatest < INT32_MAX / 2;
}

bool short_sides(std::initializer_list<const Array*> arrays) {
  return std::all_of(arrays.begin(), arrays.end(), [](const Array* x) {
    return std::all_of(x->shape().begin(), x->shape().end(),
                       [](int64_t n) { return n < INT32_MAX; });
  });
}

// Of x, weight (or its gradient) and out (or its cotangent).
ConvArgs args_of(const Convolution& what, const Array& x, const Array& weight,
                 const Array& out) {
  int64_t dims = what.stride.size(), last = dims + 1;
  auto set_spatial = [&](auto& sizes, auto& strides, const Array& array) {
    set(sizes, array.shape().begin() + 1, dims, 1);
    set(strides, array.strides().begin() + 1, dims, 0);
  };
  ConvArgs args = {};
  args.channels = static_cast<uint32_t>(weight.shape(last));
  args.groups = static_cast<uint32_t>(what.groups);
  args.outputs = static_cast<uint32_t>(weight.shape(0) / what.groups);
  set_spatial(args.input, args.x_spatial, x);
  set_spatial(args.taps, args.weight_spatial, weight);
  set_spatial(args.positions, args.out_spatial, out);
  set(args.stride, what.stride.begin(), dims, 1);
  set(args.low, what.low.begin(), dims, 0);
  set(args.kernel_dilation, what.kernel_dilation.begin(), dims, 1);
  set(args.input_dilation, what.input_dilation.begin(), dims, 1);
  args.x_batch = x.strides()[0];
  args.x_channel = x.strides()[last];
  args.x_group = args.channels * args.x_channel;
  args.weight_output = weight.strides()[0];
  args.weight_channel = weight.strides()[last];
  args.out_batch = out.strides()[0];
  args.out_channel = out.strides()[last];
  return args;
}

void run(ConvArgs& args, const Array& x, const Array& weight,
         const Array& out) {
  args.size = static_cast<uint64_t>(out.size());
  encoder().dispatch(
      {.pipeline = pipeline("conv", "conv", {metal_type(out.dtype())}),
       .operands = {{x}, {weight}, {out, true}},
       .args = &args,
       .args_size = sizeof(args),
       .groups = (out.size() + kGroup - 1) / kGroup,
       .threads = kGroup});
}

}  // namespace

void MetalBackend::convolve(const Convolution& what, const Array& x,
                            const Array& weight, Array& out) {
  if (!metal_type(out.dtype()) || !short_sides({&x, &weight, &out}) ||
      !fits(what, weight, out)) {
    return on_cpu("conv", {x, weight, out},
                  [&](Backend& cpu) { cpu.convolve(what, x, weight, out); });
  }
  if (out.size() == 0) return;
  ConvArgs args = args_of(what, x, weight, out);
  run(args, x, weight, out);
}

void MetalBackend::convolve_weight(const Convolution& what, const Array& x,
                                   const Array& cotangent, Array& out) {
  if (!metal_type(out.dtype()) || !short_sides({&x, &cotangent, &out}) ||
      !fits(what, out, cotangent)) {
    return on_cpu("conv_weight", {x, cotangent, out}, [&](Backend& cpu) {
      cpu.convolve_weight(what, x, cotangent, out);
    });
  }
  if (out.size() == 0) return;
  ConvArgs args = args_of(what, x, out, cotangent);
  // The elements of the batch are summed over, a channel is what remains.
  args.channels = static_cast<uint32_t>(x.shape(0));
  std::swap(args.x_batch, args.x_channel);
  std::swap(args.taps, args.positions);
  std::swap(args.stride, args.kernel_dilation);
  std::swap(args.weight_spatial, args.out_spatial);
  // Of the cotangent and of the gradient.
  std::swap(args.weight_output, args.out_channel);
  std::swap(args.weight_channel, args.out_batch);
  run(args, x, cotangent, out);
}

}  // namespace ingot::metal
