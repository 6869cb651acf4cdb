// Normalization on Metal: one dispatch, a threadgroup for each row; the
// gradients of weight and bias, sums over rows, take two more.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <optional>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"

namespace ingot::metal {
namespace {

// Elements of a row that a float can count.
constexpr int64_t kCountable = int64_t{1} << 24;
// Rows worth a threadgroup.
constexpr int64_t kRowsWorth = 16;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The first element of each row.
Array starts(const Array& x) {
  Shape shape(x.shape().begin(), x.shape().end() - 1);
  Strides strides(x.strides().begin(), x.strides().end() - 1);
  return Array::view(x, shape, strides);
}

int64_t step_of(const Array& vector) { return vector.strides().back(); }

// What all kernels are told, where the layouts fit. A vector is null where
// there is none.
std::optional<NormalizeArgs> args_of(const Normalization& what, const Array& x,
                                     const Array& other, const Array* weight,
                                     const Array* bias) {
  Array first = starts(x), second = starts(other);
  Layout layout({&first, &second});
  if (!layout.fits || x.shape().back() > kCountable) return {};
  NormalizeArgs args = {};
  args.rows = layout.strided_args;
  args.count = static_cast<uint64_t>(x.shape().back());
  args.steps[kNormalizedX] = step_of(x);
  args.steps[kCotangent] = step_of(other);
  args.root_eps = static_cast<float>(std::sqrt(what.eps));
  args.centered = what.centered;
  args.weighted = weight != nullptr;
  args.biased = bias != nullptr;
  if (weight) args.weight_step = step_of(*weight);
  if (bias) args.bias_step = step_of(*bias);
  return args;
}

bool supported(std::initializer_list<const Array*> arrays) {
  return std::all_of(arrays.begin(), arrays.end(), [](const Array* x) {
    return !x || metal_type(x->dtype());
  });
}

// A kernel for the types of some arrays.
void run(const NormalizeArgs& args, const char* name,
         std::initializer_list<const Array*> arrays,
         std::vector<Operand> operands, int64_t groups) {
  std::vector<std::string> types;
  for (const Array* x : arrays) types.push_back(metal_type(x->dtype()));
  encoder().dispatch({.pipeline = pipeline("normalize", name, types),
                      .operands = std::move(operands),
                      .args = &args,
                      .args_size = sizeof(args),
                      .groups = groups,
                      .threads = kGroup});
}

// The sums over rows.
void run_sums(NormalizeArgs args, const Array& x, const Array& cotangent,
              const Array& scales, const NormalizationGradients& gradients) {
  auto n = static_cast<int64_t>(args.count);
  auto rows = static_cast<int64_t>(args.rows.size);
  int64_t tiles = ceil_div(n, kGroup);
  int64_t blocks = std::clamp<int64_t>(
      kGroups / tiles, 1, std::max<int64_t>(1, ceil_div(rows, kRowsWorth)));
  args.blocks = static_cast<uint32_t>(blocks);
  args.block_rows = static_cast<uint64_t>(ceil_div(rows, blocks));
  Array partials = Array::empty({16 * blocks * n}, Dtype::uint8);
  run(args, "gradient_of_columns", {&x, &cotangent},
      {{x}, {cotangent}, {scales}, {partials, true}}, tiles * blocks);
  // Memory stands in for what is not there, and is not written.
  const Array& dweight = gradients.weight ? *gradients.weight : *gradients.bias;
  const Array& dbias = gradients.bias ? *gradients.bias : *gradients.weight;
  args.weighted = gradients.weight != nullptr;
  args.biased = gradients.bias != nullptr;
  run(args, "gradient_of_vectors", {&dweight, &dbias},
      {{partials}, {dweight, true}, {dbias, true}}, tiles);
}

}  // namespace

void MetalBackend::normalize(const Normalization& what, const Array& x,
                             const Array* weight, const Array* bias,
                             Array& out) {
  auto args = args_of(what, x, x, weight, bias);
  if (!args || !supported({&x, weight, bias, &out})) {
    Inputs all = {x, out};
    if (weight) all.push_back(*weight);
    if (bias) all.push_back(*bias);
    return on_cpu("normalize", all,
                  [&](Backend& b) { b.normalize(what, x, weight, bias, out); });
  }
  if (out.size() == 0) return;
  const Array& w = weight ? *weight : x;
  const Array& b = bias ? *bias : x;
  run(*args, "normalize_rows", {&x, &w, &b, &out}, {{x}, {w}, {b}, {out, true}},
      static_cast<int64_t>(args->rows.size));
}

void MetalBackend::normalize_vjp(const Normalization& what, const Array& x,
                                 const Array* weight, const Array& cotangent,
                                 const NormalizationGradients& gradients) {
  auto args = args_of(what, x, cotangent, weight, nullptr);
  if (!args || !supported({&x, weight, &cotangent, gradients.bias})) {
    Inputs all = {x, cotangent};
    if (weight) all.push_back(*weight);
    for (Array* made : {gradients.x, gradients.weight, gradients.bias}) {
      if (made) all.push_back(*made);
    }
    return on_cpu("normalize_vjp", all, [&](Backend& b) {
      b.normalize_vjp(what, x, weight, cotangent, gradients);
    });
  }
  if (args->count == 0) return;
  auto rows = static_cast<int64_t>(args->rows.size);
  Array scales = Array::empty({16 * std::max<int64_t>(rows, 1)}, Dtype::uint8);
  args->wants_x = gradients.x != nullptr;
  const Array& w = weight ? *weight : x;
  const Array& dx = gradients.x ? *gradients.x : x;
  if (rows > 0) {
    run(*args, "gradient_of_rows", {&x, &w, &cotangent},
        {{x}, {w}, {cotangent}, {dx, gradients.x != nullptr}, {scales, true}},
        rows);
  }
  if (gradients.weight || gradients.bias) {
    run_sums(*args, x, cotangent, scales, gradients);
  }
}

}  // namespace ingot::metal
