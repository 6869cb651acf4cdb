// Linear algebra in Python.
// SPDX-License-Identifier: MIT
#include "csrc/ops/standard.h"
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using OrderArg = std::optional<std::variant<double, std::string>>;

NormOrder to_order(const OrderArg& order) {
  if (!order) return {};
  if (auto* p = std::get_if<double>(&*order)) return {NormOrder::power, *p};
  const std::string& name = std::get<std::string>(*order);
  if (name == "fro") return {NormOrder::frobenius};
  require(name == "nuc",
          "norm: ord must be None, a number, 'fro' or 'nuc', got '", name, "'");
  return {NormOrder::nuclear};
}

void def_norm(nb::module_& m, const char* name) {
  m.def(
      name,
      [](const ArrayLike& a, const OrderArg& ord, const AxesArg& axis,
         bool keepdims, const StreamArg& stream) {
        OnStream scope(stream);
        return norm(to_array(a.value), to_order(ord), to_axes(axis), keepdims);
      },
      "a"_a, "ord"_a = nb::none(), "axis"_a = nb::none(), "keepdims"_a = false,
      nb::kw_only(), "stream"_a = nb::none(),
      R"(The norm of vectors along one axis, or of matrices in two.

Vectors: (sum |a|^ord)^(1/ord), 2 by default; inf and -inf give the extremes of
|a|, 0 counts what is not 0. Matrices: None or 'fro' (Frobenius), 1 and -1 (the
extremes of column sums of |a|), inf and -inf (of row sums).

Args:
    a: array; integers are taken as float32.
    ord: None, number or 'fro'.
    axis: one axis, two, or None: a is the vector or the matrix itself, and
        with ord None any array is one vector.
    keepdims: keep the axes with size 1.
    stream: stream or device.

Raises:
    ValueError: if ord is not one of these; 2, -2 and 'nuc' of matrices are
        not available.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.norm(mx.array([3.0, 4.0]))
    array(5, dtype=float32))");
}

}  // namespace

void bind_linalg(nb::module_& m) {
  m.def(
      "matmul",
      [](const ArrayLike& a, const ArrayLike& b, const StreamArg& stream) {
        OnStream scope(stream);
        return matmul(to_array(a.value), to_array(b.value));
      },
      "a"_a, "b"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Matrix product over the last two axes; others broadcast.

Args:
    a: (..., m, k) or (k,) array; integers are multiplied before they are summed.
    b: (..., k, n) or (k,) array.
    stream: stream or device.

Returns:
    (..., m, n) array, without the axis that a vector lacks.

Raises:
    ValueError: if the inner dimensions differ, or both operands are bool.

Example:
    >>> import ingot.core as mx
    >>> mx.matmul(mx.array([[1.0, 2.0]]), mx.array([3.0, 4.0]))
    array([11], dtype=float32))");
  m.def(
      "addmm",
      [](const ArrayLike& c, const ArrayLike& a, const ArrayLike& b,
         double alpha, double beta, const StreamArg& stream) {
        OnStream scope(stream);
        return addmm(to_array(c.value), to_array(a.value), to_array(b.value),
                     alpha, beta);
      },
      "c"_a, "a"_a, "b"_a, "alpha"_a = 1.0, "beta"_a = 1.0, nb::kw_only(),
      "stream"_a = nb::none(),
      R"(beta * c + alpha * (a @ b), in one pass.

Args:
    c: array that broadcasts to the shape of a @ b; not read if beta is 0.
    a: (..., m, k) or (k,) array.
    b: (..., k, n) or (k,) array.
    alpha: number.
    beta: number.
    stream: stream or device.

Raises:
    ValueError: if shapes do not fit, or no operand is floating.

Example:
    >>> import ingot.core as mx
    >>> mx.addmm(mx.array(1.0), mx.ones((1, 2)), mx.ones((2, 1)), beta=2)
    array([[4]], dtype=float32))");
  nb::module_ linalg = m.def_submodule("linalg", "Linear algebra.");
  bind_factorize(linalg);
  bind_eig(linalg);
  linalg.def(
      "qr",
      [](const ArrayLike& a, const std::string& mode, const StreamArg& stream) {
        OnStream scope(stream);
        bool complete = mode == "complete";
        require(complete || mode == "reduced",
                "qr: mode must be 'reduced' or 'complete', got '", mode, "'");
        Array x = to_array(a.value);
        return complete ? standard::complete_qr(x) : qr(x);
      },
      "a"_a, nb::kw_only(), "mode"_a = "reduced", "stream"_a = nb::none(),
      R"(QR factorisation of matrices, a = q r.

Args:
    a: (..., m, n) array, float32 or float64.
    mode: 'reduced', for k = min(m, n), or 'complete', for k = m.
    stream: stream or device.

Returns:
    q (..., m, k) with orthonormal columns and upper triangular r (..., k, n).

Raises:
    ValueError: if a has fewer than 2 dimensions, or mode is another word.

Example:
    >>> import ingot.core as mx
    >>> q, r = mx.linalg.qr(mx.array([[3.0, 1.0], [4.0, 2.0]]))
    >>> q.shape, bool(mx.allclose(q.T @ q, mx.eye(2), atol=1e-6))
    ((2, 2), True))");
  linalg.def(
      "pinv",
      [](const ArrayLike& a, const OptionalArray& rtol,
         const StreamArg& stream) {
        OnStream scope(stream);
        return pinv(to_array(a.value), or_none(rtol));
      },
      "a"_a, nb::kw_only(), "rtol"_a = nb::none(), "stream"_a = nb::none(),
      R"(Moore-Penrose inverses, by singular values.

The gradient holds where a small change leaves the rank. A matrix with NaN or
infinity gives NaN.

Args:
    a: (..., m, n) array, float32 or float64.
    rtol: singular values up to rtol times the largest count as zero; number or
        array (...), 10 max(m, n) eps by default.
    stream: stream or device.

Returns:
    (..., n, m) array.

Raises:
    ValueError: if a is not of matrices of these types.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.pinv(mx.array([[2.0], [0.0]]))
    array([[0.5, 0]], dtype=float32))");
  def_norm(linalg, "norm");
  def_norm(m, "matrix_norm");
  linalg.def(
      "cross",
      [](const ArrayLike& a, const ArrayLike& b, int64_t axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return cross(to_array(a.value), to_array(b.value), axis);
      },
      "a"_a, "b"_a, "axis"_a = -1, nb::kw_only(), "stream"_a = nb::none(),
      R"(Cross products of vectors of three elements along an axis.

(a1 b2 - a2 b1, a2 b0 - a0 b2, a0 b1 - a1 b0); where one has two elements, its third
is 0.

Args:
    a: array with 2 or 3 elements along the axis.
    b: the same; the other axes of a and b broadcast.
    axis: the axis, of the array that has more.
    stream: stream or device.

Returns:
    array with 3 elements along the axis.

Raises:
    ValueError: if the axis does not exist, has another length, or the others do
        not broadcast.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.cross(mx.array([1, 0, 0]), mx.array([0, 1, 0]))
    array([0, 0, 1], dtype=int32))");
}

}  // namespace ingot::python
