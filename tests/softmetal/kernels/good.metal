// Correct kernels, one for each thing that the software Metal has to do.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
using namespace metal;
#pragma clang fp contract(off)

constant bool doubled [[function_constant(0)]];
constant uint offset [[function_constant(1)]];

[[kernel]] void scale(device const float* x [[buffer(0)]],
                      device float* y [[buffer(1)]],
                      constant float& factor [[buffer(2)]],
                      uint i [[thread_position_in_grid]]) {
  y[i] = x[i] * factor;
}

[[kernel]] void increment(device float* x [[buffer(0)]],
                          uint i [[thread_position_in_grid]]) {
  x[i] += 1.0f;
}

[[kernel]] void twice(device float* x [[buffer(0)]],
                      uint i [[thread_position_in_grid]]) {
  x[i] *= 2.0f;
}

[[kernel]] void specialized(device uint* x [[buffer(0)]],
                            uint i [[thread_position_in_grid]]) {
  uint add = is_function_constant_defined(offset) ? offset : 7u;
  x[i] = (doubled ? 2 * i : i) + add;
}

// The sum of each threadgroup: simdgroups first, then their sums.
template <typename T>
[[kernel]] void sum(device const T* x [[buffer(0)]],
                    device float* partial [[buffer(1)]],
                    constant uint& n [[buffer(2)]],
                    uint i [[thread_position_in_grid]],
                    uint group [[threadgroup_position_in_grid]],
                    uint lane [[thread_index_in_simdgroup]],
                    uint simdgroup [[simdgroup_index_in_threadgroup]],
                    uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float sums[32];
  float s = simd_sum(i < n ? float(x[i]) : 0.0f);
  if (lane == 0) sums[simdgroup] = s;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (simdgroup == 0) {
    s = simd_sum(lane < simdgroups ? sums[lane] : 0.0f);
    if (lane == 0) partial[group] = s;
  }
}
#define SUM(name, T) \
  template [[host_name("sum_" name)]] [[kernel]] decltype(sum<T>) sum<T>;
SUM("f32", float)
SUM("f16", half)
SUM("bf16", bfloat)

// The same with a tree in threadgroup memory whose length the host sets.
[[kernel]] void tree_sum(device const float* x [[buffer(0)]],
                         device float* partial [[buffer(1)]],
                         threadgroup float* tree [[threadgroup(0)]],
                         uint2 at [[thread_position_in_grid]],
                         ushort thread_at [[thread_position_in_threadgroup]],
                         uint threads [[threads_per_threadgroup]],
                         uint3 group [[threadgroup_position_in_grid]]) {
  tree[thread_at] = x[at.x];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint step = threads / 2; step > 0; step /= 2) {
    if (thread_at < step) tree[thread_at] += tree[thread_at + step];
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (thread_at == 0) partial[group.x] = tree[0];
}

[[kernel]] void count_bits(device const uint* x [[buffer(0)]],
                           device atomic_uint* total [[buffer(1)]],
                           device atomic<float>* sum [[buffer(2)]],
                           device atomic_int* largest [[buffer(3)]],
                           uint i [[thread_position_in_grid]]) {
  atomic_fetch_add_explicit(total, popcount(x[i]), memory_order_relaxed);
  atomic_fetch_add_explicit(sum, float(i), memory_order_relaxed);
  atomic_fetch_max_explicit(largest, int(x[i]), memory_order_relaxed);
}

// Tensors that the buffers of no argument hold: a table of addresses.
struct Chunk {
  device float* w;
  device const float* g;
  uint n;
};
[[kernel]] void chunks(device const Chunk* table [[buffer(0)]],
                       uint2 at [[thread_position_in_grid]]) {
  Chunk chunk = table[at.y];
  if (at.x < chunk.n) chunk.w[at.x] -= chunk.g[at.x];
}

// c = a b, 8 x 8 at a time; each simdgroup makes one tile of c.
template <typename T>
[[kernel]] void product(device const T* a [[buffer(0)]],
                        device const T* b [[buffer(1)]],
                        device float* c [[buffer(2)]],
                        constant uint& n [[buffer(3)]],
                        uint2 tile [[threadgroup_position_in_grid]]) {
  simdgroup_matrix<float, 8, 8> sum =
      make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  for (uint k = 0; k < n; k += 8) {
    simdgroup_matrix<T, 8, 8> x, y;
    simdgroup_load(x, a + tile.y * 8 * n + k, n);
    // b is stored transposed
    simdgroup_load(y, b + tile.x * 8 * n + k, n, ulong2(0), true);
    simdgroup_multiply_accumulate(sum, x, y, sum);
  }
  simdgroup_store(sum, c + tile.y * 8 * n + tile.x * 8, n);
}
#define PRODUCT(name, T) \
  template [[host_name(  \
      "product_" name)]] [[kernel]] decltype(product<T>) product<T>;
PRODUCT("f32", float)
PRODUCT("f16", half)
PRODUCT("bf16", bfloat)

[[kernel]] void vectors(device float4* x [[buffer(0)]],
                        device half4* h [[buffer(1)]],
                        uint i [[thread_position_in_grid]]) {
  float4 v = x[i];
  v.xy = v.yx;
  v = float4(v.xyz, 1.0f) * 2.0f;
  h[i] = half4(v) + 0.5h;
  x[i] = select(v, float4(-1.0f), v > float4(100.0f));
}

// Every simdgroup function, as one number that a plain loop can check.
[[kernel]] void simd_functions(device uint* out [[buffer(0)]],
                               uint i [[thread_position_in_grid]],
                               uint lane [[thread_index_in_simdgroup]]) {
  uint x = (lane * 7 + 3) % 32;
  uint values[] = {
      simd_sum(x),
      simd_product(x % 3 + 1),
      simd_max(x),
      simd_min(x + 5),
      simd_and(x | 8u),
      simd_or(x & 5u),
      simd_xor(x * 3),
      simd_prefix_exclusive_sum(x),
      simd_prefix_inclusive_sum(x),
      simd_shuffle(x, ushort(31 - lane)),
      simd_shuffle_up(x, 3),
      simd_shuffle_down(x, 3),
      simd_shuffle_xor(x, 5),
      simd_broadcast(x, 9),
      simd_broadcast_first(x),
      uint(simd_any(x == 4)),
      uint(simd_all(x < 31)),
  };
  for (uint k = 0; k < 17; ++k) out[i * 17 + k] = values[k];
  simdgroup_barrier(mem_flags::mem_threadgroup);
}

// Lanes that take different ways have a sum each.
[[kernel]] void diverging_sums(device uint* out [[buffer(0)]],
                               uint i [[thread_position_in_grid]],
                               uint lane [[thread_index_in_simdgroup]]) {
  if (lane < 20) {
    out[i] = simd_sum(1u);
  } else {
    out[i] = simd_sum(100u);
  }
  threadgroup_barrier(mem_flags::mem_none);
}

[[kernel]] void positions(device uint* out [[buffer(0)]],
                          uint3 at [[thread_position_in_grid]],
                          uint3 grid [[threads_per_grid]],
                          ushort3 local [[thread_position_in_threadgroup]],
                          uint3 group [[threadgroup_position_in_grid]],
                          uint3 size [[threads_per_threadgroup]],
                          uint3 whole [[dispatch_threads_per_threadgroup]],
                          uint3 groups [[threadgroups_per_grid]],
                          uint index [[thread_index_in_threadgroup]]) {
  bool right = all(at == group * whole + uint3(local)) && all(size <= whole) &&
               all(group < groups) &&
               index == (local.z * size.y + local.y) * size.x + local.x;
  out[(at.z * grid.y + at.y) * grid.x + at.x] = right ? 1 : 0;
}

[[kernel, max_total_threads_per_threadgroup(64)]] void limited(
    device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = 1.0f;
}

static void fill(thread float* values, uint n) {
  for (uint k = 0; k < n; ++k) values[k] = float(k);
}

// Arrays that one thread after another has on the same stack.
[[kernel]] void local_arrays(device float* x [[buffer(0)]],
                             uint i [[thread_position_in_grid]]) {
  float values[64];
  fill(values, 64);
  x[i] = values[(i * 7) % 64];
}

// Which bits these have depends on whether a product is rounded.
[[kernel]] void contracted(device const float* x [[buffer(0)]],
                           device float* y [[buffer(1)]],
                           uint i [[thread_position_in_grid]]) {
  y[i] = x[i] * x[i] - x[i + 1];
}
