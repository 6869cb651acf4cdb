// What gather and scatter share: the places that index arrays name, and the
// error of an index out of range, raised when the work is done.
// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "csrc/families.h"
#include "csrc/graph.h"
#include "csrc/metal/encoder.h"
#include "metal/args.h"

namespace ingot::metal {

// Of the array that is read or written, the target.
class Places {
 public:
  explicit Places(const char* name) : name_(name) { args.window = 1; }

  // Of Gather and Scatter: what belongs to each place.
  void set_windows(const std::vector<int64_t>& windows, const Array& target);
  // Of take_along_axis and the like: positions count along all other axes.
  void count_along(int64_t axis, const Array& target, const Shape& positions);
  // `indices` are contiguous int64.
  void index(int64_t axis, int64_t window, const Array& target,
             const Array& indices);

  // Dispatches a kernel whose operands are the index arrays, `others`, what it
  // says of indices out of range, and `args`. Returns that.
  Array run(MTL::ComputePipelineState* pipeline, std::vector<Operand> others,
            int64_t size);

  // Where the places of so many positions begin, uint32, for a target that has
  // no more elements and is contiguous; and what run() returns.
  struct Found {
    Array offsets, fault;
  };
  Found find(int64_t positions);

  GatherArgs args = {};

 private:
  struct Axis {
    int64_t axis, size, window;
  };

  static std::exception_ptr error(const char* name,
                                  const std::vector<Axis>& axes,
                                  const uint32_t* fault);

  const char* name_;  // of the operation
  std::vector<Axis> axes_;
  Inputs indices_;
};

// Whether the kernels read indices of that type.
inline bool fits(const Array& indices) {
  return indices.dtype() != Dtype::uint64;
}

}  // namespace ingot::metal
