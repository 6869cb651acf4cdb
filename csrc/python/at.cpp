// x.at[index].add(value) and the like in Python.
// SPDX-License-Identifier: MIT
#include <optional>

#include "csrc/python/indexing.h"

namespace ingot::python {
namespace {

// x.at and x.at[index], waiting for what to do there.
struct ArrayAt {
  Array x;
  std::optional<nb::object> index;

  Array apply(ScatterOp op, const Array& value, const char* name) const {
    require<TypeError>(index.has_value(), name,
                       ": x.at must have an index, as in x.at[index]");
    return update_item(op, x, *index, value, name);
  }
};

template <class F>
void def_update(nb::class_<ArrayAt>& c, const char* name, const char* doc,
                F apply) {
  c.def(
      name,
      [apply](const ArrayAt& at, nb::handle value) {
        return apply(at, to_array(value, at.x.dtype()));
      },
      "value"_a, doc);
}

}  // namespace

void bind_at(nb::module_& m, nb::class_<Array>& array) {
  nb::class_<ArrayAt> c(m, "ArrayAt",
                        "Places of an array, to be combined with values: "
                        "x.at[index].add(value) and the like.\n\nUnlike "
                        "x[index] += value it applies every value where an "
                        "index occurs more than once.");
  c.def(
      "__getitem__",
      [](const ArrayAt& at, nb::object index) {
        return ArrayAt{at.x, std::move(index)};
      },
      "index"_a.none(), "The same places as in x[index].");
  using Op = ScatterOp;
  auto with = [](Op op, const char* name) {
    return [op, name](const ArrayAt& at, const Array& value) {
      return at.apply(op, value, name);
    };
  };
  def_update(c, "add", "A copy of x with value added there.",
             with(Op::add, "at.add"));
  def_update(c, "subtract", "A copy of x with value subtracted there.",
             [](const ArrayAt& at, const Array& value) {
               return at.apply(Op::add, negative(value), "at.subtract");
             });
  def_update(c, "multiply", "A copy of x multiplied by value there.",
             with(Op::multiply, "at.multiply"));
  def_update(c, "divide", "A copy of x divided by value there.",
             with(Op::divide, "at.divide"));
  def_update(c, "maximum", "A copy of x with the larger of x and value there.",
             with(Op::max, "at.maximum"));
  def_update(c, "minimum", "A copy of x with the smaller of x and value there.",
             with(Op::min, "at.minimum"));
  array.def_prop_ro(
      "at", [](const Array& x) { return ArrayAt{x, std::nullopt}; },
      "Places to combine with values: x.at[index].add(value), subtract, "
      "multiply, divide, maximum, minimum.");
}

}  // namespace ingot::python
