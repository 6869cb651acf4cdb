// Sorting on Metal: blocks first, then one pass over the memory for each
// doubling of the runs.
// SPDX-License-Identifier: MIT
#include "csrc/metal/sort.h"

#include <algorithm>
#include <utility>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"
#include "csrc/order.h"

namespace ingot::metal {
namespace {

// Sorts the rows of x, which is contiguous, into `out`, as items of a kind of
// sort.metal.
void run(const char* kind, const Array& x, const Array& out) {
  int64_t length = x.ndim() == 0 ? 1 : x.shape().back();
  int64_t rows = std::max<int64_t>(1, kGroupElements / length);  // of a group
  SortArgs args = {.size = static_cast<uint64_t>(x.size()),
                   .length = static_cast<uint64_t>(length),
                   .width = kGroupElements,
                   .rows = static_cast<uint32_t>(rows),
                   .blocks = static_cast<uint32_t>(groups_for(length)),
                   .order = order_of(x.dtype())};
  auto dispatch = [&](const char* name, const Array& from, const Array& to,
                      int64_t groups) {
    encoder().dispatch(
        {.pipeline = pipeline("sort", name, {kind, metal_word(x.itemsize())}),
         .operands = {{from}, {to, true}},
         .args = &args,
         .args_size = sizeof(args),
         .groups = groups,
         .threads = kGroup});
  };
  int64_t merges = 0;
  for (int64_t n = kGroupElements; n < length; n *= 2) ++merges;
  Array to = out, from;
  if (merges > 0) from = Array::empty(out.shape(), out.dtype());
  if (merges % 2 == 1) std::swap(to, from);  // so that the last is to `out`
  int64_t turns = (x.size() / length + rows - 1) / rows;
  dispatch("sort_blocks", x, to, turns * args.blocks);
  for (; merges > 0; --merges, args.width *= 2) {
    std::swap(to, from);
    dispatch("merge_runs", from, to, groups_for(x.size()));
  }
}

}  // namespace

Array sorted_pairs(const Array& x) {
  bool broad = x.itemsize() == 8;
  Array pairs =
      Array::empty({x.size(), 2}, broad ? Dtype::uint64 : Dtype::uint32);
  run(broad ? "Broad" : "Narrow", x, pairs);
  return pairs;
}

void MetalBackend::sort(const Array& x, Array& out) {
  if (x.size() == 0) return;
  run("Bare", contiguous(x), out);
}

void MetalBackend::argsort(const Array& x, Array& out) {
  if (x.size() == 0) return;
  Array pairs = sorted_pairs(contiguous(x));
  Array flat = Array::view(out, {x.size()}, {1});
  copy(Array::view(pairs, {x.size()}, {2}, pairs.itemsize()), flat);
}

// Sorts all of them: that is fast enough here, and a selection's order, too.
void MetalBackend::select_ranks(const Selection& what, bool indices,
                                const Array& x, Array& out) {
  if (out.size() == 0) return;
  auto run = [&](Array& to) { indices ? argsort(x, to) : sort(x, to); };
  if (what.rest) return run(out);
  Array all = Array::empty(x.shape(), out.dtype());
  run(all);
  copy(
      Array::view(all, out.shape(), all.strides(), what.begin * all.itemsize()),
      out);
}

void MetalBackend::searchsorted(const Array& sorted, const Array& values,
                                bool right, Array& out) {
  if (out.size() == 0) return;
  int64_t vectors = sorted.ndim() == 2 ? sorted.shape(0) : 1;
  SearchArgs args = {.size = static_cast<uint64_t>(out.size()),
                     .length = static_cast<uint64_t>(sorted.shape().back()),
                     .each = static_cast<uint64_t>(out.size() / vectors),
                     .order = order_of(sorted.dtype()),
                     .ties = right};
  const char* word = metal_word(sorted.itemsize());
  encoder().dispatch(
      {.pipeline = pipeline("sort", "search_sorted", {word}),
       .operands = {{contiguous(sorted)}, {contiguous(values)}, {out, true}},
       .args = &args,
       .args_size = sizeof(args),
       .groups = groups_for(out.size()),
       .threads = kGroup});
}

}  // namespace ingot::metal
