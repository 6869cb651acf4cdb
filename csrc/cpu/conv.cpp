// Convolutions: what a panel of positions meets is laid out as a matrix, for
// BLAS to multiply. Panels follow from the shapes alone, so that results do not
// depend on the number of threads.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/depthwise.h"
#include "csrc/cpu/pool.h"

namespace ingot::cpu {
namespace {

// Products that are kept at once, of some elements of the batch.
constexpr int64_t kProducts = 4 << 20;

// Whether each position meets the element of its own number alone.
bool is_pointwise(const Convolution& what, const Shape& x, const Shape& weight,
                  const Shape& out) {
  bool plain = what.groups == 1;
  for (int d = 0; d < kSpatial; ++d) {
    plain &= weight[d + 1] == 1 && what.stride[d] == 1 && what.low[d] == 0 &&
             what.input_dilation[d] == 1 && x[d + 1] == out[d + 1];
  }
  return plain;
}

// The weights of a phase's taps, (outputs, taps, channels).
Array weight_of(const Phase& phase, const Array& weight, int64_t taps) {
  int64_t outputs = weight.shape(0), channels = weight.shape().back();
  int64_t all = weight.shape(1) * weight.shape(2) * weight.shape(3);
  if (taps == all) return weight;
  Array made = Array::empty({outputs, taps, channels}, weight.dtype());
  std::vector<int64_t> numbers = numbers_of(phase, weight.shape());
  int64_t bytes = channels * weight.itemsize();
  char* to = made.data<char>();
  for (int64_t o = 0; o < outputs; ++o) {
    for (int64_t tap : numbers) {
      const char* from = weight.data<char>() + (o * all + tap) * bytes;
      to = std::copy_n(from, bytes, to);
    }
  }
  return made;
}

template <class T>
void multiply_phase(const Phase& phase, const Array& x, const Array& weight,
                    Array& out, int64_t groups) {
  Patches patches(x, phase, weight.shape().back());
  int64_t columns = patches.columns(), all = weight.shape(0);
  int64_t outputs = all / groups;
  check_sizes(weight.shape(), columns);
  Array taps = weight_of(phase, weight, patches.taps());
  Panels panels(patches.positions(), columns);
  int ld = static_cast<int>(columns);
  auto compute = [&](int64_t i, char* panel, T* product) {
    int64_t group = i % groups, begin = i / groups * panels.rows;
    int64_t end = std::min(begin + panels.rows, patches.positions());
    patches.unfold(begin, end, group, panel);
    T* to = out.data<T>() + begin * all + group * outputs;
    const T* factors = taps.data<T>() + group * outputs * columns;
    blas::gemm(static_cast<int>(end - begin), static_cast<int>(outputs),
               static_cast<int>(columns), T(1),
               {reinterpret_cast<const T*>(panel), ld, false},
               {factors, ld, true}, T(0), product ? product : to,
               static_cast<int>(product ? outputs : all));
    if (!product) return;
    Place place = patches.place(begin);
    for (int64_t p = begin; p < end; ++p, patches.advance(place)) {
      T* row = out.data<T>() + patches.output(place) * all + group * outputs;
      std::copy_n(product, outputs, row);
      product += outputs;
    }
  };
  int64_t each = panels.rows * outputs * columns;
  parallel_for(panels.count * groups, grain_of_work(each),
               [&](int64_t begin, int64_t end) {
                 BufferPtr panel = room<T>(panels.rows * columns), product;
                 if (!patches.direct())
                   product = room<T>(panels.rows * outputs);
                 for (int64_t i = begin; i < end; ++i) {
                   compute(i, static_cast<char*>(panel->data),
                           product ? static_cast<T*>(product->data) : nullptr);
                 }
               });
}

// Whether the outputs are so few that laying out what they meet would cost more
// than to multiply it; every element meets each tap once. The products take up
// to four times the memory of x.
bool is_narrow(const Phase& phase, const Shape& weight, int64_t groups) {
  int64_t columns = weight[0], channels = weight.back();
  bool narrow = groups == 1 && columns < 16 && 4 * columns <= channels;
  for (const Axis& axis : phase) {
    narrow &= axis.stride == 1;
    columns *= static_cast<int64_t>(axis.taps.size());
  }
  return narrow && columns <= 4 * channels;
}

// The sums of what each position meets, from the products of all elements with
// the weights of every tap.
template <class T>
void add_taps(const Phase& phase, const Array& products, Array& out) {
  int64_t outputs = out.shape().back();
  Patches patches(products, phase, outputs);
  auto compute = [&](int64_t begin, int64_t end) {
    Place place = patches.place(begin);
    for (int64_t p = begin; p < end; ++p, patches.advance(place)) {
      T* to = out.data<T>() + patches.output(place) * outputs;
      std::fill_n(to, outputs, T(0));
      patches.for_taps(place, [&](int64_t k, const char* bytes) {
        if (!bytes) return;
        const T* from = reinterpret_cast<const T*>(bytes) + k * outputs;
        for (int64_t o = 0; o < outputs; ++o) to[o] += from[o];
      });
    }
  };
  parallel_for(patches.positions(), grain_of_work(4 * patches.columns()),
               compute);
}

template <class T>
void multiply_narrow(Backend& backend, const Phase& phase, const Array& x,
                     const Array& weight, Array& out) {
  int64_t outputs = weight.shape(0), channels = weight.shape().back();
  int64_t taps = static_cast<int64_t>(numbers_of(phase, weight.shape()).size());
  Array factors =
      Array::view(weight_of(phase, weight, taps), {taps, outputs, channels},
                  {channels, taps * channels, 1});
  factors = ready(backend, factors, x.dtype());
  int64_t columns = taps * outputs, all = x.shape(0);
  int64_t elements = x.size() / channels / all;
  int64_t positions = out.size() / outputs / all;
  int64_t each = std::max<int64_t>(1, kProducts / (elements * columns));
  for (int64_t first = 0; first < all; first += each) {
    Shape shape = x.shape(), part = out.shape();
    part[0] = shape[0] = std::min(each, all - first);
    Array from = Array::view(x, {shape[0] * elements, channels}, {channels, 1},
                             first * elements * channels * x.itemsize());
    shape.back() = columns;
    Array products = Array::empty(shape, x.dtype());
    Array flat = shaped(products, {shape[0] * elements, columns});
    backend.matmul(from,
                   Array::view(factors, {channels, columns}, {1, channels}),
                   flat, 1, 0);
    Array to = Array::view(out, part, contiguous_strides(part),
                           first * positions * outputs * out.itemsize());
    add_taps<T>(phase, products, to);
  }
}

// Weights of a depthwise convolution as (taps, channels).
Array by_taps(Backend& backend, const Array& weight) {
  int64_t channels = weight.shape(0), taps = weight.size() / channels;
  return ready(backend, Array::view(weight, {taps, channels}, {1, taps}),
               weight.dtype());
}

// Whether every position of `out` belongs to one of the phases.
bool covered(const std::vector<Phase>& phases, const Shape& out) {
  int64_t positions = 0;
  for (const Phase& phase : phases) {
    positions += phase[0].count * phase[1].count * phase[2].count;
  }
  return positions == out[1] * out[2] * out[3];
}

}  // namespace

void CpuBackend::convolve(const Convolution& given, const Array& input,
                          const Array& weights, Array& out) {
  if (out.size() == 0) return;
  Dtype dtype = compute_type(out.dtype());
  if (dtype != out.dtype()) {
    Array wide = Array::empty(out.shape(), dtype);
    convolve(given, ready(*this, input, dtype), ready(*this, weights, dtype),
             wide);
    return copy(wide, out);
  }
  Convolution what = spatial(given);
  Array x = spatial(ready(*this, input, dtype));
  Array weight = spatial(ready(*this, weights, dtype)), y = spatial(out);
  if (is_pointwise(what, x.shape(), weight.shape(), y.shape())) {
    int64_t channels = x.shape().back(), outputs = weight.shape(0);
    Array product = shaped(y, {y.size() / outputs, outputs});
    return matmul(shaped(x, {x.size() / channels, channels}),
                  Array::view(weight, {channels, outputs}, {1, channels}),
                  product, 1, 0);
  }
  bool depthwise = is_depthwise(what, weight.shape());
  Array factors = depthwise ? by_taps(*this, weight) : weight;
  std::vector<Phase> phases =
      phases_of(what, x.shape(), weight.shape(), y.shape());
  if (!covered(phases, y.shape())) fill({0, 0}, y);
  for (const Phase& phase : phases) {
    if (depthwise) {
      multiply_channels(phase, x, factors, weight.shape(), y);
      continue;
    }
    by_type(dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      if (is_narrow(phase, weight.shape(), what.groups)) {
        multiply_narrow<T>(*this, phase, x, weight, y);
      } else {
        multiply_phase<T>(phase, x, weight, y, what.groups);
      }
    });
  }
}

}  // namespace ingot::cpu
