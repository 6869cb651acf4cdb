// Functions of the array API standard, beside those of MLX, in Python.
// SPDX-License-Identifier: MIT
#include "csrc/ops/standard.h"

#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using MaybeAxis = std::optional<int64_t>;
using Cumulative = Array (*)(const Array&, MaybeAxis, bool, bool, bool);

void def_cumulative(nb::module_& m, const char* name, Cumulative f,
                    const char* doc, const char* example) {
  m.def(
      name,
      [f](const ArrayLike& a, const MaybeAxis& axis, bool reverse,
          bool inclusive, const DtypeArg& dtype, bool include_initial,
          const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return f(astype(x, dtype_or(dtype, x.dtype())), axis, reverse,
                 inclusive, include_initial);
      },
      "a"_a, "axis"_a = nb::none(), nb::kw_only(), "reverse"_a = false,
      "inclusive"_a = true, "dtype"_a = nb::none(), "include_initial"_a = false,
      "stream"_a = nb::none(),
      cat(doc, R"(

Integers of less than 32 bits are widened to 32 first.

Args:
    a: array.
    axis: axis to go along; None flattens first.
    reverse: go from the end to the start.
    inclusive: the element itself counts; if False only those before it do.
    dtype: dtype to convert to first, that of a by default.
    include_initial: whether the result of no elements comes first, which makes
        the axis longer by one.
    stream: stream or device.

Raises:
    AxisError: if the axis is out of range.
    ValueError: if include_initial goes with reverse, or without inclusive.

Example:
    >>> import ingot.core as mx
    >>> )",
          example)
          .c_str());
}

void bind_elements(nb::module_& m) {
  m.def(
      "nextafter",
      [](const ArrayLike& a, const ArrayLike& b, const StreamArg& stream) {
        OnStream scope(stream);
        auto [x, y] = operands(a.value, b.value, "nextafter");
        return standard::nextafter(x, y);
      },
      "a"_a, "b"_a, "stream"_a = nb::none(),
      R"(The number next to a on the way to b, in their dtype.

Args:
    a: array or number; integers are taken as float32.
    b: array or number; the shapes broadcast.
    stream: stream or device.

Returns:
    array of the broadcast shape; b where they are equal, NaN where one is.

Raises:
    ValueError: if the shapes do not broadcast.

Example:
    >>> import ingot.core as mx
    >>> mx.nextafter(mx.array([1.0]), 2) - 1
    array([1.19209e-07], dtype=float32))");
  def_cumulative(m, "cumulative_sum", standard::cumulative_sum,
                 "Sums of the elements so far, by the array API's name.",
                 R"(mx.cumulative_sum(mx.array([1, 2, 3]), include_initial=True)
    array([0, 1, 3, 6], dtype=int32))");
  def_cumulative(m, "cumulative_prod", standard::cumulative_prod,
                 "Products of the elements so far, by the array API's name.",
                 R"(mx.cumulative_prod(mx.array([2, 3, 4]))
    array([2, 6, 24], dtype=int32))");
}

void bind_matrices(nb::module_& m) {
  m.def(
      "matrix_power",
      [](const ArrayLike& x, int64_t n, const StreamArg& stream) {
        OnStream scope(stream);
        return standard::matrix_power(to_array(x.value), n);
      },
      "x"_a, "n"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Powers of square matrices, x x ... x.

Args:
    x: (..., m, m) array.
    n: integer; 0 gives the identity, a negative one powers of the inverse.
    stream: stream or device.

Raises:
    ValueError: if x is not of square matrices; when evaluated, if n is negative
        and one is singular.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.matrix_power(mx.array([[1.0, 1.0], [0.0, 1.0]]), 3)
    array([[1, 3],
           [0, 1]], dtype=float32))");
  m.def(
      "matrix_rank",
      [](const ArrayLike& x, const OptionalArray& rtol,
         const StreamArg& stream) {
        OnStream scope(stream);
        return standard::matrix_rank(to_array(x.value), or_none(rtol));
      },
      "x"_a, nb::kw_only(), "rtol"_a = nb::none(), "stream"_a = nb::none(),
      R"(How many singular values of matrices are not nearly 0 (int32).

Args:
    x: (..., m, n) array, float32 or float64.
    rtol: those above rtol times the largest count; number or array (...), by
        default max(m, n) eps.
    stream: stream or device.

Returns:
    (...) array.

Raises:
    ValueError: if x is not of matrices of these types.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.matrix_rank(mx.ones((3, 3)))
    array(1, dtype=int32))");
  m.def(
      "svdvals",
      [](const ArrayLike& x, const StreamArg& stream) {
        OnStream scope(stream);
        return singular_values(to_array(x.value), "svdvals");
      },
      "x"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Singular values of matrices, in descending order.

Args:
    x: (..., m, n) array, float32 or float64.
    stream: stream or device.

Returns:
    (..., min(m, n)) array.

Raises:
    ValueError: if x is not of matrices of these types.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.svdvals(mx.array([[3.0, 0.0], [0.0, 4.0]]))
    array([4, 3], dtype=float32))");
}

using OrderArg = std::variant<double, std::string>;

NormOrder matrix_order(const OrderArg& order) {
  if (auto* p = std::get_if<double>(&order)) return {NormOrder::power, *p};
  const std::string& name = std::get<std::string>(order);
  require(name == "fro" || name == "nuc",
          "matrix_norm: ord must be a number, 'fro' or 'nuc', got '", name,
          "'");
  return {name == "fro" ? NormOrder::frobenius : NormOrder::nuclear};
}

void bind_norms(nb::module_& m) {
  m.def(
      "matrix_norm",
      [](const ArrayLike& x, bool keepdims, const OrderArg& ord,
         const StreamArg& stream) {
        OnStream scope(stream);
        return norm(to_array(x.value), matrix_order(ord), Shape{-2, -1},
                    keepdims);
      },
      "x"_a, nb::kw_only(), "keepdims"_a = false, "ord"_a = "fro",
      "stream"_a = nb::none(),
      R"(Norms of the matrices in the last two axes.

Args:
    x: (..., m, n) array.
    keepdims: keep the two axes with size 1.
    ord: 'fro' (the root of the sum of squares), 'nuc' (the sum of singular
        values), 1 and -1 (the extremes of column sums of |x|), inf and -inf (of
        row sums), 2 and -2 (of singular values).
    stream: stream or device.

Raises:
    ValueError: if ord is not one of these, or x has fewer than 2 dimensions.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.matrix_norm(mx.ones((2, 2)))
    array(2, dtype=float32))");
  m.def(
      "vector_norm",
      [](const ArrayLike& x, const AxesArg& axis, bool keepdims, double ord,
         const StreamArg& stream) {
        OnStream scope(stream);
        return standard::vector_norm(to_array(x.value), ord, to_axes(axis),
                                     keepdims);
      },
      "x"_a, nb::kw_only(), "axis"_a = nb::none(), "keepdims"_a = false,
      "ord"_a = 2.0, "stream"_a = nb::none(),
      R"(Norms of vectors, (sum |x|^ord)^(1/ord).

Args:
    x: array.
    axis: axis of the vectors, or axes whose elements together are one vector;
        all by default.
    keepdims: keep the axes with size 1.
    ord: number; inf and -inf give the extremes of |x|, 0 counts what is not 0.
    stream: stream or device.

Raises:
    AxisError: if an axis is out of range.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.vector_norm(mx.array([[3.0, 4.0]]))
    array(5, dtype=float32))");
}

void bind_traces(nb::module_& m) {
  m.def(
      "diagonal",
      [](const ArrayLike& x, int64_t offset, const StreamArg& stream) {
        OnStream scope(stream);
        return diagonal(to_array(x.value), offset, -2, -1);
      },
      "x"_a, nb::kw_only(), "offset"_a = 0, "stream"_a = nb::none(),
      R"(The diagonals of the matrices in the last two axes, without a copy.

Args:
    x: (..., m, n) array.
    offset: which diagonal; above the main one if positive, below if negative.
    stream: stream or device.

Raises:
    ValueError: if x has fewer than 2 dimensions.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.diagonal(mx.array([[1, 2], [3, 4]]))
    array([1, 4], dtype=int32))");
  m.def(
      "trace",
      [](const ArrayLike& x, int64_t offset, const DtypeArg& dtype,
         const StreamArg& stream) {
        OnStream scope(stream);
        std::optional<Dtype> type;
        if (dtype) type = dtype->value;
        return trace(to_array(x.value), offset, -2, -1, type);
      },
      "x"_a, nb::kw_only(), "offset"_a = 0, "dtype"_a = nb::none(),
      "stream"_a = nb::none(),
      R"(The sums of the diagonals of the matrices in the last two axes.

Args:
    x: (..., m, n) array.
    offset: which diagonal; above the main one if positive, below if negative.
    dtype: type that is summed in and returned; that of sum by default.
    stream: stream or device.

Raises:
    ValueError: if x has fewer than 2 dimensions.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.trace(mx.array([[1, 2], [3, 4]]))
    array(5, dtype=int32))");
}

}  // namespace

void bind_standard(nb::module_& m) {
  bind_elements(m);
  nb::module_ linalg = nb::borrow<nb::module_>(m.attr("linalg"));
  bind_matrices(linalg);
  bind_norms(linalg);
  bind_traces(linalg);
  for (const char* name :
       {"matmul", "matrix_transpose", "outer", "tensordot", "vecdot"}) {
    linalg.attr(name) = m.attr(name);
  }
}

}  // namespace ingot::python
