// The gradients of the weights of convolutions, from the same panels: summed in
// blocks that follow from the shapes alone, so that results do not depend on the
// number of threads.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/backend.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/depthwise.h"
#include "csrc/cpu/pool.h"

namespace ingot::cpu {
namespace {

// Blocks of positions of a gradient that are summed each by itself, and the
// bytes that these sums may take together.
constexpr int64_t kBlocks = 32;
constexpr int64_t kBlockBytes = 64 << 20;
// Outputs that are computed at once where blocks are few.
constexpr int64_t kOutputs = 128;

// x with zeros between its elements, and the convolution without gaps.
Array dilated(Backend& backend, Convolution& what, const Array& x) {
  Shape shape = x.shape();
  for (int d = 0; d < kSpatial; ++d) {
    shape[d + 1] = (shape[d + 1] - 1) * what.input_dilation[d] + 1;
  }
  Strides strides = contiguous_strides(shape);
  for (int d = 0; d < kSpatial; ++d) strides[d + 1] *= what.input_dilation[d];
  what.input_dilation = {1, 1, 1};
  if (shape == x.shape()) return x;
  Array made = Array::empty(shape, x.dtype());
  backend.fill({0, 0}, made);
  Array places = Array::view(made, x.shape(), strides);
  backend.copy(x, places);
  return made;
}

// Panels (or positions) in blocks, whose sums lie one after the other.
struct Blocks {
  int64_t each, count;  // parts of a block, and blocks

  Blocks(int64_t parts, int64_t bytes, int64_t least) {
    int64_t most = std::clamp(kBlockBytes / bytes, int64_t{1}, kBlocks);
    each = std::max(least, ceil_divide(parts, most));
    count = ceil_divide(parts, each);
  }
};

// In the order of the blocks.
template <class T>
void add_up(const Array& sums, Array& out) {
  int64_t blocks = sums.shape(0), n = out.size();
  const T* from = sums.data<T>();
  T* to = out.data<T>();
  parallel_for(n, grain_of_work(blocks), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      double total = 0;
      for (int64_t b = 0; b < blocks; ++b) {
        total += static_cast<double>(from[b * n + i]);
      }
      to[i] = static_cast<T>(total);
    }
  });
}

template <class T>
void gradient_of_weight(const Phase& phase, const Array& x,
                        const Array& cotangent, Array& out, int64_t groups) {
  Patches patches(x, phase, out.shape().back());
  int64_t columns = patches.columns(), all = out.shape(0);
  int64_t outputs = all / groups;
  check_sizes(out.shape(), columns);
  Panels panels(patches.positions(), columns);
  Blocks blocks(panels.count, out.nbytes(), 1);
  Array sums = Array::empty({blocks.count, out.size()}, out.dtype());
  bool few = blocks.count * groups < 8;
  int64_t width = few ? std::min(outputs, kOutputs) : outputs;
  int64_t widths = ceil_divide(outputs, width);
  auto compute = [&](int64_t i, char* panel) {
    int64_t first = i % widths * width, group = i / widths % groups;
    int64_t block = i / widths / groups;
    int64_t o = group * outputs + first;
    T* to = sums.data<T>() + block * out.size() + o * columns;
    int64_t last = std::min((block + 1) * blocks.each, panels.count);
    for (int64_t k = block * blocks.each; k < last; ++k) {
      int64_t begin = k * panels.rows;
      int64_t end = std::min(begin + panels.rows, patches.positions());
      patches.unfold(begin, end, group, panel);
      blas::gemm(
          static_cast<int>(std::min(width, outputs - first)),
          static_cast<int>(columns), static_cast<int>(end - begin), T(1),
          {cotangent.data<T>() + begin * all + o, static_cast<int>(all), true},
          {reinterpret_cast<const T*>(panel), static_cast<int>(columns), false},
          T(k > block * blocks.each), to, static_cast<int>(columns));
    }
  };
  int64_t each = blocks.each * panels.rows * columns * width;
  parallel_for(blocks.count * groups * widths, grain_of_work(each),
               [&](int64_t begin, int64_t end) {
                 BufferPtr panel = room<T>(panels.rows * columns);
                 for (int64_t i = begin; i < end; ++i) {
                   compute(i, static_cast<char*>(panel->data));
                 }
               });
  add_up<T>(sums, out);
}

template <class T>
void gradient_of_channels(Backend& backend, const Phase& phase, const Array& x,
                          const Array& cotangent, Array& out) {
  int64_t channels = out.shape(0), taps = out.size() / channels;
  int64_t positions = cotangent.size() / channels;
  Blocks blocks(positions, out.nbytes(), 64);
  Array sums = Array::empty({blocks.count, taps, channels}, out.dtype());
  backend.fill({0, 0}, sums);
  add_channels(phase, x, cotangent, out.shape(), blocks.each, sums);
  Array total = Array::empty({taps, channels}, out.dtype());
  add_up<T>(sums, total);
  Array turned = shaped(out, {channels, taps});
  backend.copy(Array::view(total, {channels, taps}, {1, channels}), turned);
}

}  // namespace

void CpuBackend::convolve_weight(const Convolution& given, const Array& input,
                                 const Array& cotangent, Array& out) {
  if (out.size() == 0) return;
  Dtype dtype = compute_type(out.dtype());
  if (dtype != out.dtype()) {
    Array wide = Array::empty(out.shape(), dtype);
    convolve_weight(given, ready(*this, input, dtype),
                    ready(*this, cotangent, dtype), wide);
    return copy(wide, out);
  }
  Convolution what = spatial(given);
  Array x = dilated(*this, what, spatial(ready(*this, input, dtype)));
  Array dy = spatial(ready(*this, cotangent, dtype)), weight = spatial(out);
  // One phase, where nothing is dilated.
  Phase phase = phases_of(what, x.shape(), weight.shape(), dy.shape()).at(0);
  by_type(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (is_depthwise(what, weight.shape())) {
      gradient_of_channels<T>(*this, phase, x, dy, weight);
    } else {
      gradient_of_weight<T>(phase, x, dy, weight, what.groups);
    }
  });
}

}  // namespace ingot::cpu
