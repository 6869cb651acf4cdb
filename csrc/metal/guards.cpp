// Fills the strips with a pattern and looks for other bytes; under ASan poisons
// them, as the host and as the GPU see them.
// SPDX-License-Identifier: MIT
#include "csrc/metal/guards.h"

#include "csrc/metal/info.h"

#if INGOT_GUARDS

#include <algorithm>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "csrc/error.h"
#include "csrc/metal/encoder.h"
#include "csrc/metal/memory.h"
#if INGOT_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace ingot::metal {
namespace {

// Huge, but no NaN, in every floating type; nothing that a kernel would write.
constexpr unsigned char kPattern = 0xfb;

struct Strip {
  char* begin;
  size_t size;
};

struct Watched {
  Block block;
  size_t bytes;  // in use
  size_t size;

  Strip before() const { return {data() - kGuard, kGuard}; }
  Strip behind() const { return {data() + bytes, size - bytes + kGuard}; }
  char* data() const { return static_cast<char*>(block.data); }
};

struct Watch {
  std::mutex mutex;
  std::unordered_map<void*, Watched> blocks;
  std::vector<std::string> damages;
};
Watch& watch() {
  static auto* watch = new Watch;
  return *watch;
}

#if INGOT_ASAN

template <class F>
void both_views(Block block, Strip strip, F&& f) {
  auto* buffer = static_cast<MTL::Buffer*>(block.resource);
  f(strip.begin, strip.size);
  auto offset = strip.begin - static_cast<char*>(buffer->contents());
  auto* seen = reinterpret_cast<char*>(buffer->gpuAddress()) + offset;
  if (seen != strip.begin) f(seen, strip.size);
}

void close(Block block, Strip strip) {
  both_views(block, strip, [](char* begin, size_t size) {
    __asan_poison_memory_region(begin, size);
  });
}

void open(Block block, Strip strip) {
  both_views(block, strip, [](char* begin, size_t size) {
    __asan_unpoison_memory_region(begin, size);
  });
}

void look(const Watched&, std::vector<std::string>&) {}  // ASan does

#else

void close(Block, Strip strip) {
  std::memset(strip.begin, kPattern, strip.size);
}

void open(Block, Strip) {}

// Says what has been written there, once.
void look(const Watched& at, std::vector<std::string>& damages) {
  for (Strip strip : {at.before(), at.behind()}) {
    char* end = strip.begin + strip.size;
    char* found = std::find_if(strip.begin, end, [](char byte) {
      return static_cast<unsigned char>(byte) != kPattern;
    });
    if (found == end) continue;
    damages.push_back(cat("metal: an array's memory of ", at.bytes,
                          " bytes must be written within, got byte ",
                          found - at.data()));
    close(at.block, strip);
  }
}

#endif

}  // namespace

Block guarded(Block cut, size_t bytes) {
  if (!cut.data) return cut;
  Block block = {static_cast<char*>(cut.data) + kGuard, cut.resource};
  Watched at = {block, bytes, bytes};
  close(block, at.before());
  close(block, at.behind());
  std::lock_guard lock(watch().mutex);
  watch().blocks.insert({block.data, at});
  return block;
}

Block unguarded(Block block, size_t bytes) {
  std::lock_guard lock(watch().mutex);
  auto at = watch().blocks.extract(block.data).mapped();
  look(at, watch().damages);
  open(block, {at.data() - kGuard, bytes + 2 * kGuard});
  return {at.data() - kGuard, block.resource};
}

void lend(Block block, size_t bytes) {
  std::lock_guard lock(watch().mutex);
  Watched& at = watch().blocks.at(block.data);
  look(at, watch().damages);
  open(block, at.behind());
  at.bytes = bytes;
  close(block, at.behind());
}

std::vector<std::string> damages() {
  encoder().drain();
  std::lock_guard lock(watch().mutex);
  for (auto& [data, at] : watch().blocks) look(at, watch().damages);
  return std::exchange(watch().damages, {});
}

}  // namespace ingot::metal

#else

std::vector<std::string> ingot::metal::damages() { return {}; }

#endif
