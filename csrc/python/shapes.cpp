// Functions in Python that turn, cut and line up arrays without computing.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

nb::tuple tuple_of(const Arrays& arrays) { return nb::tuple(nb::cast(arrays)); }

// One array where one was given, else a list.
template <int64_t ndim>
void def_atleast(nb::module_& m, const char* name, const char* doc) {
  std::string signature =
      cat("def ", name, "(*arys: array | numpy.typing.ArrayLike, ",
          "stream: Stream | Device | None = None) -> typing.Any");
  m.def(
      name,
      [](const nb::args& arys, const StreamArg& stream) {
        OnStream scope(stream);
        Arrays arrays;
        for (nb::handle x : arys) {
          arrays.push_back(atleast(to_array(x), ndim));
        }
        return arrays.size() == 1 ? nb::cast(arrays[0]) : nb::cast(arrays);
      },
      "arys"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig(signature.c_str()), doc);
}

void bind_atleast(nb::module_& m) {
  def_atleast<1>(m, "atleast_1d",
                 R"(Arrays with one dimension at least.

Args:
    *arys: arrays or numbers.
    stream: stream or device.

Returns:
    An array, or a list of them if there are several.

Example:
    >>> import ingot.core as mx
    >>> mx.atleast_1d(mx.array(3))
    array([3], dtype=int32))");
  def_atleast<2>(m, "atleast_2d",
                 R"(Arrays with two dimensions at least; a vector becomes a row.

Args:
    *arys: arrays or numbers.
    stream: stream or device.

Returns:
    An array, or a list of them if there are several.

Example:
    >>> import ingot.core as mx
    >>> [x.shape for x in mx.atleast_2d(mx.array(3), mx.array([1, 2]))]
    [(1, 1), (1, 2)])");
  def_atleast<3>(m, "atleast_3d",
                 R"(Arrays with three dimensions at least.

A vector of n elements becomes (1, n, 1), an (m, n) matrix (m, n, 1).

Args:
    *arys: arrays or numbers.
    stream: stream or device.

Returns:
    An array, or a list of them if there are several.

Example:
    >>> import ingot.core as mx
    >>> mx.atleast_3d(mx.array([1, 2])).shape
    (1, 2, 1))");
}

void bind_order(nb::module_& m) {
  m.def(
      "flip",
      [](const ArrayLike& a, const AxesArg& axis, const StreamArg& stream) {
        OnStream scope(stream);
        return flip(to_array(a.value), to_axes(axis));
      },
      "a"_a, "axis"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      R"(The elements in reverse order along axes, without a copy.

Args:
    a: array.
    axis: axis or axes, all by default.
    stream: stream or device.

Raises:
    AxisError: if an axis is out of range.
    ValueError: if axes repeat.

Example:
    >>> import ingot.core as mx
    >>> mx.flip(mx.array([[1, 2], [3, 4]]), axis=1)
    array([[2, 1],
           [4, 3]], dtype=int32))");
  m.def(
      "roll",
      [](const ArrayLike& a, const IntOrInts& shift, const AxesArg& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return roll(to_array(a.value), shift.values, to_axes(axis));
      },
      "a"_a, "shift"_a, "axis"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      R"(Moves elements along axes; those that leave at an end enter at the other.

Args:
    a: array.
    shift: by how many places, towards the end if positive; one int for all
        axes, or one for each.
    axis: axis or axes; None moves the elements of the flattened array.
    stream: stream or device.

Raises:
    AxisError: if an axis is out of range.
    ValueError: if there are several shifts, but not one for each axis.

Example:
    >>> import ingot.core as mx
    >>> mx.roll(mx.arange(5), 2)
    array([3, 4, 0, 1, 2], dtype=int32))");
  m.def(
      "matrix_transpose",
      [](const ArrayLike& a, const StreamArg& stream) {
        OnStream scope(stream);
        return matrix_transpose(to_array(a.value));
      },
      "a"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Exchanges the last two axes.

Args:
    a: (..., m, n) array.
    stream: stream or device.

Returns:
    (..., n, m) array.

Raises:
    ValueError: if a has fewer than 2 dimensions.

Example:
    >>> import ingot.core as mx
    >>> mx.matrix_transpose(mx.zeros((2, 3, 4))).shape
    (2, 4, 3))");
}

void bind_grids(nb::module_& m) {
  m.def(
      "unstack",
      [](const ArrayLike& x, int64_t axis, const StreamArg& stream) {
        OnStream scope(stream);
        return tuple_of(unstack(to_array(x.value), axis));
      },
      "x"_a, nb::kw_only(), "axis"_a = 0, "stream"_a = nb::none(),
      nb::sig("def unstack(x: array | numpy.typing.ArrayLike, *, "
              "axis: int = 0, stream: Stream | Device | None = None) -> "
              "tuple[array, ...]"),
      R"(The arrays along an axis, without that axis: what stack puts together.

Args:
    x: array.
    axis: axis to take apart.
    stream: stream or device.

Returns:
    tuple of arrays (views).

Raises:
    AxisError: if the axis is out of range.

Example:
    >>> import ingot.core as mx
    >>> mx.unstack(mx.array([[1, 2], [3, 4]]), axis=1)
    (array([1, 3], dtype=int32), array([2, 4], dtype=int32)))");
  m.def(
      "meshgrid",
      [](const nb::args& arrays, bool sparse, const std::string& indexing,
         const StreamArg& stream) {
        OnStream scope(stream);
        require(indexing == "xy" || indexing == "ij",
                "meshgrid: indexing must be 'xy' or 'ij', got '", indexing,
                "'");
        Arrays axes;
        for (nb::handle x : arrays) axes.push_back(to_array(x));
        return tuple_of(meshgrid(axes, sparse, indexing == "ij"));
      },
      "arrays"_a, nb::kw_only(), "sparse"_a = false, "indexing"_a = "xy",
      "stream"_a = nb::none(),
      nb::sig("def meshgrid(*arrays: array | numpy.typing.ArrayLike, "
              "sparse: bool = False, indexing: str = 'xy', "
              "stream: Stream | Device | None = None) -> tuple[array, ...]"),
      R"(The coordinates of the points of a grid, given those along each axis.

Args:
    *arrays: coordinates along one axis each; taken as vectors.
    sparse: keep size 1 along the axes that an array does not vary with.
    indexing: 'ij' puts the first array along the first axis, 'xy' along the
        second, as for a picture.
    stream: stream or device.

Returns:
    tuple of arrays (views), one for each argument.

Raises:
    ValueError: if indexing is neither.

Example:
    >>> import ingot.core as mx
    >>> x, y = mx.meshgrid(mx.array([1, 2, 3]), mx.array([5, 6]))
    >>> y
    array([[5, 5, 5],
           [6, 6, 6]], dtype=int32))");
}

// One array, or a sequence of them.
Arrays one_or_more(nb::handle value) {
  if (nb::isinstance<Array>(value)) return {nb::cast<Array>(value)};
  Arrays arrays;
  for (nb::handle x : value) arrays.push_back(to_array(x));
  return arrays;
}

void bind_identities(nb::module_& m) {
  m.def(
      "positive",
      [](const ArrayLike& a, const StreamArg& stream) {
        OnStream scope(stream);
        return to_array(a.value);
      },
      "a"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(The same elements: +a.

Args:
    a: array.
    stream: stream or device.

Example:
    >>> import ingot.core as mx
    >>> mx.positive(mx.array([-1, 2]))
    array([-1, 2], dtype=int32))");
  m.def(
      "depends",
      [](const nb::object& inputs, const nb::object& dependencies) {
        Arrays arrays = one_or_more(inputs);
        Arrays outputs = depends(arrays, one_or_more(dependencies));
        return nb::isinstance<Array>(inputs) ? nb::cast(outputs[0])
                                             : nb::cast(outputs);
      },
      "inputs"_a, "dependencies"_a,
      nb::sig("def depends(inputs: array | collections.abc.Sequence[array], "
              "dependencies: array | collections.abc.Sequence[array]) -> "
              "typing.Any"),
      R"(The same arrays, which are computed only after some others.

Args:
    inputs: array or arrays.
    dependencies: array or arrays that are computed first.

Returns:
    An array, or a list if inputs is a sequence.

Example:
    >>> import ingot.core as mx
    >>> mx.depends(mx.array(1.0), mx.array([2, 3]))
    array(1, dtype=float32))");
}

}  // namespace

void bind_shapes(nb::module_& m) {
  bind_atleast(m);
  bind_order(m);
  bind_grids(m);
  bind_identities(m);
}

}  // namespace ingot::python
