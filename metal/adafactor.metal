// Adafactor's step: six passes, whatever the number of tensors; threadgroups
// find their piece of a tensor in tables of addresses.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/fold.h"
#include "msl/kernel.h"
#include "msl/simd.h"
#include "rules/adafactor.h"

namespace ingot {

typedef Adafactor::Hyper<float> AdafactorHyper;

// The element that a thread of a tile comes to in one of its rounds.
struct Spot {
  ulong row, column;
  ulong at;  // counted from the tensor's first
  bool inside;
};

INGOT_FN Spot spot(AdafactorRecord t, AdafactorPiece piece, uint thread_index,
                   int k) {
  Spot s;
  uint column_part = piece.part % t.column_parts;
  uint row_part = piece.part / t.column_parts;
  uint lines = kGroup / t.width;
  // Without rows the rounds follow each other.
  s.row = t.factored == 0 ? 0
                          : (ulong(row_part) * kRounds + ulong(k)) * lines +
                                thread_index / t.width;
  s.column =
      t.factored == 0
          ? (ulong(column_part) * kRounds + ulong(k)) * kGroup + thread_index
          : ulong(column_part) * t.width + thread_index % t.width;
  s.inside = s.row < t.rows && s.column < t.columns;
  s.at = (piece.matrix * t.rows + s.row) * t.columns + s.column;
  return s;
}

// Where the sums of the piece's part begin.
INGOT_FN ulong row_sums(AdafactorRecord t, AdafactorPiece piece, uint part) {
  return t.row_sums + (piece.matrix * t.column_parts + part) * t.rows;
}
INGOT_FN ulong column_sums(AdafactorRecord t, AdafactorPiece piece, uint part) {
  return t.column_sums + (piece.matrix * t.row_parts + part) * t.columns;
}

INGOT_FN float over_tile(float mine, uint thread_index,
                         threadgroup Compensated* shared) {
  return Sum<float>::value(
      over_group<Sum<float>>(float2(mine, 0.0f), thread_index, shared));
}

template <class S>
INGOT_FN float moment(AdafactorRecord t, Spot s, float g,
                      constant AdafactorHyper& h) {
  return Adafactor::moment(float(((device const S*)t.row)[s.at]), g * g, h);
}

// What the element is to move by, before it is scaled.
template <class G, class S>
INGOT_FN float update(AdafactorRecord t, AdafactorPiece piece, Spot s,
                      device const float* sums, constant AdafactorHyper& h) {
  float g = float(((device const G*)t.g)[s.at]);
  if (t.factored == 0) {
    return g * Adafactor::column_factor(moment<S>(t, s, g, h));
  }
  return g * (sums[row_sums(t, piece, 0) + s.row] *
              sums[column_sums(t, piece, 0) + s.column]);
}

}  // namespace ingot

using namespace ingot;

// Of each tile: the squares of gradients along rows and columns, and those of
// all parameters.
template <class W, class G>
[[kernel]] void tile_sums(device const AdafactorPiece* pieces [[buffer(0)]],
                          device const AdafactorRecord* tensors [[buffer(1)]],
                          device float* sums [[buffer(2)]],
                          device float2* squares [[buffer(3)]],
                          device float2* scales [[buffer(4)]],
                          constant AdafactorHyper& h [[buffer(5)]],
                          uint group [[threadgroup_position_in_grid]],
                          uint thread_index [[thread_position_in_threadgroup]],
                          uint simd [[simdgroup_index_in_threadgroup]],
                          uint lane [[thread_index_in_simdgroup]]) {
  (void)scales;
  const int entries = kRounds * kSimds;
  threadgroup float by_row[entries];
  threadgroup float by_column[kGroup];
  threadgroup Compensated shared[kGroup];
  AdafactorPiece piece = pieces[group];
  AdafactorRecord t = tensors[piece.tensor];
  float column = 0.0f, size = 0.0f;
  for (int k = 0; k < kRounds; ++k) {
    Spot s = spot(t, piece, thread_index, k);
    float square = 0.0f;
    if (s.inside && t.factored != 0) {
      float g = float(((device const G*)t.g)[s.at]);
      square = g * g;
    }
    if (s.inside && h.scale > 0.0f) {
      float w = float(((device const W*)t.w)[s.at]);
      size += w * w;
    }
    column += square;
    float row = simd_total(square);
    if (lane == 0) by_row[uint(k) * kSimds + simd] = row;
  }
  by_column[thread_index] = column;
  float total = over_tile(size, thread_index, shared);  // and a barrier
  if (thread_index == 0) squares[group] = float2(total, 0.0f);
  if (t.factored == 0) return;
  uint column_part = piece.part % t.column_parts;
  uint row_part = piece.part / t.column_parts;
  uint lines = kGroup / t.width, each = t.width / kSimd;
  for (uint r = thread_index; r < kRounds * lines; r += kGroup) {
    ulong at = ulong(row_part) * kRounds * lines + r;
    float sum = 0.0f;
    for (uint e = 0; e < each; ++e) sum += by_row[r * each + e];
    if (at < t.rows) sums[row_sums(t, piece, column_part) + at] = sum;
  }
  ulong at = ulong(column_part) * t.width + thread_index;
  if (thread_index < t.width && at < t.columns) {
    float sum = 0.0f;
    for (uint l = 0; l < lines; ++l)
      sum += by_column[l * t.width + thread_index];
    sums[column_sums(t, piece, row_part) + at] = sum;
  }
}

// New moments, from the sums of all parts; also left in the first part.
template <class S>
[[kernel]] void new_moments(device const AdafactorPiece* pieces [[buffer(0)]],
                            device const AdafactorRecord* tensors [[buffer(1)]],
                            device float* sums [[buffer(2)]],
                            device float2* squares [[buffer(3)]],
                            device float2* scales [[buffer(4)]],
                            constant AdafactorHyper& h [[buffer(5)]],
                            uint group [[threadgroup_position_in_grid]],
                            uint thread_index
                            [[thread_position_in_threadgroup]]) {
  (void)squares;
  (void)scales;
  AdafactorPiece piece = pieces[group];
  AdafactorRecord t = tensors[piece.tensor];
  bool columns = piece.columns != 0;
  ulong n = columns ? t.columns : t.rows;
  ulong i = ulong(piece.part) * kGroup + thread_index;
  if (i >= n) return;
  ulong first = columns ? column_sums(t, piece, 0) : row_sums(t, piece, 0);
  uint parts = columns ? t.row_parts : t.column_parts;
  Compensated sum = Sum<float>::identity();
  for (uint part = 0; part < parts; ++part) {
    sum = Sum<float>::join(sum, float2(sums[first + part * n + i], 0.0f));
  }
  float square = Sum<float>::value(sum) / float(columns ? t.rows : t.columns);
  device const S* old = (device const S*)(columns ? t.column : t.row);
  device S* fresh = (device S*)(columns ? t.new_column : t.new_row);
  ulong at = piece.matrix * n + i;
  float moment = Adafactor::moment(float(old[at]), square, h);
  fresh[at] = S(moment);
  sums[first + i] = moment;
}

// From moments to factors, a threadgroup for each matrix.
[[kernel]] void factors(device const AdafactorPiece* pieces [[buffer(0)]],
                        device const AdafactorRecord* tensors [[buffer(1)]],
                        device float* sums [[buffer(2)]],
                        device float2* squares [[buffer(3)]],
                        device float2* scales [[buffer(4)]],
                        constant AdafactorHyper& h [[buffer(5)]],
                        uint group [[threadgroup_position_in_grid]],
                        uint thread_index [[thread_position_in_threadgroup]]) {
  (void)squares;
  (void)scales;
  (void)h;
  threadgroup Compensated shared[kGroup];
  AdafactorPiece piece = pieces[group];
  AdafactorRecord t = tensors[piece.tensor];
  device float* rows = sums + row_sums(t, piece, 0);
  device float* columns = sums + column_sums(t, piece, 0);
  Compensated mine = Sum<float>::identity();
  for (ulong i = thread_index; i < t.rows; i += kGroup) {
    mine = Sum<float>::join(mine, float2(rows[i], 0.0f));
  }
  mine = over_group<Sum<float>>(mine, thread_index, shared);
  float whole = Sum<float>::value(mine) / float(t.rows);
  for (ulong i = thread_index; i < t.rows; i += kGroup) {
    rows[i] = Adafactor::row_factor(rows[i], whole);
  }
  for (ulong i = thread_index; i < t.columns; i += kGroup) {
    columns[i] = Adafactor::column_factor(columns[i]);
  }
}

// Of each tile: the squares of its updates.
template <class G, class S>
[[kernel]] void tile_squares(device const AdafactorPiece* pieces [[buffer(0)]],
                             device const AdafactorRecord* tensors
                             [[buffer(1)]],
                             device float* sums [[buffer(2)]],
                             device float2* squares [[buffer(3)]],
                             device float2* scales [[buffer(4)]],
                             constant AdafactorHyper& h [[buffer(5)]],
                             uint group [[threadgroup_position_in_grid]],
                             uint thread_index
                             [[thread_position_in_threadgroup]]) {
  (void)scales;
  threadgroup Compensated shared[kGroup];
  AdafactorPiece piece = pieces[group];
  AdafactorRecord t = tensors[piece.tensor];
  float sum = 0.0f;
  for (int k = 0; k < kRounds; ++k) {
    Spot s = spot(t, piece, thread_index, k);
    if (!s.inside) continue;
    float u = update<G, S>(t, piece, s, sums, h);
    sum += u * u;
  }
  float total = over_tile(sum, thread_index, shared);
  if (thread_index == 0) squares[group].y = total;
}

// How far each tensor moves, a threadgroup for each.
[[kernel]] void tensor_scales(device const AdafactorPiece* pieces [[buffer(0)]],
                              device const AdafactorRecord* tensors
                              [[buffer(1)]],
                              device float* sums [[buffer(2)]],
                              device float2* squares [[buffer(3)]],
                              device float2* scales [[buffer(4)]],
                              constant AdafactorHyper& h [[buffer(5)]],
                              uint group [[threadgroup_position_in_grid]],
                              uint thread_index
                              [[thread_position_in_threadgroup]]) {
  (void)sums;
  threadgroup Compensated shared[kGroup];
  AdafactorPiece piece = pieces[group];
  AdafactorRecord t = tensors[piece.tensor];
  Compensated w = Sum<float>::identity(), u = Sum<float>::identity();
  for (ulong i = thread_index; i < t.tiles; i += kGroup) {
    float2 tile = squares[t.first_tile + i];
    w = Sum<float>::join(w, float2(tile.x, 0.0f));
    u = Sum<float>::join(u, float2(tile.y, 0.0f));
  }
  w = over_group<Sum<float>>(w, thread_index, shared);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  u = over_group<Sum<float>>(u, thread_index, shared);
  if (thread_index > 0) return;
  float count = float(t.count);
  scales[piece.tensor] =
      float2(Adafactor::size(Sum<float>::value(w) / count, h),
             Adafactor::shrink(Sum<float>::value(u) / count, h));
}

// The new parameters, with the moments of what is not factored and the means.
template <class W, class G, class S>
[[kernel]] void new_parameters(
    device const AdafactorPiece* pieces [[buffer(0)]],
    device const AdafactorRecord* tensors [[buffer(1)]],
    device float* sums [[buffer(2)]], device float2* squares [[buffer(3)]],
    device float2* scales [[buffer(4)]],
    constant AdafactorHyper& h [[buffer(5)]],
    uint group [[threadgroup_position_in_grid]],
    uint thread_index [[thread_position_in_threadgroup]]) {
  (void)squares;
  AdafactorPiece piece = pieces[group];
  AdafactorRecord t = tensors[piece.tensor];
  float2 scale = scales[piece.tensor];
  for (int k = 0; k < kRounds; ++k) {
    Spot s = spot(t, piece, thread_index, k);
    if (!s.inside) continue;
    float u = update<G, S>(t, piece, s, sums, h);
    if (t.factored == 0) {
      float g = float(((device const G*)t.g)[s.at]);
      ((device S*)t.new_row)[s.at] = S(moment<S>(t, s, g, h));
    }
    Element<float, 1> e;
    e.w = float(((device const W*)t.w)[s.at]);
    e.s[0] = t.means == 0 ? 0.0f : float(((device const S*)t.mean)[s.at]);
    e = Adafactor::step(e, u, scale.x, scale.y, h);
    ((device W*)t.new_w)[s.at] = W(e.w);
    if (t.means != 0) ((device S*)t.new_mean)[s.at] = S(e.s[0]);
  }
}
