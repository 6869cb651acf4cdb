// Numbers in few bits on the CPU: groups shared out over threads.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/quantize.h"

#include "csrc/cpu/backend.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/tiles.h"
#include "metal/quantize.h"

namespace ingot::cpu {
namespace {

// Groups that a tile holds, so that half types are widened on the way.
int64_t groups_of_tile(const Quantization& how) { return kTile / how.group; }

int64_t grain_of(const Quantization& how, int64_t groups) {
  return groups * how.group < kParallel ? groups : kChunk / how.group;
}

}  // namespace

Array in_order(CpuBackend& backend, const Array& x, Dtype dtype) {
  if (x.dtype() == dtype && x.contiguous()) return x;
  Array made = Array::empty(x.shape(), dtype);
  backend.copy(x, made);
  return made;
}

Scales::Scales(CpuBackend& backend, const Quantization& how,
               const QuantizedMatrix& w, Dtype compute)
    : how_(how), compute_(compute) {
  auto keep = [&](const Array& x) { return in_order(backend, x, x.dtype()); };
  words_ = keep(w.words);
  scales_ = keep(w.scales);
  if (w.biases) biases_ = keep(*w.biases);
}

const uint32_t* Scales::words(int64_t group) const {
  return words_.data<uint32_t>() + group * how_.group * how_.bits / 32;
}

const void* Scales::read(const Array& x, int64_t first, int64_t n,
                         Bytes& room) const {
  const char* from = x.data<char>() + first * x.itemsize();
  if (x.dtype() == compute_) return from;
  int64_t itemsize = size_of(compute_);
  room.resize(static_cast<size_t>(n * itemsize));
  for (int64_t i = 0; i < n; i += kTile) {
    int64_t count = std::min(kTile, n - i);
    char* to = room.data() + i * itemsize;
    if (how_.mode == Quantization::affine) {
      convert(from + i * x.itemsize(), x.dtype(), to, compute_, count);
      continue;
    }
    float values[kTile];
    for (int64_t j = 0; j < count; ++j) {
      values[j] = scale_value(static_cast<uint8_t>(from[i + j]), how_.mode);
    }
    convert(values, Dtype::float32, to, compute_, count);
  }
  return room.data();
}

void CpuBackend::quantize(const Quantization& how, const Array& w, Array& words,
                          Array& scales, Array* biases) {
  if (w.size() == 0) return;
  Dtype compute = compute_type(w.dtype());
  auto kernel = kernels().quantize[static_cast<int>(compute)];
  bool affine = how.mode == Quantization::affine;
  ConvertingReader reader(w, compute);
  int64_t groups = w.size() / how.group, most = groups_of_tile(how);
  parallel_for(groups, grain_of(how, groups), [&](int64_t g, int64_t end) {
    Scratch source, wide_scales, wide_biases;
    for (int64_t n; g < end; g += n) {
      n = std::min(most, end - g);
      auto* from = reader.read(g * how.group, n * how.group, source);
      uint32_t* to = words.data<uint32_t>() + g * how.group * how.bits / 32;
      if (!affine) {
        kernel(how, from, n, to, scales.data<uint8_t>() + g, nullptr);
        continue;
      }
      kernel(how, from, n, to, wide_scales.bytes, wide_biases.bytes);
      auto store = [&](Array& x, const Scratch& wide) {
        convert(wide.bytes, compute, x.data<char>() + g * x.itemsize(),
                x.dtype(), n);
      };
      store(scales, wide_scales);
      store(*biases, wide_biases);
    }
  });
}

void CpuBackend::dequantize(const Quantization& how, const QuantizedMatrix& w,
                            Array& out) {
  if (out.size() == 0) return;
  Dtype compute = w.scales.dtype() == Dtype::float64
                      ? Dtype::float64
                      : compute_type(out.dtype());
  Scales scales(*this, how, w, compute);
  auto kernel = kernels().dequantize[static_cast<int>(compute)];
  ConvertingWriter writer(out, compute);
  int64_t groups = out.size() / how.group, most = groups_of_tile(how);
  parallel_for(groups, grain_of(how, groups), [&](int64_t g, int64_t end) {
    Scratch result;
    Scales::Room room;
    for (int64_t n; g < end; g += n) {
      n = std::min(most, end - g);
      int64_t first = g * how.group, count = n * how.group;
      kernel(how, scales.words(g), scales.scales(g, n, room),
             scales.biases(g, n, room), n, writer.target(first, result));
      writer.store(first, count, result);
    }
  });
}

}  // namespace ingot::cpu
