// Products of vectors and tensors in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

void bind_vectors(nb::module_& m) {
  m.def(
      "inner",
      [](const ArrayLike& a, const ArrayLike& b, const StreamArg& stream) {
        OnStream scope(stream);
        return inner(to_array(a.value), to_array(b.value));
      },
      "a"_a, "b"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Sums of products over the last axes; a number multiplies.

Args:
    a: (..., k) array or number.
    b: (..., k) array or number.
    stream: stream or device.

Returns:
    An array with the other axes of a, then those of b.

Raises:
    ValueError: if the last axes differ in size.

Example:
    >>> import ingot.core as mx
    >>> mx.inner(mx.array([1, 2, 3]), mx.array([4, 5, 6]))
    array(32, dtype=int32))");
  m.def(
      "outer",
      [](const ArrayLike& a, const ArrayLike& b, const StreamArg& stream) {
        OnStream scope(stream);
        return outer(to_array(a.value), to_array(b.value));
      },
      "a"_a, "b"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(The products of each element of a with each of b.

Args:
    a: array, taken as a vector of m elements.
    b: array, taken as a vector of n elements.
    stream: stream or device.

Returns:
    (m, n) array.

Example:
    >>> import ingot.core as mx
    >>> mx.outer(mx.array([1, 2]), mx.array([3, 4, 5]))
    array([[3, 4, 5],
           [6, 8, 10]], dtype=int32))");
  m.def(
      "kron",
      [](const ArrayLike& a, const ArrayLike& b, const StreamArg& stream) {
        OnStream scope(stream);
        return kron(to_array(a.value), to_array(b.value));
      },
      "a"_a, "b"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(The Kronecker product: b times each element of a, side by side.

Args:
    a: array.
    b: array; the one with fewer dimensions gets axes of size 1 in front.
    stream: stream or device.

Returns:
    An array whose sizes are the products of theirs.

Example:
    >>> import ingot.core as mx
    >>> mx.kron(mx.array([1, 10]), mx.array([1, 2]))
    array([1, 2, 10, 20], dtype=int32))");
  m.def(
      "vecdot",
      [](const ArrayLike& a, const ArrayLike& b, int64_t axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return vecdot(to_array(a.value), to_array(b.value), axis);
      },
      "a"_a, "b"_a, nb::kw_only(), "axis"_a = -1, "stream"_a = nb::none(),
      R"(Sums of conj(a) b along one axis; the other axes broadcast.

Args:
    a: array.
    b: array; axis has the size that it has in a.
    axis: axis of both.
    stream: stream or device.

Raises:
    AxisError: if the axis is out of range.
    ValueError: if the shapes do not fit.

Example:
    >>> import ingot.core as mx
    >>> mx.vecdot(mx.array([[1, 2], [3, 4]]), mx.array([10, 1]))
    array([12, 34], dtype=int32))");
}

using AxisPairs = std::pair<IntOrInts, IntOrInts>;

void bind_tensordot(nb::module_& m) {
  m.def(
      "tensordot",
      [](const ArrayLike& a, const ArrayLike& b,
         const std::variant<int64_t, AxisPairs>& axes,
         const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value), y = to_array(b.value);
        if (auto* pairs = std::get_if<AxisPairs>(&axes)) {
          return tensordot(x, y, pairs->first.values, pairs->second.values);
        }
        int64_t count = std::get<int64_t>(axes);
        require(
            count >= 0 && count <= x.ndim() && count <= y.ndim(),
            "tensordot: axes must be between 0 and the dimensions of a and ",
            "b, got ", count, " for shapes ", x.shape(), " and ", y.shape());
        Shape last, first;
        for (int64_t i = 0; i < count; ++i) {
          last.push_back(x.ndim() - count + i);
          first.push_back(i);
        }
        return tensordot(x, y, last, first);
      },
      "a"_a, "b"_a, "axes"_a = 2, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def tensordot(a: array | numpy.typing.ArrayLike, "
              "b: array | numpy.typing.ArrayLike, "
              "axes: int | collections.abc.Sequence["
              "int | collections.abc.Sequence[int]] = 2, *, "
              "stream: Stream | Device | None = None) -> array"),
      R"(Sums of products over pairs of axes, one of a and one of b.

Args:
    a: array.
    b: array.
    axes: two lists of axes, of a and of b in the order in which they belong
        together; or how many, the last ones of a with the first ones of b.
    stream: stream or device.

Returns:
    An array with the other axes of a, then those of b.

Raises:
    AxisError: if an axis is out of range.
    ValueError: if two axes differ in size, or an axis repeats.

Example:
    >>> import ingot.core as mx
    >>> mx.tensordot(mx.ones((2, 3, 4)), mx.ones((4, 3)), axes=[[1, 2], [1, 0]])
    array([12, 12], dtype=float32))");
}

void bind_einsum(nb::module_& m) {
  m.def(
      "einsum",
      [](const std::string& subscripts, const nb::args& operands,
         const StreamArg& stream) {
        OnStream scope(stream);
        return einsum(subscripts, to_arrays(operands, "einsum"));
      },
      "subscripts"_a, "operands"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def einsum(subscripts: str, "
              "*operands: array | numpy.typing.ArrayLike, "
              "stream: Stream | Device | None = None) -> array"),
      R"(Sums of products of arrays whose axes are named by letters.

'ij,jk->ik' is a product of matrices, 'ii->i' a diagonal, 'ij->ji' a transpose.
Letters that the output lacks are summed over. Without '->' it has the letters
that appear once, in alphabetical order. '...' stands for any further axes, which
broadcast; so do axes of size 1. Several operands are contracted two at a time,
see einsum_path; integers are multiplied before they are summed.

Args:
    subscripts: the letters of each operand, with commas between, and
        '->' with those of the output.
    *operands: arrays, one for each term.
    stream: stream or device.

Raises:
    ValueError: if the subscripts cannot be read, or do not fit the operands.

Example:
    >>> import ingot.core as mx
    >>> a = mx.array([[1.0, 2.0], [3.0, 4.0]])
    >>> mx.einsum("ij,jk->ik", a, a)
    array([[7, 10],
           [15, 22]], dtype=float32))");
  m.def(
      "einsum_path",
      [](const std::string& subscripts, const nb::args& operands) {
        EinsumPath path =
            einsum_path(subscripts, to_arrays(operands, "einsum_path"));
        nb::list steps;
        for (const Shape& step : path.steps) steps.append(to_tuple(step));
        return nb::make_tuple(steps, path.text);
      },
      "subscripts"_a, "operands"_a,
      nb::sig("def einsum_path(subscripts: str, "
              "*operands: array | numpy.typing.ArrayLike) -> "
              "tuple[list[tuple[int, ...]], str]"),
      R"(The order in which einsum contracts its operands.

Of up to 8 operands it is the one with the fewest multiplications, of more one
that keeps what is left small.

Args:
    subscripts: as for einsum.
    *operands: arrays; only their shapes matter.

Returns:
    A list of steps, and a text that says what they cost. A step names the
    operands it takes, by their places in the list of those left; its result
    goes to the end of that list.

Raises:
    ValueError: if the subscripts cannot be read, or do not fit the operands.

Example:
    >>> import ingot.core as mx
    >>> a, b, c = mx.ones((2, 9)), mx.ones((9, 9)), mx.ones((9, 1))
    >>> mx.einsum_path("ij,jk,kl->il", a, b, c)[0]
    [(1, 2), (0, 1)])");
}

}  // namespace

void bind_products(nb::module_& m) {
  bind_vectors(m);
  bind_tensordot(m);
  bind_einsum(m);
}

}  // namespace ingot::python
