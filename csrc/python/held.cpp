// Calls that wait for the interpreter.
// SPDX-License-Identifier: MIT
#include "csrc/python/held.h"

#include <mutex>
#include <utility>
#include <vector>

namespace ingot::python {
namespace {

struct Call {
  void (*f)(void*);
  void* of;
};

struct Waiting {
  std::mutex mutex;
  std::vector<Call> calls;
};
Waiting& waiting() {
  static auto* waiting = new Waiting;  // threads outlive static objects
  return *waiting;
}

int make_calls(void*) {
  std::vector<Call> calls;
  {
    std::lock_guard lock(waiting().mutex);
    calls = std::exchange(waiting().calls, {});
  }
  for (const Call& call : calls) call.f(call.of);
  return 0;
}

}  // namespace

void with_python(void (*f)(void*), void* of) {
  if (!Py_IsInitialized()) return;
  if (PyGILState_GetThisThreadState()) {
    nb::gil_scoped_acquire gil;
    f(of);
    return;
  }
  {
    std::lock_guard lock(waiting().mutex);
    waiting().calls.push_back({f, of});
  }
  // Where that queue is full, the next that finds room makes this call, too.
  Py_AddPendingCall(make_calls, nullptr);
}

}  // namespace ingot::python
