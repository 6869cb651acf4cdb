// Memory of arrays: buffers from a size-class cache, with counters and limits.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ingot {

// What a source of memory hands out.
struct Block {
  void* data = nullptr;
  void* resource = nullptr;  // what a GPU knows it by
};

// Whoever lends memory to arrays.
struct Lender {
  void (*give_back)(void* owner) = nullptr;
  void* owner = nullptr;
};

// One block of memory. Arrays (and views of arrays) share it; the number of
// owners decides whether an operation may write its result over it.
struct Buffer {
  void* const data;
  void* const resource;
  const size_t size;  // bytes, at least what was asked for
  // The last work handed to a GPU that touches it: see allocator::completed().
  std::atomic<uint64_t> last_use{0};
  // Of memory that is not the allocator's: who is told, on any thread, when no
  // array needs it. Others may be looking at it, so nothing is written there,
  // and no GPU can reach it.
  const Lender lender;

  Buffer(Block block, size_t size)
      : data(block.data), resource(block.resource), size(size) {}
  Buffer(void* data, size_t size, Lender lender)
      : data(data), resource(nullptr), size(size), lender(lender) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();
  bool lent() const { return lender.give_back != nullptr; }
  // Whether this thread must keep its hands off: a GPU may still be at it, and
  // what the thread asks for would not come after that.
  bool busy() const;
};
using BufferPtr = std::shared_ptr<Buffer>;

namespace allocator {

// Where memory comes from; the system unless a GPU backend brings its own,
// before anything is allocated.
struct Source {
  Block (*allocate)(size_t bytes);  // data is null where there is none
  void (*free)(Block block, size_t bytes);
  // Told, if given, how much of a block will be used: all of it where a GPU may
  // still be at it.
  void (*lend)(Block block, size_t bytes) = nullptr;
};
void set_source(Source source);

// Work that a GPU has been handed is numbered from 1 in the order in which it
// completes; this is the last that has.
uint64_t completed();
void set_completed(uint64_t work);

// While one lives, what this thread asks for runs after all that the GPU has
// been handed: it may take memory that is still in use there. (With `on_gpu`
// false that is undone for a while.)
class GpuScope {
 public:
  explicit GpuScope(bool on_gpu = true);
  ~GpuScope();
  GpuScope(const GpuScope&) = delete;
  GpuScope& operator=(const GpuScope&) = delete;

 private:
  bool previous_;
};

// Throws MemoryError, which says the bytes and `what` they were for, when the
// limit or the system refuses. Contents are undefined.
BufferPtr allocate(size_t bytes, const std::string& what);
inline BufferPtr allocate(size_t bytes) { return allocate(bytes, ""); }

struct Counters {
  size_t active = 0;       // bytes held by arrays
  size_t peak = 0;         // largest value of active
  size_t cached = 0;       // bytes kept for reuse
  size_t allocations = 0;  // buffers handed out since the start
};
Counters counters();
void reset_peak();
void clear_cache();

// Both return the previous limit in bytes.
size_t set_memory_limit(size_t bytes);
size_t memory_limit();
size_t set_cache_limit(size_t bytes);
// Physical memory this process may use (the cgroup's limit where it is lower).
size_t system_memory();

// Held across fork(), so that the child never inherits a locked allocator.
void lock_for_fork();
void unlock_after_fork();

}  // namespace allocator
}  // namespace ingot
