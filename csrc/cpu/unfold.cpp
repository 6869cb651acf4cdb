// Lays out what the positions of a convolution meet as rows of a matrix.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/unfold.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace ingot::cpu {
namespace {

// Positions whose numbers differ by `step` meet the same taps, if any.
std::vector<Axis> axes_of(int64_t input, int64_t taps, int64_t output,
                          int64_t stride, int64_t low, int64_t kernel_dilation,
                          int64_t input_dilation) {
  int64_t step = input_dilation / std::gcd(input_dilation, stride);
  std::vector<Axis> axes;
  for (int64_t first = 0; first < std::min(step, output); ++first) {
    Axis axis = {};
    axis.first = first;
    axis.step = step;
    axis.count = (output - first + step - 1) / step;
    axis.stride = step * stride / input_dilation;
    axis.input = input;
    axis.output = output;
    for (int64_t tap = 0; tap < taps; ++tap) {
      int64_t at = first * stride + tap * kernel_dilation - low;
      if (at % input_dilation != 0) continue;
      axis.taps.push_back(tap);
      axis.offsets.push_back(at / input_dilation);
    }
    if (!axis.taps.empty()) axes.push_back(std::move(axis));
  }
  return axes;
}

}  // namespace

std::vector<Phase> phases_of(const Convolution& what, const Shape& x,
                             const Shape& weight, const Shape& out) {
  std::array<std::vector<Axis>, kSpatial> axes;
  for (int d = 0; d < kSpatial; ++d) {
    axes[static_cast<size_t>(d)] =
        axes_of(x[d + 1], weight[d + 1], out[d + 1], what.stride[d],
                what.low[d], what.kernel_dilation[d], what.input_dilation[d]);
  }
  std::vector<Phase> phases;
  for (const Axis& depth : axes[0]) {
    for (const Axis& height : axes[1]) {
      for (const Axis& width : axes[2])
        phases.push_back({depth, height, width});
    }
  }
  return phases;
}

std::vector<int64_t> numbers_of(const Phase& phase, const Shape& weight) {
  std::vector<int64_t> numbers;
  for (int64_t d : phase[0].taps) {
    for (int64_t h : phase[1].taps) {
      for (int64_t w : phase[2].taps) {
        numbers.push_back((d * weight[2] + h) * weight[3] + w);
      }
    }
  }
  return numbers;
}

Patches::Patches(const Array& x, const Phase& phase, int64_t channels)
    : phase_(phase),
      x_(x.data<char>()),
      channels_(channels),
      channel_bytes_(channels * x.itemsize()) {
  int64_t pixel = x.shape().back() * x.itemsize();
  bytes_ = {x.shape(2) * x.shape(3) * pixel, x.shape(3) * pixel, pixel};
  batch_ = x.shape(1) * bytes_[0];
  positions_ = x.shape(0);
  taps_ = 1;
  direct_ = true;
  for (const Axis& axis : phase) {
    positions_ *= axis.count;
    taps_ *= static_cast<int64_t>(axis.taps.size());
    direct_ &= axis.step == 1;
  }
  // The taps of a line meet neighbours, with all their channels.
  const std::vector<int64_t>& line = phase[2].offsets;
  whole_lines_ = channels == x.shape().back();
  for (size_t k = 1; k < line.size(); ++k) {
    whole_lines_ &= line[k] == line[k - 1] + 1;
  }
}

Place Patches::place(int64_t position) const {
  Place place = {};
  for (size_t d = kSpatial; d-- > 0;) {
    place.q[d] = position % phase_[d].count;
    position /= phase_[d].count;
  }
  place.batch = position;
  return place;
}

void Patches::advance(Place& place) const {
  for (size_t d = kSpatial; d-- > 0;) {
    if (++place.q[d] < phase_[d].count) return;
    place.q[d] = 0;
  }
  ++place.batch;
}

int64_t Patches::output(const Place& place) const {
  int64_t at = place.batch;
  for (size_t d = 0; d < kSpatial; ++d) {
    const Axis& axis = phase_[d];
    at = at * axis.output + axis.first + axis.step * place.q[d];
  }
  return at;
}

// The taps of one line, of which those in the middle are inside.
char* Patches::copy_line(const Place& place, const char* line, char* to) const {
  const Axis& axis = phase_[2];
  auto taps = static_cast<int64_t>(axis.taps.size());
  int64_t first = place.q[2] * axis.stride + axis.offsets[0];
  int64_t begin = line ? std::clamp<int64_t>(-first, 0, taps) : taps;
  int64_t end = std::clamp<int64_t>(axis.input - first, begin, taps);
  auto bytes = [&](int64_t n) {
    return static_cast<size_t>(n * channel_bytes_);
  };
  if (begin > 0) std::memset(to, 0, bytes(begin));
  if (end > begin) {
    std::memcpy(to + bytes(begin), line + (first + begin) * bytes_[2],
                bytes(end - begin));
  }
  if (taps > end) std::memset(to + bytes(end), 0, bytes(taps - end));
  return to + bytes(taps);
}

void Patches::unfold(int64_t begin, int64_t end, int64_t group,
                     char* to) const {
  Place at = place(begin);
  auto bytes = static_cast<size_t>(channel_bytes_);
  for (int64_t i = begin; i < end; ++i, advance(at)) {
    if (whole_lines_) {
      for (int64_t d_offset : phase_[0].offsets) {
        const char* plane = along(0, at, d_offset, x_ + at.batch * batch_);
        for (int64_t h_offset : phase_[1].offsets) {
          to = copy_line(at, along(1, at, h_offset, plane), to);
        }
      }
      continue;
    }
    for_taps(at, [&](int64_t, const char* from) {
      if (from) {
        std::memcpy(to, from + group * channel_bytes_, bytes);
      } else {
        std::memset(to, 0, bytes);
      }
      to += bytes;
    });
  }
}

}  // namespace ingot::cpu
