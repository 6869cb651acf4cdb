// The functions of softmetal.h, but for those about live objects.
// SPDX-License-Identifier: MIT
#include "runtime/testing.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "include/softmetal.h"
#include "runtime/objc.h"

namespace softmetal {
namespace {

constexpr const char* kEventNames[] = {
    "dispatches", "barriers",  "command_buffers", "encoders", "fences",
    "buffers",    "libraries", "pipelines",       "leaks"};
constexpr const char* kFailureNames[] = {"buffer", "library", "pipeline",
                                         "command buffer"};
static_assert(std::size(kEventNames) == size_t(Event::kinds));
static_assert(std::size(kFailureNames) == size_t(Failure::kinds));

std::atomic<long> counts[size_t(Event::kinds)];
std::atomic<uint64_t> seed{environment_number("SOFTMETAL_SEED", 0)};
std::mutex failures_mutex;
std::optional<std::string> failures[size_t(Failure::kinds)];

template <size_t n>
size_t index_of(const char* const (&names)[n], const char* name,
                const char* function) {
  for (size_t i = 0; i < n; ++i) {
    if (std::strcmp(names[i], name) == 0) return i;
  }
  die(std::string(function) + ": must be a known name, got " + name);
}

}  // namespace

void count(Event event) { ++counts[size_t(event)]; }

std::optional<std::string> planned_failure(Failure what) {
  Unseen unseen;
  std::lock_guard lock(failures_mutex);
  return std::exchange(failures[size_t(what)], std::nullopt);
}

uint64_t current_seed() { return seed; }

uint64_t environment_number(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 0) : otherwise;
}

SOFTMETAL_API long softmetal_count(const char* what) {
  return counts[index_of(kEventNames, what, "softmetal_count")];
}

SOFTMETAL_API void softmetal_reset_counts() {
  for (auto& c : counts) c = 0;
}

SOFTMETAL_API void softmetal_set_seed(unsigned long value) { seed = value; }

SOFTMETAL_API void softmetal_fail_next(const char* what, const char* text) {
  size_t i = index_of(kFailureNames, what, "softmetal_fail_next");
  Unseen unseen;
  std::lock_guard lock(failures_mutex);
  failures[i] = text;
}

}  // namespace softmetal
