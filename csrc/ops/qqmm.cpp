// Products of which both operands are rounded to the numbers of a quantized format.
// SPDX-License-Identifier: MIT
#include "csrc/backend.h"
#include "csrc/ops/operators.h"
#include "csrc/ops/quantize.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

// Inputs: numbers that are rounded, and what they were. Gradients pass as if
// nothing had been rounded (Bengio et al. 2013, the straight-through estimator).
class Rounded final : public Op {
 public:
  const char* name() const override { return "rounded"; }
  std::optional<Saved> saved() const override { return Saved{name(), {}}; }
  void eval(Backend&, Inputs& in, Outputs& out) const override {
    out[0].view_of(in[0], in[0].strides());
  }
  Arrays vjp(const Inputs&, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Arrays gradients;
    for (int i : wanted) gradients.push_back(i == 1 ? cotangents[0] : Array());
    return gradients;
  }
  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.along());
  }
};

// The numbers of the format that stand for those of an argument of qqmm.
Array there_and_back(const char* argument, const Array& x,
                     const Quantization& how, const Array& global_scale) {
  Array given = stop_gradient(x);
  if (x.ndim() == 1) given = expand_dims(given, {0});
  Quantized made = quantize(given, how, global_scale, "qqmm", argument);
  Array rounded = dequantize(made, how, x.dtype(), global_scale);
  return rounded_from(reshape(rounded, x.shape()), x);
}

void check_shapes(const Array& x, const Array& w, int64_t columns) {
  require(x.ndim() > 0 && x.shape().back() == columns,
          "qqmm: last dimension of x must be ", columns,
          ", as w has columns, got shape ", x.shape());
  if (x.ndim() == 1) return;
  broadcast_shapes(Shape(x.shape().begin(), x.shape().end() - 2),
                   Shape(w.shape().begin(), w.shape().end() - 2), "qqmm");
}

}  // namespace

Array rounded_from(const Array& rounded, const Array& x) {
  static const auto op = std::make_shared<Rounded>();
  require(rounded.shape() == x.shape() && rounded.dtype() == x.dtype(),
          "rounded: numbers must keep their shape and dtype, ", x.shape(),
          " and ", x.dtype(), ", got ", rounded.shape(), " and ",
          rounded.dtype());
  return make_array(op, x.shape(), x.dtype(), {rounded, x});
}

Array qqmm(const Array& x, const Array& w, const Array& scales,
           const Quantization& how, const Array& x_scale,
           const Array& w_scale) {
  require(how.mode == Quantization::nvfp4 || how.mode == Quantization::mxfp8,
          "qqmm: mode must be 'nvfp4' or 'mxfp8', got '", name_of(how.mode),
          "'");
  require<TypeError>(is_floating(x.dtype()),
                     "qqmm: x must have a floating dtype, got ", x.dtype());
  require(w.ndim() >= 2, "qqmm: w must have at least two dimensions, got ",
          "shape ", w.shape());
  if (!scales) {
    require<TypeError>(is_floating(w.dtype()), "qqmm: w must have a floating ",
                       "dtype, or scales be given, got ", w.dtype());
    check_shapes(x, w, w.shape().back());
    return matmul(there_and_back("x", x, how, x_scale),
                  swapaxes(there_and_back("w", w, how, w_scale), -1, -2));
  }
  Quantized words = {w, scales, {}};
  check_shapes(x, w, columns_of("qqmm", words, how));
  Array a = there_and_back("x", x, how, x_scale);
  if (!w_scale) return quantized_matmul(a, words, true, how);
  // Rounded once, after the scale: the numbers before it may be out of range.
  Array y = quantized_matmul(astype(a, promote(a.dtype(), Dtype::float32)),
                             words, true, how);
  return astype(y * nvfp4_factor("qqmm", how, w_scale), x.dtype());
}

}  // namespace ingot
