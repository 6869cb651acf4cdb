// The table of operations that files know: each row builds one again, by functions
// that check what they are given.
// SPDX-License-Identifier: MIT
#include <functional>
#include <map>

#include "csrc/ops.h"
#include "csrc/ops/quantize.h"
#include "csrc/ops/random.h"
#include "csrc/ops/remade.h"
#include "csrc/saved_build.h"

namespace ingot {
namespace {

constexpr int kAny = -1;  // number of inputs

struct Row {
  const char* name;
  int inputs;
  size_t fields;
  std::function<Arrays(const Reading&)> build;

  // f gives an Array or Arrays.
  template <class F>
  Row(const char* name, int inputs, size_t fields, F f)
      : name(name), inputs(inputs), fields(fields) {
    build = [f](const Reading& r) {
      if constexpr (std::is_same_v<decltype(f(r)), Array>) {
        return Arrays{f(r)};
      } else {
        return f(r);
      }
    };
  }
};

using R = const Reading&;

// Names stay as they are: files have them.
const Row kRows[] = {
#define UNARY(name, Functor, kind, doc) \
  {#name, 1, 0, [](R r) { return name(r.in[0]); }},
#define BINARY(name, Functor, kind, doc) \
  {#name, 2, 0, [](R r) { return name(r.in[0], r.in[1]); }},
#include "csrc/ops.def"
    {"where", 3, 0, [](R r) { return where(r.in[0], r.in[1], r.in[2]); }},
    {"astype", 1, 0, [](R r) { return astype(r.in[0], r.dtype()); }},
    {"as_pairs", 1, 0, build_as_pairs},
    {"from_pairs", 1, 0, build_from_pairs},
    // creation
    {"full", 0, 3,
     [](R r) {
       Number value{r.number(0), r.word(1), r.number(2)};
       return full(r.shape(), value, r.dtype());
     }},
    {"arange", 0, 2, build_arange},
    {"eye", 0, 1,
     [](R r) {
       require(r.ndim() == 2, "the result must be a matrix, got ", r.shape());
       return eye(r.shape()[0], r.shape()[1], r.integer(0), r.dtype());
     }},
    {"random", 1, 3,
     [](R r) {
       Distribution what{r.choice<DistributionKind>(0, 4), r.number(1),
                         r.number(2)};
       bool words = what.kind == DistributionKind::bits;
       require(words ? r.dtype() == Dtype::uint32 : is_floating(r.dtype()),
               "numbers must be floating, bits uint32, got ", r.dtype());
       auto draw = r.in[0].ndim() == 2 ? random::draws : random::draw;
       return draw(what, r.shape(), r.dtype(), r.in[0]);
     }},
    // views
    {"reshape", 1, 0, [](R r) { return reshape(r.in[0], r.shape()); }},
    {"expand_dims", 1, 1, [](R r) { return expand_dims(r.in[0], r.list(0)); }},
    {"squeeze", 1, 1, [](R r) { return squeeze(r.in[0], r.list(0)); }},
    {"transpose", 1, 1, [](R r) { return transpose(r.in[0], r.list(0)); }},
    {"broadcast_to", 1, 0,
     [](R r) { return broadcast_to(r.in[0], r.shape()); }},
    {"slice", 1, 3,
     [](R r) { return slice(r.in[0], r.sizes(0), r.sizes(1), r.list(2)); }},
    {"alias", 1, 0, [](R r) { return r.in[0]; }},
    {"stop_gradient", 1, 0, [](R r) { return stop_gradient(r.in[0]); }},
    {"view", 1, 0, [](R r) { return view(r.in[0], r.dtype()); }},
    {"contiguous", 1, 0, [](R r) { return contiguous(r.in[0]); }},
    {"depends", kAny, 0, build_depends},
    {"diagonal", 1, 3,
     [](R r) {
       return diagonal(r.in[0], r.integer(0), r.integer(1), r.integer(2));
     }},
    {"as_strided", 1, 2,
     [](R r) {
       return as_strided(r.in[0], r.shape(), r.list(0), r.integer(1));
     }},
    // copies
    {"concatenate", kAny, 1,
     [](R r) { return concatenate(r.in, r.integer(0)); }},
    {"split", 1, 2, build_split},
    {"slice_update", 2, 3,
     [](R r) {
       return slice_update(r.in[0], r.in[1], r.sizes(0), r.sizes(1), r.list(2));
     }},
    // reductions, scans, sorting
    {"reduce", 1, 3, build_reduction},
    {"argmax", 1, 1, [](R r) { return build_arg_reduction(r, true); }},
    {"argmin", 1, 1, [](R r) { return build_arg_reduction(r, false); }},
    {"softmax", 1, 0, [](R r) { return softmax(r.in[0], Shape{-1}); }},
    {"global_norm", kAny, 1, build_norm},
    {"scan", 1, 4, build_scan},
    {"sort", 1, 0, [](R r) { return sort(r.in[0], -1); }},
    {"argsort", 1, 0, [](R r) { return argsort(r.in[0], -1); }},
    {"searchsorted", 2, 1,
     [](R r) { return searchsorted(r.in[0], r.in[1], r.flag(0)); }},
    {"select", 1, 5, build_select},
    // products
    {"gather_matmul", 5, 0, build_gather_matmul},
    {"segmented_matmul", 3, 1, build_segmented_matmul},
    {"fourier", 1, 4, build_fourier},
    {"matmul", kAny, 2, build_matmul},
    {"conv", 2, 5, build_conv},
    {"conv_weight", 2, 5, build_conv_weight},
    {"quantize", 1, 3, build_quantize},
    {"dequantize", kAny, 3, build_dequantize},
    {"quantized_matmul", kAny, 5, build_quantized_matmul},
    {"rounded", 2, 0, [](R r) { return rounded_from(r.in[0], r.in[1]); }},
    // matrices
    {"qr", 1, 0,
     [](R r) {
       auto [q, u] = qr(r.in[0]);
       return Arrays{q, u};
     }},
    {"factorize", kAny, 4, build_factorization},
    {"singular", 1, 2,
     [](R r) { return singular(r.in[0], r.choice<Vectors>(0, 3), r.name(1)); }},
    {"pinv", 2, 0, [](R r) { return pseudoinverse_of(r.in[0], r.in[1]); }},
    // indexing
    {"gather", kAny, 3, build_gather},
    {"scatter", kAny, 3, build_scatter},
    {"take_along_axis", 2, 1,
     [](R r) { return take_along_axis(r.in[0], r.in[1], r.integer(0)); }},
    {"put_along_axis", 3, 1,
     [](R r) {
       return put_along_axis(r.in[0], r.in[1], r.in[2], r.integer(0));
     }},
    {"add_along_axis", 3, 1,
     [](R r) {
       return add_along_axis(r.in[0], r.in[1], r.in[2], r.integer(0));
     }},
    // layers
    {"normalize", kAny, 4,
     [](R r) {
       require(!r.in.empty(), "there must be inputs, got none");
       return normalized({r.flag(0), r.number(1)}, {r.flag(2), r.flag(3)}, r.in,
                         r.dtype());
     }},
    {"normalize_gradients", kAny, 5,
     [](R r) {
       return normalize_gradients({r.flag(0), r.number(1)},
                                  {r.flag(2), r.flag(3)}, r.in, r.list(4));
     }},
    {"attend", kAny, 2,
     [](R r) { return attend({r.number(0), r.choice<MaskKind>(1, 4)}, r.in); }},
    {"attend_gradients", kAny, 3,
     [](R r) {
       return attend_gradients({r.number(0), r.choice<MaskKind>(1, 4)}, r.in,
                               r.list(2));
     }},
    {"rope", 3, 1,
     [](R r) { return turned(r.flag(0), r.in[0], r.in[1], r.in[2]); }},
    // optimizers
    {"step", kAny, 2, build_step},
    {"adafactor", kAny, 1, build_adafactor},
};

const Row& row_named(const std::string& name) {
  static const auto* rows = [] {
    auto* map = new std::map<std::string, const Row*>;
    for (const Row& row : kRows) map->emplace(row.name, &row);
    return map;
  }();
  auto found = rows->find(name);
  require(found != rows->end(), "there is no such operation");
  return *found->second;
}

}  // namespace

std::vector<std::string> saved_names() {
  std::vector<std::string> names;
  for (const Row& row : kRows) names.push_back(row.name);
  return names;
}

Arrays build(const Reading& r) {
  const Row& row = row_named(r.saved.name);
  require(row.inputs == kAny || std::ssize(r.in) == row.inputs,
          "there must be ", row.inputs, " inputs, got ", r.in.size());
  require(r.saved.fields.size() == row.fields, "there must be ", row.fields,
          " fields, got ", r.saved.fields.size());
  require(!r.outputs.empty(), "there must be outputs, got none");
  for (const Spec& spec : r.outputs) {
    size_of(spec.shape, spec.dtype, r.saved.name.c_str());
  }
  return row.build(r);
}

}  // namespace ingot
