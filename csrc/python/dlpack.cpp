// Arrays to other libraries and back by DLPack, on the same memory.
// SPDX-License-Identifier: MIT
#include "csrc/python/dlpack.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "csrc/python/array.h"
#include "csrc/python/held.h"
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using namespace dlpack;

[[noreturn]] void refuse(const std::string& message) {
  PyErr_SetString(PyExc_BufferError, message.c_str());
  throw nb::python_error();
}

DataType type_of(Dtype dtype) {
  Code code = dtype == Dtype::bool_      ? kBool
              : dtype == Dtype::bfloat16 ? kBfloat
              : is_floating(dtype)       ? kFloat
              : is_complex(dtype)        ? kComplex
              : is_unsigned(dtype)       ? kUInt
                                         : kInt;
  return {code, static_cast<uint8_t>(8 * size_of(dtype)), 1};
}

Dtype dtype_of(DataType type) {
  for (int i = 0; i < kDtypes; ++i) {
    DataType known = type_of(static_cast<Dtype>(i));
    if (known.code == type.code && known.bits == type.bits && type.lanes == 1) {
      return static_cast<Dtype>(i);
    }
  }
  throw TypeError(cat(
      "from_dlpack: elements must be bool, integer, floating or complex64, got "
      "DLPack's type ",
      int{type.code}, " of ", int{type.bits}, " bits, ", type.lanes, " lanes"));
}

void compute(const Array& array) {
  nb::gil_scoped_release release;
  eval({array});
}

// In memory of its own, computed.
Array own_copy(const Array& x) {
  StreamScope scope(default_stream({DeviceType::cpu}));
  Array own = copy(x);
  compute(own);
  return own;
}

// --- to others ---

// What a capsule points to, and the array that it keeps as it is.
template <class M>
struct Exported {
  M managed = {};
  Array array;
  std::vector<int64_t> shape, strides;
};

template <class M>
void delete_exported(M* managed) {
  delete static_cast<Exported<M>*>(managed->owner);
}

// Nobody took the memory.
template <class M>
void drop_capsule(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, M::name)) return;
  auto* managed = static_cast<M*>(PyCapsule_GetPointer(capsule, M::name));
  if (managed->deleter) managed->deleter(managed);
}

template <class M>
nb::object to_capsule(const Array& x, uint64_t flags) {
  auto exported = std::make_unique<Exported<M>>();
  exported->array = x;
  exported->shape.assign(x.shape().begin(), x.shape().end());
  exported->strides.assign(x.strides().begin(), x.strides().end());
  M& managed = exported->managed;
  managed.tensor = {x.data(),
                    kCpu,
                    0,
                    static_cast<int32_t>(x.ndim()),
                    type_of(x.dtype()),
                    exported->shape.data(),
                    exported->strides.data(),
                    0};
  managed.owner = exported.get();
  managed.deleter = delete_exported<M>;
  if constexpr (std::is_same_v<M, ManagedVersioned>) {
    managed.major = 1;
    managed.minor = 1;
    managed.flags = flags;
  }
  nb::object capsule = owned(PyCapsule_New(&managed, M::name, drop_capsule<M>));
  exported.release();
  return capsule;
}

// A pair of ints, as versions and devices are.
std::pair<int, int> pair_of(nb::handle value, const char* name) {
  std::pair<int, int> pair;
  nb::object items = nb::steal(PySequence_Tuple(value.ptr()));
  bool ok = items && nb::len(items) == 2;
  for (int i = 0; ok && i < 2; ++i) {
    PyErr_Clear();
    nb::object number = nb::steal(PyNumber_Index(items[i].ptr()));
    ok = number && nb::try_cast(number, i == 0 ? pair.first : pair.second);
  }
  PyErr_Clear();
  require<TypeError>(ok, "__dlpack__: ", name, " must be a pair of ints, got ",
                     Shown{value});
  return pair;
}

// Arrays are values: what reads one must not write it. Where the consumer can't
// be told so it gets a copy.
nb::object to_dlpack(const Array& array, nb::handle stream,
                     nb::handle max_version, nb::handle device,
                     std::optional<bool> copies) {
  require(stream.is_none(), "__dlpack__: stream must be None for the memory ",
          "of the CPU, got ", Shown{stream});
  bool versioned =
      !max_version.is_none() && pair_of(max_version, "max_version").first >= 1;
  if (!device.is_none()) {
    auto wanted = pair_of(device, "dl_device");
    if (wanted != std::pair(int{kCpu}, 0)) {
      refuse(cat("__dlpack__: dl_device must be (1, 0), the CPU, got (",
                 wanted.first, ", ", wanted.second, ")"));
    }
  }
  if (copies == false && !versioned) {
    refuse(
        "__dlpack__: max_version must be at least (1, 0) where copy is False: "
        "the memory is read-only, which older versions can't say");
  }
  bool copied = copies.value_or(!versioned);
  Array x = copied ? own_copy(array) : array;
  compute(x);
  if (!versioned) return to_capsule<Managed>(x, 0);
  return to_capsule<ManagedVersioned>(x, copied ? kCopied : kReadOnly);
}

// --- from others ---

// A taken capsule, until the memory is given back.
template <class M>
void give_back(void* managed) {
  with_python(
      [](void* of) {
        auto* m = static_cast<M*>(of);
        if (m->deleter) m->deleter(m);
      },
      managed);
}

struct Imported {
  const Tensor* tensor;
  uint64_t flags;
  Lender lender;
};

template <class M>
M* take(nb::handle capsule) {
  auto* managed = static_cast<M*>(PyCapsule_GetPointer(capsule.ptr(), M::name));
  if (!managed || PyCapsule_SetName(capsule.ptr(), M::used_name) != 0) {
    throw nb::python_error();
  }
  // The name tells its destructor that the memory is someone else's now.
  return managed;
}

Imported take(nb::handle capsule) {
  if (PyCapsule_IsValid(capsule.ptr(), Managed::name)) {
    auto* m = take<Managed>(capsule);
    return {&m->tensor, 0, {give_back<Managed>, m}};
  }
  require<TypeError>(
      PyCapsule_IsValid(capsule.ptr(), ManagedVersioned::name),
      "from_dlpack: __dlpack__ must return a capsule of DLPack, got ",
      nb::type_name(capsule.type()).c_str());
  auto* m = take<ManagedVersioned>(capsule);
  Lender lender = {give_back<ManagedVersioned>, m};
  if (m->major != 1) {
    uint32_t major = m->major;
    lender.give_back(lender.owner);
    refuse(cat("from_dlpack: the version of DLPack must be 1, got ", major));
  }
  return {&m->tensor, m->flags, lender};
}

// Calls f(pointer to an element) for all, in order of the indices.
template <class F>
void for_each_element(const char* at, const Shape& shape,
                      const Strides& strides, int64_t itemsize, F&& f,
                      int64_t axis = 0) {
  if (axis == shape.size()) return f(at);
  for (int64_t i = 0; i < shape[axis]; ++i) {
    for_each_element(at + i * strides[axis] * itemsize, shape, strides,
                     itemsize, f, axis + 1);
  }
}

// Whether kernels can read the memory: of aligned elements, bools of 0 and 1.
bool readable(const char* data, Dtype dtype, const Shape& shape,
              const Strides& strides) {
  auto address = reinterpret_cast<uintptr_t>(data);
  if (address % static_cast<uintptr_t>(size_of(dtype)) != 0) return false;
  bool ok = true;
  if (dtype == Dtype::bool_) {
    for_each_element(data, shape, strides, 1,
                     [&](const char* at) { ok &= (*at & ~1) == 0; });
  }
  return ok;
}

Array copied(const char* data, Dtype dtype, const Shape& shape,
             const Strides& strides) {
  Array array = Array::empty(shape, dtype);
  auto itemsize = static_cast<size_t>(size_of(dtype));
  char* to = array.data<char>();
  for_each_element(data, shape, strides, size_of(dtype), [&](const char* at) {
    if (dtype == Dtype::bool_) {
      *to = *at != 0;
    } else {
      std::memcpy(to, at, itemsize);
    }
    to += itemsize;
  });
  return array;
}

// An array in the memory, or in its own where that can't be.
Array array_of(const Tensor& tensor, BufferPtr buffer,
               std::optional<bool> copies) {
  if (tensor.device_type != kCpu) {
    refuse(cat("from_dlpack: the memory must be of the CPU, which is device ",
               "type 1, got ", tensor.device_type));
  }
  Dtype dtype = dtype_of(tensor.dtype);
  require(tensor.ndim >= 0, "from_dlpack: ndim must not be negative, got ",
          tensor.ndim);
  Shape shape;
  for (int i = 0; i < tensor.ndim; ++i) shape.push_back(tensor.shape[i]);
  int64_t size = size_of(shape, dtype, "from_dlpack");
  Strides strides = contiguous_strides(shape);
  for (int i = 0; tensor.strides && i < tensor.ndim; ++i) {
    strides[i] = tensor.strides[i];
  }
  if (size == 0) return Array::empty(shape, dtype);
  auto* data = static_cast<const char*>(buffer->data);
  bool usable = readable(data, dtype, shape, strides);
  if (copies == false && !usable) {
    refuse(
        "from_dlpack: where copy is False elements must be aligned, and "
        "bools must be 0 or 1");
  }
  if (!usable) return copied(data, dtype, shape, strides);
  Array array = make_leaf(shape, dtype);
  array->buffer = std::move(buffer);
  array->strides = std::move(strides);
  return copies == true ? own_copy(array) : array;
}

nb::object capsule_of(nb::handle x, std::optional<bool> copies) {
  require<TypeError>(
      nb::hasattr(x, "__dlpack__") && nb::hasattr(x, "__dlpack_device__"),
      "from_dlpack: x must have the methods __dlpack__ and __dlpack_device__, "
      "got ",
      nb::type_name(x.type()).c_str());
  nb::object device = x.attr("__dlpack_device__")();
  bool here = pair_of(device, "device").first == kCpu;
  nb::dict arguments;
  arguments["max_version"] = nb::make_tuple(1, 1);
  if (!here) arguments["dl_device"] = nb::make_tuple(int{kCpu}, 0);
  if (copies == false) arguments["copy"] = false;
  try {
    return x.attr("__dlpack__")(**arguments);
  } catch (nb::python_error& e) {
    // Of a library from before 2023.12.
    if (!here || !e.matches(PyExc_TypeError)) throw;
  }
  return x.attr("__dlpack__")();
}

Array from_dlpack(nb::handle x, std::optional<Device> device,
                  std::optional<bool> copies) {
  require(!device || is_available(*device),
          "from_dlpack: device must be available, or None");
  nb::object capsule = capsule_of(x, copies);
  Imported imported = take(capsule);
  const Tensor& tensor = *imported.tensor;
  auto* data = static_cast<char*>(tensor.data) + tensor.byte_offset;
  // Its end gives the memory back, also where what follows throws.
  BufferPtr buffer = std::make_shared<Buffer>(data, 0, imported.lender);
  if (copies == false && (imported.flags & kCopied)) {
    refuse("from_dlpack: the memory must not be a copy where copy is False");
  }
  return array_of(tensor, std::move(buffer), copies);
}

}  // namespace

void bind_dlpack(nb::module_& m, nb::class_<Array>& c) {
  c.def("__dlpack__", to_dlpack, nb::kw_only(), "stream"_a = nb::none(),
        "max_version"_a = nb::none(), "dl_device"_a = nb::none(),
        "copy"_a = nb::none(),
        nb::sig("def __dlpack__(self, *, stream: None = None, max_version: "
                "tuple[int, int] | None = None, dl_device: tuple[int, int] | "
                "None = None, copy: bool | None = None) -> typing.Any"),
        "The array for other libraries, on the same memory, which is "
        "read-only; a copy where they can't be told so.");
  c.def(
      "__dlpack_device__", [](const Array&) { return std::pair(int{kCpu}, 0); },
      "The device of the memory: the CPU's, whatever computes there.");
  m.def("from_dlpack", from_dlpack, "x"_a.none(), nb::kw_only(),
        "device"_a = nb::none(), "copy"_a = nb::none(),
        nb::sig("def from_dlpack(x: object, /, *, device: Device | DeviceType "
                "| None = None, copy: bool | None = None) -> array"),
        R"(An array of another library as one of ingot, on the same memory.

What the other library writes there shows in the array, also in what has been
built of it but not computed. ingot writes nothing there. Strides stay.

Args:
    x: object with the methods __dlpack__ and __dlpack_device__. Memory of
        another device is copied to the CPU's by its library.
    device: device, or None; arrays are of all devices that are available. A
        GPU copies the memory each time that it reads it.
    copy: True copies, False refuses to, None copies where it must: elements
        that are not aligned, bools other than 0 and 1.

Raises:
    TypeError: if x lacks these methods, or has elements of another kind.
    BufferError: if the memory can't be passed on.
    ValueError: if the device is not available.

Example:
    >>> import numpy as np
    >>> import ingot.core as mx
    >>> x = np.arange(3.0)
    >>> a = mx.from_dlpack(x)
    >>> x[0] = 5
    >>> a
    array([5, 1, 2], dtype=float64))");
}

}  // namespace ingot::python
