// What gather and scatter on the CPU share: where indices point, and windows in
// two layouts.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include "csrc/cpu/tiles.h"
#include "csrc/graph.h"

namespace ingot::cpu {

inline int64_t product(const Shape& shape) {
  int64_t n = 1;
  for (int64_t size : shape) n *= size;
  return n;
}

// One index array and the axis that it indexes.
struct IndexedAxis {
  Reader reader;
  void (*add)(const void* indices, int64_t n, const IndexedAxis& axis,
              int64_t* offsets);
  const char* name;  // of the operation
  int64_t axis;
  int64_t size;
  int64_t window;
  int64_t stride;
};

// The element offsets, in the array read or written, of the places that index
// arrays give.
class Places {
 public:
  // `target` is the array that is read or written.
  template <class What>
  Places(const What& what, const Array& target, const Inputs& in)
      : count_(in[1].size()) {
    for (size_t i = 0; i < what.axes.size(); ++i) {
      int64_t axis = what.axes[i];
      add_axis(what.name, target, in[1 + i], axis, what.windows[axis]);
    }
  }
  // Of take_along_axis: all other axes count along.
  Places(const char* name, const Array& target, const Array& indices,
         int64_t axis)
      : count_(indices.size()) {
    add_axis(name, target, indices, axis, 1);
    Strides others = target.strides();
    others[axis] = 0;
    others_.emplace_back(indices.shape(), others);
  }

  int64_t count() const { return count_; }

  // Those of index positions [begin, begin + n), n at most kTile. Throws
  // IndexError for an index out of range.
  void read(int64_t begin, int64_t n, int64_t* offsets) const;
  std::vector<int64_t> read_all() const;
  void check() const;

  // Runs f(begin, count) over tiles of positions on all threads; each position
  // stands for `work` elements.
  template <class F>
  void tiles(int64_t work, F&& f) const {
    if (count_ == 0) return;
    work = std::max<int64_t>(1, work);
    bool small = count_ < kParallel / work;
    int64_t grain = small ? count_ : std::max<int64_t>(1, kChunk / work);
    parallel_for(count_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t at = begin; at < end; at += kTile) {
        f(at, std::min(kTile, end - at));
      }
    });
  }

 private:
  void add_axis(const char* name, const Array& target, const Array& indices,
                int64_t axis, int64_t window);

  int64_t count_;
  std::vector<IndexedAxis> axes_;
  std::vector<Walk> others_;
};

// One shape in two layouts, walked at once in runs that step evenly in both.
class Grid {
 public:
  Grid(const Shape& shape, const Strides& a, const Strides& b)
      : size_(product(shape)) {
    for (int64_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 1) continue;
      if (!shape_.empty() && a_.back() == a[i] * shape[i] &&
          b_.back() == b[i] * shape[i]) {
        shape_.back() *= shape[i];
        a_.back() = a[i];
        b_.back() = b[i];
      } else {
        shape_.push_back(shape[i]);
        a_.push_back(a[i]);
        b_.push_back(b[i]);
      }
    }
    if (shape_.empty()) {
      shape_.push_back(1);
      a_.push_back(1);
      b_.push_back(1);
    }
  }

  int64_t size() const { return size_; }
  int64_t step_a() const { return a_.back(); }
  int64_t step_b() const { return b_.back(); }

  // The offset in b of an element counted in row-major order.
  int64_t offset_b(int64_t element) const {
    if (shape_.size() == 1) return element * b_[0];
    int64_t offset = 0;
    for (int64_t d = shape_.size() - 1; d >= 0; --d) {
      offset += element % shape_[d] * b_[d];
      element /= shape_[d];
    }
    return offset;
  }

  // Calls f(offset in a, offset in b, count).
  template <class F>
  void runs(F&& f) const {
    if (size_ == 0) return;
    if (shape_.size() == 1) return f(int64_t{0}, int64_t{0}, shape_[0]);
    int64_t rank = shape_.size() - 1;
    Shape index(rank);
    int64_t a = 0, b = 0, d;
    do {
      f(a, b, shape_.back());
      for (d = rank - 1; d >= 0; --d) {
        a += a_[d];
        b += b_[d];
        if (++index[d] < shape_[d]) break;
        a -= a_[d] * shape_[d];
        b -= b_[d] * shape_[d];
        index[d] = 0;
      }
    } while (d >= 0);
  }

 private:
  int64_t size_;
  Shape shape_;
  Strides a_, b_;
};

}  // namespace ingot::cpu
