// The thread's current eval, and the throttled look for signals.
// SPDX-License-Identifier: MIT
#include "csrc/cancel.h"

namespace ingot {
namespace {

std::atomic<void (*)()> poll_hook{nullptr};
thread_local CancelScope* innermost = nullptr;

}  // namespace

void set_poll(void (*poll)()) { poll_hook = poll; }

void poll() {
  if (auto hook = poll_hook.load(std::memory_order_relaxed)) hook();
}

CancelScope::CancelScope(std::atomic<bool>& flag, bool polls)
    : flag_(flag), polls_(polls), previous_(innermost) {
  if (polls_) next_poll_ = std::chrono::steady_clock::now() + kPollInterval;
  innermost = this;
}

CancelScope::~CancelScope() { innermost = previous_; }

CancelScope* CancelScope::current() { return innermost; }

bool CancelScope::within(const std::atomic<bool>& flag) {
  const CancelScope* scope = innermost;
  while (scope && &scope->flag_ != &flag) scope = scope->previous_;
  return scope != nullptr;
}

void CancelScope::check() {
  if (cancelled()) throw Cancelled();
  if (!polls_) return;
  auto now = std::chrono::steady_clock::now();
  if (now < next_poll_) return;
  next_poll_ = now + kPollInterval;
  try {
    poll();
  } catch (...) {
    flag_ = true;  // for the helpers of the pool
    throw;
  }
}

}  // namespace ingot
