// Gathering and scattering of tiles.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/tiles.h"

#include <cstring>

#include "csrc/cpu/simd.h"

namespace ingot::cpu {
namespace {

template <class T>
void gather(const T* from, int64_t stride, T* to, int64_t n) {
  if (stride == 1) {
    std::memcpy(to, from, n * sizeof(T));
  } else if (stride == 0) {
    for (int64_t i = 0; i < n; ++i) to[i] = *from;
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i * stride];
  }
}

template <class T>
void scatter(const T* from, T* to, int64_t stride, int64_t n) {
  if (stride == 1) {
    std::memcpy(to, from, n * sizeof(T));
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * stride] = from[i];
  }
}

}  // namespace

Walk::Walk(const Array& x) : Walk(x.shape(), x.strides()) {}

Walk::Walk(const Array& x, const Shape& shape)
    : Walk(shape, broadcast_strides(x, shape)) {}

Walk::Walk(const Shape& shape, const Strides& strides) {
  for (int64_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    if (!shape_.empty() && strides_.back() == strides[i] * shape[i]) {
      shape_.back() *= shape[i];
      strides_.back() = strides[i];
    } else {
      shape_.push_back(shape[i]);
      strides_.push_back(strides[i]);
    }
  }
  contiguous_ = shape_.empty() || (shape_.size() == 1 && strides_[0] == 1);
  constant_ = shape_.empty() || (shape_.size() == 1 && strides_[0] == 0);
}

Reader::Reader(const Array& x, const Shape& broadcast)
    : base_(x.data<const char>()),
      itemsize_(x.itemsize()),
      walk_(x, broadcast) {}

const void* Reader::read(int64_t begin, int64_t n, Scratch& scratch) const {
  if (walk_.contiguous()) return base_ + begin * itemsize_;
  const void* result = scratch.bytes;
  by_width(itemsize_, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* from = reinterpret_cast<const T*>(base_);
    auto* to = reinterpret_cast<T*>(scratch.bytes);
    walk_.runs(begin, begin + n, [&](int64_t offset, int64_t count) {
      if (count == n && walk_.inner_stride() == 1) {
        result = from + offset;  // a whole tile within one row
        return;
      }
      gather(from + offset, walk_.inner_stride(), to, count);
      to += count;
    });
  });
  return result;
}

Writer::Writer(const Array& out)
    : base_(out.data<char>()), itemsize_(out.itemsize()), walk_(out) {}

void* Writer::target(int64_t begin, Scratch& scratch) const {
  return direct() ? base_ + begin * itemsize_
                  : static_cast<void*>(scratch.bytes);
}

void Writer::store(int64_t begin, int64_t n, const Scratch& scratch) const {
  if (direct()) return;
  by_width(itemsize_, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* from = reinterpret_cast<const T*>(scratch.bytes);
    auto* to = reinterpret_cast<T*>(base_);
    walk_.runs(begin, begin + n, [&](int64_t offset, int64_t count) {
      scatter(from, to + offset, walk_.inner_stride(), count);
      from += count;
    });
  });
}

void convert(const void* from, Dtype source, void* to, Dtype target,
             int64_t n) {
  auto kernel = [](Dtype a, Dtype b) {
    return kernels().convert[static_cast<int>(a)][static_cast<int>(b)];
  };
  if (auto direct = kernel(source, target)) return direct(from, to, n);
  Scratch middle;
  kernel(source, Dtype::float32)(from, middle.bytes, n);
  kernel(Dtype::float32, target)(middle.bytes, to, n);
}

ConvertingReader::ConvertingReader(const Array& x, const Shape& broadcast,
                                   Dtype to)
    : reader_(x, broadcast), from_(x.dtype()), to_(to) {
  if (!reader_.constant()) return;
  int64_t n = 1;
  for (int64_t length : broadcast) n = std::min(n * length, kTile);
  if (n == 0) return;
  constant_ = std::make_unique_for_overwrite<Scratch>();
  read_tile(0, n, *constant_);
}

const void* ConvertingReader::read_tile(int64_t begin, int64_t n,
                                        Scratch& scratch) const {
  if (from_ == to_) return reader_.read(begin, n, scratch);
  Scratch narrow;
  convert(reader_.read(begin, n, narrow), from_, scratch.bytes, to_, n);
  return scratch.bytes;
}

ConvertingWriter::ConvertingWriter(const Array& out, Dtype from)
    : writer_(out), from_(from), to_(out.dtype()) {}

void* ConvertingWriter::target(int64_t begin, Scratch& scratch) const {
  return from_ == to_ ? writer_.target(begin, scratch) : scratch.bytes;
}

void ConvertingWriter::store(int64_t begin, int64_t n, Scratch& scratch) const {
  if (from_ == to_) return writer_.store(begin, n, scratch);
  Scratch narrow;
  convert(scratch.bytes, from_, writer_.target(begin, narrow), to_, n);
  writer_.store(begin, n, narrow);
}

}  // namespace ingot::cpu
