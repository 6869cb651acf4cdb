// Reductions and sorting in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using Reduction = Array (*)(const Array&, const Axes&, bool);

void def_reduction(nb::module_& m, const char* name, Reduction f,
                   const char* doc) {
  m.def(
      name,
      [f](const ArrayLike& a, const AxesArg& axis, bool keepdims,
          const StreamArg& stream) {
        OnStream scope(stream);
        return f(to_array(a.value), to_axes(axis), keepdims);
      },
      "a"_a, "axis"_a = nb::none(), "keepdims"_a = false, nb::kw_only(),
      "stream"_a = nb::none(),
      cat(doc,
          "\n\nArgs:\n    a: array.\n    axis: axis or axes to reduce, "
          "all by default.\n    keepdims: keep them with size 1.\n    stream: "
          "stream or device.\n\nRaises:\n    AxisError: if an axis is out of "
          "range.")
          .c_str());
}

using Deviation = Array (*)(const Array&, const Axes&, bool, int64_t);

void def_deviation(nb::module_& m, const char* name, Deviation f,
                   const char* doc) {
  m.def(
      name,
      [f](const ArrayLike& a, const AxesArg& axis, bool keepdims, int64_t ddof,
          const StreamArg& stream) {
        OnStream scope(stream);
        return f(to_array(a.value), to_axes(axis), keepdims, ddof);
      },
      "a"_a, "axis"_a = nb::none(), "keepdims"_a = false, "ddof"_a = 0,
      nb::kw_only(), "stream"_a = nb::none(),
      cat(doc,
          "\n\nArgs:\n    a: array.\n    axis: axis or axes to reduce, "
          "all by default.\n    keepdims: keep them with size 1.\n    ddof: "
          "the divisor is the number of elements less this.\n    stream: "
          "stream or device.")
          .c_str());
}

using ArgReduction = Array (*)(const Array&, std::optional<int64_t>, bool);

void def_arg_reduction(nb::module_& m, const char* name, ArgReduction f,
                       const char* doc) {
  m.def(
      name,
      [f](const ArrayLike& a, const std::optional<int64_t>& axis, bool keepdims,
          const StreamArg& stream) {
        OnStream scope(stream);
        return f(to_array(a.value), axis, keepdims);
      },
      "a"_a, "axis"_a = nb::none(), "keepdims"_a = false, nb::kw_only(),
      "stream"_a = nb::none(), doc);
}

}  // namespace

void bind_reduce(nb::module_& m) {
  def_reduction(m, "sum", sum, "Sum; half types accumulate in float32.");
  def_reduction(m, "prod", prod, "Product.");
  def_reduction(m, "max", max, "Largest element; NaN if there is one.");
  def_reduction(m, "min", min, "Smallest element; NaN if there is one.");
  def_reduction(m, "all", all, "Whether every element is non-zero.");
  def_reduction(m, "any", any, "Whether some element is non-zero.");
  def_reduction(m, "mean", mean, "Mean, sum / n; integers give float32.");
  def_reduction(m, "logsumexp", logsumexp,
                "ln of the sum of e^a, without overflow.");
  def_deviation(m, "var", var, "Variance, sum (a - mean)^2 / (n - ddof).");
  def_deviation(m, "std", std, "Standard deviation, the square root of var.");
  def_arg_reduction(m, "argmax", argmax,
                    "Index (uint32) of the first largest element along an "
                    "axis, or of the flattened array.");
  def_arg_reduction(m, "argmin", argmin,
                    "Index (uint32) of the first smallest element along an "
                    "axis, or of the flattened array.");
  m.def(
      "softmax",
      [](const ArrayLike& a, const AxesArg& axis, bool,
         const StreamArg& stream) {
        OnStream scope(stream);
        return softmax(to_array(a.value), to_axes(axis));
      },
      "a"_a, "axis"_a = nb::none(), "precise"_a = false, nb::kw_only(),
      "stream"_a = nb::none(),
      "e^a / sum e^a along an axis or axes (all by default).\n\nHalf types are "
      "computed in float32, whether or not `precise` asks for it.");
  m.def(
      "sort",
      [](const ArrayLike& a, const std::optional<int64_t>& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return sort(to_array(a.value), axis);
      },
      "a"_a, "axis"_a.none() = -1, nb::kw_only(), "stream"_a = nb::none(),
      "Elements in ascending order along an axis (of the flattened array if "
      "None), NaN last. Stable.");
  m.def(
      "argsort",
      [](const ArrayLike& a, const std::optional<int64_t>& axis,
         const StreamArg& stream) {
        OnStream scope(stream);
        return argsort(to_array(a.value), axis);
      },
      "a"_a, "axis"_a.none() = -1, nb::kw_only(), "stream"_a = nb::none(),
      "Indices (uint32) that sort an array. Stable.");
  m.def(
      "global_norm",
      [](const std::vector<Array>& arrays, double scale) {
        return global_norm(arrays, scale);
      },
      "arrays"_a, "scale"_a = 1.0,
      "scale times the square root of the sum of squares over several arrays, "
      "rounded once; float32 (float64 if any of them is). Finite inputs do not "
      "overflow on the way.");
}

}  // namespace ingot::python
