// Evaluation and differentiation in Python. Trees, argnums and argnames are
// taken apart in ingot/core/_transforms.py; here functions map lists to lists.
// SPDX-License-Identifier: MIT
#include "csrc/graph.h"
#include "csrc/python/module.h"
#include "csrc/python/tree.h"

namespace ingot::python {
namespace {

using ArrayList = std::vector<Array>;

Arrays collect_all(const nb::args& trees) {
  Arrays arrays;
  for (nb::handle tree : trees) collect_arrays(tree, arrays);
  return arrays;
}

Function wrap(const nb::callable& function) {
  return [function](const Arrays& inputs) {
    return nb::cast<ArrayList>(function(nb::cast(inputs)));
  };
}

}  // namespace

void bind_transforms(nb::module_& m) {
  m.def(
      "eval",
      [](const nb::args& trees) {
        Arrays arrays = collect_all(trees);
        nb::gil_scoped_release release;
        eval(arrays);
      },
      "Computes arrays and waits for them.\n\nArgs:\n    *args: arrays, or "
      "trees of arrays: nested dicts, lists and tuples, modules, optimizers. "
      "Other leaves are passed over.");
  m.def(
      "async_eval",
      [](const nb::args& trees) {
        Arrays arrays = collect_all(trees);
        nb::gil_scoped_release release;
        async_eval(arrays);
      },
      "Starts computing arrays and returns.\n\nArgs:\n    *args: as for "
      "eval. What fails raises when the array is used.");
  m.def("_vjp", [](const nb::callable& function, const ArrayList& primals,
                   const nb::callable& cotangents) {
    return vjp(wrap(function), primals, wrap(cotangents));
  });
  m.def("_jvp", [](const nb::callable& function, const ArrayList& primals,
                   const ArrayList& tangents) {
    return jvp(wrap(function), primals, tangents);
  });
  m.def("_tree_arrays", [](nb::handle tree) {
    Arrays arrays;
    collect_arrays(tree, arrays);
    return arrays;
  });
  m.def("_tree_replace", [](nb::handle tree, const ArrayList& arrays) {
    size_t next = 0;
    return replace_arrays(tree, arrays, next);
  });
}

}  // namespace ingot::python
