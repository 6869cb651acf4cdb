// Memory of arrays in Python: buffer protocol, NumPy and pickles.
// SPDX-License-Identifier: MIT
#include <cstring>
#include <memory>
#include <utility>

#include "csrc/python/array.h"
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

void compute(const Array& array) {
  nb::gil_scoped_release release;
  eval({array});
}

const char* format_of(Dtype dtype) {
  static constexpr const char* formats[kDtypes] = {"?",     "B", "H", "I", "Q",
                                                   "b",     "h", "i", "q", "e",
                                                   nullptr, "f", "d", "Zf"};
  return formats[static_cast<int>(dtype)];
}

// What a Py_buffer points to besides the elements.
struct Exported {
  Array array;
  std::vector<Py_ssize_t> shape, strides;
};

// What computing an array for its buffer raised last. NumPy drops that and goes
// on to ask for __array__, which raises it then: else Ctrl-C would be lost.
struct Dropped {
  PyObject* array = nullptr;
  nb::object error;
};
Dropped& dropped = *new Dropped;  // not destroyed after the interpreter

void raise_dropped(nb::handle array) {
  nb::object error = std::exchange(dropped.error, {});
  if (!error || dropped.array != array.ptr()) return;
  PyErr_SetObject(error.type().ptr(), error.ptr());
  throw nb::python_error();
}

}  // namespace

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  dropped.error.reset();
  try {
    auto exported = std::make_unique<Exported>();
    exported->array = *nb::inst_ptr<Array>(nb::handle(self));
    Array& x = exported->array;
    const char* format = format_of(x.dtype());
    if (!format || (flags & PyBUF_WRITABLE) == PyBUF_WRITABLE) {
      PyErr_SetString(PyExc_BufferError,
                      format ? "array: memory is read-only"
                             : "array: bfloat16 has no buffer format");
      return -1;
    }
    compute(x);
    if ((flags & PyBUF_STRIDES) != PyBUF_STRIDES && !x.contiguous()) {
      x = contiguous(x);
      compute(x);
    }
    for (int64_t i = 0; i < x.ndim(); ++i) {
      exported->shape.push_back(x.shape(i));
      exported->strides.push_back(x.strides()[i] * x.itemsize());
    }
    view->obj = self;
    Py_INCREF(self);
    view->buf = x.data();
    view->len = x.nbytes();
    view->itemsize = x.itemsize();
    view->readonly = 1;
    view->ndim = static_cast<int>(x.ndim());
    bool formatted = (flags & PyBUF_FORMAT) == PyBUF_FORMAT;
    view->format = formatted ? const_cast<char*>(format) : nullptr;
    view->shape = exported->shape.data();
    view->strides = exported->strides.data();
    view->suboffsets = nullptr;
    view->internal = exported.release();
    return 0;
  } catch (nb::python_error& e) {
    dropped.array = self;
    dropped.error = nb::borrow(e.value());
    e.restore();
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_BufferError, e.what());
  }
  return -1;
}

void release_buffer(PyObject*, Py_buffer* view) {
  delete static_cast<Exported*>(view->internal);
}

nb::object array_to_numpy(nb::object self, nb::object dtype, nb::object copy) {
  nb::object numpy = nb::module_::import_("numpy");
  Array x = *nb::inst_ptr<Array>(self);
  raise_dropped(self);
  compute(x);  // here rather than within NumPy, which hides what is raised
  nb::object result;
  if (x.dtype() == Dtype::bfloat16) {
    nb::object bits = numpy.attr("asarray")(nb::steal(
        PyMemoryView_FromObject(nb::cast(view(x, Dtype::uint16)).ptr())));
    result =
        bits.attr("view")(nb::module_::import_("ml_dtypes").attr("bfloat16"));
  } else {
    result =
        numpy.attr("asarray")(nb::steal(PyMemoryView_FromObject(self.ptr())));
  }
  if (!dtype.is_none()) result = result.attr("astype")(dtype, "copy"_a = false);
  if (copy.is(nb::bool_(true))) result = result.attr("copy")();
  return result;
}

namespace {

nb::tuple reduced(const nb::object& bytes, const Array& x) {
  return nb::make_tuple(
      nb::module_::import_("ingot.core._pickle").attr("rebuild"),
      nb::make_tuple(bytes, to_tuple(x.shape()), static_cast<int>(x.dtype())));
}

}  // namespace

nb::tuple reduce_array(const Array& array) {
  Array x = contiguous(array);
  compute(x);
  return reduced(
      nb::bytes(x.data<const char>(), static_cast<size_t>(x.nbytes())), x);
}

nb::tuple reduce_array_ex(const Array& array, int protocol) {
  if (protocol < 5) return reduce_array(array);
  Array x = contiguous(array);
  Array plain = x.dtype() == Dtype::bfloat16 ? view(x, Dtype::uint16) : x;
  compute(plain);  // whose errors the buffer protocol would hide
  nb::object buffer = nb::module_::import_("pickle").attr("PickleBuffer");
  return reduced(buffer(nb::cast(plain)), x);
}

Array rebuild_array(nb::handle bytes, const Shape& shape, int dtype) {
  require(dtype >= 0 && dtype < kDtypes, "array: unknown dtype ", dtype);
  Py_buffer from;
  check(PyObject_GetBuffer(bytes.ptr(), &from, PyBUF_SIMPLE));
  std::unique_ptr<Py_buffer, void (*)(Py_buffer*)> owner(&from,
                                                         PyBuffer_Release);
  Array x = Array::empty(shape, static_cast<Dtype>(dtype));
  require(from.len == x.nbytes(), "array: pickle must hold ", x.nbytes(),
          " bytes, got ", from.len);
  if (from.len > 0) std::memcpy(x.data(), from.buf, x.nbytes());
  return x;
}

}  // namespace ingot::python
