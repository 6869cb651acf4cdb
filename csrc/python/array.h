// What the array class shows of its memory: buffers, NumPy, pickles, and text.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/python/convert.h"

namespace ingot::python {

// The buffer protocol. A buffer is read-only and holds the memory: it is
// neither written nor reused while the buffer lives.
int get_buffer(PyObject* self, Py_buffer* view, int flags);
void release_buffer(PyObject* self, Py_buffer* view);

nb::object array_to_numpy(nb::object self, nb::object dtype, nb::object copy);
nb::tuple reduce_array(const Array& array);
// The same for pickles of protocol 5, whose bytes may be kept elsewhere.
nb::tuple reduce_array_ex(const Array& array, int protocol);
Array rebuild_array(nb::handle bytes, const Shape& shape, int dtype);

void bind_dlpack(nb::module_& m, nb::class_<Array>& c);

// As text (print.cpp), in the way that printoptions say.
std::string array_to_string(Array array);
void bind_print(nb::module_& m);

}  // namespace ingot::python
