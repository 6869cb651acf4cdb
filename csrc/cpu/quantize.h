// Reading quantized matrices on the CPU: scales and biases as numbers of the type
// that is computed in.
// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "csrc/cpu/backend.h"

namespace ingot::cpu {

// x itself where it is contiguous and of that type, else a copy that is.
Array in_order(CpuBackend& backend, const Array& x, Dtype dtype);

// Groups are counted in the order of memory.
class Scales {
 public:
  using Bytes = std::vector<char>;
  struct Room {
    Bytes scales, biases;
  };

  Scales(CpuBackend& backend, const Quantization& how, const QuantizedMatrix& w,
         Dtype compute);

  const uint32_t* words(int64_t group) const;
  // Those of n groups from one on; what is not of the type is converted.
  const void* scales(int64_t first, int64_t n, Room& room) const {
    return read(scales_, first, n, room.scales);
  }
  const void* biases(int64_t first, int64_t n, Room& room) const {
    return biases_ ? read(biases_, first, n, room.biases) : nullptr;
  }

 private:
  const void* read(const Array& x, int64_t first, int64_t n, Bytes& room) const;

  Quantization how_;
  Dtype compute_;
  Array words_, scales_, biases_;
};

}  // namespace ingot::cpu
