// Scatter and put_along_axis on Metal. The places are sorted, so that each is
// written by one thread, in order: without atomics, with the bits of the CPU.
// Many updates of one place take their time.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"
#include "csrc/metal/places.h"
#include "csrc/metal/sort.h"

namespace ingot::metal {
namespace {

const char* functor_of(ScatterOp op) {
  switch (op) {
    case ScatterOp::add:
      return "Add";
    case ScatterOp::multiply:
      return "Multiply";
    case ScatterOp::divide:
      return "Quotient";
    case ScatterOp::max:
      return "Maximum";
    default:
      return "Minimum";
  }
}

// Whether places and positions can be counted in 32 bits, and the elements
// combined.
bool fits(ScatterOp op, const Array& positions, const Array& out) {
  return (op == ScatterOp::assign || metal_type(out.dtype())) &&
         out.ndim() <= kMaxDims && out.size() <= UINT32_MAX &&
         positions.size() <= UINT32_MAX;
}

// `updates`, contiguous, hold a window for each of the positions.
void run(ScatterOp op, Places& places, int64_t positions, const Array& updates,
         const Array& out) {
  auto [offsets, fault] = places.find(positions);
  if (updates.size() == 0) return;
  Array sorted = sorted_pairs(offsets);
  places.args.size = static_cast<uint64_t>(updates.size());
  auto* kernel =
      op == ScatterOp::assign
          ? pipeline("scatter", "assign", {metal_word(out.itemsize())})
          : pipeline("scatter", "combine",
                     {functor_of(op), metal_type(out.dtype())});
  encoder().dispatch({.pipeline = kernel,
                      .operands = {{sorted}, {updates}, {fault}, {out, true}},
                      .args = &places.args,
                      .args_size = sizeof(places.args),
                      .groups = groups_for(updates.size()),
                      .threads = kGroup});
}

}  // namespace

void MetalBackend::scatter(const Scatter& what, const Inputs& in, Array& out) {
  // Windows that may overlap without being the same would have to be taken
  // element by element.
  bool apart = in[1].size() <= 1 ||
               std::all_of(what.axes.begin(), what.axes.end(), [&](int64_t d) {
                 return what.windows[static_cast<size_t>(d)] <= 1;
               });
  bool supported = apart && !what.axes.empty() &&
                   what.axes.size() <= kMaxIndexed && fits(what.op, in[1], out);
  for (int64_t k = 1; k + 1 < in.size(); ++k) supported &= fits(in[k]);
  if (!supported) {
    Inputs all = in;
    all.push_back(out);
    return on_cpu("scatter", all,
                  [&](Backend& b) { b.scatter(what, in, out); });
  }
  if (in[1].size() == 0) return;
  Places places(what.name);
  places.set_windows(what.windows, out);
  for (size_t k = 0; k < what.axes.size(); ++k) {
    int64_t axis = what.axes[k];
    places.index(axis, what.windows[static_cast<size_t>(axis)], out,
                 as_indices(in[static_cast<int64_t>(k) + 1]));
  }
  run(what.op, places, in[1].size(), contiguous(in.back()), out);
}

void MetalBackend::put_along_axis(int64_t axis, bool add, const Array& indices,
                                  const Array& values, Array& out) {
  ScatterOp op = add ? ScatterOp::add : ScatterOp::assign;
  if (!fits(indices) || !fits(op, indices, out)) {
    return on_cpu("put_along_axis", {indices, values, out}, [&](Backend& b) {
      b.put_along_axis(axis, add, indices, values, out);
    });
  }
  if (indices.size() == 0) return;
  Places places(add ? "add_along_axis" : "put_along_axis");
  places.count_along(axis, out, indices.shape());
  places.index(axis, 1, out, as_indices(indices));
  run(op, places, indices.size(), contiguous(values), out);
}

}  // namespace ingot::metal
