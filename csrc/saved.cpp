// The fields of operations that files have: each of its kind, and within bounds.
// SPDX-License-Identifier: MIT
#include "csrc/saved.h"

#include <mutex>
#include <set>

#include "csrc/error.h"

namespace ingot {
namespace {

template <class T>
const T& field(const Reading& r, size_t i, const char* kind) {
  const T* value = i < r.saved.fields.size()
                       ? std::get_if<T>(&r.saved.fields[i].value)
                       : nullptr;
  require(value, "field ", i, " must be ", kind);
  return *value;
}

// Sums and products of two of them fit 64 bits.
void check_integer(int64_t n) {
  constexpr int64_t kMost = int64_t{1} << 53;
  require(n >= -kMost && n <= kMost, "integers must be within 2^53, got ", n);
}

}  // namespace

std::optional<Saved> Op::saved() const { return std::nullopt; }

int64_t Reading::word(size_t i) const {
  return field<int64_t>(*this, i, "an integer");
}

int64_t Reading::integer(size_t i) const {
  int64_t n = word(i);
  check_integer(n);
  return n;
}

int64_t Reading::index(size_t i, int64_t count) const {
  int64_t n = integer(i);
  require(n >= 0 && n < count, "field ", i, " must be in [0, ", count,
          "), got ", n);
  return n;
}

bool Reading::flag(size_t i) const { return index(i, 2) == 1; }

double Reading::number(size_t i) const {
  return field<double>(*this, i, "a number");
}

const Shape& Reading::list(size_t i) const {
  const auto& values = field<Shape>(*this, i, "a list of integers");
  for (int64_t n : values) check_integer(n);
  return values;
}

const Shape& Reading::sizes(size_t i) const {
  require(!shapeless || of_constant,
          "it holds sizes, which no shapeless function may");
  return list(i);
}

const Shape& Reading::shape(size_t output) const {
  require(!shapeless || in.empty(),
          "it holds sizes, which no shapeless function may");
  return outputs.at(output).shape;
}

const char* Reading::name(size_t i) const {
  static auto* names = new std::set<std::string>;
  static auto* mutex = new std::mutex;
  const auto& text = field<std::string>(*this, i, "a name");
  require(text.size() <= 64, "names must have at most 64 letters, got ", text);
  std::lock_guard lock(*mutex);
  return names->insert(text).first->c_str();
}

}  // namespace ingot
