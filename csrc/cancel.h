// Stopping work that has begun: Ctrl-C reaches a long eval between its tiles.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <exception>

namespace ingot {

// Raised where work stops because its eval was cancelled.
struct Cancelled : std::exception {
  const char* what() const noexcept override { return "eval was cancelled"; }
};

// Between two looks at whether to stop.
constexpr auto kPollInterval = std::chrono::milliseconds(20);

// Called now and then while computing or waiting, on the thread that asked for
// the eval; what it throws cancels the work (the Python layer looks for
// signals).
void set_poll(void (*poll)());
void poll();

// Says for which eval the current thread works.
class CancelScope {
 public:
  // With `polls` the thread that asked for the eval runs it itself.
  CancelScope(std::atomic<bool>& flag, bool polls);
  ~CancelScope();
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

  // The innermost one of this thread, or null.
  static CancelScope* current();
  // Whether this thread is amid the work that the flag stops.
  static bool within(const std::atomic<bool>& flag);
  bool cancelled() const { return flag_.load(std::memory_order_relaxed); }
  // Throws Cancelled, or what poll() throws, if the work should stop.
  void check();

 private:
  std::atomic<bool>& flag_;
  bool polls_;
  std::chrono::steady_clock::time_point next_poll_;
  CancelScope* previous_;
};

// Long kernels call this between tiles.
inline void throw_if_cancelled() {
  if (CancelScope* scope = CancelScope::current()) scope->check();
}

}  // namespace ingot
