// A lazy n-dimensional array: a handle to one output of one graph node, and to
// its memory once that has been computed.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "csrc/allocator.h"
#include "csrc/dtype.h"
#include "csrc/small_vector.h"
#include "csrc/stream.h"

namespace ingot {

using Shape = SmallVector<int64_t, 4>;
using Strides = SmallVector<int64_t, 4>;  // in elements; may be 0 or negative

std::string to_string(const Shape& shape);  // "(2, 3)"
std::ostream& operator<<(std::ostream& out, const Shape& shape);
// The number of elements. Throws MemoryError where that passes 2^63 - 1 bytes,
// ValueError for a negative dimension.
int64_t size_of(const Shape& shape, Dtype dtype, const char* op);
Strides contiguous_strides(const Shape& shape);

struct Node;
class Event;

enum class Status : uint8_t {
  lazy,       // has a node, no memory
  scheduled,  // some eval has taken it on; its event tells when it is done
  ready,      // has memory
  failed,     // an in-place step died midway: `error` is raised on every use
};

// What an array is made of; shared by its handles.
struct ArrayData {
  Shape shape;
  Strides strides;  // set with the memory
  int64_t size = 0;
  int64_t offset = 0;  // of the first element in the buffer, in bytes
  BufferPtr buffer;
  std::shared_ptr<Node> node;  // null once evaluated, unless traced
  std::shared_ptr<Event> event;
  std::exception_ptr error;
  std::atomic<Status> status{Status::lazy};
  Dtype dtype = Dtype::float32;
  // A transform looks at it: its node outlives its eval.
  std::atomic<bool> tracer{false};
};

class Array {
 public:
  Array() = default;
  explicit Array(std::shared_ptr<ArrayData> data) : data_(std::move(data)) {}

  // An array in fresh, contiguous, undefined memory.
  static Array empty(const Shape& shape, Dtype dtype);
  // A zero-dimensional array.
  template <class T>
  static Array scalar(T value) {
    using Wide = std::conditional_t<std::is_integral_v<T>, int64_t, double>;
    return scalar(static_cast<Wide>(value), dtype_of<T>);
  }
  static Array scalar(double value, Dtype dtype);
  static Array scalar(int64_t value, Dtype dtype);

  explicit operator bool() const { return data_ != nullptr; }
  const Shape& shape() const { return data_->shape; }
  int64_t shape(int64_t axis) const { return data_->shape[axis]; }
  int64_t ndim() const { return data_->shape.size(); }
  int64_t size() const { return data_->size; }
  Dtype dtype() const { return data_->dtype; }
  int64_t itemsize() const { return size_of(data_->dtype); }
  int64_t nbytes() const { return size() * itemsize(); }
  bool tracer() const { return data_->tracer; }
  Status status() const {
    return data_->status.load(std::memory_order_acquire);
  }
  bool ready() const { return status() == Status::ready; }

  // The rest holds for ready arrays only.
  const Strides& strides() const { return data_->strides; }
  template <class T = void>
  T* data() const {
    auto* bytes = static_cast<char*>(data_->buffer->data) + data_->offset;
    return reinterpret_cast<T*>(bytes);
  }
  // Row-major without gaps (dimensions of size one may have any stride).
  bool contiguous() const;

  // For the outputs of a node, in its eval:
  void allocate();  // contiguous memory of its own
  void view_of(const Array& source, Strides strides, int64_t offset_bytes = 0);
  // Takes over the memory of `source`, which must be contiguous.
  void reuse(const Array& source) { view_of(source, source.strides()); }

  const std::shared_ptr<ArrayData>& ptr() const { return data_; }
  ArrayData* operator->() const { return data_.get(); }

 private:
  std::shared_ptr<ArrayData> data_;
};

using Arrays = std::vector<Array>;

}  // namespace ingot
