// Functions of shape and dtype in Python: the same elements, seen otherwise.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {

}  // namespace

void bind_views(nb::module_& m) {
  m.def(
      "reshape",
      [](const ArrayLike& a, const Shape& shape, const StreamArg& stream) {
        OnStream scope(stream);
        return reshape(to_array(a.value), shape);
      },
      "a"_a, "shape"_a, nb::kw_only(), "stream"_a = nb::none(),
      "The elements of a in another shape.\n\nArgs:\n    a: array.\n    shape: "
      "ints; one may be -1 and is inferred.\n    stream: stream or device.\n\n"
      "Raises:\n    ValueError: if the sizes differ.");
  m.def(
      "flatten",
      [](const ArrayLike& a, int64_t start, int64_t end,
         const StreamArg& stream) {
        OnStream scope(stream);
        return flatten(to_array(a.value), start, end);
      },
      "a"_a, "start_axis"_a = 0, "end_axis"_a = -1, nb::kw_only(),
      "stream"_a = nb::none(),
      "Merges the axes from start_axis to end_axis into one.");
  m.def(
      "unflatten",
      [](const ArrayLike& a, int64_t axis, const Shape& shape,
         const StreamArg& stream) {
        OnStream scope(stream);
        return unflatten(to_array(a.value), axis, shape);
      },
      "a"_a, "axis"_a, "shape"_a, nb::kw_only(), "stream"_a = nb::none(),
      "Splits an axis into several; one may be -1.");
  m.def(
      "squeeze",
      [](const ArrayLike& a, const AxesArg& axis, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return axis ? squeeze(x, axis->values) : squeeze(x);
      },
      "a"_a, "axis"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "Removes axes of size 1: those given, or all.");
  m.def(
      "expand_dims",
      [](const ArrayLike& a, const IntOrInts& axis, const StreamArg& stream) {
        OnStream scope(stream);
        return expand_dims(to_array(a.value), axis.values);
      },
      "a"_a, "axis"_a, nb::kw_only(), "stream"_a = nb::none(),
      "Inserts axes of size 1 at the given places of the result.");
  m.def(
      "transpose",
      [](const ArrayLike& a, const std::optional<Shape>& axes,
         const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return axes ? transpose(x, *axes) : transpose(x);
      },
      "a"_a, "axes"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "Permutes the axes; reverses them by default.");
  m.attr("permute_dims") = m.attr("transpose");
  m.def(
      "swapaxes",
      [](const ArrayLike& a, int64_t axis1, int64_t axis2,
         const StreamArg& stream) {
        OnStream scope(stream);
        return swapaxes(to_array(a.value), axis1, axis2);
      },
      "a"_a, "axis1"_a, "axis2"_a, nb::kw_only(), "stream"_a = nb::none(),
      "Exchanges two axes.");
  m.def(
      "moveaxis",
      [](const ArrayLike& a, int64_t source, int64_t destination,
         const StreamArg& stream) {
        OnStream scope(stream);
        return moveaxis(to_array(a.value), source, destination);
      },
      "a"_a, "source"_a, "destination"_a, nb::kw_only(),
      "stream"_a = nb::none(), "Moves an axis to another place.");
  m.def(
      "broadcast_to",
      [](const ArrayLike& a, const IntOrInts& shape, const StreamArg& stream) {
        OnStream scope(stream);
        return broadcast_to(to_array(a.value), shape.values);
      },
      "a"_a, "shape"_a, nb::kw_only(), "stream"_a = nb::none(),
      "a repeated along axes of size 1, without copying.");
  m.def(
      "broadcast_shapes",
      [](const nb::args& shapes) {
        Shape result;
        for (nb::handle shape : shapes) {
          result = broadcast_shapes(result, nb::cast<Shape>(shape),
                                    "broadcast_shapes");
        }
        return to_tuple(result);
      },
      "The shape that all of the given shapes broadcast to.");
  m.def(
      "broadcast_arrays",
      [](const nb::args& values, const StreamArg& stream) {
        OnStream scope(stream);
        Arrays arrays = to_arrays(values, "broadcast_arrays");
        Shape shape;
        for (const Array& x : arrays) {
          shape = broadcast_shapes(shape, x.shape(), "broadcast_arrays");
        }
        for (Array& x : arrays) x = broadcast_to(x, shape);
        return arrays;
      },
      "arrays"_a, nb::kw_only(), "stream"_a = nb::none(),
      "The arrays, each broadcast to the shape of all.");
  m.def(
      "stop_gradient",
      [](const ArrayLike& a, const StreamArg& stream) {
        OnStream scope(stream);
        return stop_gradient(to_array(a.value));
      },
      "a"_a, nb::kw_only(), "stream"_a = nb::none(),
      "a, as a constant to every transform.");
  m.def(
      "contiguous",
      [](const ArrayLike& a, bool, const StreamArg& stream) {
        OnStream scope(stream);
        return contiguous(to_array(a.value));
      },
      "a"_a, "allow_col_major"_a = false, nb::kw_only(),
      "stream"_a = nb::none(), "a in row-major memory without gaps.");
  m.def(
      "view",
      [](const ArrayLike& a, DtypeObject dtype, const StreamArg& stream) {
        OnStream scope(stream);
        return view(to_array(a.value), dtype.value);
      },
      "a"_a, "dtype"_a, nb::kw_only(), "stream"_a = nb::none(),
      "The bytes of a read as another dtype; the last axis changes size where "
      "the element size does.");
  m.def(
      "astype",
      [](const ArrayLike& a, DtypeObject dtype, const StreamArg& stream) {
        OnStream scope(stream);
        return astype(to_array(a.value), dtype.value);
      },
      "a"_a, "dtype"_a, nb::kw_only(), "stream"_a = nb::none(),
      "a converted to a dtype. Floats saturate into integers, NaN becomes 0.");
}

}  // namespace ingot::python
