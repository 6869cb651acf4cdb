// Linear algebra in Python.
// SPDX-License-Identifier: MIT
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

}  // namespace

void bind_linalg(nb::module_& m) {
  m.def(
      "matmul",
      [](const ArrayLike& a, const ArrayLike& b, const StreamArg& stream) {
        OnStream scope(stream);
        return matmul(to_array(a.value), to_array(b.value));
      },
      "a"_a, "b"_a, nb::kw_only(), "stream"_a = nb::none(),
      "Matrix product over the last two axes; others broadcast.\n\nArgs:\n    "
      "a: (..., m, k) or (k,) floating array.\n    b: (..., k, n) or (k,) "
      "floating array.\n    stream: stream or device.\n\nRaises:\n    "
      "ValueError: if the inner dimensions differ.");
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
      "beta * c + alpha * (a @ b), in one pass.\n\nArgs:\n    c: array that "
      "broadcasts to the shape of a @ b; not read if beta is 0.\n    a: (..., "
      "m, k) or (k,) array.\n    b: (..., k, n) or (k,) array.\n    alpha: "
      "number.\n    beta: number.\n    stream: stream or device.\n\nRaises:\n  "
      "  ValueError: if shapes do not fit, or no operand is floating.");
  nb::module_ linalg = m.def_submodule("linalg", "Linear algebra.");
  linalg.def(
      "qr",
      [](const ArrayLike& a, const StreamArg& stream) {
        OnStream scope(stream);
        return qr(to_array(a.value));
      },
      "a"_a, nb::kw_only(), "stream"_a = nb::none(),
      "Reduced QR factorisation of matrices (..., m, n): a = q r with "
      "orthonormal columns in q (..., m, k) and upper triangular r (..., k, "
      "n), k = min(m, n).");
  linalg.def(
      "norm",
      [](const ArrayLike& a, const OrderArg& ord, const AxesArg& axis,
         bool keepdims, const StreamArg& stream) {
        OnStream scope(stream);
        return norm(to_array(a.value), to_order(ord), to_axes(axis), keepdims);
      },
      "a"_a, "ord"_a = nb::none(), "axis"_a = nb::none(), "keepdims"_a = false,
      nb::kw_only(), "stream"_a = nb::none(),
      "The norm of vectors along one axis, or of matrices in two axes (rows, "
      "columns).\n\nVectors: (sum |a|^ord)^(1/ord), 2 by default; inf and -inf "
      "give the extremes of |a|, 0 counts what is not 0. Matrices: None or "
      "'fro' (Frobenius), 1 and -1 (the extremes of column sums of |a|), inf "
      "and "
      "-inf (of row sums).\n\nArgs:\n    a: array; integers are taken as "
      "float32.\n    ord: None, number or 'fro'.\n    axis: one axis, two, or "
      "None: a is the vector or the matrix itself, and with ord None any array "
      "is one vector.\n    keepdims: keep the axes with size 1.\n    stream: "
      "stream or device.\n\nRaises:\n    ValueError: if ord is not one of "
      "these; "
      "2, -2 and 'nuc' of matrices are not available.\n\nExample:\n    >>> "
      "import ingot.core as mx\n    >>> mx.linalg.norm(mx.array([3.0, 4.0]))\n "
      " "
      "  array(5, dtype=float32)");
}

}  // namespace ingot::python
