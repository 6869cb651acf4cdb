// Scans and differences in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using Scanned = Array (*)(const Array&, std::optional<int64_t>, bool, bool);

constexpr const char* kScanAxis = R"(

Args:
    a: array.
    axis: axis to go along; None flattens first.
    reverse: go from the end to the start.
    inclusive: the element itself counts; if False only those before it do.
)";
constexpr const char* kScanDtype =
    "    dtype: dtype to convert to first, that of a by default.\n";
constexpr const char* kScanEnd = R"(    stream: stream or device.

Raises:
    AxisError: if the axis is out of range.

Example:
    >>> import ingot.core as mx
    >>> )";

void def_scan(nb::module_& m, const char* name, Scanned f, const char* doc,
              const char* example) {
  m.def(
      name,
      [f](const ArrayLike& a, const std::optional<int64_t>& axis, bool reverse,
          bool inclusive, const StreamArg& stream) {
        OnStream scope(stream);
        return f(to_array(a.value), axis, reverse, inclusive);
      },
      "a"_a, "axis"_a = nb::none(), nb::kw_only(), "reverse"_a = false,
      "inclusive"_a = true, "stream"_a = nb::none(),
      cat(doc, kScanAxis, kScanEnd, example).c_str());
}

// Those that may be of another type.
void def_accumulation(nb::module_& m, const char* name, Scanned f,
                      const char* doc, const char* example) {
  m.def(
      name,
      [f](const ArrayLike& a, const std::optional<int64_t>& axis, bool reverse,
          bool inclusive, const DtypeArg& dtype, const StreamArg& stream) {
        OnStream scope(stream);
        Array x = to_array(a.value);
        return f(astype(x, dtype_or(dtype, x.dtype())), axis, reverse,
                 inclusive);
      },
      "a"_a, "axis"_a = nb::none(), nb::kw_only(), "reverse"_a = false,
      "inclusive"_a = true, "dtype"_a = nb::none(), "stream"_a = nb::none(),
      cat(doc, kScanAxis, kScanDtype, kScanEnd, example).c_str());
}

}  // namespace

void bind_scan(nb::module_& m) {
  def_accumulation(m, "cumsum", cumsum, R"(Sums of the elements so far.

Floats are added up in double precision (on a GPU with what rounding takes kept)
and rounded once; integers wrap; bool gives int32.)",
                   R"(mx.cumsum(mx.array([1, 2, 3]))
    array([1, 3, 6], dtype=int32)
    >>> mx.cumsum(mx.array([1, 2, 3]), reverse=True, inclusive=False)
    array([5, 3, 0], dtype=int32))");
  def_accumulation(m, "cumprod", cumprod, R"(Products of the elements so far.

Floats are multiplied in double precision and rounded once; integers wrap.)",
                   R"(mx.cumprod(mx.array([2, 3, 4]))
    array([2, 6, 24], dtype=int32))");
  def_scan(m, "cummax", cummax, R"(Largest of the elements so far.

NaN from the first one on. Of no elements it is -inf, or the least number of the
type. A gradient goes to the last of equal elements.)",
           R"(mx.cummax(mx.array([1.0, 3.0, 2.0]))
    array([1, 3, 3], dtype=float32))");
  def_scan(m, "cummin", cummin, R"(Smallest of the elements so far.

NaN from the first one on. Of no elements it is inf, or the greatest number of
the type. A gradient goes to the last of equal elements.)",
           R"(mx.cummin(mx.array([3.0, 1.0, 2.0]))
    array([3, 1, 1], dtype=float32))");
  def_scan(m, "logcumsumexp", logcumsumexp,
           R"(ln of the sums of e^a so far, without overflow.

Integers give float32. Of no elements it is -inf.)",
           R"(mx.logcumsumexp(mx.zeros(2) + 1000)
    array([1000, 1000.69], dtype=float32))");
  m.def(
      "diff",
      [](const ArrayLike& a, int64_t n, int64_t axis,
         const OptionalArray& prepend, const OptionalArray& append,
         const StreamArg& stream) {
        OnStream scope(stream);
        Arrays parts = {to_array(a.value)};
        if (prepend) parts.insert(parts.begin(), to_array(prepend->value));
        if (append) parts.push_back(to_array(append->value));
        return diff(parts.size() == 1 ? parts[0] : concatenate(parts, axis), n,
                    axis);
      },
      "a"_a, "n"_a = 1, "axis"_a = -1, nb::kw_only(), "prepend"_a = nb::none(),
      "append"_a = nb::none(), "stream"_a = nb::none(),
      R"(Differences a[i + 1] - a[i] along an axis, n times over.

Args:
    a: array; of bool it is whether neighbours differ.
    n: number of times, 0 for a itself.
    axis: axis to go along, which gets shorter by n (0 at least).
    prepend: array to put in front first, along the axis.
    append: array to put at the end first.
    stream: stream or device.

Raises:
    AxisError: if the axis is out of range.
    ValueError: if n is negative.

Example:
    >>> import ingot.core as mx
    >>> mx.diff(mx.array([1, 4, 9, 16]))
    array([3, 5, 7], dtype=int32))");
}

}  // namespace ingot::python
