// Memory of arrays: buffers from a size-class cache, with counters and limits.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ingot {

// One block of memory. Arrays (and views of arrays) share it; the number of
// owners decides whether an operation may write its result over it.
struct Buffer {
  void* data = nullptr;
  size_t size = 0;  // bytes, at least what was asked for
  Buffer(void* data, size_t size) : data(data), size(size) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();
};
using BufferPtr = std::shared_ptr<Buffer>;

namespace allocator {

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
