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
  uint across = (args.n + kTileSide - 1) / kTileSide;
  uint down = (args.m + kTileSide - 1) / kTileSide;
  uint column = group % across * kTileSide;
  uint row = group / across % down * kTileSide;
  ulong matrix = group / (across * down);
  ulong rest = matrix;
  for (int d = args.ndim - 1; d >= 0; --d) {
    ulong n = ulong(args.shape[d]);
    a += long(rest % n) * args.a_batch[d];
    b += long(rest % n) * args.b_batch[d];
    rest /= n;
  }
  // A quarter of the tile: 4 by 4 matrices of 8 by 8.
  uint quarter_row = simd_index / 2 * (kTileSide / 2);
  uint quarter_column = simd_index % 2 * (kTileSide / 2);
  simdgroup_float8x8 sums[4][4];
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      sums[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    }
  }
  for (uint depth = 0; depth < args.k; depth += kTileDepth) {
    load_tile(a, a_tile, kTileSide, kTileDepth, args.a_row, args.a_column, row,
              depth, args.m, args.k, thread_index);
    load_tile(b, b_tile, kTileDepth, kTileSide, args.b_row, args.b_column,
              depth, column, args.k, args.n, thread_index);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint k = 0; k < kTileDepth; k += 8) {
      simdgroup_float8x8 left[4], right[4];
      for (int i = 0; i < 4; ++i) {
        simdgroup_load(left[i], a_tile + (quarter_row + 8 * i) * kTileDepth + k,
                       kTileDepth);
        simdgroup_load(right[i],
                       b_tile + k * kTileSide + quarter_column + 8 * i,
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
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      simdgroup_store(
          sums[i][j],
          product + (quarter_row + 8 * i) * kTileSide + quarter_column + 8 * j,
          kTileSide);
    }
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  out += matrix * ulong(args.m) * args.n;
  for (uint i = thread_index; i < kTileElements; i += kTileThreads) {
    uint r = row + i / kTileSide, c = column + i % kTileSide;
    if (r < args.m && c < args.n) {
      ulong at = ulong(r) * args.n + c;
      float value = args.alpha * product[i];
      if (args.beta != 0.0f) value += args.beta * float(out[at]);
      out[at] = T(value);
    }
  }
}
