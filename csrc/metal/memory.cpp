// Slabs and large buffers, all in shared storage.
// SPDX-License-Identifier: MIT
#include "csrc/metal/memory.h"

#include <mutex>
#include <unordered_map>
#include <vector>

#include "csrc/metal/guards.h"

namespace ingot::metal {
namespace {

constexpr size_t kSlab = 8 << 20;
// From here on a buffer of its own; below, at most an eighth of a slab is left
// over.
constexpr size_t kOwn = 1 << 20;
// Where the hazards of memory are known to the encoder alone.
constexpr MTL::ResourceOptions kOptions =
    MTL::ResourceStorageModeShared | MTL::ResourceHazardTrackingModeUntracked;

// Not under ASan: each block is to end where its buffer does, so that an
// overrun shows.
constexpr bool kSlabs = !INGOT_ASAN;

MTL::Buffer* new_buffer(size_t bytes) {
  if (bytes > max_buffer_length()) return nullptr;
  return device()->newBuffer(bytes, kOptions);
}

// Cut from front to back; what is freed serves blocks of its size again.
class Slabs {
 public:
  Block allocate(size_t bytes) {
    std::lock_guard lock(mutex_);
    auto& list = free_[bytes];
    if (!list.empty()) {
      Block block = list.back();
      list.pop_back();
      return block;
    }
    if (!slab_ || used_ + bytes > kSlab) {
      MTL::Buffer* slab = new_buffer(kSlab);
      if (!slab) return {};
      slab_ = slab;
      used_ = 0;
    }
    Block block = {static_cast<char*>(slab_->contents()) + used_, slab_};
    used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return block;
  }

  void free(Block block, size_t bytes) {
    std::lock_guard lock(mutex_);
    free_[bytes].push_back(block);
  }

 private:
  static constexpr size_t kAlignment = 64;

  std::mutex mutex_;
  std::unordered_map<size_t, std::vector<Block>> free_;
  MTL::Buffer* slab_ = nullptr;
  size_t used_ = 0;
};

Slabs& slabs() {
  static Slabs* slabs = new Slabs;
  return *slabs;
}

Block cut(size_t bytes) {
  Pool pool;
  if (kSlabs && bytes < kOwn) return slabs().allocate(bytes);
  MTL::Buffer* buffer = new_buffer(bytes);
  return buffer ? Block{buffer->contents(), buffer} : Block{};
}

void put_back(Block block, size_t bytes) {
  if (kSlabs && bytes < kOwn) return slabs().free(block, bytes);
  Pool pool;
  static_cast<MTL::Buffer*>(block.resource)->release();
}

Block allocate(size_t bytes) { return guarded(cut(bytes + 2 * kGuard), bytes); }

void free(Block block, size_t bytes) {
  put_back(unguarded(block, bytes), bytes + 2 * kGuard);
}

}  // namespace

allocator::Source memory_source() { return {allocate, free, lend}; }

}  // namespace ingot::metal
