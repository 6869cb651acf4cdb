// Choosing the direction of a sweep, its chunks, and staging of its lines.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/sweep.h"

#include <cstdlib>
#include <cstring>
#include <numeric>

namespace ingot::cpu {
namespace {

// Elements of a block that one thread claims: large against the cost of
// claiming, small against the second-level cache.
constexpr int64_t kBlock = 64 << 10;
// The same where there are blocks enough: still a few milliseconds.
constexpr int64_t kLargeBlock = 4 << 20;
constexpr int64_t kEnoughBlocks = 16;

template <class T>
void gather(const char* from, int64_t stride, int64_t n, void* to) {
  auto* source = reinterpret_cast<const T*>(from);
  auto* target = static_cast<T*>(to);
  for (int64_t i = 0; i < n; ++i) target[i] = source[i * stride];
}

void gather(const char* from, int64_t stride, int64_t itemsize, int64_t n,
            void* to) {
  if (stride == 1) {
    std::memcpy(to, from, n * itemsize);
    return;
  }
  switch (itemsize) {
    case 1:
      return gather<uint8_t>(from, stride, n, to);
    case 2:
      return gather<uint16_t>(from, stride, n, to);
    case 4:
      return gather<uint32_t>(from, stride, n, to);
    default:
      return gather<uint64_t>(from, stride, n, to);
  }
}

UnaryKernel conversion(Dtype from, Dtype to) {
  if (from == to) return nullptr;
  return kernels().convert[static_cast<int>(from)][static_cast<int>(to)];
}

}  // namespace

Sweep::Split Sweep::split(const Array& x, const Shape& axes) {
  Split s;
  Shape inward;  // the reduced axes, largest stride first: any order will do
  for (int64_t i = 0; i < x.ndim(); ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) {
      s.kept_shape.push_back(x.shape(i));
      s.kept_strides.push_back(x.strides()[i]);
    } else {
      inward.push_back(i);
    }
  }
  if (inward.size() > 1) {  // for else it takes memory in vain
    std::stable_sort(inward.begin(), inward.end(), [&](int64_t a, int64_t b) {
      return std::abs(x.strides()[a]) > std::abs(x.strides()[b]);
    });
  }
  for (int64_t i : inward) {
    s.reduced_shape.push_back(x.shape(i));
    s.reduced_strides.push_back(x.strides()[i]);
  }
  return s;
}

Sweep::Sweep(const Array& x, const Shape& axes, Dtype compute)
    : Sweep(x, split(x, axes), compute) {}

Sweep::Sweep(const Array& x, const Split& s, Dtype compute)
    : base_(x.data<const char>()),
      itemsize_(x.itemsize()),
      convert_(conversion(x.dtype(), compute)),
      kept_(s.kept_shape, s.kept_strides),
      reduced_walk_(s.reduced_shape, s.reduced_strides) {
  for (int64_t n : s.kept_shape) outputs_ *= n;
  for (int64_t n : s.reduced_shape) reduced_ *= n;
  int64_t across = kept_.inner_stride(), along = reduced_walk_.inner_stride();
  by_rows_ =
      reduced_ > 1 && (outputs_ == 1 || std::abs(along) <= std::abs(across));
  line_stride_ = by_rows_ ? across : along;
  element_stride_ = by_rows_ ? along : across;
  direct_ = element_stride_ == 1 && !convert_;
  plan();
}

void Sweep::plan() {
  int64_t each = std::max<int64_t>(reduced_, 1);
  int64_t room = by_rows_ ? std::max<int64_t>(1, kBlock / each) : kSweepOutputs;
  room = std::min(room, kSweepOutputs);
  output_chunk_ = std::clamp<int64_t>(outputs_, 1, room);
  int64_t blocks = (outputs_ + output_chunk_ - 1) / output_chunk_;
  int64_t size = blocks >= kEnoughBlocks ? kLargeBlock : kBlock;
  bool small = outputs_ * each < kParallel;
  reduced_chunk_ =
      small ? each : std::clamp<int64_t>(size / output_chunk_, 1, each);
}

void Sweep::stage(Lines& part, Scratch& raw, Scratch& converted) const {
  int64_t n = part.n;
  auto* from = static_cast<const char*>(part.data);
  const void* gathered = from;
  bool compact = element_stride_ == 1 && (part.lines == 1 || line_stride_ == n);
  if (!compact) {
    for (int64_t i = 0; i < part.lines; ++i) {
      gather(from + i * line_stride_ * itemsize_, element_stride_, itemsize_, n,
             raw.bytes + i * n * itemsize_);
    }
    gathered = raw.bytes;
  }
  if (convert_) {
    convert_(gathered, converted.bytes, part.lines * n);
    gathered = converted.bytes;
  }
  part.data = gathered;
  part.stride = n;
}

}  // namespace ingot::cpu
