// The functions that build an operation of saved_table.cpp where one line is too
// short: they check what the functions that they call take for granted.
// SPDX-License-Identifier: MIT
#include "csrc/saved_build.h"

#include <cmath>

#include "csrc/ops.h"
#include "csrc/ops/adafactor.h"
#include "csrc/ops/complex.h"
#include "csrc/ops/quantize.h"
#include "csrc/ops/remade.h"
#include "csrc/ops/step.h"

namespace ingot {
namespace {

Convolution convolution(const Reading& r) {
  return {r.list(0), r.list(1), r.list(2), r.list(3), r.integer(4)};
}

Shape inner(const Shape& shape) {
  require(shape.size() >= 2, "the result must have spatial dimensions, got ",
          "shape ", shape);
  return Shape(shape.begin() + 1, shape.end() - 1);
}

std::vector<int64_t> vector_of(const Shape& list) {
  return {list.begin(), list.end()};
}

// Fields 0 to 2 of what quantizes.
Quantization quantization(const Reading& r) {
  return ingot::quantization(r.saved.name.c_str(),
                             name_of(r.choice<Quantization::Mode>(0, 4)),
                             r.integer(2), r.integer(1));
}

// A quantized matrix after `before` inputs, with `after` others behind it.
Quantized quantized(const Reading& r, const Quantization& how, size_t before,
                    size_t after) {
  bool affine = how.mode == Quantization::affine;
  size_t inputs = before + (affine ? 3 : 2) + after;
  require(r.in.size() == inputs, "there must be ", inputs, " inputs, got ",
          r.in.size());
  return {r.in[before], r.in[before + 1], affine ? r.in[before + 2] : Array()};
}

}  // namespace

Array build_arange(const Reading& r) {
  require(r.ndim() == 1, "the result must be a vector, got ", r.shape());
  double start = r.number(0), step = r.number(1);
  int64_t size = r.shape()[0];
  double last = start + static_cast<double>(size) * step;
  require(is_floating(r.dtype()) ||
              (std::abs(start) < 0x1p62 && std::abs(last) < 0x1p62),
          "integers must be within 2^62, got ", start, " to ", last);
  return progression(start, step, size, r.dtype());
}

Array build_reduction(const Reading& r) {
  using Simple = Array (*)(const Array&, const Axes&, bool);
  constexpr Simple simple[] = {sum, prod, max, min, all, any, mean};
  auto op = r.choice<ReduceOp>(0, 10);
  const Shape& axes = r.list(1);
  bool keepdims = r.ndim() == r.in[0].ndim();
  switch (op) {
    case ReduceOp::var:
      return var(r.in[0], axes, keepdims, r.integer(2));
    case ReduceOp::std:
      return ingot::std(r.in[0], axes, keepdims, r.integer(2));
    case ReduceOp::logsumexp:
      return logsumexp(r.in[0], axes, keepdims);
    default:
      return simple[static_cast<int>(op)](r.in[0], axes, keepdims);
  }
}

Array build_arg_reduction(const Reading& r, bool largest) {
  int64_t axis = r.integer(0);
  bool keepdims = r.ndim() == r.in[0].ndim();
  Array y = largest ? argmax(r.in[0], axis, keepdims)
                    : argmin(r.in[0], axis, keepdims);
  // Over all elements of an array, whose dimensions are kept.
  return y.ndim() == r.ndim() ? y : reshape(y, r.shape());
}

Array build_scan(const Reading& r) {
  using Function = Array (*)(const Array&, std::optional<int64_t>, bool, bool);
  constexpr Function functions[] = {cumsum, cumprod, cummax, cummin,
                                    logcumsumexp};
  return functions[r.index(0, kScanOps)](r.in[0], r.integer(1), r.flag(2),
                                         r.flag(3));
}

Array build_matmul(const Reading& r) {
  double alpha = r.number(0), beta = r.number(1);
  size_t operands = beta == 0 ? 2 : 3;
  require(r.in.size() == operands, "there must be ", operands, " inputs, got ",
          r.in.size());
  if (alpha == 1 && beta == 0) return matmul(r.in[0], r.in[1]);
  Array start = beta == 0 ? Array::scalar(0.0, r.in[0].dtype()) : r.in[2];
  return addmm(start, r.in[0], r.in[1], alpha, beta);
}

Arrays build_factorization(const Reading& r) {
  auto kind = r.choice<Factorization::Kind>(0, Factorization::singular);
  const char* name = r.name(1);
  bool upper = r.flag(2), transposed = r.flag(3);
  size_t inputs = kind == Factorization::solve              ? 4
                  : kind == Factorization::determinant      ? 3
                  : kind == Factorization::triangular_solve ? 2
                                                            : 1;
  require(r.in.size() == inputs, "there must be ", inputs, " inputs, got ",
          r.in.size());
  const Array& a = r.in[0];
  auto outputs = std::ssize(r.outputs);
  switch (kind) {
    case Factorization::inverse:
      return {inv(a)};
    case Factorization::triangular_inverse:
      return {triangular_inverse(a, upper, name)};
    case Factorization::cholesky:
      return {cholesky(a, upper)};
    case Factorization::lu:
      return lu_factors(a, name);
    case Factorization::determinant:
      require(outputs <= 2, "there must be 1 or 2 outputs, got ", outputs);
      return determinant_factored(r.in, outputs, name);
    case Factorization::solve:
      return {solve_factored(r.in, transposed, name)};
    case Factorization::triangular_solve:
      return {solve_triangular(a, r.in[1], upper)};
    default:
      require(outputs <= 2, "there must be 1 or 2 outputs, got ", outputs);
      return is_complex(r.dtype()) ? general_eigen(a, outputs, name)
                                   : eigen(a, upper, outputs, name);
  }
}

Arrays build_step(const Reading& r) {
  StepRule rule = rule_named(r.name(0));
  int64_t clips = r.flag(1) ? 3 : 0;
  int64_t settings = std::ssize(info(rule).settings),
          slots = std::ssize(info(rule).slots);
  int64_t operands = std::ssize(r.in) - settings - clips;
  require(operands >= 0 && (clips == 0 || rule != StepRule::Scale),
          "there must be operands and settings, got ", r.in.size(), " inputs");
  Inputs in(r.in.begin(), r.in.begin() + operands);
  if (clips > 0) {  // the two nodes that were one
    Inputs gradients;
    for (int64_t i = 1; i < operands; i += 2 + slots) {
      for (int k = 0; k < 2; ++k) gradients.push_back(in[i]);
    }
    Arrays clipped = step(StepRule::Scale, std::move(gradients),
                          Arrays(r.in.end() - clips, r.in.end()));
    for (size_t i = 0; i < clipped.size(); ++i) {
      in[1 + static_cast<int64_t>(i) * (2 + slots)] = clipped[i];
    }
  }
  return step(rule, std::move(in),
              Arrays(r.in.begin() + operands, r.in.end() - clips));
}

Arrays build_adafactor(const Reading& r) {
  constexpr int64_t settings = kAdafactorSettings;
  int64_t operands = std::ssize(r.in) - settings;
  require(operands >= 0, "there must be ", settings, " settings, got ",
          r.in.size(), " inputs");
  return adafactor(Inputs(r.in.begin(), r.in.begin() + operands), r.flag(0),
                   Arrays(r.in.begin() + operands, r.in.end()));
}

Array build_norm(const Reading& r) {
  for (const Array& x : r.in) {
    require(is_floating(x.dtype()), "inputs must be floating, got ", x.dtype());
  }
  return global_norm(r.in, r.number(0));
}

Arrays build_depends(const Reading& r) {
  size_t n = r.outputs.size();
  require(n > 0 && n <= r.in.size(), "there must be as many inputs as outputs");
  return depends(Arrays(r.in.begin(), r.in.begin() + static_cast<int64_t>(n)),
                 Arrays(r.in.begin() + static_cast<int64_t>(n), r.in.end()));
}

Arrays build_split(const Reading& r) {
  const Shape& starts = r.sizes(1);
  require(!starts.empty() && starts[0] == 0, "parts must begin at 0, got ",
          starts);
  return split(r.in[0], Shape(starts.begin() + 1, starts.end()), r.integer(0));
}

Array build_gather(const Reading& r) {
  require(!r.in.empty(), "there must be inputs, got none");
  return gather(r.in[0], Arrays(r.in.begin() + 1, r.in.end()),
                vector_of(r.list(1)), vector_of(r.sizes(2)), r.name(0));
}

Array build_scatter(const Reading& r) {
  require(r.in.size() >= 2, "there must be 2 inputs or more");
  return scatter(r.choice<ScatterOp>(1, 6), r.in[0],
                 Arrays(r.in.begin() + 1, r.in.end() - 1), r.in.back(),
                 vector_of(r.list(2)), r.name(0));
}

Array build_conv(const Reading& r) {
  return convolved_at(convolution(r), r.in[0], r.in[1], inner(r.shape()));
}

Array build_conv_weight(const Reading& r) {
  return convolved_weight(convolution(r), r.in[0], r.in[1], r.shape());
}

Array build_as_pairs(const Reading& r) {
  require(is_complex(r.in[0].dtype()), "inputs must be complex64, got ",
          r.in[0].dtype());
  return as_pairs(r.in[0]);
}

Array build_from_pairs(const Reading& r) {
  const Array& x = r.in[0];
  require(x.dtype() == Dtype::float32 && x.ndim() > 0 && x.shape().back() == 2,
          "inputs must be pairs of float32, got shape ", x.shape(), " of ",
          x.dtype());
  return from_pairs(x);
}

Array build_gather_matmul(const Reading& r) {
  require(r.ndim() == 3, "the result must have three dimensions, got ",
          r.ndim());
  return gathered_products(r.in, r.shape()[0]);
}

Array build_segmented_matmul(const Reading& r) {
  return segmented_products(r.flag(0), r.in[0], r.in[1], r.in[2]);
}

Array build_select(const Reading& r) {
  require(!r.shapeless || r.of_constant,
          "it holds sizes, which no shapeless function may");
  Selection what{r.integer(0), r.integer(1), r.flag(2)};
  return selected(what, r.flag(3), r.in[0], r.name(4));
}

Array build_fourier(const Reading& r) {
  Fourier what{r.choice<Fourier::Kind>(0, 3), r.flag(1), r.number(2),
               r.list(3)};
  return fourier_of(what, r.in[0], r.shape());
}

Arrays build_quantize(const Reading& r) {
  Quantization how = quantization(r);
  Quantized made = quantize(r.in[0], how, {});
  if (how.mode == Quantization::affine) {
    return {made.words, made.scales, made.biases};
  }
  return {made.words, made.scales};
}

Array build_dequantize(const Reading& r) {
  Quantization how = quantization(r);
  return dequantize(quantized(r, how, 0, 0), how, r.dtype(), {});
}

Array build_quantized_matmul(const Reading& r) {
  Quantization how = quantization(r);
  bool indexed = r.flag(4);
  size_t indices = indexed ? 2 : 0;
  Quantized w = quantized(r, how, 1, indices);
  return quantized_product(
      how, r.flag(3), r.in[0], w,
      indexed ? Arrays(r.in.end() - 2, r.in.end()) : Arrays());
}

}  // namespace ingot
