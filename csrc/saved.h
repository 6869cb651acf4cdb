// What an operation is made of, as a file has it, and the way back: compile keeps
// operations as they are, what is exported outlives them.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "csrc/graph.h"

namespace ingot {

// A number, an enumerator or flag, a name, or a list of integers.
struct Field {
  std::variant<int64_t, double, std::string, Shape> value;

  Field() = default;
  template <class T>
    requires(!std::is_same_v<T, Field>)
  Field(const T& x) {
    if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<double>(x);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      value = static_cast<int64_t>(x);
    } else if constexpr (std::is_convertible_v<T, std::string>) {
      value = std::string(x);
    } else {
      value = Shape(x.begin(), x.end());
    }
  }
};

// The name of an operation in saved_table.cpp, and its attributes.
struct Saved {
  std::string name;
  std::vector<Field> fields;
};

// An operation that is read from a file: nothing in it is to be trusted.
struct Reading {
  const Saved& saved;
  const Arrays& in;
  const std::vector<Spec>& outputs;  // as they were when it was written
  bool shapeless;    // inputs have their number of dimensions, but other sizes
  bool of_constant;  // the first input is a constant, and so are its sizes

  // The fields, of the kind that is asked for: else a ValueError.
  int64_t word(size_t i) const;     // any 64 bits
  int64_t integer(size_t i) const;  // of which sums and products fit 64 bits
  bool flag(size_t i) const;
  double number(size_t i) const;
  const char* name(size_t i) const;  // as a literal is
  const Shape& list(size_t i) const;
  // A list of sizes of the first input, or of places among them: a ValueError if
  // shapeless, but for those of a constant.
  const Shape& sizes(size_t i) const;
  // An enumerator, of `count`.
  template <class E>
  E choice(size_t i, int64_t count) const {
    return static_cast<E>(index(i, count));
  }
  int64_t index(size_t i, int64_t count) const;

  Dtype dtype(size_t output = 0) const { return outputs.at(output).dtype; }
  int64_t ndim(size_t output = 0) const {
    return outputs.at(output).shape.size();
  }
  // A ValueError if shapeless, but where there are no inputs.
  const Shape& shape(size_t output = 0) const;
};

// The outputs of the operation, by the checks of the functions that make it.
Arrays build(const Reading& reading);
// Of all rows of the table.
std::vector<std::string> saved_names();

}  // namespace ingot
