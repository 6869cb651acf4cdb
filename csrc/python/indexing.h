// x[...], x[...] = y and x.at[...] in Python.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/python/convert.h"

namespace ingot::python {

// Integers, slices, None, Ellipsis, integer arrays (also lists and NumPy
// arrays), and tuples of those; the axes of index arrays go where NumPy puts
// them.
Array getitem(const Array& x, nb::object index);
// Gives the handle a new array; other handles of the old one keep it. The index
// may also be one boolean mask.
void setitem(Array& x, nb::object index, nb::object value);

// A copy of x with the value combined at the index; `name` (a literal) is what
// errors speak of.
Array update_item(ScatterOp op, const Array& x, nb::handle index,
                  const Array& value, const char* name);

// x.at: defines the class ArrayAt and the property.
void bind_at(nb::module_& m, nb::class_<Array>& array);

}  // namespace ingot::python
