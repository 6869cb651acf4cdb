// Reductions and softmax on Metal: a pass that folds, then one that puts the
// parts together; variances and logsumexp need a center first.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"

namespace ingot::metal {
namespace {

// Below so many elements, or with so many results, a thread takes one alone.
constexpr int64_t kFew = 64;
constexpr int64_t kMany = 64 << 10;
// Elements worth a threadgroup.
constexpr int64_t kWorth = 16 * kGroup;
// No partial result is larger: an extreme's rank and its index.
constexpr int64_t kPartial = 16;

// The arguments of folding x over `axes`, where they fit.
std::optional<ReduceArgs> args_of(const Array& x, const Shape& axes) {
  Axes kept, folded;
  ReduceArgs args = {};
  args.results = args.count = 1;
  for (int64_t i = 0; i < x.ndim(); ++i) {
    bool fold = std::find(axes.begin(), axes.end(), i) != axes.end();
    (fold ? folded : kept).add(x.shape(i), x.strides()[i]);
    (fold ? args.count : args.results) *= static_cast<uint64_t>(x.shape(i));
  }
  if (kept.shape.size() > kMaxDims || folded.shape.size() > kMaxDims) return {};
  args.kept = static_cast<int32_t>(kept.shape.size());
  args.folded = static_cast<int32_t>(folded.shape.size());
  kept.store(args.kept_shape, args.kept_strides);
  folded.store(args.folded_shape, args.folded_strides);
  return args;
}

// One fold of x into `out` (float32 or the result's type).
struct Fold {
  const char* fold;                // of msl/fold.h
  const char* finish;              // of reduce.metal
  const char* in;                  // what elements are folded as
  float scale = 1;                 // of the sum
  const Array* centers = nullptr;  // one for each result
};

void run(const Fold& what, const Array& x, ReduceArgs args, const Array& out) {
  auto results = static_cast<int64_t>(args.results);
  auto count = static_cast<int64_t>(args.count);
  args.scale = what.scale;
  args.center_step = what.centers != nullptr;
  const char* from = metal_type(x.dtype());
  const char* to = metal_type(out.dtype());
  auto dispatch = [&](const char* name, const std::vector<std::string>& types,
                      std::vector<Operand> operands, int64_t groups) {
    encoder().dispatch({.pipeline = pipeline("reduce", name, types),
                        .operands = std::move(operands),
                        .args = &args,
                        .args_size = sizeof(args),
                        .groups = groups,
                        .threads = kGroup});
  };
  int64_t threads = (results + kGroup - 1) / kGroup;
  if (count <= kFew || results >= kMany) {
    Array unused = Array::empty({1}, Dtype::float32);
    const Array& centers = what.centers ? *what.centers : unused;
    return dispatch("fold_each", {what.fold, from, what.in, what.finish, to},
                    {{x}, {centers}, {out, true}}, threads);
  }
  int64_t parts = std::clamp<int64_t>(kGroups / results, 1,
                                      std::max(int64_t{1}, count / kWorth));
  args.parts = static_cast<uint32_t>(parts);
  args.chunk = static_cast<uint64_t>((count + parts - 1) / parts);
  Array partials = Array::empty({results * parts * kPartial}, Dtype::uint8);
  const Array& centers = what.centers ? *what.centers : partials;
  dispatch("fold", {what.fold, from, what.in},
           {{x}, {centers}, {partials, true}}, results * parts);
  dispatch("finish", {what.fold, what.in, what.finish, to},
           {{partials}, {centers}, {out, true}}, threads);
}

// Sums, products and extremes; the rest needs floats.
std::optional<Fold> simple_fold(ReduceOp op, const Array& x, const Array& out) {
  bool floats = is_floating(x.dtype());
  const char* in = floats ? "float" : metal_type(out.dtype());
  switch (op) {
    case ReduceOp::sum:
      return Fold{"Sum", "Keep", in};
    case ReduceOp::prod:
      return Fold{"Prod", "Keep", in};
    case ReduceOp::max:
      return Fold{"Max", "Keep", in};
    case ReduceOp::min:
      return Fold{"Min", "Keep", in};
    case ReduceOp::all:
      return Fold{"Min", "Keep", "bool"};
    case ReduceOp::any:
      return Fold{"Max", "Keep", "bool"};
    default:
      return {};
  }
}

}  // namespace

void MetalBackend::reduce(const Reduction& what, const Array& x, Array& out) {
  auto args = args_of(x, what.axes);
  auto simple = simple_fold(what.op, x, out);
  bool supported = metal_type(x.dtype()) && metal_type(out.dtype()) && args &&
                   (simple || is_floating(x.dtype()));
  if (!supported) {
    return on_cpu("reduce", {x, out},
                  [&](Backend& b) { b.reduce(what, x, out); });
  }
  if (out.size() == 0) return;
  if (simple) return run(*simple, x, *args, out);
  auto count = static_cast<float>(args->count);
  Fold mean = {"Sum", "ByCount", "float", count};
  if (what.op == ReduceOp::mean) return run(mean, x, *args, out);
  Array centers = Array::empty(out.shape(), Dtype::float32);
  if (what.op == ReduceOp::logsumexp) {
    run({"Max", "Keep", "float"}, x, *args, centers);
    return run({"Exponentials", "LogPlusCenter", "float", 1, &centers}, x,
               *args, out);
  }
  run(mean, x, *args, centers);
  const char* finish = what.op == ReduceOp::std ? "Root" : "ByCount";
  float freedom = std::max(count - static_cast<float>(what.ddof), 0.0f);
  run({"Deviations", finish, "float", freedom, &centers}, x, *args, out);
}

void MetalBackend::arg_reduce(ArgReduceOp op, const Array& x, int64_t axis,
                              Array& out) {
  auto args = args_of(x, {axis});
  const char* type = metal_type(x.dtype());
  if (!type || !args) {
    return on_cpu("arg_reduce", {x, out},
                  [&](Backend& b) { b.arg_reduce(op, x, axis, out); });
  }
  if (out.size() == 0) return;
  const char* fold = op == ArgReduceOp::max ? "ArgMax" : "ArgMin";
  const char* in = is_floating(x.dtype()) ? "float" : type;
  run({fold, "Keep", in}, x, *args, out);
}

void MetalBackend::softmax(const Array& x, Array& out) {
  auto args = args_of(x, {x.ndim() - 1});
  const char* type = metal_type(x.dtype());
  if (!type || !args) {
    return on_cpu("softmax", {x, out}, [&](Backend& b) { b.softmax(x, out); });
  }
  if (out.size() == 0) return;
  encoder().dispatch({.pipeline = pipeline("reduce", "softmax", {type}),
                      .operands = {{x}, {out, true}},
                      .args = &*args,
                      .args_size = sizeof(*args),
                      .groups = static_cast<int64_t>(args->results),
                      .threads = kGroup});
}

}  // namespace ingot::metal
