// Unique elements, composed of sorting, a scan and a search: how many there are
// is never asked, so nothing need be computed for the shapes.
// SPDX-License-Identifier: MIT
#include "csrc/ops.h"
#include "csrc/ops/operators.h"

namespace ingot {
namespace {

Array number(int64_t value) { return Array::scalar(value, Dtype::uint32); }

Array part(const Array& x, int64_t start, int64_t stop) {
  return slice(x, {start}, {stop}, {1});
}

// For each element of a vector in order, how many unique ones come before it.
Array ranks(const Array& sorted) {
  int64_t n = sorted.size();
  Array differs = not_equal(part(sorted, 1, n), part(sorted, 0, n - 1));
  return cumsum(concatenate(
      {zeros({1}, Dtype::uint32), astype(differs, Dtype::uint32)}, 0));
}

}  // namespace

Unique unique(const Array& x, int64_t size, const Array& fill) {
  constexpr int64_t kMost = int64_t{UINT32_MAX} - 1;
  require(size >= 0 && size <= kMost, "unique: size must be in [0, ", kMost,
          "], got ", size);
  require(!fill || fill.size() == 1,
          "unique: fill_value must be one element, got shape ",
          fill ? fill.shape() : Shape());
  Array flat = flatten(x);
  Array fills = fill ? astype(reshape(fill, {}), x.dtype()) : fill;
  if (flat.size() == 0) {
    require(size == 0 || fill,
            "unique: an array without elements must come with a fill_value");
    Array values = zeros({size}, x.dtype());
    return {fill ? broadcast_to(fills, {size}) : values,
            zeros({size}, Dtype::uint32), zeros(x.shape(), Dtype::uint32),
            zeros({size}, Dtype::int32)};
  }
  Array order = argsort(flat);
  Array rank = ranks(take(flat, order, 0));
  // Where each unique element begins among the sorted; the end, past the last.
  auto bound = static_cast<double>(size + 1);
  Array begins = searchsorted(rank, arange(0, bound, 1, Dtype::uint32), false);
  Array begin = part(begins, 0, size);
  Array missing = equal(begin, number(flat.size()));
  Array index = take(order, where(missing, number(0), begin), 0);
  Array values = take(flat, index, 0);
  if (fill) values = where(missing, fills, values);
  Array place = minimum(rank, number(std::max<int64_t>(size, 1) - 1));
  Array inverse =
      put_along_axis(zeros(flat.shape(), Dtype::uint32), order, place, 0);
  return {values, index, reshape(inverse, x.shape()),
          astype(diff(begins), Dtype::int32)};
}

}  // namespace ingot
