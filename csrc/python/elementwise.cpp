// Elementwise functions in Python: one definition per line of ops.def.
// SPDX-License-Identifier: MIT
#include <numbers>

#include "csrc/ops/operators.h"
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

// Arguments and result, after the line from ops.def.
std::string unary_doc(const char* doc) {
  return cat(doc,
             "\n\nArgs:\n    a: array of any shape.\n    stream: stream or "
             "device.\n\nReturns:\n    array of the same shape.");
}
std::string binary_doc(const char* doc) {
  return cat(doc,
             "\n\nArgs:\n    a: array or "
             "number.\n    b: array or number; the shapes broadcast, and a "
             "number takes the other's dtype.\n    stream: stream or device."
             "\n\nReturns:\n    array of the broadcast shape.\n\nRaises:\n    "
             "ValueError: if the shapes do not broadcast.");
}

using UnaryFunction = Array (*)(const Array&);
using BinaryFunction = Array (*)(const Array&, const Array&);

template <UnaryFunction f>
Array call_unary(const ArrayLike& a, const StreamArg& stream) {
  OnStream scope(stream);
  return f(to_array(a.value));
}

template <BinaryFunction f, const char* name>
Array call_binary(const ArrayLike& a, const ArrayLike& b,
                  const StreamArg& stream) {
  OnStream scope(stream);
  auto [x, y] = operands(a.value, b.value, name);
  return f(x, y);
}

#define BINARY(name, Functor, kind, doc) \
  constexpr char name_of_##name[] = #name;
#include "csrc/ops.def"

Array clip(const Array& a, const nb::object& low, const nb::object& high) {
  require(!low.is_none() || !high.is_none(),
          "clip: a_min or a_max must be given");
  Array x = a;
  if (!low.is_none()) {
    auto [p, q] = operands(nb::cast(x), low, "clip");
    x = maximum(p, q);
  }
  if (!high.is_none()) {
    auto [p, q] = operands(nb::cast(x), high, "clip");
    x = minimum(p, q);
  }
  return x;
}

Array isclose(const Array& a, const Array& b, double rtol, double atol,
              bool equal_nan) {
  Dtype dtype = floating(promote(a.dtype(), b.dtype()));
  Array x = astype(a, dtype), y = astype(b, dtype);
  auto number = [&](double v) { return Array::scalar(v, real_type(dtype)); };
  Array bound = number(atol) + number(rtol) * abs(y);
  Array close = logical_and(less_equal(abs(x - y), bound), isfinite(y));
  close = logical_or(close, equal(x, y));
  if (equal_nan) close = logical_or(close, logical_and(isnan(x), isnan(y)));
  return close;
}

Array nan_to_num(const Array& a, double nan, std::optional<double> posinf,
                 std::optional<double> neginf) {
  if (!is_inexact(a.dtype())) return a;
  double largest = a.dtype() == Dtype::float16    ? 65504.0
                   : a.dtype() == Dtype::bfloat16 ? 0x1.fep127
                   : a.dtype() == Dtype::float32  ? 0x1.fffffep127
                                                  : 0x1.fffffffffffffp1023;
  auto c = [&](double v) { return Array::scalar(v, a.dtype()); };
  Array x = where(isnan(a), c(nan), a);
  x = where(isposinf(a), c(posinf.value_or(largest)), x);
  return where(isneginf(a), c(neginf.value_or(-largest)), x);
}

// round(a * 10^d) / 10^d; integers round only to the left of the point.
Array round_to(const Array& a, int decimals) {
  if (is_complex(a.dtype())) {
    return from_pairs(round_to(as_pairs(a), decimals));
  }
  if (decimals == 0) return round(a);
  Dtype dtype = floating(a.dtype());
  double scale = std::pow(10.0, std::abs(decimals));
  Array c = Array::scalar(scale, dtype);
  Array x = astype(a, dtype);
  Array y = decimals > 0 ? round(x * c) / c : round(x / c) * c;
  return astype(y, a.dtype());
}

void bind_aliases(nb::module_& m) {
  for (auto [alias, name] : {std::pair{"acos", "arccos"},
                             {"acosh", "arccosh"},
                             {"asin", "arcsin"},
                             {"asinh", "arcsinh"},
                             {"atan", "arctan"},
                             {"atan2", "arctan2"},
                             {"atanh", "arctanh"},
                             {"pow", "power"},
                             {"bitwise_left_shift", "left_shift"},
                             {"bitwise_right_shift", "right_shift"}}) {
    m.attr(alias) = m.attr(name);
  }
}

void bind_composed(nb::module_& m) {
  m.def(
      "where",
      [](const ArrayLike& condition, const ArrayLike& x, const ArrayLike& y,
         const StreamArg& stream) {
        OnStream scope(stream);
        auto [a, b] = operands(x.value, y.value, "where");
        return where(to_array(condition.value), a, b);
      },
      "condition"_a, "x"_a, "y"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(x where a condition holds, else y.

Args:
    condition: array taken as bool.
    x: array or number.
    y: array or number; all three broadcast.
    stream: stream or device.

Returns:
    array of the broadcast shape.

Raises:
    ValueError: if the shapes do not broadcast.

Example:
    >>> import ingot.core as mx
    >>> mx.where(mx.array([True, False]), 1.0, mx.array([5.0, 6.0]))
    array([1, 6], dtype=float32))");
  m.def(
      "clip",
      [](const ArrayLike& a, const nb::object& low, const nb::object& high,
         const nb::object& min, const nb::object& max,
         const StreamArg& stream) {
        OnStream scope(stream);
        require<TypeError>((low.is_none() || min.is_none()) &&
                               (high.is_none() || max.is_none()),
                           "clip: a bound must not be given twice");
        return clip(to_array(a.value), low.is_none() ? min : low,
                    high.is_none() ? max : high);
      },
      "a"_a, "a_min"_a = nb::none(), "a_max"_a = nb::none(), nb::kw_only(),
      "min"_a = nb::none(), "max"_a = nb::none(), "stream"_a = nb::none(),
      R"(min(max(a, a_min), a_max).

Args:
    a: array.
    a_min: lower bound that broadcasts to a; None for none.
    a_max: upper bound that broadcasts to a; None for none.
    min: another name of a_min, that of the array API standard.
    max: another name of a_max.
    stream: stream or device.

Raises:
    ValueError: if both bounds are None.

Example:
    >>> import ingot.core as mx
    >>> mx.clip(mx.array([-1.0, 0.5, 2.0]), 0, 1)
    array([0, 0.5, 1], dtype=float32))");
  m.def(
      "isclose",
      [](const ArrayLike& a, const ArrayLike& b, double rtol, double atol,
         bool equal_nan, const StreamArg& stream) {
        OnStream scope(stream);
        auto [x, y] = operands(a.value, b.value, "isclose");
        return isclose(x, y, rtol, atol, equal_nan);
      },
      "a"_a, "b"_a, "rtol"_a = 1e-5, "atol"_a = 1e-8, nb::kw_only(),
      "equal_nan"_a = false, "stream"_a = nb::none(),
      R"(Whether |a - b| <= atol + rtol |b|, element by element.

Args:
    a: array or number.
    b: array or number.
    rtol: relative tolerance.
    atol: absolute tolerance.
    equal_nan: whether NaN is close to NaN.
    stream: stream or device.

Returns:
    bool array of the broadcast shape; infinities are close to themselves.)");
  m.def(
      "allclose",
      [](const ArrayLike& a, const ArrayLike& b, double rtol, double atol,
         bool equal_nan, const StreamArg& stream) {
        OnStream scope(stream);
        auto [x, y] = operands(a.value, b.value, "allclose");
        return all(isclose(x, y, rtol, atol, equal_nan));
      },
      "a"_a, "b"_a, "rtol"_a = 1e-5, "atol"_a = 1e-8, nb::kw_only(),
      "equal_nan"_a = false, "stream"_a = nb::none(),
      R"(Whether |a - b| <= atol + rtol |b| everywhere.

Args:
    a: array or number.
    b: array or number.
    rtol: relative tolerance.
    atol: absolute tolerance.
    equal_nan: whether NaN is close to NaN.
    stream: stream or device.

Returns:
    scalar bool array.

Example:
    >>> import ingot.core as mx
    >>> mx.allclose(mx.array([1.0]), mx.array([1.000001]))
    array(True, dtype=bool))");
  m.def(
      "array_equal",
      [](const ArrayLike& a, const ArrayLike& b, bool equal_nan,
         const StreamArg& stream) {
        OnStream scope(stream);
        auto [x, y] = operands(a.value, b.value, "array_equal");
        if (x.shape() != y.shape())
          return Array::scalar(int64_t{0}, Dtype::bool_);
        Array same = equal(x, y);
        if (equal_nan) {
          same = logical_or(same, logical_and(isnan(x), isnan(y)));
        }
        return all(same);
      },
      "a"_a, "b"_a, "equal_nan"_a = false, "stream"_a = nb::none(),
      R"(Whether two arrays have one shape and equal elements.

Args:
    a: array or number.
    b: array or number.
    equal_nan: whether NaN equals NaN.
    stream: stream or device.

Returns:
    scalar bool array.)");
  m.def(
      "nan_to_num",
      [](const ArrayLike& a, double nan, std::optional<double> posinf,
         std::optional<double> neginf, const StreamArg& stream) {
        OnStream scope(stream);
        return nan_to_num(to_array(a.value), nan, posinf, neginf);
      },
      "a"_a, "nan"_a = 0.0, "posinf"_a = nb::none(), "neginf"_a = nb::none(),
      nb::kw_only(), "stream"_a = nb::none(),
      R"(Replaces NaN and infinities by numbers.

Args:
    a: array; integers are returned as they are.
    nan: what NaN becomes.
    posinf: what inf becomes, the largest finite value by default.
    neginf: what -inf becomes, the smallest finite value by default.
    stream: stream or device.

Example:
    >>> import ingot.core as mx
    >>> mx.nan_to_num(mx.array([mx.nan, 1.0, -mx.inf]), neginf=-9)
    array([0, 1, -9], dtype=float32))");
  m.def(
      "divmod",
      [](const ArrayLike& a, const ArrayLike& b, const StreamArg& stream) {
        OnStream scope(stream);
        auto [x, y] = operands(a.value, b.value, "divmod");
        return std::pair(floor_divide(x, y), remainder(x, y));
      },
      "a"_a, "b"_a, "stream"_a = nb::none(),
      R"(Quotient and remainder, (floor_divide(a, b), remainder(a, b)).

Args:
    a: array or number.
    b: array or number.
    stream: stream or device.

Returns:
    tuple of two arrays.)");
  m.def(
      "degrees",
      [](const ArrayLike& a, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return x * Array::scalar(180 / std::numbers::pi, floating(x.dtype()));
      },
      "a"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Radians to degrees, a * 180 / pi.

Args:
    a: array.
    stream: stream or device.)");
  m.def(
      "radians",
      [](const ArrayLike& a, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return x * Array::scalar(std::numbers::pi / 180, floating(x.dtype()));
      },
      "a"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Degrees to radians, a * pi / 180.

Args:
    a: array.
    stream: stream or device.)");
}

}  // namespace

void bind_elementwise(nb::module_& m) {
  nb::list table;
#define UNARY(name, Functor, kind, doc)                                 \
  m.def(#name, call_unary<ingot::name>, "a"_a, "stream"_a = nb::none(), \
        unary_doc(doc).c_str());                                        \
  table.append(nb::make_tuple(#name, #kind));
#define BINARY(name, Functor, kind, doc)                               \
  m.def(#name, call_binary<ingot::name, name_of_##name>, "a"_a, "b"_a, \
        "stream"_a = nb::none(), binary_doc(doc).c_str());             \
  table.append(nb::make_tuple(#name, #kind));
#include "csrc/ops.def"
  m.def(
      "round",
      [](const ArrayLike& a, int decimals, const StreamArg& stream) {
        OnStream scope(stream);
        return round_to(to_array(a.value), decimals);
      },
      "a"_a, "decimals"_a = 0, "stream"_a = nb::none(),
      R"(Rounds to a number of decimals, halves to the even digit.

Args:
    a: array.
    decimals: digits after the point; negative ones are before it.
    stream: stream or device.

Example:
    >>> import ingot.core as mx
    >>> mx.round(mx.array([0.5, 1.5, 2.34]), 1), mx.round(mx.array(2.5))
    (array([0.5, 1.5, 2.3], dtype=float32), array(2, dtype=float32)))");
  bind_aliases(m);
  bind_composed(m);
  m.def(
      "elementwise_ops",
      [table = nb::list(table)] {
        return nb::typed<nb::list, std::pair<std::string, std::string>>(table);
      },
      "Name and kind of every elementwise op.");
}

}  // namespace ingot::python
