// MTLFence and MTLSharedEvent.
// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <mutex>

#include "runtime/foundation.h"
#include "runtime/graph.h"

namespace softmetal {

class Fence : public Object {
 public:
  static const Class& type;

  Fence() : Object(type) {}

  // What it stands for: the work before its last update, in the order in which
  // command buffers run.
  NodePtr updated;
};

class SharedEvent : public Object {
 public:
  static const Class& type;

  SharedEvent() : Object(type) {}

  UInteger signaled_value();
  void set_signaled_value(UInteger value);
  bool wait_until(UInteger value, UInteger milliseconds);

  // By the queue, for TSan on behalf of what it orders through token().
  void signal(UInteger value);
  void wait_for(UInteger value);
  const void* token() const { return &value_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  UInteger value_ = 0;
};

}  // namespace softmetal
