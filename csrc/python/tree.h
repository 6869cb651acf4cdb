// Trees: arrays in nested dicts, lists and tuples, modules and optimizers.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/python/convert.h"

namespace ingot::python {

// The arrays of a tree, depth first. Leaves of other kinds are passed over; so
// is an object whose `state` is a tree replaced by it (an optimizer).
void collect_arrays(nb::handle tree, Arrays& arrays);

// A tree of the same structure, with its arrays replaced in order; every other
// leaf stays.
nb::object replace_arrays(nb::handle tree, const Arrays& arrays, size_t& next);

}  // namespace ingot::python
