// The array class in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/array.h"

#include "csrc/ops/operators.h"
#include "csrc/python/indexing.h"
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using ArrayClass = nb::class_<Array>;
using BinaryFunction = Array (*)(const Array&, const Array&);

bool is_operand(nb::handle value) {
  return nb::isinstance<Array>(value) || is_number(value) ||
         PyObject_CheckBuffer(value.ptr()) || PyList_Check(value.ptr());
}

nb::object not_implemented() { return nb::borrow(Py_NotImplemented); }

void def_operator(ArrayClass& c, const char* name, const char* reflected,
                  const char* in_place, BinaryFunction f) {
  c.def(
      name,
      [f, name](const Array& a, nb::handle b) -> nb::object {
        if (!is_operand(b)) return not_implemented();
        auto [x, y] = operands(nb::cast(a), b, name);
        return nb::cast(f(x, y));
      },
      "other"_a, nb::is_operator(),
      nb::sig(cat("def ", name, "(self, other: object, /) -> array").c_str()));
  if (reflected) {
    c.def(
        reflected,
        [f, name](const Array& a, nb::handle b) -> nb::object {
          if (!is_operand(b)) return not_implemented();
          auto [x, y] = operands(b, nb::cast(a), name);
          return nb::cast(f(x, y));
        },
        "other"_a, nb::is_operator(),
        nb::sig(cat("def ", reflected, "(self, other: object, /) -> array")
                    .c_str()));
  }
  if (in_place) {
    c.def(
        in_place,
        [f, name](nb::object self, nb::handle b) -> nb::object {
          if (!is_operand(b)) return not_implemented();
          auto [x, y] = operands(self, b, name);
          *nb::inst_ptr<Array>(self) = f(x, y);
          return self;
        },
        "other"_a, nb::is_operator(),
        nb::sig(cat("def ", in_place, "(self, other: object, /) -> array")
                    .c_str()));
  }
}

// Comparisons with what is no operand: unequal, rather than an error.
void def_equality(ArrayClass& c, const char* name, BinaryFunction f,
                  bool otherwise) {
  c.def(
      name,
      [f, name, otherwise](const Array& a, nb::handle b) -> nb::object {
        if (!is_operand(b)) return nb::bool_(otherwise);
        auto [x, y] = operands(nb::cast(a), b, name);
        return nb::cast(f(x, y));
      },
      "other"_a.none(), nb::is_operator(),
      nb::sig(cat("def ", name, "(self, other: object, /) -> array").c_str()));
}

void bind_operators(ArrayClass& c) {
  def_operator(c, "__add__", "__radd__", "__iadd__", add);
  def_operator(c, "__sub__", "__rsub__", "__isub__", subtract);
  def_operator(c, "__mul__", "__rmul__", "__imul__", multiply);
  def_operator(c, "__truediv__", "__rtruediv__", "__itruediv__", divide);
  def_operator(c, "__floordiv__", "__rfloordiv__", "__ifloordiv__",
               floor_divide);
  def_operator(c, "__mod__", "__rmod__", "__imod__", remainder);
  def_operator(c, "__pow__", "__rpow__", "__ipow__", power);
  def_operator(c, "__matmul__", "__rmatmul__", "__imatmul__", matmul);
  def_operator(c, "__and__", "__rand__", "__iand__", bitwise_and);
  def_operator(c, "__or__", "__ror__", "__ior__", bitwise_or);
  def_operator(c, "__xor__", "__rxor__", "__ixor__", bitwise_xor);
  def_operator(c, "__lshift__", "__rlshift__", "__ilshift__", left_shift);
  def_operator(c, "__rshift__", "__rrshift__", "__irshift__", right_shift);
  def_operator(c, "__lt__", nullptr, nullptr, less);
  def_operator(c, "__le__", nullptr, nullptr, less_equal);
  def_operator(c, "__gt__", nullptr, nullptr, greater);
  def_operator(c, "__ge__", nullptr, nullptr, greater_equal);
  def_equality(c, "__eq__", equal, false);
  def_equality(c, "__ne__", not_equal, true);
  c.def("__pos__", [](const Array& a) { return a; });
  c.def("__neg__", [](const Array& a) { return negative(a); });
  c.def("__abs__", [](const Array& a) { return abs(a); });
  c.def("__invert__", [](const Array& a) { return bitwise_invert(a); });
  c.def(
      "__divmod__",
      [](const Array& a, nb::handle b) {
        auto [x, y] = operands(nb::cast(a), b, "divmod");
        return std::pair(floor_divide(x, y), remainder(x, y));
      },
      "other"_a);
  c.def("__hash__", [](nb::handle self) {
    return static_cast<Py_ssize_t>(reinterpret_cast<uintptr_t>(self.ptr()) >>
                                   4);
  });
}

// The single element of an array of size one.
nb::object item(const Array& x, const char* op) {
  require(x.size() == 1, op, ": array must have one element, got shape ",
          x.shape());
  return to_list(x.ndim() == 0 ? x : reshape(x, {}));
}

void bind_values(ArrayClass& c) {
  c.def_prop_ro(
      "shape", [](const Array& a) { return to_tuple(a.shape()); },
      "Sizes of the axes.", nb::sig("def shape(self) -> tuple[int, ...]"));
  c.def_prop_ro("ndim", &Array::ndim, "Number of axes.");
  c.def_prop_ro("size", &Array::size, "Number of elements.");
  c.def_prop_ro("itemsize", &Array::itemsize, "Bytes of one element.");
  c.def_prop_ro("nbytes", &Array::nbytes, "Bytes of all elements.");
  c.def_prop_ro(
      "dtype", [](const Array& a) { return DtypeObject{a.dtype()}; },
      "Element type.");
  c.def_prop_ro(
      "real", [](const Array& a) { return real(a); },
      "The real part; see ingot.core.real.");
  c.def_prop_ro(
      "imag", [](const Array& a) { return imag(a); },
      "The imaginary part; see ingot.core.imag.");
  c.def_prop_ro(
      "T", [](const Array& a) { return transpose(a); },
      "The array with its axes reversed.");
  c.def_prop_ro(
      "mT", [](const Array& a) { return matrix_transpose(a); },
      "The array with its last two axes exchanged.");
  c.def_prop_ro(
      "device", [](const Array& a) { return a->node->stream.device; },
      "Where the array is computed; its memory is that of all devices.");
  c.def(
      "to_device",
      [](const Array& a, Device device, const std::optional<Stream>& stream) {
        StreamScope scope(stream ? *stream : default_stream(device));
        require(!stream || stream->device == device, "to_device: stream must ",
                "be one of the device");
        return device == a->node->stream.device && !stream ? a : copy(a);
      },
      "device"_a, nb::kw_only(), "stream"_a = nb::none(),
      "The array, computed (copied, where it is not so already) on a device.");
  c.def(
      "item", [](const Array& a) { return item(a, "item"); },
      nb::sig("def item(self) -> bool | int | float | complex"),
      "The only element as a Python number; ValueError if there are more.");
  c.def("tolist", to_list, nb::sig("def tolist(self) -> typing.Any"),
        "The elements in nested lists (a number for 0 dimensions).");
  c.def("__bool__", [](const Array& a) {
    return nb::cast<bool>(nb::bool_(item(a, "bool")));
  });
  c.def("__int__", [](const Array& a) { return nb::int_(item(a, "int")); });
  c.def("__float__",
        [](const Array& a) { return nb::float_(item(a, "float")); });
  c.def("__complex__", [](const Array& a) {
    nb::handle type(reinterpret_cast<PyObject*>(&PyComplex_Type));
    return type(item(a, "complex"));
  });
  c.def("__index__", [](const Array& a) {
    require<TypeError>(is_integer(a.dtype()),
                       "index: array must be an integer, got ", a.dtype());
    return nb::int_(item(a, "index"));
  });
  c.def("__format__", [](const Array& a, const nb::str& format) {
    bool scalar = a.ndim() == 0 && nb::len(format) > 0;
    nb::object value = scalar ? item(a, "format") : nb::str(nb::cast(a));
    return nb::borrow<nb::str>(
        nb::steal(PyObject_Format(value.ptr(), format.ptr())));
  });
  c.def("__len__", [](const Array& a) {
    require<TypeError>(a.ndim() > 0, "len: array must have at least 1 ",
                       "dimension, got shape ()");
    return a.shape(0);
  });
  c.def("__repr__", array_to_string);
  c.def("__str__", array_to_string);
}

void bind_indexing(ArrayClass& c) {
  c.def("__getitem__", getitem, "index"_a.none(),
        nb::sig("def __getitem__(self, index: object, /) -> array"));
  c.def("__setitem__", setitem, "index"_a.none(), "value"_a,
        nb::sig(
            "def __setitem__(self, index: object, value: object, /) -> None"));
  // Iteration stops at the length at its start, as over a list.
  c.def(
      "__iter__",
      [](const Array& a) {
        require<TypeError>(a.ndim() > 0, "iter: array must have at least 1 ",
                           "dimension, got shape ()");
        nb::list rows;
        for (int64_t i = 0; i < a.shape(0); ++i) {
          rows.append(getitem(a, nb::int_(i)));
        }
        return nb::iter(rows);
      },
      nb::sig("def __iter__(self) -> collections.abc.Iterator[array]"));
}

// The namespace of the array API standard.
nb::object array_namespace(nb::handle, nb::handle version) {
  static constexpr const char* known[] = {"2021.12", "2022.12", "2023.12",
                                          "2024.12"};
  bool ok = version.is_none();
  for (const char* name : known) ok |= version.equal(nb::str(name));
  require(
      ok, "__array_namespace__: api_version must be a version of the array ",
      "API standard from 2021.12 to 2024.12, or None, got ", Shown{version});
  return nb::module_::import_("ingot.core");
}

void bind_conversions(ArrayClass& c) {
  c.def(
      "__array_ufunc__",
      [](nb::handle, nb::handle ufunc, nb::handle method,
         const nb::args& inputs, const nb::kwargs& kwargs) {
        return nb::module_::import_("ingot.core._numpy")
            .attr("call_ufunc")(ufunc, method, inputs, kwargs);
      },
      nb::sig("def __array_ufunc__(self, ufunc: typing.Any, method: str, "
              "*inputs: typing.Any, **kwargs: typing.Any) -> typing.Any"));
  c.def(
      "__array_function__",
      [](nb::handle, nb::handle function, nb::handle, nb::handle args,
         nb::handle kwargs) {
        return nb::module_::import_("ingot.core._numpy")
            .attr("call")(function, args, kwargs);
      },
      "func"_a, "types"_a, "args"_a, "kwargs"_a,
      nb::sig("def __array_function__(self, func: typing.Any, types: "
              "typing.Any, args: typing.Any, kwargs: typing.Any) -> "
              "typing.Any"));
  c.def("__array_namespace__", array_namespace, "api_version"_a = nb::none(),
        nb::sig("def __array_namespace__(self, api_version: str | None = "
                "None) -> types.ModuleType"),
        "The module of the functions of the array API standard, "
        "ingot.core.");
  c.def("__array__", array_to_numpy, "dtype"_a = nb::none(),
        "copy"_a = nb::none(),
        nb::sig("def __array__(self, dtype: typing.Any = None, copy: bool | "
                "None = None) -> numpy.typing.NDArray[typing.Any]"),
        "A NumPy array; bfloat16 as that of ml_dtypes.");
  c.def("__copy__", [](const Array& a) { return Array(a); });
  c.def(
      "__deepcopy__",
      [](const Array& a, const nb::typed<nb::dict, int, nb::any>&) {
        return Array(a);
      },
      "memo"_a);
  c.def("__reduce__", reduce_array,
        nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"));
  c.def("__reduce_ex__", reduce_array_ex, "protocol"_a,
        nb::sig("def __reduce_ex__(self, protocol: typing.SupportsIndex, /) "
                "-> tuple[typing.Any, ...]"));
}

}  // namespace

void bind_array(nb::module_& m) {
  static PyType_Slot slots[] = {
      {Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
      {Py_bf_releasebuffer, reinterpret_cast<void*>(release_buffer)},
      {0, nullptr}};
  ArrayClass c(m, "array", nb::type_slots(slots), nb::is_weak_referenceable(),
               R"(A lazy n-dimensional array.

Args:
    val: number, nested list or tuple, NumPy array or other array.
    dtype: element type. By default bool, int32 (int64 if it must be), float32
        or complex64 for Python numbers, and NumPy's own type, but float32 for
        float64 and complex64 for complex128.

Raises:
    TypeError: if val is none of these.
    ValueError: if nested lists have different lengths.

Example:
    >>> import ingot.core as mx
    >>> mx.array([[1, 2], [3, 4.5]])
    array([[1, 2],
           [3, 4.5]], dtype=float32))");
  c.def(
      "__init__",
      [](Array* self, const ArrayLike& val, const DtypeArg& dtype) {
        std::optional<Dtype> type;
        if (dtype) type = dtype->value;
        // A handle of its own: in-place changes of one do not show in the
        // other.
        new (self) Array(to_array(val.value, type));
      },
      "val"_a, "dtype"_a = nb::none());
  m.def("_rebuild_array", rebuild_array);
  bind_values(c);
  bind_operators(c);
  bind_indexing(c);
  bind_at(m, c);
  bind_conversions(c);
  bind_dlpack(m, c);
  bind_print(m);
}

}  // namespace ingot::python
