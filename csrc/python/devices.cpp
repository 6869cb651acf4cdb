// How many devices there are, and what is known of each, in Python.
// SPDX-License-Identifier: MIT
#include <nanobind/stl/map.h>
#include <sys/utsname.h>

#include <fstream>
#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using Info = std::map<std::string, std::variant<std::string, size_t>>;

std::string architecture() {
  utsname names;
  return uname(&names) == 0 ? names.machine : "";
}

// As the processor itself says, or its architecture where it says nothing.
std::string cpu_name() {
#if defined(__APPLE__)
  char name[256] = "";
  size_t size = sizeof(name);
  if (sysctlbyname("machdep.cpu.brand_string", name, &size, nullptr, 0) == 0) {
    return name;
  }
#else
  std::ifstream cpus("/proc/cpuinfo");
  for (std::string line; std::getline(cpus, line);) {
    size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
#endif
  return architecture();
}

Info cpu_info() {
  return {{"device_name", cpu_name()}, {"architecture", architecture()}};
}

Info gpu_info() {
  nb::object metal = nb::module_::import_("ingot._core").attr("metal");
  return nb::cast<Info>(metal.attr("device_info")());
}

Info device_info(const std::optional<Device>& device) {
  Device d = device.value_or(default_device());
  require_available(d);
  Info info = d.type == DeviceType::cpu ? cpu_info() : gpu_info();
  info["memory_size"] = allocator::system_memory();
  return info;
}

}  // namespace

void bind_device_info(nb::module_& m) {
  m.def(
      "device_count",
      [](Device kind) { return is_available(Device{kind.type}) ? 1 : 0; },
      "device_type"_a,
      R"(How many devices of a kind there are.

Args:
    device_type: DeviceType, or a device of that kind.

Returns:
    1 or 0: the CPU, with all its cores, is one device, and so is the GPU.

Example:
    >>> import ingot.core as mx
    >>> mx.device_count(mx.cpu)
    1)");
  m.def("device_info", device_info, "d"_a = nb::none(),
        R"(What is known of a device.

Args:
    d: device, the default one by default.

Returns:
    dict with device_name and memory_size, the bytes of memory that this process
    may use; of the CPU the architecture too, of the GPU what metal.device_info
    says.

Raises:
    ValueError: where it is not available.

Example:
    >>> import ingot.core as mx
    >>> info = mx.device_info(mx.cpu)
    >>> sorted(info)
    ['architecture', 'device_name', 'memory_size'])");
}

}  // namespace ingot::python
