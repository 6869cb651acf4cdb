// Rotary position encoding on the CPU: rows are read, turned and written a tile
// at a time.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/tiles.h"

namespace ingot::cpu {
namespace {

// One row, whose pairs are half of what turns apart.
template <class T>
void turn(const T* __restrict x, const T* __restrict c, const T* __restrict s,
          T* __restrict y, int64_t pairs) {
  const T* x2 = x + pairs;
  T* y2 = y + pairs;
  INGOT_IVDEP
  for (int64_t i = 0; i < pairs; ++i) {
    y[i] = x[i] * c[i] - x2[i] * s[i];
    y2[i] = x[i] * s[i] + x2[i] * c[i];
  }
}

// The same of neighbours.
template <class T>
void turn_neighbours(const T* __restrict x, const T* __restrict c,
                     const T* __restrict s, T* __restrict y, int64_t pairs) {
  INGOT_IVDEP
  for (int64_t i = 0; i < pairs; ++i) {
    T a = x[2 * i], b = x[2 * i + 1];
    y[2 * i] = a * c[i] - b * s[i];
    y[2 * i + 1] = a * s[i] + b * c[i];
  }
}

// x itself where its rows can be read by tiles, else in memory of its own.
Array by_tiles(CpuBackend& backend, const Array& x, Dtype compute) {
  if (x.shape().back() <= kTile) return x;
  Array made = Array::empty(x.shape(), compute);
  backend.copy(x, made);
  return made;
}

Array in_order(CpuBackend& backend, const Array& x) {
  if (x.contiguous()) return x;
  Array made = Array::empty(x.shape(), x.dtype());
  backend.copy(x, made);
  return made;
}

template <class T>
void run(bool neighbours, const Array& x, const Array& cosine,
         const Array& sine, Array& out) {
  int64_t features = x.shape().back(), pairs = cosine.shape().back();
  int64_t length = x.shape(x.ndim() - 2), rows = x.size() / features;
  int64_t batch = cosine.ndim() == 3 ? rows / cosine.shape(0) : rows;
  ConvertingReader from(x, dtype_of<T>);
  ConvertingWriter to(out, dtype_of<T>);
  auto kernel = neighbours ? turn_neighbours<T> : turn<T>;
  int64_t each = std::max<int64_t>(1, kTile / features);
  int64_t grain = std::max(each, grain_of(x.size()) / features);
  parallel_for(rows, grain, [&](int64_t row, int64_t end) {
    Scratch source, result;
    while (row < end) {
      int64_t first = row * features, last = std::min(end, row + each);
      int64_t count = (last - row) * features;
      auto* a = static_cast<const T*>(from.read(first, count, source));
      auto* y = static_cast<T*>(to.target(first, result));
      for (; row < last; ++row, a += features, y += features) {
        int64_t place = (row / batch * length + row % length) * pairs;
        kernel(a, cosine.data<T>() + place, sine.data<T>() + place, y, pairs);
        std::copy(a + 2 * pairs, a + features, y + 2 * pairs);
      }
      to.store(first, count, result);
    }
  });
}

}  // namespace

void CpuBackend::rope(bool neighbours, const Array& x, const Array& cosine,
                      const Array& sine, Array& out) {
  if (out.size() == 0) return;
  Dtype compute = compute_type(x.dtype());
  Array source = by_tiles(*this, x, compute);
  Array c = in_order(*this, cosine), s = in_order(*this, sine);
  Array target = out;
  if (x.shape().back() > kTile) target = Array::empty(out.shape(), compute);
  if (compute == Dtype::float64) {
    run<double>(neighbours, source, c, s, target);
  } else {
    run<float>(neighbours, source, c, s, target);
  }
  if (target.get() != out.get()) copy(target, out);
}

}  // namespace ingot::cpu
