// Convolutions whose channels do not mix, and the gradients of their weights:
// along a line, position after position meets the same taps but for its ends.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/depthwise.h"

#include <algorithm>
#include <vector>

#include "csrc/cpu/pool.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu {
namespace {

// Neighbours of a line that meet the same of its taps.
struct Run {
  int64_t begin, end;
  std::vector<size_t> taps;
};

std::vector<Run> runs_of(const Axis& axis) {
  std::vector<int64_t> cuts = {0, axis.count};
  auto cut = [&](int64_t element) {  // before the first position beyond it
    int64_t at = element <= 0 ? 0 : ceil_divide(element, axis.stride);
    cuts.push_back(std::min(at, axis.count));
  };
  for (int64_t offset : axis.offsets) {
    cut(-offset);
    cut(axis.input - offset);
  }
  std::sort(cuts.begin(), cuts.end());
  std::vector<Run> runs;
  for (size_t i = 1; i < cuts.size(); ++i) {
    if (cuts[i] == cuts[i - 1]) continue;
    Run run = {cuts[i - 1], cuts[i], {}};
    for (size_t k = 0; k < axis.offsets.size(); ++k) {
      int64_t at = run.begin * axis.stride + axis.offsets[k];
      if (at >= 0 && at < axis.input) run.taps.push_back(k);
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

// Goes through positions of a phase by runs, with what they meet of x. Lists
// are kept from one to the next.
class Walk {
 public:
  // `weights` are (taps, channels), of which `numbers` has those of the phase.
  Walk(const Phase& phase, const Patches& patches, const std::vector<Run>& runs,
       const std::vector<int64_t>& numbers, const Array& x, char* weights)
      : line_(phase[2]),
        patches_(patches),
        runs_(runs),
        numbers_(numbers),
        channels_(x.shape().back()),
        pixel_(channels_ * x.itemsize()),
        weights_(weights) {}

  // Calls f(taps, n, place) for n positions, of which the first is at `place`.
  template <class F>
  void operator()(int64_t begin, int64_t end, F&& f) {
    while (begin < end) {
      Place place = patches_.place(begin);
      int64_t first = place.q[2];
      int64_t last = std::min(line_.count, first + end - begin);
      for (const Run& run : runs_) {
        place.q[2] = std::max(run.begin, first);
        int64_t n = std::min(run.end, last) - place.q[2];
        if (n > 0) f(taps_of(place, run), n, place);
      }
      begin += last - first;
    }
  }

 private:
  ChannelTaps taps_of(const Place& place, const Run& run) {
    x_.clear();
    factors_.clear();
    patches_.for_lines(place, [&](size_t k, const char* line) {
      if (!line) return;
      for (size_t tap : run.taps) {
        int64_t at = place.q[2] * line_.stride + line_.offsets[tap];
        x_.push_back(line + at * pixel_);
        factors_.push_back(weights_ + numbers_[k + tap] * pixel_);
      }
    });
    return {x_.data(), factors_.data(),       static_cast<int64_t>(x_.size()),
            channels_, line_.stride * pixel_, line_.step * pixel_};
  }

  const Axis& line_;
  const Patches& patches_;
  const std::vector<Run>& runs_;
  const std::vector<int64_t>& numbers_;
  int64_t channels_, pixel_;
  char* weights_;
  std::vector<const void*> x_;
  std::vector<void*> factors_;
};

}  // namespace

void multiply_channels(const Phase& phase, const Array& x, const Array& factors,
                       const Shape& weight, Array& out) {
  Patches patches(x, phase, 1);
  std::vector<int64_t> numbers = numbers_of(phase, weight);
  std::vector<Run> runs = runs_of(phase[2]);
  int64_t channels = weight[0], pixel = channels * x.itemsize();
  auto multiply = kernels().multiply_channels[static_cast<int>(x.dtype())];
  auto compute = [&](int64_t begin, int64_t end) {
    Walk walk(phase, patches, runs, numbers, x, factors.data<char>());
    walk(begin, end, [&](const ChannelTaps& taps, int64_t n, Place place) {
      multiply(taps, n, out.data<char>() + patches.output(place) * pixel);
    });
  };
  parallel_for(patches.positions(), grain_of_work(patches.taps() * channels),
               compute);
}

void add_channels(const Phase& phase, const Array& x, const Array& cotangent,
                  const Shape& weight, int64_t each, Array& sums) {
  Patches patches(x, phase, 1);
  std::vector<int64_t> numbers = numbers_of(phase, weight);
  std::vector<Run> runs = runs_of(phase[2]);
  int64_t channels = weight[0], pixel = channels * x.itemsize();
  auto add = kernels().add_channels[static_cast<int>(x.dtype())];
  auto compute = [&](int64_t block) {
    char* to = sums.data<char>() + block * patches.taps() * pixel;
    Walk walk(phase, patches, runs, numbers, x, to);
    int64_t begin = block * each;
    int64_t end = std::min(begin + each, patches.positions());
    walk(begin, end, [&](const ChannelTaps& taps, int64_t n, Place place) {
      add(taps, n, cotangent.data<char>() + patches.output(place) * pixel);
    });
  };
  parallel_for(sums.shape(0), grain_of_work(each * patches.taps() * channels),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) compute(i);
               });
}

}  // namespace ingot::cpu
