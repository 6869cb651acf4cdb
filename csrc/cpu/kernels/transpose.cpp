// Transposition by square blocks that fit into vector registers: memory is read
// and written by whole vectors. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include <utility>

#include "csrc/cpu/kernels/fold.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

constexpr int kMostLanes = 16;  // more vectors would not fit the registers

// Lanes [first, first + size / 2) of a and of b, in turn.
template <int first, class Vector, int... lane>
INGOT_FN Vector interleaved(Vector a, Vector b,
                            std::integer_sequence<int, lane...>) {
  constexpr int size = sizeof...(lane);
  return __builtin_shufflevector(a, b, (first + lane / 2 + lane % 2 * size)...);
}

template <class T>
struct Block {
  static constexpr int fit = kVectorBytes / sizeof(T);
  static constexpr int size = fit < kMostLanes ? fit : kMostLanes;
  using Vector = typename VectorOf<T, size>::type;

  // Interleaving the first half of the lines with the second moves the highest
  // bit of a line's index below the lowest of its lane's; log2(size) times, and
  // the two have changed places.
  static void transpose(const T* from, int64_t from_stride, T* to,
                        int64_t to_stride) {
    constexpr auto lanes = std::make_integer_sequence<int, size>();
    Vector lines[size];
    for (int i = 0; i < size; ++i) {
      __builtin_memcpy(&lines[i], from + i * from_stride, sizeof(Vector));
    }
    for (int times = size; times > 1; times /= 2) {
      Vector next[size];
      for (int i = 0; i < size / 2; ++i) {
        Vector a = lines[i], b = lines[i + size / 2];
        next[2 * i] = interleaved<0>(a, b, lanes);
        next[2 * i + 1] = interleaved<size / 2>(a, b, lanes);
      }
      for (int i = 0; i < size; ++i) lines[i] = next[i];
    }
    for (int i = 0; i < size; ++i) {
      __builtin_memcpy(to + i * to_stride, &lines[i], sizeof(Vector));
    }
  }
};

template <class T>
void edge(const T* from, int64_t from_stride, T* to, int64_t to_stride,
          int64_t rows, int64_t columns) {
  if (rows < columns) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        to[r * to_stride + c] = from[c * from_stride + r];
      }
    }
  } else {
    for (int64_t c = 0; c < columns; ++c) {
      for (int64_t r = 0; r < rows; ++r) {
        to[r * to_stride + c] = from[c * from_stride + r];
      }
    }
  }
}

template <class T>
void transpose(const void* x, int64_t from_stride, void* out, int64_t to_stride,
               int64_t rows, int64_t columns) {
  constexpr int64_t size = Block<T>::size;
  auto* from = static_cast<const T*>(x);
  auto* to = static_cast<T*>(out);
  int64_t r_end = rows / size * size, c_end = columns / size * size;
  for (int64_t c = 0; c < c_end; c += size) {
    for (int64_t r = 0; r < r_end; r += size) {
      Block<T>::transpose(from + c * from_stride + r, from_stride,
                          to + r * to_stride + c, to_stride);
    }
  }
  edge(from + r_end, from_stride, to + r_end * to_stride, to_stride,
       rows - r_end, c_end);
  edge(from + c_end * from_stride, from_stride, to + c_end, to_stride, rows,
       columns - c_end);
}

}  // namespace

void fill_transpose(Kernels& k) {
  k.transpose[0] = transpose<uint8_t>;
  k.transpose[1] = transpose<uint16_t>;
  k.transpose[2] = transpose<uint32_t>;
  k.transpose[3] = transpose<uint64_t>;
}

}  // namespace ingot::cpu::INGOT_SIMD
