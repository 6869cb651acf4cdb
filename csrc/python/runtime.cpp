// Dtypes, devices, streams, memory counters and thread settings in Python.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/backend.h"
#include "csrc/cpu/pool.h"
#include "csrc/cpu/simd.h"
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

void bind_dtypes(nb::module_& m) {
  nb::class_<DtypeObject>(m, "Dtype", "The element type of an array.")
      .def_prop_ro(
          "size", [](DtypeObject d) { return size_of(d.value); },
          "Bytes of one element.")
      .def("__repr__",
           [](DtypeObject d) { return cat("ingot.core.", d.value); })
      .def(
          "__eq__",
          [](DtypeObject d, nb::object other) {
            return nb::isinstance<DtypeObject>(other) &&
                   nb::cast<DtypeObject>(other).value == d.value;
          },
          "other"_a.none())
      .def("__hash__", [](DtypeObject d) { return static_cast<int>(d.value); })
      .def(
          "__reduce__",
          [](DtypeObject d) {
            return nb::make_tuple(
                nb::module_::import_("ingot.core._pickle").attr("dtype"),
                nb::make_tuple(static_cast<int>(d.value)));
          },
          nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"));
  m.def("_dtype", [](int value) {
    require(value >= 0 && value < kDtypes, "Dtype: unknown dtype ", value);
    return DtypeObject{static_cast<Dtype>(value)};
  });
  m.def("_dtype_number",
        [](DtypeObject dtype) { return static_cast<int>(dtype.value); });
  for (int i = 0; i < kDtypes; ++i) {
    auto dtype = static_cast<Dtype>(i);
    const char* name = dtype == Dtype::bool_ ? "bool_" : name_of(dtype);
    m.attr(name) = DtypeObject{dtype};
  }
  m.def("_promote", [](DtypeObject a, DtypeObject b) {
    return DtypeObject{promote(a.value, b.value)};
  });
}

std::string describe(Device device) {
  return cat("Device(", device.type == DeviceType::cpu ? "cpu" : "gpu", ", ",
             device.index, ")");
}

void bind_devices(nb::module_& m) {
  nb::enum_<DeviceType>(m, "DeviceType", "The kinds of device.")
      .value("cpu", DeviceType::cpu)
      .value("gpu", DeviceType::gpu);
  nb::class_<Device>(m, "Device", "Where operations run.")
      .def(nb::init<DeviceType, int>(), "type"_a, "index"_a = 0)
      .def_ro("type", &Device::type, "Kind of device.")
      .def("__repr__", describe)
      .def(
          "__eq__",
          [](Device d, nb::object other) {
            if (nb::isinstance<DeviceType>(other)) {
              return d.type == nb::cast<DeviceType>(other) && d.index == 0;
            }
            return nb::isinstance<Device>(other) &&
                   nb::cast<Device>(other) == d;
          },
          "other"_a.none())
      .def("__hash__",
           [](Device d) { return static_cast<int>(d.type) + 2 * d.index; });
  m.attr("cpu") = Device{DeviceType::cpu};
  m.attr("gpu") = Device{DeviceType::gpu};
  nb::implicitly_convertible<DeviceType, Device>();
  m.def("default_device", default_device,
        "The device that new operations run on.");
  m.def("set_default_device", set_default_device, "device"_a,
        R"(Sets the device that new operations run on.

Args:
    device: device.

Raises:
    ValueError: where it is not available.)");
  m.def("is_available", is_available, "device"_a,
        R"(Whether a device can be used.

Args:
    device: device.

Example:
    >>> import ingot.core as mx
    >>> mx.is_available(mx.cpu)
    True)");
}

Device device_of(const StreamArg& where) {
  if (auto* stream = std::get_if<Stream>(&where)) return stream->device;
  if (auto* device = std::get_if<Device>(&where)) return *device;
  return default_device();
}

void bind_streams(nb::module_& m) {
  nb::class_<Stream>(m, "Stream", "A queue of operations on a device.")
      .def_ro("device", &Stream::device, "Device of the queue.")
      .def("__repr__",
           [](Stream s) {
             return cat("Stream(", describe(s.device), ", ", s.index, ")");
           })
      .def(
          "__eq__",
          [](Stream s, nb::object other) {
            return nb::isinstance<Stream>(other) &&
                   nb::cast<Stream>(other) == s;
          },
          "other"_a.none())
      .def("__hash__", [](Stream s) { return s.index; });
  struct StreamContext {
    Stream stream;
    std::vector<std::shared_ptr<StreamScope>> scopes;
  };
  nb::class_<StreamContext>(m, "StreamContext",
                            "Puts operations on a stream within a with block.")
      .def("__enter__",
           [](StreamContext& c) {
             c.scopes.push_back(std::make_shared<StreamScope>(c.stream));
           })
      .def(
          "__exit__",
          [](StreamContext& c, nb::args) {
            if (!c.scopes.empty()) c.scopes.pop_back();
          },
          nb::sig("def __exit__(self, *error: object) -> None"));
  m.def("default_stream", default_stream, "device"_a,
        R"(The stream of a device that new operations are put on.

Args:
    device: device.)");
  m.def("set_default_stream", set_default_stream, "stream"_a,
        R"(Sets the stream that new operations of its device are put on.

Args:
    stream: stream.)");
  m.def("new_stream", new_stream, "device"_a, R"(Makes a stream on a device.

Args:
    device: device.)");
  m.def(
      "stream",
      [](const StreamArg& where) {
        auto* stream = std::get_if<Stream>(&where);
        return StreamContext{
            stream ? *stream : default_stream(device_of(where)), {}};
      },
      "s"_a,
      R"(A context that puts operations on a stream.

Args:
    s: stream, or device for its default stream.

Example:
    >>> import ingot.core as mx
    >>> with mx.stream(mx.new_stream(mx.cpu)):
    ...     x = mx.ones(2) + 1
    >>> x
    array([2, 2], dtype=float32))");
  m.def(
      "synchronize",
      [](const std::optional<Stream>& stream) {
        Stream s = stream ? *stream : current_stream();
        nb::gil_scoped_release release;
        synchronize(s);
      },
      "stream"_a = nb::none(),
      R"(Waits until everything put on a stream has run.

Args:
    stream: stream; the default one by default.)");
}

void bind_memory(nb::module_& m) {
  m.def(
      "get_active_memory", [] { return allocator::counters().active; },
      "Bytes held by arrays.");
  m.def(
      "get_peak_memory", [] { return allocator::counters().peak; },
      "The most bytes ever held by arrays since reset_peak_memory().");
  m.def("reset_peak_memory", allocator::reset_peak,
        "Sets the peak to what is held now.");
  m.def(
      "get_cache_memory", [] { return allocator::counters().cached; },
      "Bytes kept for reuse.");
  m.def("clear_cache", allocator::clear_cache,
        "Gives the memory kept for reuse back to the system.");
  m.def("set_memory_limit", allocator::set_memory_limit, "limit"_a,
        R"(Sets the bytes that arrays may hold; returns the previous limit.

Args:
    limit: bytes; an allocation beyond them raises MemoryError. At first it is
        the memory of the machine.)");
  m.def("get_memory_limit", allocator::memory_limit,
        "Bytes that arrays may hold.");
  m.def("set_cache_limit", allocator::set_cache_limit, "limit"_a,
        R"(Sets the bytes kept for reuse; returns the previous limit.

Args:
    limit: bytes.)");
  m.def(
      "set_wired_limit", [](size_t) { return size_t{0}; }, "limit"_a,
      R"(Accepted for compatibility: the CPU backend wires no memory.

Args:
    limit: bytes.)");
  m.def(
      "_allocations", [] { return allocator::counters().allocations; },
      "Buffers handed out since the start.");
}

void bind_threads(nb::module_& m) {
  m.def("set_num_threads", cpu::set_thread_count, "threads"_a,
        R"(Sets the number of threads that CPU kernels use.

Args:
    threads: 1 to 256. Results do not depend on it.

Raises:
    ValueError: if it is out of range.)");
  m.def("get_num_threads", cpu::thread_count,
        "The number of threads that CPU kernels use.");
  m.def("_blas", [] { return std::string(cpu::blas_description()); });
  m.def("_simd_level", cpu::simd_level, "The instruction set in use.");
}

}  // namespace

void bind_runtime(nb::module_& m) {
  bind_dtypes(m);
  bind_devices(m);
  bind_streams(m);
  bind_memory(m);
  bind_threads(m);
}

}  // namespace ingot::python
