// Kernels that users write: a body in Metal, for which a signature is made from
// the types that it is called with.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "csrc/families.h"
#include "csrc/graph.h"

namespace ingot::metal {

// What is known before the first call.
struct CustomSource {
  std::string name;
  std::vector<std::string> inputs, outputs;  // their names in the body
  std::string body, header;
  bool row_contiguous = true;  // inputs are copied where they are not
  bool atomic = false;         // the outputs are

  // Throws ValueError unless all names are identifiers, each of one thing.
  void check() const;
};

// What a parameter of the function's template stands for.
using TemplateValue = std::variant<bool, int64_t, Dtype>;

struct CustomCall {
  Arrays inputs;
  std::vector<Spec> outputs;
  std::vector<Number> initial;  // of each output; none: undefined
  std::vector<std::pair<std::string, TemplateValue>> values;
  std::array<int64_t, 3> grid = {}, group = {};  // in threads
};

// The outputs of a call, and the source that it compiles. They are lazy, of the
// current stream, which must be a GPU's, and have no derivative. Throws
// ValueError or TypeError where the call does not fit the source; RuntimeError,
// once they are computed, where that does not compile.
struct CustomOutputs {
  Arrays arrays;
  std::string text;
};
CustomOutputs custom_kernel(const CustomSource& source, const CustomCall& call);

}  // namespace ingot::metal
