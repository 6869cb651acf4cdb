// Matrix products: a threadgroup computes a square tile, in float32 whatever
// the type, along the inner dimension from first to last.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/index.h"
#include "msl/kernel.h"

namespace ingot {

// Copies a tile of a matrix into threadgroup memory; what lies outside is 0.
// The threads take neighbours in memory where either stride allows.
template <class T>
INGOT_FN void load_tile(device const T* x, threadgroup float* tile, uint rows,
                        uint columns, long row_stride, long column_stride,
                        uint first_row, uint first_column, uint row_limit,
                        uint column_limit, uint thread_index) {
  bool by_column = row_stride == 1;
  for (uint i = thread_index; i < rows * columns; i += kTileThreads) {
    uint r = by_column ? i % rows : i / columns;
    uint c = by_column ? i / rows : i % columns;
    uint row = first_row + r, column = first_column + c;
    float value = 0.0f;
    if (row < row_limit && column < column_limit) {
      value = float(x[long(row) * row_stride + long(column) * column_stride]);
    }
    tile[r * columns + c] = value;
  }
}

// Where a tile of a product lies, and the quarter of it that a simdgroup has: 4
// by 4 matrices of 8 by 8.
struct Tile {
  ulong matrix;
  uint row, column, quarter_row, quarter_column;
};

INGOT_FN Tile tile_of(constant MatmulArgs& args, uint group, uint simd_index) {
  uint across = (args.n + kTileSide - 1) / kTileSide;
  uint down = (args.m + kTileSide - 1) / kTileSide;
  return {group / (across * down), group / across % down * kTileSide,
          group % across * kTileSide, simd_index / 2 * (kTileSide / 2),
          simd_index % 2 * (kTileSide / 2)};
}

INGOT_FN void clear(thread simdgroup_float8x8 (*sums)[4]) {
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      sums[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    }
  }
}

// Adds a quarter of a tile of a @ b to the sums.
template <class T>
INGOT_FN void add_product(device const T* a, device const T* b,
                          constant MatmulArgs& args, Tile tile,
                          threadgroup float* a_tile, threadgroup float* b_tile,
                          uint thread_index,
                          thread simdgroup_float8x8 (*sums)[4]) {
  for (uint depth = 0; depth < args.k; depth += kTileDepth) {
    load_tile(a, a_tile, kTileSide, kTileDepth, args.a_row, args.a_column,
              tile.row, depth, args.m, args.k, thread_index);
    load_tile(b, b_tile, kTileDepth, kTileSide, args.b_row, args.b_column,
              depth, tile.column, args.k, args.n, thread_index);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint k = 0; k < kTileDepth; k += 8) {
      simdgroup_float8x8 left[4], right[4];
      for (int i = 0; i < 4; ++i) {
        simdgroup_load(left[i],
                       a_tile + (tile.quarter_row + 8 * i) * kTileDepth + k,
                       kTileDepth);
        simdgroup_load(right[i],
                       b_tile + k * kTileSide + tile.quarter_column + 8 * i,
                       kTileSide);
      }
      for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 4; ++j) {
          simdgroup_multiply_accumulate(sums[i][j], left[i], right[j],
                                        sums[i][j]);
        }
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}

// Writes alpha times the sums plus beta times what was there.
template <class T>
INGOT_FN void store_product(thread simdgroup_float8x8 (*sums)[4],
                            constant MatmulArgs& args, Tile tile,
                            threadgroup float* product, device T* out,
                            uint thread_index) {
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      simdgroup_store(sums[i][j],
                      product + (tile.quarter_row + 8 * i) * kTileSide +
                          tile.quarter_column + 8 * j,
                      kTileSide);
    }
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  out += tile.matrix * ulong(args.m) * args.n;
  for (uint i = thread_index; i < kTileElements; i += kTileThreads) {
    uint r = tile.row + i / kTileSide, c = tile.column + i % kTileSide;
    if (r < args.m && c < args.n) {
      ulong at = ulong(r) * args.n + c;
      float value = args.alpha * product[i];
      if (args.beta != 0.0f) value += args.beta * float(out[at]);
      out[at] = T(value);
    }
  }
}

}  // namespace ingot

using namespace ingot;

template <class T>
[[kernel]] void matmul(device const T* a [[buffer(0)]],
                       device const T* b [[buffer(1)]],
                       device T* out [[buffer(2)]],
                       constant MatmulArgs& args [[buffer(3)]],
                       uint group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_position_in_threadgroup]],
                       uint simd_index [[simdgroup_index_in_threadgroup]]) {
  threadgroup float a_tile[kSliceElements];
  threadgroup float b_tile[kSliceElements];
  threadgroup float product[kTileElements];
  Tile tile = tile_of(args, group, simd_index);
  ulong rest = tile.matrix;
  for (int d = args.ndim - 1; d >= 0; --d) {
    ulong n = ulong(args.shape[d]);
    a += long(rest % n) * args.a_batch[d];
    b += long(rest % n) * args.b_batch[d];
    rest /= n;
  }
  simdgroup_float8x8 sums[4][4];
  clear(sums);
  add_product(a, b, args, tile, a_tile, b_tile, thread_index, sums);
  store_product(sums, args, tile, product, out, thread_index);
}

// Sums of products of pairs of matrices, whose numbers `left` and `right` hold;
// `order` has the result of each pair and its own number, in order.
template <class T>
[[kernel]] void gather_matmul(
    device const T* a [[buffer(0)]], device const T* b [[buffer(1)]],
    device const uint* left [[buffer(2)]],
    device const uint* right [[buffer(3)]],
    device const uint* order [[buffer(4)]], device T* out [[buffer(5)]],
    constant GatherMatmulArgs& args [[buffer(6)]],
    uint group [[threadgroup_position_in_grid]],
    uint thread_index [[thread_position_in_threadgroup]],
    uint simd_index [[simdgroup_index_in_threadgroup]]) {
  threadgroup float a_tile[kSliceElements];
  threadgroup float b_tile[kSliceElements];
  threadgroup float product[kTileElements];
  Tile tile = tile_of(args.product, group, simd_index);
  ulong first = 0, count = args.pairs;
  while (count > 0) {
    ulong half_count = count / 2;
    bool less = order[2 * (first + half_count)] < tile.matrix;
    first = less ? first + half_count + 1 : first;
    count = less ? count - half_count - 1 : half_count;
  }
  simdgroup_float8x8 sums[4][4];
  clear(sums);
  for (; first < args.pairs && order[2 * first] == tile.matrix; ++first) {
    uint pair = order[2 * first + 1];
    add_product(a + long(left[pair]) * args.a_matrix,
                b + long(right[pair]) * args.b_matrix, args.product, tile,
                a_tile, b_tile, thread_index, sums);
  }
  store_product(sums, args.product, tile, product, out, thread_index);
}
