// The exceptions of the core, one per Python exception, and how they are
// worded.
// SPDX-License-Identifier: MIT
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace ingot {

struct ValueError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
struct TypeError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
struct IndexError : std::out_of_range {
  using std::out_of_range::out_of_range;
};
// A bad axis: both a ValueError and an IndexError in Python, as NumPy's.
struct AxisError : std::out_of_range {
  using std::out_of_range::out_of_range;
};
struct MemoryError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Joins its arguments into one message.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// Throws Error unless `ok`; the message is only built on failure.
template <class Error = ValueError, class... Parts>
void require(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]]
    throw Error(cat(parts...));
}

}  // namespace ingot
