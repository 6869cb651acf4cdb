// Arrays as text, and how it shows numbers.
// SPDX-License-Identifier: MIT
#include <atomic>
#include <cmath>
#include <cstdio>
#include <vector>

#include "csrc/python/array.h"
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

constexpr int64_t kThreshold = 1000;  // elements printed in full
constexpr int64_t kEdge = 3;          // shown at each end otherwise
constexpr int kShortest = -1;         // six digits, without zeros at the end
constexpr int kMostDecimals = 1074;   // any double is exact by then

struct PrintOptions {
  int precision = kShortest;
};
std::atomic<int> precision = kShortest;

PrintOptions options_of(int precision) {
  require(precision >= kShortest && precision <= kMostDecimals,
          "printoptions: precision must be in [0, ", kMostDecimals,
          "], or -1 for the default, got ", precision);
  return {precision};
}

std::string decimal(double value) {
  if (std::isnan(value)) return "nan";
  int decimals = precision;
  auto print = [&](char* to, size_t room) {
    if (decimals == kShortest) return std::snprintf(to, room, "%.6g", value);
    return std::snprintf(to, room, "%.*f", decimals, value);
  };
  std::string text(static_cast<size_t>(print(nullptr, 0)), '\0');
  print(text.data(), text.size() + 1);
  return text;
}

std::string element(const Array& x, int64_t offset) {
  return dispatch(x.dtype(), [&](auto tag) -> std::string {
    using T = typename decltype(tag)::type;
    T value = x.data<const T>()[offset];
    if constexpr (std::is_same_v<T, bool>) {
      return value ? "True" : "False";
    } else if constexpr (std::is_integral_v<T>) {
      return std::to_string(value);
    } else if constexpr (is_complex_type<T>) {
      std::string imaginary = decimal(value.im);
      bool signed_already = imaginary[0] == '-';
      return decimal(value.re) + (signed_already ? "" : "+") + imaginary + "j";
    } else {
      using Real = std::conditional_t<std::is_same_v<T, double>, double, float>;
      return decimal(static_cast<double>(static_cast<Real>(value)));
    }
  });
}

void print(const Array& x, int64_t axis, int64_t offset, std::string& out) {
  if (axis == x.ndim()) {
    out += element(x, offset);
    return;
  }
  bool last = axis == x.ndim() - 1;
  // Rows line up under the first one, after "array(" and its brackets.
  std::string separator = last ? ", "
                               : "," + std::string(x.ndim() - axis - 1, '\n') +
                                     std::string(7 + axis, ' ');
  bool cut = x.size() > kThreshold && x.shape(axis) > 2 * kEdge;
  out += "[";
  for (int64_t i = 0; i < x.shape(axis); ++i) {
    if (i > 0) out += separator;
    if (cut && i == kEdge) {
      out += "..." + separator;
      i = x.shape(axis) - kEdge;
    }
    print(x, axis + 1, offset + i * x.strides()[axis], out);
  }
  out += "]";
}

// Options within a with block; it may be entered again.
struct PrintContext {
  PrintOptions options;
  std::vector<int> outside;
};

void bind_context(nb::module_& m) {
  nb::class_<PrintContext>(m, "PrintContext",
                           "Shows numbers otherwise within a with block.")
      .def("__enter__",
           [](PrintContext& c) {
             c.outside.push_back(precision.exchange(c.options.precision));
             return c.options;
           })
      .def(
          "__exit__",
          [](PrintContext& c, nb::args) {
            if (c.outside.empty()) return;
            precision = c.outside.back();
            c.outside.pop_back();
          },
          nb::sig("def __exit__(self, *error: object) -> None"));
  m.def(
      "printoptions",
      [](int precision) { return PrintContext{options_of(precision), {}}; },
      "precision"_a = kShortest,
      R"(A context in which numbers of arrays are shown otherwise.

Args:
    precision: as in set_printoptions.

Raises:
    ValueError: if precision is out of range.

Example:
    >>> import ingot.core as mx
    >>> with mx.printoptions(precision=2):
    ...     print(mx.array([1.2345, 2]))
    array([1.23, 2.00], dtype=float32))");
}

}  // namespace

std::string array_to_string(Array array) {
  {
    nb::gil_scoped_release release;
    eval({array});
  }
  std::string text;
  if (array.size() == 0) {
    text = "[]";
  } else {
    print(array, 0, 0, text);
  }
  return cat("array(", text, ", dtype=", array.dtype(), ")");
}

void bind_print(nb::module_& m) {
  nb::class_<PrintOptions>(m, "PrintOptions", "How arrays are printed.")
      .def(
          "__init__",
          [](PrintOptions* self, int precision) {
            new (self) PrintOptions(options_of(precision));
          },
          "precision"_a = kShortest)
      .def_prop_ro(
          "precision", [](const PrintOptions& o) { return o.precision; },
          "Decimals of floating elements; -1 for six digits.")
      .def("__repr__", [](const PrintOptions& o) {
        return cat("PrintOptions(precision=", o.precision, ")");
      });
  m.def(
      "set_printoptions",
      [](int decimals) { precision = options_of(decimals).precision; },
      "precision"_a = kShortest,
      R"(Sets how numbers of arrays are shown from now on, in all threads.

Args:
    precision: decimals of floating elements, 0 to 1074; -1, the default, shows
        six digits and no zeros at their end.

Raises:
    ValueError: if precision is out of range.

Example:
    >>> import ingot.core as mx
    >>> mx.set_printoptions(precision=3)
    >>> mx.array([1.2345, 2])
    array([1.235, 2.000], dtype=float32)
    >>> mx.set_printoptions()
    >>> mx.array([1.2345, 2])
    array([1.2345, 2], dtype=float32))");
  m.def(
      "get_printoptions", [] { return PrintOptions{precision}; },
      R"(How numbers of arrays are shown.

Returns:
    PrintOptions, with the precision.

Example:
    >>> import ingot.core as mx
    >>> mx.get_printoptions()
    PrintOptions(precision=-1))");
  bind_context(m);
}

}  // namespace ingot::python
