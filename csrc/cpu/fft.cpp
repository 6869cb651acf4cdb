// Fourier transforms on the CPU by pocketfft: axis after axis, and of each the
// lines in parts that the shape alone fixes.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <complex>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/pool.h"

// The threads are ours. Plans of the last few lengths are kept.
#define POCKETFFT_NO_MULTITHREADING
#define POCKETFFT_CACHE_SIZE 8
#include <pocketfft.h>

namespace ingot::cpu {
namespace {

using Element = std::complex<float>;

constexpr int64_t kPart = 32 << 10;  // elements

// Lines of two arrays along one axis, in which alone they may differ in length.
struct Lines {
  pocketfft::shape_t shape;  // the real one, if one of them is
  pocketfft::stride_t from, to;
};

Lines lines_of(const Array& x, const Array& out, const Shape& shape) {
  Lines lines;
  for (int64_t i = 0; i < shape.size(); ++i) {
    lines.shape.push_back(static_cast<size_t>(shape[i]));
    lines.from.push_back(x.strides()[i] * x.itemsize());
    lines.to.push_back(out.strides()[i] * out.itemsize());
  }
  return lines;
}

// Calls f(shape, source, target) for parts of the longest axis but `axis`.
template <class From, class To, class F>
void for_parts(const Lines& lines, int64_t axis, const Array& x, Array& out,
               F&& f) {
  auto ndim = static_cast<int64_t>(lines.shape.size());
  int64_t cut = -1, size = 1;
  for (int64_t i = 0; i < ndim; ++i) {
    size *= static_cast<int64_t>(lines.shape[i]);
    if (i == axis) continue;
    if (cut < 0 || lines.shape[i] > lines.shape[cut]) cut = i;
  }
  if (cut < 0) return f(lines.shape, x.data<From>(), out.data<To>());
  auto length = static_cast<int64_t>(lines.shape[cut]);
  int64_t grain = std::max<int64_t>(1, kPart / (size / length));
  parallel_for(length, grain, [&](int64_t begin, int64_t end) {
    pocketfft::shape_t shape = lines.shape;
    shape[cut] = static_cast<size_t>(end - begin);
    f(shape, x.data<From>() + begin * x.strides()[cut],
      out.data<To>() + begin * out.strides()[cut]);
  });
}

// Complex to complex; x may be out.
void along(int64_t axis, bool inverse, float scale, const Array& x,
           Array& out) {
  Lines lines = lines_of(x, out, out.shape());
  pocketfft::shape_t axes = {static_cast<size_t>(axis)};
  for_parts<Element, Element>(
      lines, axis, x, out, [&](auto& shape, const Element* from, Element* to) {
        pocketfft::c2c(shape, lines.from, lines.to, axes, !inverse, from, to,
                       scale);
      });
}

void from_real(int64_t axis, bool inverse, float scale, const Array& x,
               Array& out) {
  Lines lines = lines_of(x, out, x.shape());
  for_parts<float, Element>(
      lines, axis, x, out, [&](auto& shape, const float* from, Element* to) {
        pocketfft::r2c(shape, lines.from, lines.to, static_cast<size_t>(axis),
                       !inverse, from, to, scale);
      });
}

void to_real(int64_t axis, bool inverse, float scale, const Array& x,
             Array& out) {
  Lines lines = lines_of(x, out, out.shape());
  for_parts<Element, float>(
      lines, axis, x, out, [&](auto& shape, const Element* from, float* to) {
        pocketfft::c2r(shape, lines.from, lines.to, static_cast<size_t>(axis),
                       !inverse, from, to, scale);
      });
}

}  // namespace

void CpuBackend::fourier(const Fourier& what, const Array& x, Array& out) {
  if (out.size() == 0) return;
  auto scale = static_cast<float>(what.scale);
  // Passes after the first are in place, and their scale is 1.
  Array source = x, target = out;
  auto pass = [&](int64_t axis) {
    along(axis, what.inverse, scale, source, target);
    source = target;
    scale = 1;
  };
  Shape others(what.axes.begin(), what.axes.end() - 1);
  switch (what.kind) {
    case Fourier::complex:
      for (int64_t axis : what.axes) pass(axis);
      break;
    case Fourier::from_real:
      from_real(what.axes.back(), what.inverse, scale, x, out);
      source = out;
      scale = 1;
      for (int64_t axis : others) pass(axis);
      break;
    case Fourier::to_real:
      if (!others.empty()) target = Array::empty(x.shape(), x.dtype());
      for (int64_t axis : others) pass(axis);
      to_real(what.axes.back(), what.inverse, scale, source, out);
      break;
  }
}

}  // namespace ingot::cpu
