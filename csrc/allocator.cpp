// The buffer cache. Small blocks come from size classes (four to a power of
// two), large ones are mapped on huge pages: first touch is what a large
// allocation costs (5 to 12 times less with 2 MiB pages), so freed blocks are
// kept.
// SPDX-License-Identifier: MIT
#include "csrc/allocator.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "csrc/error.h"

namespace ingot::allocator {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and an AVX-512 register
constexpr size_t kHugePage = 2ull << 20;  // 2 MiB
constexpr size_t kLarge = kHugePage;      // from here on a mapping of its own
constexpr size_t kSmallest = 64;
constexpr int kClasses = 64;

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

// Sizes 64, 80, 96, 112, 128, 160, ... : at most 25% is wasted.
size_t class_size(size_t bytes) {
  if (bytes <= kSmallest) return kSmallest;
  size_t power = std::bit_floor(bytes - 1);
  return round_up(bytes, power / 4);
}

int class_index(size_t rounded) {
  int power = std::bit_width(rounded) - 1;
  int quarter = static_cast<int>((rounded >> (power - 2)) & 3);
  return (power - 6) * 4 + quarter;
}

void* map(size_t bytes) {
#if defined(__linux__)
  // Over-map, then cut to a 2 MiB boundary so that huge pages can back it all.
  size_t padded = bytes + kHugePage;
  void* base = mmap(nullptr, padded, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  auto start = reinterpret_cast<uintptr_t>(base);
  uintptr_t aligned = round_up(start, kHugePage);
  if (aligned > start) munmap(base, aligned - start);
  size_t tail = start + padded - (aligned + bytes);
  if (tail > 0) munmap(reinterpret_cast<void*>(aligned + bytes), tail);
  void* data = reinterpret_cast<void*>(aligned);
  madvise(data, bytes, MADV_HUGEPAGE);
  return data;
#else
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return data == MAP_FAILED ? nullptr : data;
#endif
}

void* system_allocate(size_t bytes) {
  if (bytes >= kLarge) return map(bytes);
  void* data = nullptr;
  return posix_memalign(&data, kAlignment, bytes) == 0 ? data : nullptr;
}

void system_free(void* data, size_t bytes) {
  if (bytes >= kLarge) {
    munmap(data, bytes);
  } else {
    std::free(data);
  }
}

struct State {
  std::mutex mutex;
  std::vector<void*> classes[kClasses];
  std::multimap<size_t, void*> large;
  Counters counters;
  size_t limit = system_memory();
  size_t cache_limit = system_memory() / 4;

  void* take_cached(size_t rounded) {
    if (rounded < kLarge) {
      auto& list = classes[class_index(rounded)];
      if (list.empty()) return nullptr;
      void* data = list.back();
      list.pop_back();
      counters.cached -= rounded;
      return data;
    }
    auto it = large.find(rounded);
    if (it == large.end()) return nullptr;
    void* data = it->second;
    large.erase(it);
    counters.cached -= rounded;
    return data;
  }

  void keep(void* data, size_t rounded) {
    if (counters.cached + rounded > cache_limit) {
      system_free(data, rounded);
      return;
    }
    counters.cached += rounded;
    if (rounded < kLarge) {
      classes[class_index(rounded)].push_back(data);
    } else {
      large.emplace(rounded, data);
    }
  }

  void drop_cache() {
    for (int i = 0; i < kClasses; ++i) {
      for (void* data : classes[i]) std::free(data);
      classes[i].clear();
    }
    for (auto [size, data] : large) munmap(data, size);
    large.clear();
    counters.cached = 0;
  }
};

// Never destroyed: arrays may outlive every static destructor.
State& state() {
  static State* state = new State;
  return *state;
}

[[noreturn]] void refuse(size_t bytes, const std::string& what, size_t limit) {
  throw MemoryError(
      cat("allocate: ", bytes, " bytes", what.empty() ? "" : " for " + what,
          " must fit into the memory limit of ", limit, " bytes, of which ",
          state().counters.active, " are in use"));
}

}  // namespace

size_t system_memory() {
  size_t bytes = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) *
                 static_cast<size_t>(sysconf(_SC_PAGE_SIZE));
  std::ifstream cgroup("/sys/fs/cgroup/memory.max");
  size_t limit;
  if (cgroup >> limit) bytes = std::min(bytes, limit);
  return bytes;
}

BufferPtr allocate(size_t bytes, const std::string& what) {
  State& s = state();
  size_t rounded =
      bytes < kLarge ? class_size(bytes) : round_up(bytes, kHugePage);
  void* data;
  {
    std::lock_guard lock(s.mutex);
    if (bytes > s.limit || s.counters.active + rounded > s.limit) {
      refuse(bytes, what, s.limit);
    }
    data = s.take_cached(rounded);
    if (!data && s.counters.active + s.counters.cached + rounded > s.limit) {
      s.drop_cache();
    }
    s.counters.active += rounded;
    s.counters.peak = std::max(s.counters.peak, s.counters.active);
    ++s.counters.allocations;
  }
  if (!data && !(data = system_allocate(rounded))) {
    clear_cache();
    data = system_allocate(rounded);
  }
  if (!data) {
    std::lock_guard lock(s.mutex);
    s.counters.active -= rounded;
    refuse(bytes, what, s.limit);
  }
  return std::make_shared<Buffer>(data, rounded);
}

Counters counters() {
  std::lock_guard lock(state().mutex);
  return state().counters;
}

void reset_peak() {
  std::lock_guard lock(state().mutex);
  state().counters.peak = state().counters.active;
}

void clear_cache() {
  std::lock_guard lock(state().mutex);
  state().drop_cache();
}

size_t set_memory_limit(size_t bytes) {
  std::lock_guard lock(state().mutex);
  return std::exchange(state().limit, bytes);
}

size_t memory_limit() {
  std::lock_guard lock(state().mutex);
  return state().limit;
}

size_t set_cache_limit(size_t bytes) {
  std::lock_guard lock(state().mutex);
  State& s = state();
  size_t previous = std::exchange(s.cache_limit, bytes);
  if (s.counters.cached > bytes) s.drop_cache();
  return previous;
}

void lock_for_fork() { state().mutex.lock(); }
void unlock_after_fork() { state().mutex.unlock(); }

}  // namespace ingot::allocator

namespace ingot {

Buffer::~Buffer() {
  auto& s = allocator::state();
  std::lock_guard lock(s.mutex);
  s.counters.active -= size;
  s.keep(data, size);
}

}  // namespace ingot
