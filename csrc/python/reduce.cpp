// Reductions in Python.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "csrc/python/module.h"

namespace ingot::python {
namespace {

constexpr const char* kReductionArgs = R"(

Args:
    a: array.
    axis: axis or axes to reduce, all by default.
    keepdims: keep them with size 1.
)";
constexpr const char* kReductionEnd = R"(    stream: stream or device.

Raises:
    AxisError: if an axis is out of range.

Example:
    >>> import ingot.core as mx
    >>> x = mx.array([[1.0, 2.0], [3.0, 5.0]])
    >>> )";

using Reduction = Array (*)(const Array&, const Axes&, bool);

void def_reduction(nb::module_& m, const char* name, Reduction f,
                   const char* doc, const char* example) {
  m.def(
      name,
      [f](const ArrayLike& a, const AxesArg& axis, bool keepdims,
          const StreamArg& stream) {
        OnStream scope(stream);
        return f(to_array(a.value), to_axes(axis), keepdims);
      },
      "a"_a, "axis"_a = nb::none(), "keepdims"_a = false, nb::kw_only(),
      "stream"_a = nb::none(),
      cat(doc, kReductionArgs, kReductionEnd, example).c_str());
}

// Those that may be of another type.
void def_total(nb::module_& m, const char* name, Reduction f, const char* doc,
               const char* example) {
  m.def(
      name,
      [f](const ArrayLike& a, const AxesArg& axis, bool keepdims,
          const DtypeArg& dtype, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        Array y =
            f(astype(x, dtype_or(dtype, x.dtype())), to_axes(axis), keepdims);
        return astype(y, dtype_or(dtype, y.dtype()));
      },
      "a"_a, "axis"_a = nb::none(), "keepdims"_a = false, nb::kw_only(),
      "dtype"_a = nb::none(), "stream"_a = nb::none(),
      cat(doc, kReductionArgs,
          "    dtype: dtype to convert to first and to return; by default that "
          "of a, and of\n        narrow integers one of 32 bits.\n",
          kReductionEnd, example)
          .c_str());
}

using Deviation = Array (*)(const Array&, const Axes&, bool, int64_t);
using Correction = std::optional<std::variant<int64_t, double>>;

// With the number of elements less `correction` for the divisor, which may have
// a fraction: that one scales what the whole number of elements gives.
Array deviation(Deviation f, const Array& x, const Axes& axes, bool keepdims,
                int64_t ddof, const Correction& correction) {
  if (!correction) return f(x, axes, keepdims, ddof);
  if (auto* whole = std::get_if<int64_t>(&*correction)) {
    return f(x, axes, keepdims, *whole);
  }
  Array y = f(x, axes, keepdims, 0);
  double n = 1;
  for (int64_t i = 0; i < x.ndim(); ++i) n *= static_cast<double>(x.shape(i));
  if (y.size() > 0) n /= static_cast<double>(y.size());
  double ratio = n / std::max(n - std::get<double>(*correction), 0.0);
  if (f == &std) ratio = std::sqrt(ratio);
  return multiply(y, Array::scalar(ratio, y.dtype()));
}

void def_deviation(nb::module_& m, const char* name, Deviation f,
                   const char* doc, const char* example) {
  m.def(
      name,
      [f](const ArrayLike& a, const AxesArg& axis, bool keepdims, int64_t ddof,
          const Correction& correction, const StreamArg& stream) {
        OnStream scope(stream);
        return deviation(f, to_array(a.value), to_axes(axis), keepdims, ddof,
                         correction);
      },
      "a"_a, "axis"_a = nb::none(), "keepdims"_a = false, "ddof"_a = 0,
      nb::kw_only(), "correction"_a = nb::none(), "stream"_a = nb::none(),
      cat(doc, kReductionArgs,
          "    ddof: the divisor is the number of elements less this.\n"
          "    correction: the same, in place of ddof; it may have a "
          "fraction.\n",
          kReductionEnd, example)
          .c_str());
}

using ArgReduction = Array (*)(const Array&, std::optional<int64_t>, bool);

void def_arg_reduction(nb::module_& m, const char* name, ArgReduction f,
                       const char* doc, const char* example) {
  m.def(
      name,
      [f](const ArrayLike& a, const std::optional<int64_t>& axis, bool keepdims,
          const StreamArg& stream) {
        OnStream scope(stream);
        return f(to_array(a.value), axis, keepdims);
      },
      "a"_a, "axis"_a = nb::none(), "keepdims"_a = false, nb::kw_only(),
      "stream"_a = nb::none(),
      cat(doc, R"(

Args:
    a: array.
    axis: axis to search; None flattens first.
    keepdims: keep it with size 1.
)",
          kReductionEnd, example)
          .c_str());
}

void bind_minmax(nb::module_& m) {
  m.def(
      "minmax",
      [](const ArrayLike& a, const AxesArg& axis, bool keepdims,
         const StreamArg& stream) {
        OnStream scope(stream);
        return minmax(to_array(a.value), to_axes(axis), keepdims);
      },
      "a"_a, "axis"_a = nb::none(), "keepdims"_a = false, nb::kw_only(),
      "stream"_a = nb::none(),
      cat("Smallest and largest element, (min(a), max(a)).", kReductionArgs,
          kReductionEnd, R"(low, high = mx.minmax(x, axis=1)
    >>> high
    array([2, 5], dtype=float32))")
          .c_str());
}

void bind_count_nonzero(nb::module_& m) {
  m.def(
      "count_nonzero",
      [](const ArrayLike& a, const AxesArg& axis, bool keepdims,
         const StreamArg& stream) {
        OnStream scope(stream);
        return count_nonzero(to_array(a.value), to_axes(axis), keepdims);
      },
      "a"_a, nb::kw_only(), "axis"_a = nb::none(), "keepdims"_a = false,
      "stream"_a = nb::none(),
      cat("How many elements are not 0 (int32); NaN is not.", kReductionArgs,
          kReductionEnd, R"(mx.count_nonzero(x > 2, axis=1)
    array([0, 2], dtype=int32))")
          .c_str());
}

}  // namespace

void bind_reduce(nb::module_& m) {
  bind_minmax(m);
  bind_count_nonzero(m);
  def_total(m, "sum", sum, "Sum; half types accumulate in float32.",
            R"(mx.sum(x, axis=1)
    array([3, 8], dtype=float32))");
  def_total(m, "prod", prod, "Product.",
            R"(mx.prod(x)
    array(30, dtype=float32))");
  def_reduction(m, "max", max, "Largest element; NaN if there is one.",
                R"(mx.max(x, axis=0)
    array([3, 5], dtype=float32))");
  def_reduction(m, "min", min, "Smallest element; NaN if there is one.",
                R"(mx.min(x, axis=0, keepdims=True)
    array([[1, 2]], dtype=float32))");
  def_reduction(m, "all", all, "Whether every element is non-zero.",
                R"(mx.all(x > 1, axis=1)
    array([False, True], dtype=bool))");
  def_reduction(m, "any", any, "Whether some element is non-zero.",
                R"(mx.any(x > 4)
    array(True, dtype=bool))");
  def_reduction(m, "mean", mean, "Mean, sum / n; integers give float32.",
                R"(mx.mean(x)
    array(2.75, dtype=float32))");
  def_reduction(m, "logsumexp", logsumexp,
                "ln of the sum of e^a, without overflow.",
                R"(mx.logsumexp(mx.zeros(1) + 1000)
    array(1000, dtype=float32))");
  def_deviation(m, "var", var, "Variance, sum |a - mean|^2 / (n - ddof).",
                R"(mx.var(x, axis=1)
    array([0.25, 1], dtype=float32))");
  def_deviation(m, "std", std, "Standard deviation, the square root of var.",
                R"(mx.std(x, axis=1)
    array([0.5, 1], dtype=float32))");
  def_arg_reduction(m, "argmax", argmax,
                    "Index (uint32) of the first largest element.",
                    R"(mx.argmax(x, axis=1)
    array([1, 1], dtype=uint32))");
  def_arg_reduction(m, "argmin", argmin,
                    "Index (uint32) of the first smallest element.",
                    R"(mx.argmin(x)
    array(0, dtype=uint32))");
  m.def(
      "softmax",
      [](const ArrayLike& a, const AxesArg& axis, bool,
         const StreamArg& stream) {
        OnStream scope(stream);
        return softmax(to_array(a.value), to_axes(axis));
      },
      "a"_a, "axis"_a = nb::none(), nb::kw_only(), "precise"_a = false,
      "stream"_a = nb::none(),
      R"(Probabilities e^a / sum e^a.

Args:
    a: array; integers give float32.
    axis: axis or axes that sum to 1, all by default.
    precise: accepted for compatibility; half types are computed in float32
        anyway.
    stream: stream or device.

Raises:
    AxisError: if an axis is out of range.

Example:
    >>> import ingot.core as mx
    >>> mx.softmax(mx.array([0.0, 0.0]))
    array([0.5, 0.5], dtype=float32))");
  m.def(
      "global_norm",
      [](const std::vector<Array>& arrays, double scale) {
        return global_norm(arrays, scale);
      },
      "arrays"_a, "scale"_a = 1.0,
      R"(The norm of several arrays together, scale * sqrt(sum of squares).

Accumulated in double precision and rounded once; finite inputs do not
overflow on the way.

Args:
    arrays: floating arrays.
    scale: number.

Returns:
    scalar array, float32 (float64 if any of them is).

Example:
    >>> import ingot.core as mx
    >>> from ingot import _core
    >>> _core.global_norm([mx.array([3.0]), mx.array([[4.0]])])
    array(5, dtype=float32))");
}

}  // namespace ingot::python
