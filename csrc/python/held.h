// Python objects that the graph and its memory hold, which any thread may let go
// of.
// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "csrc/python/convert.h"

namespace ingot::python {

// Calls f(of) with the interpreter held: now on a thread of Python's, on others
// (a worker may be waited for by who holds it) when the main thread is next
// between two instructions. Never at the end of the process.
void with_python(void (*f)(void*), void* of);

// A reference whose copies count themselves.
class Held {
 public:
  explicit Held(nb::handle object)
      : object_(object.inc_ref().ptr(), [](PyObject* o) {
          with_python([](void* of) { Py_DECREF(static_cast<PyObject*>(of)); },
                      o);
        }) {}
  nb::handle get() const { return object_.get(); }

 private:
  std::shared_ptr<PyObject> object_;
};

}  // namespace ingot::python
