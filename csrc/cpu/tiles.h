// Reading and writing arrays of any layout as runs of contiguous elements, so
// that every kernel is a plain loop and strided inputs are never copied whole.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>

#include "csrc/array.h"
#include "csrc/cpu/pool.h"

namespace ingot::cpu {

// Elements per tile: a few operands of it stay in the first-level cache.
inline constexpr int64_t kTile = 1024;
// Elements a thread claims at once, and the size below which a loop is not
// worth a second thread.
inline constexpr int64_t kChunk = 32 << 10;
inline constexpr int64_t kParallel = 128 << 10;

// Calls f with an unsigned type of the given width: moving needs no more.
template <class F>
void by_width(int64_t itemsize, F&& f) {
  switch (itemsize) {
    case 1:
      return f(TypeTag<uint8_t>());
    case 2:
      return f(TypeTag<uint16_t>());
    case 4:
      return f(TypeTag<uint32_t>());
    default:
      return f(TypeTag<uint64_t>());
  }
}

// Room for one tile of any type.
struct alignas(64) Scratch {
  unsigned char bytes[kTile * 8];
};

inline int64_t grain_of(int64_t n, int64_t chunk = kChunk) {
  return n < kParallel ? n : chunk;
}

// A layout with mergeable dimensions merged, walked in row-major order.
class Walk {
 public:
  explicit Walk(const Array& x);
  // Of an array that broadcasts to the shape.
  Walk(const Array& x, const Shape& shape);
  Walk(const Shape& shape, const Strides& strides);

  bool contiguous() const { return contiguous_; }
  bool constant() const { return constant_; }  // every element is the first
  const Shape& shape() const { return shape_; }
  const Strides& strides() const { return strides_; }
  int64_t inner() const { return shape_.empty() ? 1 : shape_.back(); }
  int64_t inner_stride() const {
    return strides_.empty() ? 1 : strides_.back();
  }

  // Calls f(offset, count) for the runs along the innermost merged dimension
  // that make up elements [begin, end); offset in elements, step
  // inner_stride().
  template <class F>
  void runs(int64_t begin, int64_t end, F&& f) const {
    int64_t length = inner();
    int64_t row = begin / length;
    int64_t column = begin % length;
    Shape index(shape_.size());
    int64_t offset = 0;
    for (int64_t d = shape_.size() - 2; d >= 0; --d) {
      index[d] = row % shape_[d];
      row /= shape_[d];
      offset += index[d] * strides_[d];
    }
    for (int64_t at = begin; at < end;) {
      int64_t count = std::min(length - column, end - at);
      f(offset + column * inner_stride(), count);
      at += count;
      column = 0;
      for (int64_t d = shape_.size() - 2; d >= 0; --d) {
        offset += strides_[d];
        if (++index[d] < shape_[d]) break;
        offset -= strides_[d] * shape_[d];
        index[d] = 0;
      }
    }
  }

 private:
  Shape shape_;
  Strides strides_;
  bool contiguous_ = false;
  bool constant_ = false;
};

// Elements [begin, begin + n) of an array as contiguous memory of its own type:
// the array's memory where possible, else gathered into scratch.
class Reader {
 public:
  explicit Reader(const Array& x) : Reader(x, x.shape()) {}
  Reader(const Array& x, const Shape& broadcast);
  bool direct() const { return walk_.contiguous(); }
  bool constant() const { return walk_.constant() && !direct(); }
  // `n` at most kTile unless direct().
  const void* read(int64_t begin, int64_t n, Scratch& scratch) const;

 private:
  const char* base_;
  int64_t itemsize_;
  Walk walk_;
};

// The same for an output: write into target(), then store().
class Writer {
 public:
  explicit Writer(const Array& out);
  bool direct() const { return walk_.contiguous(); }
  void* target(int64_t begin, Scratch& scratch) const;
  void store(int64_t begin, int64_t n, const Scratch& scratch) const;

 private:
  char* base_;
  int64_t itemsize_;
  Walk walk_;
};

// Up to a tile of contiguous elements; between half types and float64 by way of
// float32.
void convert(const void* from, Dtype source, void* to, Dtype target, int64_t n);

// Reads with conversion to a compute type; what is the same everywhere, once.
class ConvertingReader {
 public:
  ConvertingReader(const Array& x, Dtype to)
      : ConvertingReader(x, x.shape(), to) {}
  ConvertingReader(const Array& x, const Shape& broadcast, Dtype to);
  bool direct() const { return reader_.direct() && from_ == to_; }
  const void* read(int64_t begin, int64_t n, Scratch& scratch) const {
    return constant_ ? constant_->bytes : read_tile(begin, n, scratch);
  }

 private:
  const void* read_tile(int64_t begin, int64_t n, Scratch& scratch) const;

  Reader reader_;
  Dtype from_, to_;
  std::unique_ptr<Scratch> constant_;
};

// Writes with conversion from a compute type to the output's.
class ConvertingWriter {
 public:
  ConvertingWriter(const Array& out, Dtype from);
  bool direct() const { return writer_.direct() && from_ == to_; }
  void* target(int64_t begin, Scratch& scratch) const;
  void store(int64_t begin, int64_t n, Scratch& scratch) const;

 private:
  Writer writer_;
  Dtype from_, to_;
};

// Runs f(begin, count) over tiles of [0, n) on all threads; one tile is a whole
// chunk where every operand is `direct`.
template <class F>
void for_tiles(int64_t n, bool direct, Interrupt interrupt, F&& f) {
  parallel_for(
      n, grain_of(n),
      [&](int64_t begin, int64_t end) {
        int64_t tile = direct ? end - begin : kTile;
        for (int64_t at = begin; at < end; at += tile) {
          f(at, std::min(tile, end - at));
        }
      },
      interrupt);
}

}  // namespace ingot::cpu
