// Shared events: a number that only grows, and who waits for it.
// SPDX-License-Identifier: MIT
#include "runtime/sync.h"

#include <chrono>

namespace softmetal {

UInteger SharedEvent::signaled_value() {
  UInteger value;
  {
    Unseen unseen;
    std::lock_guard lock(mutex_);
    value = value_;
  }
  observe(token());
  return value;
}

void SharedEvent::set_signaled_value(UInteger value) {
  publish(token());
  signal(value);
}

void SharedEvent::signal(UInteger value) {
  Unseen unseen;
  {
    std::lock_guard lock(mutex_);
    value_ = value;
  }
  changed_.notify_all();
}

void SharedEvent::wait_for(UInteger value) {
  Unseen unseen;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return value_ >= value; });
}

bool SharedEvent::wait_until(UInteger value, UInteger milliseconds) {
  bool reached;
  {
    Unseen unseen;
    std::unique_lock lock(mutex_);
    reached = changed_.wait_for(lock, std::chrono::milliseconds(milliseconds),
                                [&] { return value_ >= value; });
  }
  if (reached) observe(token());
  return reached;
}

const Class& Fence::type = define<Fence>("MTLFence", {});

const Class& SharedEvent::type = define<SharedEvent>(
    "MTLSharedEvent",
    {method<&SharedEvent::signaled_value>("signaledValue"),
     method<&SharedEvent::set_signaled_value>("setSignaledValue:"),
     method<&SharedEvent::wait_until>("waitUntilSignaledValue:timeoutMS:")});

}  // namespace softmetal
