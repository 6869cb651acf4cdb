// Under ASan every allocation is a block of its own, with red zones; otherwise
// they share one mapping, which TSan can be made to forget.
// SPDX-License-Identifier: MIT
#include "engine/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "engine/sanitizer.h"

namespace softmetal {
namespace {

constexpr size_t kArenaSize = 2 * GroupMemory::kLimit;

// 0xff everywhere is NaN in every floating type.
void fill(void* memory, size_t size) {
  Unseen unseen;
  std::memset(memory, 0xff, size);
}

}  // namespace

GroupMemory::GroupMemory() {
  Unseen unseen;
  void* arena = mmap(nullptr, kArenaSize, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (arena == MAP_FAILED) throw std::bad_alloc();
  arena_ = static_cast<char*>(arena);
}

GroupMemory::~GroupMemory() {
  clear();
  munmap(arena_, kArenaSize);
}

void GroupMemory::clear() {
  for (void* block : blocks_) std::free(block);
  blocks_.clear();
  variables_.clear();
  if (used_ > 0) forget_accesses(arena_, kArenaSize);
  used_ = 0;
  static_size_ = 0;
}

void* GroupMemory::allocate(size_t size, size_t align) {
  align = std::max<size_t>(align, 16);
  size_t begin = (used_ + align - 1) / align * align;
  if (begin + size > kLimit) return nullptr;
  used_ = begin + size;
  void* memory = arena_ + begin;
  if (kAsan) {
    if (posix_memalign(&memory, align, size) != 0) return nullptr;
    blocks_.push_back(memory);
  }
  fill(memory, size);
  return memory;
}

void* GroupMemory::variable(size_t size, size_t align, unsigned declaration) {
  Unseen unseen;
  auto found = variables_.find(declaration);
  if (found != variables_.end()) return found->second;
  void* memory = allocate(size, align);
  if (memory) {
    variables_[declaration] = memory;
    static_size_ += size;
  }
  return memory;
}

}  // namespace softmetal
