// Methods of the array class that are functions of ingot.core as well.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using ArrayClass = nb::class_<Array>;

// Ints given one by one or as one sequence: reshape(2, 3) and reshape((2, 3)).
Shape ints(const nb::args& args, const char* op) {
  Shape shape;
  IntOrInts value;
  if (args.size() == 1) {
    require<TypeError>(nb::try_cast(args[0], value), op, ": arguments must be ",
                       "ints");
    return value.values;
  }
  for (nb::handle arg : args) {
    require<TypeError>(nb::try_cast(arg, value) && value.single, op,
                       ": arguments must be ints");
    shape.push_back(value.values[0]);
  }
  return shape;
}

template <Array (*f)(const Array&)>
void def_unary(ArrayClass& c, const char* name) {
  c.def(
      name,
      [](const Array& a, const StreamArg& stream) {
        OnStream scope(stream);
        return f(a);
      },
      nb::kw_only(), "stream"_a = nb::none(),
      cat("See ingot.core.", name, ".").c_str());
}

template <Array (*f)(const Array&, const Axes&, bool)>
void def_reduction(ArrayClass& c, const char* name) {
  c.def(
      name,
      [](const Array& a, const AxesArg& axis, bool keepdims,
         const StreamArg& stream) {
        OnStream scope(stream);
        return f(a, to_axes(axis), keepdims);
      },
      "axis"_a = nb::none(), "keepdims"_a = false, nb::kw_only(),
      "stream"_a = nb::none(), cat("See ingot.core.", name, ".").c_str());
}

template <Array (*f)(const Array&, const Axes&, bool, int64_t)>
void def_deviation(ArrayClass& c, const char* name) {
  c.def(
      name,
      [](const Array& a, const AxesArg& axis, bool keepdims, int64_t ddof,
         const std::optional<int64_t>& correction, const StreamArg& stream) {
        OnStream scope(stream);
        return f(a, to_axes(axis), keepdims, correction.value_or(ddof));
      },
      "axis"_a = nb::none(), "keepdims"_a = false, "ddof"_a = 0, nb::kw_only(),
      "correction"_a = nb::none(), "stream"_a = nb::none(),
      cat("See ingot.core.", name, "; correction is another name of ddof.")
          .c_str());
}

template <Array (*f)(const Array&, std::optional<int64_t>, bool)>
void def_arg_reduction(ArrayClass& c, const char* name) {
  c.def(
      name,
      [](const Array& a, const std::optional<int64_t>& axis, bool keepdims,
         const StreamArg& stream) {
        OnStream scope(stream);
        return f(a, axis, keepdims);
      },
      "axis"_a = nb::none(), "keepdims"_a = false, nb::kw_only(),
      "stream"_a = nb::none(), cat("See ingot.core.", name, ".").c_str());
}

template <Array (*f)(const Array&, std::optional<int64_t>, bool, bool)>
void def_scan(ArrayClass& c, const char* name) {
  c.def(
      name,
      [](const Array& a, const std::optional<int64_t>& axis, bool reverse,
         bool inclusive, const StreamArg& stream) {
        OnStream scope(stream);
        return f(a, axis, reverse, inclusive);
      },
      "axis"_a = nb::none(), nb::kw_only(), "reverse"_a = false,
      "inclusive"_a = true, "stream"_a = nb::none(),
      cat("See ingot.core.", name, ".").c_str());
}

void bind_math(ArrayClass& c) {
  def_unary<abs>(c, "abs");
  def_unary<conj>(c, "conj");
  def_unary<cos>(c, "cos");
  def_unary<exp>(c, "exp");
  def_unary<log>(c, "log");
  def_unary<log10>(c, "log10");
  def_unary<log1p>(c, "log1p");
  def_unary<log2>(c, "log2");
  def_unary<reciprocal>(c, "reciprocal");
  def_unary<rsqrt>(c, "rsqrt");
  def_unary<sin>(c, "sin");
  def_unary<sqrt>(c, "sqrt");
  def_unary<square>(c, "square");
  def_reduction<all>(c, "all");
  def_reduction<any>(c, "any");
  def_reduction<logsumexp>(c, "logsumexp");
  def_reduction<max>(c, "max");
  def_reduction<mean>(c, "mean");
  def_reduction<min>(c, "min");
  def_reduction<prod>(c, "prod");
  def_reduction<sum>(c, "sum");
  def_deviation<std>(c, "std");
  def_deviation<var>(c, "var");
  def_arg_reduction<argmax>(c, "argmax");
  def_arg_reduction<argmin>(c, "argmin");
  def_scan<cummax>(c, "cummax");
  def_scan<cummin>(c, "cummin");
  def_scan<cumprod>(c, "cumprod");
  def_scan<cumsum>(c, "cumsum");
  def_scan<logcumsumexp>(c, "logcumsumexp");
}

void bind_layout(ArrayClass& c) {
  c.def(
      "astype",
      [](const Array& a, DtypeObject dtype, const StreamArg& stream) {
        OnStream scope(stream);
        return converted(a, dtype.value);
      },
      "dtype"_a, "stream"_a = nb::none(), "See ingot.core.astype.");
  c.def(
      "view",
      [](const Array& a, DtypeObject dtype, const StreamArg& stream) {
        OnStream scope(stream);
        return view(a, dtype.value);
      },
      "dtype"_a, "stream"_a = nb::none(), "See ingot.core.view.");
  c.def(
      "reshape",
      [](const Array& a, const nb::args& shape, const StreamArg& stream) {
        OnStream scope(stream);
        return reshape(a, ints(shape, "reshape"));
      },
      "shape"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def reshape(self, *shape: int | collections.abc.Sequence[int], "
              "stream: Stream | Device | None = None) -> array"),

      "See ingot.core.reshape; the shape as one sequence or as several ints.");
  c.def(
      "transpose",
      [](const Array& a, const nb::args& axes, const StreamArg& stream) {
        OnStream scope(stream);
        return axes.size() == 0 ? transpose(a)
                                : transpose(a, ints(axes, "transpose"));
      },
      "axes"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def transpose(self, *axes: int | collections.abc.Sequence[int], "
              "stream: Stream | Device | None = None) -> array"),

      "See ingot.core.transpose; the axes as one sequence or as several ints.");
  c.def(
      "flatten",
      [](const Array& a, int64_t start, int64_t end, const StreamArg& stream) {
        OnStream scope(stream);
        return flatten(a, start, end);
      },
      "start_axis"_a = 0, "end_axis"_a = -1, nb::kw_only(),
      "stream"_a = nb::none(), "See ingot.core.flatten.");
  c.def(
      "squeeze",
      [](const Array& a, const AxesArg& axis, const StreamArg& stream) {
        OnStream scope(stream);
        return axis ? squeeze(a, axis->values) : squeeze(a);
      },
      "axis"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      "See ingot.core.squeeze.");
  c.def(
      "swapaxes",
      [](const Array& a, int64_t axis1, int64_t axis2,
         const StreamArg& stream) {
        OnStream scope(stream);
        return swapaxes(a, axis1, axis2);
      },
      "axis1"_a, "axis2"_a, nb::kw_only(), "stream"_a = nb::none(),
      "See ingot.core.swapaxes.");
  c.def(
      "moveaxis",
      [](const Array& a, int64_t source, int64_t destination,
         const StreamArg& stream) {
        OnStream scope(stream);
        return moveaxis(a, source, destination);
      },
      "source"_a, "destination"_a, nb::kw_only(), "stream"_a = nb::none(),
      "See ingot.core.moveaxis.");
  c.def(
      "diag",
      [](const Array& a, int64_t k, const StreamArg& stream) {
        OnStream scope(stream);
        return diag(a, k);
      },
      "k"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
      "See ingot.core.diag.");
  c.def(
      "diagonal",
      [](const Array& a, int64_t offset, int64_t axis1, int64_t axis2,
         const StreamArg& stream) {
        OnStream scope(stream);
        return diagonal(a, offset, axis1, axis2);
      },
      "offset"_a = 0, "axis1"_a = 0, "axis2"_a = 1, "stream"_a = nb::none(),
      "See ingot.core.diagonal.");
}

}  // namespace

// These call the module's function with the array first.
void bind_methods(nb::module_& m, nb::object array) {
  ArrayClass c = nb::borrow<ArrayClass>(array);
  bind_math(c);
  bind_layout(c);
  c.def(
      "round",
      [round = nb::object(m.attr("round"))](const Array& a, int decimals,
                                            const StreamArg& stream) {
        OnStream scope(stream);
        return nb::cast<Array>(round(a, decimals));
      },
      "decimals"_a = 0, "stream"_a = nb::none(), "See ingot.core.round.");
  c.def(
      "split",
      [split = nb::object(m.attr("split"))](
          const Array& a, const IntOrInts& sections, int64_t axis,
          const StreamArg& stream) {
        OnStream scope(stream);
        return nb::cast<std::vector<Array>>(split(a, sections, axis));
      },
      "indices_or_sections"_a, "axis"_a = 0, nb::kw_only(),
      "stream"_a = nb::none(), "See ingot.core.split.");
}

}  // namespace ingot::python
