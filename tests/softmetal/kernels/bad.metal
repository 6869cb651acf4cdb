// Kernels with one bug each, which the software Metal has to find.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
using namespace metal;

[[kernel]] void write_past_end(device float* x [[buffer(0)]],
                               constant uint& n [[buffer(1)]],
                               uint i [[thread_position_in_grid]]) {
  if (i <= n) x[i] = 1.0f;  // should be <
}

[[kernel]] void write_past_threadgroup(device float* x [[buffer(0)]],
                                       uint i [[thread_position_in_grid]],
                                       uint at
                                       [[thread_position_in_threadgroup]]) {
  threadgroup float values[32];
  values[at + 1] = x[i];  // should be at
  threadgroup_barrier(mem_flags::mem_threadgroup);
  x[i] = values[at];
}

[[kernel]] void misaligned(device uchar* x [[buffer(0)]],
                           uint i [[thread_position_in_grid]]) {
  device float4* y = (device float4*)(x + 4);  // should be 16
  y[i] = y[i] + 1.0f;
}

[[kernel]] void no_barrier(device float* x [[buffer(0)]],
                           uint i [[thread_position_in_grid]],
                           uint at [[thread_position_in_threadgroup]],
                           uint threads [[threads_per_threadgroup]]) {
  threadgroup float values[256];
  values[at] = x[i];
  // should have a barrier
  x[i] = values[(at + 1) % threads];
}

// A barrier that orders no memory.
[[kernel]] void weak_barrier(device float* x [[buffer(0)]],
                             uint i [[thread_position_in_grid]],
                             uint at [[thread_position_in_threadgroup]],
                             uint threads [[threads_per_threadgroup]]) {
  threadgroup float values[256];
  values[at] = x[i];
  threadgroup_barrier(mem_flags::mem_none);  // should be mem_threadgroup
  x[i] = values[(at + 1) % threads];
}

[[kernel]] void shared_sum(device float* x [[buffer(0)]],
                           uint i [[thread_position_in_grid]]) {
  x[0] += float(i);  // should be atomic
}

[[kernel]] void divergent(device float* x [[buffer(0)]],
                          uint i [[thread_position_in_grid]]) {
  if (i < 5) threadgroup_barrier(mem_flags::mem_threadgroup);
  x[i] = 1.0f;
}

[[kernel]] void two_barriers(device float* x [[buffer(0)]],
                             uint i [[thread_position_in_grid]]) {
  if (i < 5) {
    threadgroup_barrier(mem_flags::mem_threadgroup);
  } else {
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  x[i] = 1.0f;
}

// Threadgroup memory that nobody has written is no zero.
[[kernel]] void uninitialized(device float* x [[buffer(0)]],
                              uint i [[thread_position_in_grid]]) {
  threadgroup float sum[1];
  x[i] = sum[0];
}

[[kernel]] void too_much_memory(device float* x [[buffer(0)]],
                                uint i [[thread_position_in_grid]]) {
  threadgroup float values[8193];
  values[i] = x[i];
  x[i] = values[i];
}

[[kernel]] void partial_product(device float* x [[buffer(0)]],
                                uint lane [[thread_index_in_simdgroup]]) {
  simdgroup_matrix<float, 8, 8> m;
  simdgroup_load(m, x, 8);
  if (lane < 16) simdgroup_multiply(m, m, m);
  simdgroup_store(m, x, 8);
}

struct Table {
  device float* to;
  device const float* from;
};
[[kernel]] void copy(device const Table* table [[buffer(0)]],
                     uint i [[thread_position_in_grid]]) {
  table->to[i] = table->from[i];
}

// Writes through what was declared to be read.
[[kernel]] void write_source(device const Table* table [[buffer(0)]],
                             uint i [[thread_position_in_grid]]) {
  ((device float*)table->from)[i] = 1.0f;
}

[[kernel]] void contracted(device const float* x [[buffer(0)]],
                           device float* y [[buffer(1)]],
                           uint i [[thread_position_in_grid]]) {
  y[i] = x[i] * x[i] - x[i + 1];  // should be under contract(off)
}

[[kernel]] void shift_too_far(device uint* x [[buffer(0)]],
                              uint i [[thread_position_in_grid]]) {
  x[i] = uint(1 << int(x[i]));
}
