// Stacks that are switched by hand, so that a thousand GPU threads that wait
// for one another need no more than one thread of the system.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include "engine/sanitizer.h"

namespace softmetal {

class Fiber {
 public:
  using Entry = void (*)();

  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Makes the next enter() call `entry` on an empty stack. What still lies on
  // the stack is dropped. `entry` never returns: it leaves for good instead.
  void prepare(Entry entry);

  // Runs this fiber until it leaves; called on the system thread's own stack.
  void enter();

  // Back to whoever called enter(). After `for_good` the stack is empty.
  void leave(bool for_good = false);

  // What `entry` has to do first.
  void entered();

  // Lets another history use the stack.
  void forget_stack() { forget_accesses(stack_, kStackSize); }

 private:
  static constexpr size_t kStackSize = 256 << 10;

  char* mapping_;  // a page that nobody may touch, then the stack
  char* stack_;
  void* stack_pointer_ = nullptr;
  void* outside_ = nullptr;
#if SOFTMETAL_ASAN
  void* outside_fake_stack_ = nullptr;
  const void* outside_bottom_ = nullptr;
  size_t outside_size_ = 0;
#endif
};

}  // namespace softmetal
