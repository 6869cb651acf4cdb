// How a reduction walks its input: as tiles of contiguous lines, so that the
// same few kernels serve every layout and type.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include "csrc/cpu/simd.h"
#include "csrc/cpu/tiles.h"

namespace ingot::cpu {

// Outputs of a block, at most: their accumulators stay in the first-level
// cache.
inline constexpr int64_t kSweepOutputs = 2048;

// Lines of n elements of the compute type, `stride` apart. Line 0 of element 0
// belongs to output `output` and is element `element` of those reduced into it.
struct Lines {
  const void* data;
  int64_t stride;
  int64_t lines;
  int64_t n;
  int64_t output;  // counted from the first one asked for
  int64_t element;
};

class Sweep {
 public:
  // Outputs are the axes not in `axes`, in row-major order.
  Sweep(const Array& x, const Shape& axes, Dtype compute);

  int64_t outputs() const { return outputs_; }
  int64_t reduced() const { return reduced_; }
  // Each line is reduced into one output; otherwise each of its elements is one
  // of another output.
  bool by_rows() const { return by_rows_; }
  // How to cut the work: fixed by layout alone, so that results do not depend
  // on the number of threads.
  int64_t output_chunk() const { return output_chunk_; }
  int64_t reduced_chunk() const { return reduced_chunk_; }

  // Calls f(Lines) until all elements [r0, r1) of outputs [o0, o1) were given,
  // those of one output in ascending order.
  template <class F>
  void tiles(int64_t o0, int64_t o1, int64_t r0, int64_t r1, F&& f) const {
    int64_t output = 0;
    kept_.runs(o0, o1, [&](int64_t at, int64_t outputs) {
      int64_t element = r0;
      reduced_walk_.runs(r0, r1, [&](int64_t from, int64_t elements) {
        const char* data = base_ + (at + from) * itemsize_;
        Lines all{data,
                  line_stride_,
                  by_rows_ ? outputs : elements,
                  by_rows_ ? elements : outputs,
                  output,
                  element};
        if (direct_) {
          f(all);
        } else {
          stage_all(all, f);
        }
        element += elements;
      });
      output += outputs;
    });
  }

 private:
  struct Split {
    Shape kept_shape, reduced_shape;
    Strides kept_strides, reduced_strides;
  };
  static Split split(const Array& x, const Shape& axes);
  Sweep(const Array& x, const Split& split, Dtype compute);
  void plan();

  // Copies and converts the lines, a tile at a time.
  template <class F>
  void stage_all(const Lines& all, F&& f) const {
    Scratch raw, converted;
    int64_t width = std::min(all.n, kTile);
    int64_t height = std::max<int64_t>(1, kTile / width);
    for (int64_t l = 0; l < all.lines; l += height) {
      for (int64_t e = 0; e < all.n; e += width) {
        Lines part{static_cast<const char*>(all.data) +
                       (l * line_stride_ + e * element_stride_) * itemsize_,
                   line_stride_,
                   std::min(height, all.lines - l),
                   std::min(width, all.n - e),
                   all.output + (by_rows_ ? l : e),
                   all.element + (by_rows_ ? e : l)};
        stage(part, raw, converted);
        f(part);
      }
    }
  }
  void stage(Lines& part, Scratch& raw, Scratch& converted) const;

  const char* base_;
  int64_t itemsize_;
  UnaryKernel convert_;
  Walk kept_, reduced_walk_;
  int64_t outputs_ = 1, reduced_ = 1;
  bool by_rows_;
  bool direct_;
  int64_t line_stride_, element_stride_;
  int64_t output_chunk_, reduced_chunk_;
};

}  // namespace ingot::cpu
