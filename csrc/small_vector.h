// A vector that keeps a few elements in place, so that a graph node of ordinary
// rank and arity allocates nothing for its shapes and inputs.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace ingot {

template <class T, int kInline>
class SmallVector {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  SmallVector() = default;
  explicit SmallVector(int64_t n, const T& value = T()) { assign(n, value); }
  SmallVector(std::initializer_list<T> list)
      : SmallVector(list.begin(), list.end()) {}
  template <class It>
    requires(!std::is_integral_v<It>)
  SmallVector(It first, It last) {
    append(first, last);
  }
  SmallVector(const SmallVector& other) { *this = other; }
  SmallVector(SmallVector&& other) noexcept { take(other); }
  SmallVector& operator=(const SmallVector& other) {
    if (this == &other) return *this;
    clear();
    // Shapes of ordinary rank, whole: shorter than a loop.
    if constexpr (std::is_trivially_copyable_v<T>) {
      if (is_inline() && other.is_inline()) {
        std::memcpy(storage_, other.storage_, sizeof(storage_));
        size_ = other.size_;
        return *this;
      }
    }
    append(other.begin(), other.end());
    return *this;
  }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  ~SmallVector() { release(); }

  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](int64_t i) { return data_[i]; }
  const T& operator[](int64_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }

  void reserve(int64_t n) {
    if (n <= capacity_) return;
    if (n > INT32_MAX) throw std::bad_alloc();
    n = std::clamp<int64_t>(int64_t{2} * capacity_, n, INT32_MAX);
    T* data = std::allocator<T>().allocate(n);
    std::uninitialized_move(begin(), end(), data);
    std::destroy(begin(), end());
    if (!is_inline()) std::allocator<T>().deallocate(data_, capacity_);
    data_ = data;
    capacity_ = static_cast<int32_t>(n);
  }
  template <class... Args>
  T& emplace_back(Args&&... args) {
    reserve(size_ + 1);
    return *new (data_ + size_++) T(std::forward<Args>(args)...);
  }
  void push_back(T value) { emplace_back(std::move(value)); }
  template <class It>
  void append(It first, It last) {
    auto n = std::distance(first, last);
    reserve(size_ + n);
    std::uninitialized_copy(first, last, data_ + size_);
    size_ += static_cast<int32_t>(n);
  }
  void pop_back() { std::destroy_at(data_ + --size_); }
  void clear() {
    std::destroy(begin(), end());
    size_ = 0;
  }
  void assign(int64_t n, const T& value) {
    clear();
    reserve(n);
    for (int64_t i = 0; i < n; ++i) push_back(value);
  }
  void insert(int64_t at, T value) {
    push_back(std::move(value));
    std::rotate(begin() + at, end() - 1, end());
  }
  void erase(int64_t at) {
    std::move(begin() + at + 1, end(), begin() + at);
    pop_back();
  }

  friend bool operator==(const SmallVector& a, const SmallVector& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  T* local() { return reinterpret_cast<T*>(storage_); }
  bool is_inline() const {
    return data_ == reinterpret_cast<const T*>(storage_);
  }
  void release() {
    clear();
    if (!is_inline()) std::allocator<T>().deallocate(data_, capacity_);
    data_ = local();
    capacity_ = kInline;
  }
  // Expects *this empty and inline; leaves `other` so.
  void take(SmallVector& other) {
    if (other.is_inline()) {
      if constexpr (std::is_trivially_copyable_v<T>) {
        std::memcpy(storage_, other.storage_, sizeof(storage_));
      } else {
        std::uninitialized_move(other.begin(), other.end(), data_);
      }
      size_ = other.size_;
      other.clear();
    } else {
      data_ = std::exchange(other.data_, other.local());
      capacity_ = std::exchange(other.capacity_, kInline);
      size_ = std::exchange(other.size_, 0);
    }
  }

  alignas(T) unsigned char storage_[kInline * sizeof(T)];
  T* data_ = local();
  int32_t size_ = 0;
  int32_t capacity_ = kInline;
};

}  // namespace ingot
