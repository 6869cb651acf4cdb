// Threadgroup memory: full of NaNs when a group starts, gone when it ends.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <vector>

namespace softmetal {

class GroupMemory {
 public:
  static constexpr unsigned kLimit = 32 << 10;  // as on Apple's GPUs

  GroupMemory();
  ~GroupMemory();
  GroupMemory(const GroupMemory&) = delete;
  GroupMemory& operator=(const GroupMemory&) = delete;

  // Gives all of it back and lets the next group's accesses be the first.
  void clear();

  // Null when the group would have more than the limit.
  void* allocate(size_t size, size_t align);

  // The variable that a declaration in the kernel stands for.
  void* variable(size_t size, size_t align, unsigned declaration);

  // Bytes of all variables of the group.
  unsigned static_size() const { return static_size_; }

 private:
  char* arena_ = nullptr;
  size_t used_ = 0;
  unsigned static_size_ = 0;
  std::map<unsigned, void*> variables_;
  std::vector<void*> blocks_;
};

}  // namespace softmetal
