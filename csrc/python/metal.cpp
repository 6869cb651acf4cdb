// What Python may ask of the GPU: the module ingot.core.metal.
// SPDX-License-Identifier: MIT
#include "csrc/backend.h"
#include "csrc/python/module.h"
#if INGOT_HAS_METAL
#include "csrc/metal/info.h"
#endif

#include <nanobind/stl/map.h>

namespace ingot::python {
namespace {

using Numbers = std::map<std::string, int64_t>;
using Kernels = std::map<std::string, bool>;
using Damages = std::vector<std::string>;
using Info = std::map<std::string, std::variant<std::string, size_t>>;

bool available() { return is_available({DeviceType::gpu, 0}); }

#if INGOT_HAS_METAL

Numbers fallbacks() { return available() ? metal::fallbacks() : Numbers(); }

Kernels kernels() { return available() ? metal::kernels() : Kernels(); }

Numbers counts() {
  if (!available()) return {};
  metal::Counts c = metal::counts();
  return {{"dispatches", c.dispatches}, {"barriers", c.barriers},
          {"encoders", c.encoders},     {"command_buffers", c.command_buffers},
          {"bytes_read", c.bytes_read}, {"bytes_written", c.bytes_written}};
}

double busy_seconds() { return available() ? metal::busy_seconds() : 0; }

Damages damages() {
  nb::gil_scoped_release release;
  return available() ? metal::damages() : Damages();
}

Info device_info() {
  require_available({DeviceType::gpu, 0});
  metal::DeviceInfo info = metal::device_info();
  return {{"device_name", info.name},
          {"max_buffer_length", info.max_buffer_length},
          {"max_recommended_working_set_size", info.working_set},
          {"max_threads_per_threadgroup", info.max_threads},
          {"steps", std::string(info.addresses ? "in one dispatch"
                                               : "tensor by tensor")},
          {"kernels", info.kernels},
          {"self_test", info.failures.empty() ? "passed" : info.failures}};
}

void start_capture(const std::string& path) {
  require_available({DeviceType::gpu, 0});
  metal::start_capture(path);
}

void stop_capture() {
  require_available({DeviceType::gpu, 0});
  metal::stop_capture();
}

#else

Numbers fallbacks() { return {}; }
Numbers counts() { return {}; }
double busy_seconds() { return 0; }
Kernels kernels() { return {}; }
Damages damages() { return {}; }
Info device_info() {
  require_available({DeviceType::gpu, 0});
  return {};
}
void start_capture(const std::string&) {
  require_available({DeviceType::gpu, 0});
}
void stop_capture() { require_available({DeviceType::gpu, 0}); }

#endif

}  // namespace

void bind_metal(nb::module_& m) {
  nb::module_ sub = m.def_submodule("metal", "The GPU, by way of Metal.");
  sub.def("is_available", available,
          "Whether this build and machine have a Metal device.\n\nExample:\n"
          "    >>> import ingot.core as mx\n"
          "    >>> mx.metal.is_available() == mx.is_available(mx.gpu)\n"
          "    True");
  sub.def("device_info", device_info,
          "The device's name and limits, in bytes, where kernels come from and "
          "how steps run.\n\n"
          "Raises:\n    ValueError: if there is no Metal device.");
  sub.def("fallbacks", fallbacks,
          "How often each family of operations has run on the CPU for want of "
          "a kernel.\n\nSince the start of the process, by the family's "
          "name.");
  sub.def("start_capture", start_capture, "path"_a,
          "Writes what the GPU does from now on to a document for Xcode.\n\n"
          "Args:\n    path: where to, ending in .gputrace.\n\nRaises:\n    "
          "ValueError: if there is no Metal device.\n    RuntimeError: if the "
          "system refuses (MTL_CAPTURE_ENABLED=1 must be set).");
  sub.def("stop_capture", stop_capture,
          "Ends what start_capture began.\n\nRaises:\n    ValueError: if "
          "there is no Metal device.");
  sub.def("_counts", counts,
          "What the encoder has done so far: dispatches, barriers, encoders, "
          "command buffers, bytes of the arrays read and written.");
  sub.def("_busy_seconds", busy_seconds,
          "Seconds that the GPU has computed so far, by its own clock: what "
          "eval has waited for is in it.");
  sub.def("_kernels", kernels,
          "The kernels made so far, as rows of metal/usual.txt, each with "
          "whether the build had compiled it.");
  sub.def("_damages", damages,
          "What has been written outside of arrays since the last call.\n\n"
          "In builds for tests; in others nothing is known of it.");
  // Where MLX had the functions of memory first, and still has them.
  for (const char* name :
       {"clear_cache", "get_active_memory", "get_cache_memory",
        "get_peak_memory", "reset_peak_memory", "set_cache_limit",
        "set_memory_limit", "set_wired_limit"}) {
    sub.attr(name) = m.attr(name);
  }
}

}  // namespace ingot::python
