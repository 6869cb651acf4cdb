// asarray in Python: an array of anything, with or without a copy.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

nb::object by_dlpack(const nb::object& a, const nb::object& copies) {
  nb::module_ core = nb::module_::import_("ingot._core");
  return core.attr("from_dlpack")(a, "copy"_a = copies);
}

// On the memory that `a` has now.
Array shared(const nb::object& a, const DtypeArg& dtype) {
  const char* fix = "; let copy be None";
  require(nb::hasattr(a, "__dlpack__"),
          "asarray: a must have memory to share where copy is False, got ",
          nb::type_name(a.type()).c_str(), fix);
  Array x;
  try {
    x = nb::cast<Array>(by_dlpack(a, nb::bool_(false)));
  } catch (nb::python_error& e) {
    if (!e.matches(PyExc_BufferError)) throw;
    throw ValueError(cat("asarray: the memory of a must be shareable where ",
                         "copy is False (", Shown{e.value()}, ")", fix));
  }
  require(dtype_or(dtype, x.dtype()) == x.dtype(), "asarray: dtype must be ",
          "that of a where copy is False, got ", dtype_or(dtype, x.dtype()),
          " for ", x.dtype(), fix);
  return x;
}

// Arrays are values: memory that others may write is copied, unless it is asked
// for.
Array asarray(const nb::object& a, const DtypeArg& dtype,
              std::optional<bool> copies) {
  std::optional<Dtype> wanted;
  if (dtype) wanted = dtype->value;
  if (nb::isinstance<Array>(a)) {
    Array x = nb::cast<Array>(a);
    bool same = wanted.value_or(x.dtype()) == x.dtype();
    require(same || copies != false, "asarray: dtype must be that of a where ",
            "copy is False, got ", wanted.value_or(x.dtype()), " for ",
            x.dtype());
    if (!same) return astype(x, *wanted);
    return copies == true ? copy(x) : x;
  }
  if (copies == false) return shared(a, dtype);
  bool foreign = !PyObject_CheckBuffer(a.ptr()) &&
                 !nb::hasattr(a, "__array__") && nb::hasattr(a, "__dlpack__");
  return to_array(foreign ? by_dlpack(a, nb::bool_(true)) : a, wanted);
}

}  // namespace

void bind_asarray(nb::module_& m) {
  m.def(
      "asarray",
      [](const ArrayLike& a, const DtypeArg& dtype, std::optional<bool> copies,
         const DeviceArg& device) {
        OnStream scope({}, device);
        return asarray(a.value, dtype, copies);
      },
      "a"_a, "dtype"_a = nb::none(), nb::kw_only(), "copy"_a = nb::none(),
      "device"_a = nb::none(),
      R"(Anything that stands for an array as an array.

Args:
    a: number, nested list or tuple, NumPy array, other array, or an object with
        the method __dlpack__.
    dtype: element type, by default as in array.
    copy: True always copies. False never does: what is written to the memory of
        another library's array later shows, as in from_dlpack. None copies that,
        and takes arrays of ingot as they are.
    device: where a copy is made; arrays are of all devices.

Raises:
    TypeError: if a is none of these.
    ValueError: if copy is False and there must be one.

Example:
    >>> import ingot.core as mx
    >>> mx.asarray([1, 2], mx.float32)
    array([1, 2], dtype=float32))");
}

}  // namespace ingot::python
