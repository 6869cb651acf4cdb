// Attention in tiles of queries and of keys, with a running maximum and sum for
// each query (Milakov and Gimelshein 2018; Dao et al. 2022), in float32 whatever
// the type. Gradients compute the probabilities of a tile anew.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "math.h"
#include "msl/kernel.h"

namespace ingot {

enum { kMaskNone, kMaskCausal, kMaskBoolean, kMaskAdditive };

// The first element of a head's matrix.
INGOT_FN long head_offset(constant AttentionArgs& args, ulong head,
                          int operand) {
  long offset = 0;
  for (int d = 2; d >= 0; --d) {
    ulong n = ulong(args.heads[d]);
    offset += long(head % n) * args.strides[operand][d];
    head /= n;
  }
  return offset;
}

INGOT_FN long row_offset(constant AttentionArgs& args, ulong row, int operand) {
  return long(row) * args.strides[operand][3];
}

// The keys, from the first one, that a query may see.
INGOT_FN ulong visible(constant AttentionArgs& args, ulong query) {
  if (args.mask != kMaskCausal) return args.keys;
  ulong place = query + 1 + args.keys;
  place = place > args.queries ? place - args.queries : 0;
  return place < args.keys ? place : args.keys;
}

// The first query that sees a key.
INGOT_FN ulong first_to_see(constant AttentionArgs& args, ulong key) {
  if (args.mask != kMaskCausal) return 0;
  ulong place = key + args.queries;
  return place > args.keys ? place - args.keys : 0;
}

template <class A, class B>
INGOT_FN float product(device const A* a, device const B* b, uint n,
                       long a_step, long b_step) {
  float sum = 0.0f;
  for (uint d = 0; d < n; ++d) {
    sum += float(a[long(d) * a_step]) * float(b[long(d) * b_step]);
  }
  return sum;
}

// Of a query and a key, from where the head's matrices begin; minus infinity
// where the one does not see the other.
template <class T, class M>
INGOT_FN float score(device const T* q, device const T* k, device const M* mask,
                     constant AttentionArgs& args, ulong query, ulong key) {
  if (query >= args.queries || key >= visible(args, query)) return -INFINITY;
  float s = args.scale * product(q + row_offset(args, query, kAttentionQ),
                                 k + row_offset(args, key, kAttentionK),
                                 args.depth, args.strides[kAttentionQ][4],
                                 args.strides[kAttentionK][4]);
  if (args.mask < kMaskBoolean) return s;
  M value = mask[row_offset(args, query, kAttentionMask) +
                 long(key) * args.strides[kAttentionMask][4]];
  if (args.mask == kMaskAdditive) return s + float(value);
  return value != M(0) ? s : -INFINITY;
}

// The slope of a score whose probability is p.
template <class T>
INGOT_FN float slope_of(device const T* cotangent, device const T* v, float p,
                        float delta, constant AttentionArgs& args, ulong query,
                        ulong key) {
  if (query >= args.queries || key >= args.keys) return 0.0f;
  float slope = product(
      cotangent + row_offset(args, query, kAttentionCotangent),
      v + row_offset(args, key, kAttentionV), args.values,
      args.strides[kAttentionCotangent][4], args.strides[kAttentionV][4]);
  return p * (slope - delta);
}

// What numbers are measured from: without a largest one, from 0.
INGOT_FN float finite_or_zero(float top) {
  return top == -INFINITY ? 0.0f : top;
}

// The largest and the sum of a row of a tile, beginning with the given.
INGOT_FN float largest_of(threadgroup const float* row, float largest) {
  for (uint c = 0; c < kSide; ++c) largest = max(largest, row[c]);
  return largest;
}
INGOT_FN float sum_of(threadgroup const float* row, float sum) {
  for (uint c = 0; c < kSide; ++c) sum += row[c];
  return sum;
}

// Adds weights times rows of a matrix to every kSide-th number of a row, from
// `column` on. Only `count` rows are there.
template <class T>
INGOT_FN void add_rows(thread float* sums, threadgroup const float* weights,
                       device const T* rows, uint count, uint columns,
                       uint column, constant AttentionArgs& args, int operand) {
  long row_step = args.strides[operand][3], step = args.strides[operand][4];
  for (uint e = 0; e < kKept; ++e) {
    uint d = column + e * kSide;
    if (d >= columns) continue;
    float sum = sums[e];
    for (uint c = 0; c < count; ++c) {
      sum += weights[c] * float(rows[long(c) * row_step + long(d) * step]);
    }
    sums[e] = sum;
  }
}

// Stores them.
template <class T>
INGOT_FN void store_row(device T* row, thread const float* sums, float factor,
                        uint columns, uint column) {
  for (uint e = 0; e < kKept; ++e) {
    uint d = column + e * kSide;
    if (d < columns) row[d] = T(sums[e] * factor);
  }
}

INGOT_FN uint rows_from(ulong first, ulong n) {
  return n - first < kSide ? uint(n - first) : uint(kSide);
}

}  // namespace ingot

using namespace ingot;

// A threadgroup for kSide queries of a head.
template <class T, class M>
[[kernel]] void attend(device const T* q [[buffer(0)]],
                       device const T* k [[buffer(1)]],
                       device const T* v [[buffer(2)]],
                       device const M* mask [[buffer(3)]],
                       device T* out [[buffer(4)]],
                       device float* lse [[buffer(5)]],
                       constant AttentionArgs& args [[buffer(6)]],
                       uint group [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_position_in_threadgroup]]) {
  threadgroup float tile[kGroup];
  ulong blocks = (args.queries + kSide - 1) / kSide;
  ulong head = group / blocks, block = group % blocks;
  uint column = thread_index % kSide;
  ulong query = block * kSide + thread_index / kSide;
  ulong last = block * kSide + rows_from(block * kSide, args.queries) - 1;
  threadgroup float* row = tile + (thread_index - column);
  q += head_offset(args, head, kAttentionQ);
  k += head_offset(args, head, kAttentionK);
  v += head_offset(args, head, kAttentionV);
  mask += head_offset(args, head, kAttentionMask);
  float sums[kKept] = {};
  float largest = -INFINITY, total = 0.0f;
  ulong seen = visible(args, last);
  for (ulong first = 0; first < seen; first += kSide) {
    float s = score(q, k, mask, args, query, first + column);
    tile[thread_index] = s;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    float top = largest_of(row, largest);
    float shift = finite_or_zero(top);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    tile[thread_index] = ingot::math::exp(s - shift);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    float factor = ingot::math::exp(largest - shift);
    largest = top;
    total = sum_of(row, total * factor);
    for (uint e = 0; e < kKept; ++e) sums[e] *= factor;
    add_rows(sums, row, v + row_offset(args, first, kAttentionV),
             rows_from(first, args.keys), args.values, column, args,
             kAttentionV);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (query >= args.queries) return;
  ulong at = head * args.queries + query;
  float factor = total == 0.0f ? 0.0f : 1.0f / total;
  store_row(out + at * args.values, sums, factor, args.values, column);
  if (column == 0) lse[at] = largest + ingot::math::log(total);
}

// The gradient of q: a threadgroup for kSide queries of a head.
template <class T, class M>
[[kernel]] void gradient_of_queries(
    device const T* q [[buffer(0)]], device const T* k [[buffer(1)]],
    device const T* v [[buffer(2)]], device const M* mask [[buffer(3)]],
    device const float* lse [[buffer(4)]],
    device const float* delta [[buffer(5)]],
    device const T* cotangent [[buffer(6)]], device T* dq [[buffer(7)]],
    constant AttentionArgs& args [[buffer(8)]],
    uint group [[threadgroup_position_in_grid]],
    uint thread_index [[thread_position_in_threadgroup]]) {
  threadgroup float tile[kGroup];
  ulong blocks = (args.queries + kSide - 1) / kSide;
  ulong head = group / blocks, block = group % blocks;
  uint column = thread_index % kSide;
  ulong query = block * kSide + thread_index / kSide;
  ulong last = block * kSide + rows_from(block * kSide, args.queries) - 1;
  bool inside = query < args.queries;
  ulong at = head * args.queries + (inside ? query : last);
  float shift = finite_or_zero(lse[at]), mean = delta[at];
  q += head_offset(args, head, kAttentionQ);
  k += head_offset(args, head, kAttentionK);
  v += head_offset(args, head, kAttentionV);
  mask += head_offset(args, head, kAttentionMask);
  cotangent += head_offset(args, head, kAttentionCotangent);
  float sums[kKept] = {};
  ulong seen = visible(args, last);
  for (ulong first = 0; first < seen; first += kSide) {
    ulong key = first + column;
    float s = score(q, k, mask, args, query, key);
    float p = ingot::math::exp(s - shift);
    tile[thread_index] = slope_of(cotangent, v, p, mean, args, query, key);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    add_rows(sums, tile + (thread_index - column),
             k + row_offset(args, first, kAttentionK),
             rows_from(first, args.keys), args.depth, column, args,
             kAttentionK);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (inside)
    store_row(dq + at * args.depth, sums, args.scale, args.depth, column);
}

// The gradients of k and v: a threadgroup for kSide keys of a head.
template <class T, class M>
[[kernel]] void gradients_of_keys(
    device const T* q [[buffer(0)]], device const T* k [[buffer(1)]],
    device const T* v [[buffer(2)]], device const M* mask [[buffer(3)]],
    device const float* lse [[buffer(4)]],
    device const float* delta [[buffer(5)]],
    device const T* cotangent [[buffer(6)]], device T* dk [[buffer(7)]],
    device T* dv [[buffer(8)]], constant AttentionArgs& args [[buffer(9)]],
    uint group [[threadgroup_position_in_grid]],
    uint thread_index [[thread_position_in_threadgroup]]) {
  threadgroup float weights[kGroup];
  threadgroup float slopes[kGroup];
  ulong blocks = (args.keys + kSide - 1) / kSide;
  ulong head = group / blocks, block = group % blocks;
  uint column = thread_index % kSide;
  ulong key = block * kSide + thread_index / kSide;
  q += head_offset(args, head, kAttentionQ);
  k += head_offset(args, head, kAttentionK);
  v += head_offset(args, head, kAttentionV);
  mask += head_offset(args, head, kAttentionMask);
  cotangent += head_offset(args, head, kAttentionCotangent);
  lse += head * args.queries;
  delta += head * args.queries;
  float key_sums[kKept] = {}, value_sums[kKept] = {};
  ulong first = first_to_see(args, block * kSide) / kSide * kSide;
  for (; first < args.queries; first += kSide) {
    ulong query = first + column;
    ulong near = query < args.queries ? query : args.queries - 1;
    float s = score(q, k, mask, args, query, key);
    float p = ingot::math::exp(s - finite_or_zero(lse[near]));
    weights[thread_index] = p;
    slopes[thread_index] =
        slope_of(cotangent, v, p, delta[near], args, query, key);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    uint count = rows_from(first, args.queries);
    add_rows(value_sums, weights + (thread_index - column),
             cotangent + row_offset(args, first, kAttentionCotangent), count,
             args.values, column, args, kAttentionCotangent);
    add_rows(key_sums, slopes + (thread_index - column),
             q + row_offset(args, first, kAttentionQ), count, args.depth,
             column, args, kAttentionQ);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (key >= args.keys) return;
  ulong at = head * args.keys + key;
  store_row(dk + at * args.depth, key_sums, args.scale, args.depth, column);
  store_row(dv + at * args.values, value_sums, 1.0f, args.values, column);
}
