// What a convolution reads. Its positions fall into phases: in each of them the
// same taps meet elements of the input, the others meet gaps between these.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <vector>

#include "csrc/array.h"
#include "csrc/families.h"

namespace ingot::cpu {

// Arrays have three spatial dimensions here; the first may be of one element.
inline constexpr int kSpatial = 3;

// One spatial dimension of a phase: of its positions first + step * q, q <
// count, tap taps[k] meets element q * stride + offsets[k], if there is one.
struct Axis {
  int64_t first, step, count;
  int64_t stride;
  int64_t input, output;  // sizes
  std::vector<int64_t> taps, offsets;
};
using Phase = std::array<Axis, kSpatial>;

// Those in which any tap meets anything: there are no more than taps.
std::vector<Phase> phases_of(const Convolution& what, const Shape& x,
                             const Shape& weight, const Shape& out);

// The number of each of a phase's taps among all.
std::vector<int64_t> numbers_of(const Phase& phase, const Shape& weight);

// One position of a phase: of which batch element, and q of each dimension.
struct Place {
  int64_t batch;
  std::array<int64_t, kSpatial> q;
};

// The elements that the positions of a phase meet, `channels` of each tap, from
// an x that is contiguous.
class Patches {
 public:
  Patches(const Array& x, const Phase& phase, int64_t channels);

  int64_t positions() const { return positions_; }
  int64_t taps() const { return taps_; }
  int64_t columns() const { return taps_ * channels_; }
  // Whether the positions are those of the output, in their order.
  bool direct() const { return direct_; }

  Place place(int64_t position) const;
  void advance(Place& place) const;
  // Its number among the positions of the output.
  int64_t output(const Place& place) const;

  // One row for each position: the taps in their order, of each the channels of
  // a group. What no tap meets is 0.
  void unfold(int64_t begin, int64_t end, int64_t group, char* to) const;

  // Calls f(k, bytes) for each line of taps, of which k is the first, with the
  // line of x that they meet, or null.
  template <class F>
  void for_lines(const Place& place, F&& f) const {
    size_t k = 0;
    for (int64_t d_offset : phase_[0].offsets) {
      const char* plane = along(0, place, d_offset, x_ + place.batch * batch_);
      for (int64_t h_offset : phase_[1].offsets) {
        f(k, along(1, place, h_offset, plane));
        k += phase_[2].offsets.size();
      }
    }
  }

  // Calls f(k, bytes) for each tap k, with the first channel of what it meets,
  // or null.
  template <class F>
  void for_taps(const Place& place, F&& f) const {
    for_lines(place, [&](size_t first, const char* line) {
      auto k = static_cast<int64_t>(first);
      for (int64_t w_offset : phase_[2].offsets) {
        f(k++, along(2, place, w_offset, line));
      }
    });
  }

 private:
  const char* along(size_t d, const Place& place, int64_t offset,
                    const char* from) const {
    int64_t i = place.q[d] * phase_[d].stride + offset;
    bool inside = i >= 0 && i < phase_[d].input;
    return from && inside ? from + i * bytes_[d] : nullptr;
  }
  char* copy_line(const Place& place, const char* line, char* to) const;

  const Phase& phase_;
  const char* x_;
  int64_t batch_;                        // bytes to the next batch element
  std::array<int64_t, kSpatial> bytes_;  // to the next along a dimension
  int64_t channels_, channel_bytes_;     // of a group
  int64_t positions_, taps_;
  bool direct_, whole_lines_;
};

}  // namespace ingot::cpu
