// Shapes, scalars and memory of arrays.
// SPDX-License-Identifier: MIT
#include "csrc/array.h"

#include <limits>

#include "csrc/graph.h"

namespace ingot {

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (int64_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << to_string(shape);
}

int64_t size_of(const Shape& shape, Dtype dtype, const char* op) {
  int64_t size = 1;
  int64_t bytes = size_of(dtype);
  bool overflow = false;
  for (int64_t n : shape) {
    require(n >= 0, op, ": dimensions must not be negative, got shape ", shape);
    size *= n != 0;
  }
  if (size == 0) return 0;
  for (int64_t n : shape) {
    overflow |= __builtin_mul_overflow(bytes, n, &bytes);
  }
  require<MemoryError>(!overflow, op, ": ", dtype, " array of shape ", shape,
                       " must be smaller than 2^63 bytes");
  return bytes / size_of(dtype);
}

Strides contiguous_strides(const Shape& shape) {
  Strides strides(shape.size());
  int64_t stride = 1;
  for (int64_t i = shape.size() - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

Strides broadcast_strides(const Array& x, const Shape& shape) {
  Strides strides(shape.size(), 0);
  int64_t lead = shape.size() - x.ndim();
  for (int64_t i = 0; i < x.ndim(); ++i) {
    if (x.shape(i) != 1) strides[lead + i] = x.strides()[i];
  }
  return strides;
}

Array Array::empty(const Shape& shape, Dtype dtype) {
  Array array = make_leaf(shape, dtype);
  array.allocate();
  return array;
}

Array Array::view(const Array& source, const Shape& shape, Strides strides,
                  int64_t offset_bytes) {
  Array view = make_leaf(shape, source.dtype());
  view.view_of(source, std::move(strides), offset_bytes);
  return view;
}

Array Array::scalar(const Number& value, Dtype dtype) {
  Array array = Array::empty({}, dtype);
  dispatch(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    *array.data<T>() = value.as<T>();
  });
  return array;
}

Array Array::scalar(double value, Dtype dtype) {
  if (is_inexact(dtype)) return scalar(Number{value, 0}, dtype);
  bool flag = dtype == Dtype::bool_;
  return scalar(Number{0, flag ? value != 0 : static_cast<int64_t>(value)},
                dtype);
}

Array Array::scalar(int64_t value, Dtype dtype) {
  return scalar(Number{static_cast<double>(value), value}, dtype);
}

bool Array::contiguous() const {
  int64_t expected = 1;
  for (int64_t i = ndim() - 1; i >= 0; --i) {
    if (shape(i) == 0) return true;
    if (shape(i) != 1 && strides()[i] != expected) return false;
    expected *= shape(i);
  }
  return true;
}

void Array::allocate() {
  size_t bytes = static_cast<size_t>(nbytes());
  constexpr size_t kDescribe = 1 << 20;  // a message for small ones costs more
  data_->buffer = bytes < kDescribe
                      ? allocator::allocate(bytes)
                      : allocator::allocate(
                            bytes, cat(dtype(), " array of shape ", shape()));
  data_->offset = 0;
  data_->strides = contiguous_strides(shape());
}

void Array::view_of(const Array& source, Strides strides,
                    int64_t offset_bytes) {
  data_->buffer = source->buffer;
  data_->offset = source->offset + offset_bytes;
  data_->strides = std::move(strides);
}

}  // namespace ingot
