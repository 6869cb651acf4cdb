// A lazy n-dimensional array: a handle to one output of one graph node, and to
// its memory once that has been computed.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
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
class Array;
// The strides of a ready array in a shape that it broadcasts to.
Strides broadcast_strides(const Array& x, const Shape& shape);

// A number for arrays of any type.
struct Number {
  double real = 0;       // its value, for floating and complex types
  int64_t integer = 0;   // its value, for integers and bool
  double imaginary = 0;  // for complex types

  template <class T>
  T as() const {
    if constexpr (is_complex_type<T>) {
      return T(static_cast<float>(real), static_cast<float>(imaginary));
    } else if constexpr (std::is_same_v<T, Half> ||
                         std::is_same_v<T, Bfloat16>) {
      return T(static_cast<float>(real));
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(real);
    } else {
      return static_cast<T>(integer);
    }
  }
};

struct Node;  // graph.h

// What the handles of an array share: one output of a node, in the node's own
// memory.
struct ArrayData {
  explicit ArrayData(Node* node) : node(node) {}

  Node* const node;
  std::atomic<int64_t> handles{0};
  Shape shape;
  Strides strides;  // set with the memory
  int64_t size = 0;
  int64_t offset = 0;  // of the first element in the buffer, in bytes
  BufferPtr buffer;
  Dtype dtype = Dtype::float32;
  // A transform looks at it: its node keeps its inputs beyond its eval.
  std::atomic<bool> tracer{false};
};

enum class Status : uint8_t {
  lazy,       // no memory yet
  scheduled,  // some eval has taken on the node, whose event tells when
  ready,      // has memory
  failed,     // an in-place step died midway: its error is raised on every use
};

class Array {
 public:
  Array() = default;
  // A further handle; see Node on when one may be made of what has none.
  explicit Array(ArrayData& data) : data_(&data) { hold(); }
  Array(const Array& other) : data_(other.data_) {
    if (data_) hold();
  }
  Array(Array&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  Array& operator=(Array other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~Array() {
    if (data_) release();
  }

  // An array in fresh, contiguous, undefined memory.
  static Array empty(const Shape& shape, Dtype dtype);
  // Part of the memory of a ready array as an array of its own.
  static Array view(const Array& source, const Shape& shape, Strides strides,
                    int64_t offset_bytes = 0);
  // A zero-dimensional array.
  template <class T>
  static Array scalar(T value) {
    using Wide = std::conditional_t<std::is_integral_v<T>, int64_t, double>;
    return scalar(static_cast<Wide>(value), dtype_of<T>);
  }
  static Array scalar(double value, Dtype dtype);
  static Array scalar(int64_t value, Dtype dtype);
  static Array scalar(const Number& value, Dtype dtype);

  explicit operator bool() const { return data_ != nullptr; }
  const Shape& shape() const { return data_->shape; }
  int64_t shape(int64_t axis) const { return data_->shape[axis]; }
  int64_t ndim() const { return data_->shape.size(); }
  int64_t size() const { return data_->size; }
  Dtype dtype() const { return data_->dtype; }
  int64_t itemsize() const { return size_of(data_->dtype); }
  int64_t nbytes() const { return size() * itemsize(); }
  bool tracer() const { return data_->tracer; }
  Status status() const;
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

  // A handle that has been counted already, or that is forgotten uncounted.
  static Array adopt(ArrayData& data) {
    Array array;
    array.data_ = &data;
    return array;
  }
  void forget() { data_ = nullptr; }
  // Whether no other handle of this array exists.
  bool sole() const {
    return data_->handles.load(std::memory_order_acquire) == 1;
  }
  ArrayData* get() const { return data_; }
  ArrayData* operator->() const { return data_; }

 private:
  void hold() {
    if (data_->handles.fetch_add(1, std::memory_order_relaxed) == 0) revive();
  }
  void revive();
  void release();

  ArrayData* data_ = nullptr;
};

using Arrays = std::vector<Array>;

}  // namespace ingot
