// Adafactor's step on Metal: six dispatches for all tensors of the same types.
// SPDX-License-Identifier: MIT
#include "csrc/ops/adafactor.h"

#include <algorithm>
#include <map>
#include <optional>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"
#include "csrc/metal/self_test.h"
#include "csrc/metal/upload.h"

namespace ingot::metal {
namespace {

static_assert(sizeof(Adafactor::Hyper<float>) == kAdafactorHyper * 4);

using Operands = AdafactorTensor::Operands;

// Of parameter, gradient and state.
struct Types {
  std::string w, g, s;
  auto operator<=>(const Types&) const = default;
};

uint32_t parts(int64_t n, int64_t each) {
  return static_cast<uint32_t>((n + each - 1) / each);
}

// Tensors whose parameters, gradients and states have the same types.
class Batch {
 public:
  void add(const AdafactorTensor& t) {
    auto tensor = static_cast<uint32_t>(records_.size());
    AdafactorRecord r = record(t);
    int64_t tiles = int64_t{r.row_parts} * r.column_parts;
    for (int64_t m = 0; m < t.matrices; ++m) {
      auto matrix = static_cast<uint64_t>(m);
      for (int64_t i = 0; i < tiles; ++i) {
        tiles_.push_back({matrix, tensor, static_cast<uint32_t>(i), 0});
      }
      if (t.factored) add_moments(t, matrix, tensor);
    }
    tensors_.push_back({0, tensor, 0, 0});
    records_.push_back(r);
    note(t);
  }

  void run(const AdafactorTable& table, const Types& t) {
    Array records = uploaded(records_);
    Array sums = floats(sums_);
    Array squares = floats(2 * tiles_.size());
    Array scales = floats(2 * records_.size());
    auto pass = [&](const char* name, const std::vector<std::string>& types,
                    const std::vector<AdafactorPiece>& pieces,
                    std::vector<Operand> addressed) {
      if (pieces.empty()) return;
      Array pieces_table = uploaded(pieces);
      encoder().dispatch({.pipeline = pipeline("adafactor", name, types),
                          .operands = {{pieces_table},
                                       {records},
                                       {sums, true},
                                       {squares, true},
                                       {scales, true}},
                          .args = table.hyper_float,
                          .args_size = sizeof(table.hyper_float),
                          .addressed = std::move(addressed),
                          .groups = static_cast<int64_t>(pieces.size()),
                          .threads = kGroup});
    };
    pass("tile_sums", {t.w, t.g}, tiles_, parameters_);
    pass("new_moments", {t.s}, moments_, moment_arrays_);
    pass("factors", {}, matrices_, {});
    pass("tile_squares", {t.g, t.s}, tiles_, gradients_);
    pass("tensor_scales", {}, tensors_, {});
    pass("new_parameters", {t.w, t.g, t.s}, tiles_, all_);
  }

 private:
  static Array floats(uint64_t n) {
    auto size = static_cast<int64_t>(std::max<uint64_t>(1, n));
    return Array::empty({size}, Dtype::float32);
  }

  AdafactorRecord record(const AdafactorTensor& t) {
    auto address = [](const Array& x) { return x ? gpu_address(x) : 0; };
    AdafactorRecord r = {};
    r.w = address(t.in.w);
    r.g = address(t.in.g);
    r.row = address(t.in.row);
    r.column = address(t.in.column);
    r.mean = address(t.in.mean);
    r.new_w = address(t.out.w);
    r.new_row = address(t.out.row);
    r.new_column = address(t.out.column);
    r.new_mean = address(t.out.mean);
    r.count = static_cast<uint64_t>(t.in.w.size());
    r.rows = static_cast<uint64_t>(t.rows);
    r.columns = static_cast<uint64_t>(t.columns);
    r.width = kSimd;
    while (r.width < kGroup && (!t.factored || r.width < r.columns)) {
      r.width *= 2;
    }
    int64_t across = t.factored ? r.width : kRounds * kGroup;
    r.row_parts = parts(t.rows, kRounds * (kGroup / r.width));
    r.column_parts = parts(t.columns, across);
    r.first_tile = tiles_.size();
    auto matrices = static_cast<uint64_t>(t.matrices);
    r.tiles = matrices * r.row_parts * r.column_parts;
    r.factored = t.factored;
    r.means = static_cast<bool>(t.in.mean);
    if (t.factored) {
      r.row_sums = sums_;
      sums_ += matrices * r.column_parts * r.rows;
      r.column_sums = sums_;
      sums_ += matrices * r.row_parts * r.columns;
    }
    return r;
  }

  void add_moments(const AdafactorTensor& t, uint64_t matrix, uint32_t tensor) {
    matrices_.push_back({matrix, tensor, 0, 0});
    for (uint32_t i = 0; i < parts(t.rows, kGroup); ++i) {
      moments_.push_back({matrix, tensor, i, 0});
    }
    for (uint32_t i = 0; i < parts(t.columns, kGroup); ++i) {
      moments_.push_back({matrix, tensor, i, 1});
    }
  }

  // The arrays that each pass reaches; they outlive the batch.
  void note(const AdafactorTensor& t) {
    parameters_.push_back({t.in.w});
    parameters_.push_back({t.in.g});
    gradients_.push_back({t.in.g});
    auto add = [this](const Array& in, const Array& out) {
      all_.push_back({in});
      all_.push_back({out, true});
    };
    add(t.in.w, t.out.w);
    all_.push_back({t.in.g});
    if (t.in.mean) add(t.in.mean, t.out.mean);
    if (t.factored) {
      moment_arrays_.push_back({t.in.row});
      moment_arrays_.push_back({t.in.column});
      moment_arrays_.push_back({t.out.row, true});
      moment_arrays_.push_back({t.out.column, true});
    } else {
      gradients_.push_back({t.in.row});
      add(t.in.row, t.out.row);
    }
  }

  std::vector<AdafactorRecord> records_;
  // Threadgroups of the passes.
  std::vector<AdafactorPiece> tiles_, moments_, matrices_, tensors_;
  std::vector<Operand> parameters_, gradients_, moment_arrays_, all_;
  uint64_t sums_ = 0;
};

// None where there is no kernel.
std::optional<Types> types_of(const AdafactorTensor& t) {
  const Operands& x = t.in;
  for (const Array& state : {x.column, x.mean}) {
    if (state && state.dtype() != x.row.dtype()) return {};
  }
  const char* w = metal_type(x.w.dtype());
  const char* g = metal_type(x.g.dtype());
  const char* s = metal_type(x.row.dtype());
  if (!w || !g || !s) return {};
  return Types{w, g, s};
}

Inputs arrays_of(const AdafactorTable& table) {
  Inputs all;
  for (const AdafactorTensor& t : table.tensors) {
    for (const Operands* x : {&t.in, &t.out}) {
      for (const Array& array : {x->w, x->g, x->row, x->column, x->mean}) {
        if (array) all.push_back(array);
      }
    }
  }
  return all;
}

}  // namespace

void MetalBackend::adafactor(const AdafactorTable& table) {
  const SelfTest& seen = self_test();
  bool supported = seen.addresses && seen.wide &&
                   std::all_of(table.tensors.begin(), table.tensors.end(),
                               [](auto& t) { return types_of(t).has_value(); });
  if (!supported) {
    return on_cpu("adafactor", arrays_of(table),
                  [&](Backend& b) { b.adafactor(table); });
  }
  std::vector<AdafactorTensor> tensors = table.tensors;
  std::map<Types, Batch> batches;
  for (AdafactorTensor& t : tensors) {
    for (Array* x : {&t.in.w, &t.in.g, &t.in.row, &t.in.column, &t.in.mean}) {
      if (*x) *x = contiguous(*x);
    }
    batches[*types_of(t)].add(t);
  }
  for (auto& [types, batch] : batches) batch.run(table, types);
}

}  // namespace ingot::metal
