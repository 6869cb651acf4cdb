// The buffer cache. Small blocks come from size classes (four to a power of
// two), large ones are mapped on huge pages: first touch is what a large
// allocation costs (5 to 12 times less with 2 MiB pages), so freed blocks are
// kept. A block that a GPU may still use waits until it has completed.
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

size_t class_size_of(int index) {
  return (4 + static_cast<size_t>(index % 4)) << (index / 4 + 4);
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

Block system_allocate(size_t bytes) {
  if (bytes >= kLarge) return {map(bytes)};
  void* data = nullptr;
  return {posix_memalign(&data, kAlignment, bytes) == 0 ? data : nullptr};
}

void system_free(Block block, size_t bytes) {
  if (bytes >= kLarge) {
    munmap(block.data, bytes);
  } else {
    std::free(block.data);
  }
}

Source source = {system_allocate, system_free, nullptr};
std::atomic<uint64_t> completed_work{0};
thread_local bool on_gpu = false;

// Freed while a GPU may still use it.
struct Waiting {
  Block block;
  size_t size;
  uint64_t work;
};

struct State {
  std::mutex mutex;
  std::vector<Block> classes[kClasses];
  std::multimap<size_t, Block> large;
  std::vector<Waiting> waiting;
  Counters counters;
  size_t limit = system_memory();
  size_t cache_limit = system_memory() / 4;

  // Sets `work` where that must have completed before the host may write.
  Block take_cached(size_t rounded, uint64_t& work) {
    settle();
    if (on_gpu) {
      for (Waiting& w : waiting) {
        if (w.size != rounded) continue;
        counters.cached -= rounded;
        work = w.work;
        return take(w).block;
      }
    }
    if (rounded < kLarge) {
      auto& list = classes[class_index(rounded)];
      if (list.empty()) return {};
      Block block = list.back();
      list.pop_back();
      counters.cached -= rounded;
      return block;
    }
    auto it = large.find(rounded);
    if (it == large.end()) return {};
    Block block = it->second;
    large.erase(it);
    counters.cached -= rounded;
    return block;
  }

  void keep(Block block, size_t rounded, uint64_t last_use) {
    if (last_use > completed()) {
      waiting.push_back({block, rounded, last_use});
      counters.cached += rounded;
    } else if (counters.cached + rounded > cache_limit) {
      source.free(block, rounded);
    } else {
      put(block, rounded);
      counters.cached += rounded;
    }
  }

  // What the GPU has completed is like all the rest.
  void settle() {
    for (size_t i = 0; i < waiting.size();) {
      if (waiting[i].work > completed()) {
        ++i;
        continue;
      }
      Waiting done = take(waiting[i]);
      put(done.block, done.size);
    }
  }

  void drop_cache() {
    settle();
    for (int i = 0; i < kClasses; ++i) {
      for (Block block : classes[i]) {
        source.free(block, class_size_of(i));
        counters.cached -= class_size_of(i);
      }
      classes[i].clear();
    }
    for (auto [size, block] : large) {
      source.free(block, size);
      counters.cached -= size;
    }
    large.clear();
  }

 private:
  void put(Block block, size_t rounded) {
    if (rounded < kLarge) {
      classes[class_index(rounded)].push_back(block);
    } else {
      large.emplace(rounded, block);
    }
  }

  Waiting take(Waiting& w) {
    Waiting taken = w;
    w = waiting.back();
    waiting.pop_back();
    return taken;
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
  Block block;
  uint64_t work = 0;
  {
    std::lock_guard lock(s.mutex);
    if (bytes > s.limit || s.counters.active + rounded > s.limit) {
      refuse(bytes, what, s.limit);
    }
    block = s.take_cached(rounded, work);
    if (!block.data &&
        s.counters.active + s.counters.cached + rounded > s.limit) {
      s.drop_cache();
    }
    s.counters.active += rounded;
    s.counters.peak = std::max(s.counters.peak, s.counters.active);
    ++s.counters.allocations;
  }
  if (!block.data) block = source.allocate(rounded);
  if (!block.data) {
    clear_cache();
    block = source.allocate(rounded);
  }
  if (!block.data) {
    std::lock_guard lock(s.mutex);
    s.counters.active -= rounded;
    refuse(bytes, what, s.limit);
  }
  if (source.lend) source.lend(block, work ? rounded : bytes);
  auto buffer = std::make_shared<Buffer>(block, rounded);
  buffer->last_use.store(work, std::memory_order_release);
  return buffer;
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

void set_source(Source other) { source = other; }
uint64_t completed() { return completed_work.load(std::memory_order_acquire); }
void set_completed(uint64_t work) {
  completed_work.store(work, std::memory_order_release);
}

GpuScope::GpuScope(bool gpu) : previous_(std::exchange(on_gpu, gpu)) {}
GpuScope::~GpuScope() { on_gpu = previous_; }

void lock_for_fork() { state().mutex.lock(); }
void unlock_after_fork() { state().mutex.unlock(); }

}  // namespace ingot::allocator

namespace ingot {

Buffer::~Buffer() {
  if (lent()) {
    lender.give_back(lender.owner);
    return;
  }
  auto& s = allocator::state();
  std::lock_guard lock(s.mutex);
  s.counters.active -= size;
  s.keep({data, resource}, size, last_use);
}

bool Buffer::busy() const {
  return !allocator::on_gpu &&
         last_use.load(std::memory_order_acquire) > allocator::completed();
}

}  // namespace ingot
