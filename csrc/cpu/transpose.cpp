// Copies of transposed arrays, by rectangles that stay in the cache.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/transpose.h"

#include <bit>

#include "csrc/cpu/simd.h"
#include "csrc/cpu/tiles.h"

namespace ingot::cpu {
namespace {

// Columns of a rectangle, about; all of it is a thread's chunk.
constexpr int64_t kColumns = 64;

int64_t parts(int64_t n, int64_t each) { return (n + each - 1) / each; }

// Rows, contiguous in the input, by columns, contiguous in the output, for each
// index into the other dimensions.
struct Plan {
  Shape shape;
  Strides from, to;  // in elements
  int64_t rows, columns, from_stride, to_stride;
  int64_t tile_rows, tile_columns;

  Plan(const Walk& walk, int64_t unit)
      : shape(walk.shape()), from(walk.strides()), to(shape.size(), 1) {
    int64_t last = shape.size() - 1;
    for (int64_t d = last; d > 0; --d) to[d - 1] = to[d] * shape[d];
    rows = shape[unit];
    columns = shape[last];
    from_stride = from[last];
    to_stride = to[unit];
    shape[unit] = shape[last] = 1;
    tile_columns = std::min(columns, kColumns);
    tile_rows = std::min(rows, kChunk / tile_columns);
    tile_columns = std::min(columns, kChunk / tile_rows);
  }

  int64_t tiles() const {
    int64_t n = parts(rows, tile_rows) * parts(columns, tile_columns);
    for (int64_t length : shape) n *= length;
    return n;
  }

  // Calls f(from, to, rows, columns) for tile `index`, offsets in elements.
  template <class F>
  void tile(int64_t index, F&& f) const {
    int64_t across = parts(columns, tile_columns);
    int64_t down = parts(rows, tile_rows);
    int64_t column = index % across * tile_columns;
    int64_t row = index / across % down * tile_rows;
    int64_t source = row + column * from_stride;
    int64_t target = row * to_stride + column;
    index /= across * down;
    for (int64_t d = shape.size() - 1; d >= 0; --d) {
      source += index % shape[d] * from[d];
      target += index % shape[d] * to[d];
      index /= shape[d];
    }
    f(source, target, std::min(tile_rows, rows - row),
      std::min(tile_columns, columns - column));
  }
};

}  // namespace

bool copy_transposed(const Array& x, Array& out) {
  Walk walk(x);
  int64_t stride = walk.inner_stride();
  auto& strides = walk.strides();
  int64_t unit = std::find(strides.begin(), strides.end(), 1) - strides.begin();
  if (x.size() == 0 || x.dtype() != out.dtype() || x->buffer == out->buffer ||
      stride == 0 || stride == 1 || unit == strides.size() ||
      !Walk(out).contiguous()) {
    return false;
  }
  Plan plan(walk, unit);
  int64_t bytes = x.itemsize(), n = plan.tiles();
  auto kernel = kernels().transpose[std::countr_zero<uint64_t>(bytes)];
  auto* from = x.data<const char>();
  auto* to = out.data<char>();
  int64_t each = plan.tile_rows * plan.tile_columns;
  parallel_for(n, std::max<int64_t>(1, grain_of(x.size()) / each),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   plan.tile(i, [&](int64_t source, int64_t target,
                                    int64_t rows, int64_t columns) {
                     kernel(from + source * bytes, plan.from_stride,
                            to + target * bytes, plan.to_stride, rows, columns);
                   });
                 }
               });
  return true;
}

}  // namespace ingot::cpu
