// Evaluation and differentiation in Python. Trees, argnums and argnames are
// taken apart in ingot/core/_transforms.py; here functions map lists to lists.
// SPDX-License-Identifier: MIT
#include "csrc/dot.h"
#include "csrc/graph.h"
#include "csrc/python/held.h"
#include "csrc/python/module.h"
#include "csrc/python/tree.h"

namespace ingot::python {
namespace {

using ArrayList = std::vector<Array>;
using TypedList = nb::typed<nb::list, Array>;
using ListFunction = nb::typed<nb::callable, TypedList(TypedList)>;

// What is to be computed of some trees: one array of each run of outputs that
// one node will fill (a step has thousands, and counting owners takes time).
Arrays pending(const nb::args& trees) {
  Arrays arrays;
  auto add = [&](const Array& x) {
    if (x.ready()) return;
    if (arrays.empty() || x->node != arrays.back()->node) arrays.push_back(x);
  };
  for (nb::handle tree : trees) for_each_array(tree, add);
  return arrays;
}

Function wrap(const nb::callable& function) {
  return [function](const Arrays& inputs) {
    nb::object outputs = function(nb::cast(inputs));
    ArrayList arrays;
    require<TypeError>(nb::try_cast(outputs, arrays),
                       "grad: the function must return arrays, got ",
                       Shown{outputs});
    return arrays;
  };
}

// --- functions that nodes of the graph hold ---

// An empty array is None there.
nb::list to_python(const Arrays& arrays) {
  nb::list list;
  for (const Array& x : arrays) list.append(x ? nb::cast(x) : nb::none());
  return list;
}

Arrays from_python(nb::handle list) {
  Arrays arrays;
  for (nb::handle x : list) {
    arrays.push_back(x.is_none() ? Array() : nb::cast<Array>(x));
  }
  return arrays;
}

auto held(const nb::object& function) {
  return [function = Held(function)](const auto&... arrays) {
    return from_python(function.get()(to_python(arrays)...));
  };
}

// A rule that is told which arrays have the axis of a batch, and its size.
auto held_batch_rule(const nb::object& function) {
  return [function = Held(function)](const Arrays& arrays,
                                     const std::vector<bool>& has_axis,
                                     int64_t size) {
    return from_python(function.get()(to_python(arrays), has_axis, size));
  };
}

void bind_wrapped(nb::module_& m) {
  m.def(
      "_checkpoint",
      [](const ListFunction& function, const ArrayList& inputs) {
        return checkpoint(held(function), inputs);
      },
      "function"_a, "inputs"_a);
  m.def(
      "_custom_function",
      [](const ListFunction& function, const ArrayList& inputs,
         const nb::object& vjp, const nb::object& jvp, const nb::object& vmap) {
        CustomRules rules;
        if (!vjp.is_none()) rules.vjp = held(vjp);
        if (!jvp.is_none()) rules.jvp = held(jvp);
        if (!vmap.is_none()) rules.vmap = held_batch_rule(vmap);
        return custom_function(held(function), inputs, std::move(rules));
      },
      "function"_a, "inputs"_a, "vjp"_a.none(), "jvp"_a.none(),
      "vmap"_a.none());
}

}  // namespace

void bind_transforms(nb::module_& m) {
  bind_wrapped(m);
  m.def("_to_dot", to_dot, "outputs"_a, "names"_a);
  m.def(
      "eval",
      [](const nb::args& trees) {
        Arrays arrays = pending(trees);
        nb::gil_scoped_release release;
        eval(arrays);
      },
      nb::sig("def eval(*args: object) -> None"),
      R"(Computes arrays and waits for them.

Args:
    *args: arrays, or trees of arrays: nested dicts, lists and tuples, modules,
        optimizers. Other leaves are passed over.

Raises:
    IndexError: if an index array of a pending operation is out of range.
    MemoryError: if there is no room.

Example:
    >>> import ingot.core as mx
    >>> x = mx.ones(3) + 1  # a node of the graph
    >>> mx.eval({"x": [x]})  # now in memory)");
  m.def(
      "async_eval",
      [](const nb::args& trees) {
        Arrays arrays = pending(trees);
        nb::gil_scoped_release release;
        async_eval(arrays);
      },
      nb::sig("def async_eval(*args: object) -> None"),
      R"(Starts computing arrays and returns.

What fails raises when an array is used.

Args:
    *args: arrays or trees of arrays, as for eval.)");
  m.def(
      "_vjp",
      [](const ListFunction& function, const ArrayList& primals,
         const ListFunction& cotangents) {
        return vjp(wrap(function), primals, wrap(cotangents));
      },
      "function"_a, "primals"_a, "cotangents"_a);
  m.def(
      "_jvp",
      [](const ListFunction& function, const ArrayList& primals,
         const ArrayList& tangents) {
        return jvp(wrap(function), primals, tangents);
      },
      "function"_a, "primals"_a, "tangents"_a);
  m.def(
      "_tree_arrays",
      [](nb::handle tree) {
        Arrays arrays;
        for_each_array(tree, [&](const Array& x) { arrays.push_back(x); });
        return arrays;
      },
      "tree"_a.none());
  m.def(
      "_tree_replace",
      [](nb::handle tree, const ArrayList& arrays) {
        size_t next = 0;
        return replace_arrays(tree, arrays, next);
      },
      "tree"_a.none(), "arrays"_a,
      nb::sig("def _tree_replace(tree: typing.Any, arrays: "
              "collections.abc.Sequence[array]) -> typing.Any"));
}

}  // namespace ingot::python
