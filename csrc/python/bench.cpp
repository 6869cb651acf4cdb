// The bare loops that python -m ingot.bench takes as limits.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/limits.h"
#include "csrc/python/module.h"

namespace ingot::python {

void bind_bench(nb::module_& m) {
  nb::class_<cpu::BareLoop>(
      m, "_BareLoop",
      "A loop over float32 elements that only moves bytes, on its own threads.")
      .def(nb::init<const std::string&, int64_t, int>(), "name"_a, "elements"_a,
           "threads"_a, nb::call_guard<nb::gil_scoped_release>())
      .def("run", &cpu::BareLoop::run, "passes"_a,
           nb::call_guard<nb::gil_scoped_release>(),
           "The mean seconds of one of several passes.")
      .def_prop_ro("bytes", &cpu::BareLoop::bytes, "Bytes that a pass moves.");
}

}  // namespace ingot::python
