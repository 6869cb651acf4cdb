// A recorded function as a file has it: it outlives the process, and is checked
// before it runs.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "csrc/recording.h"
#include "csrc/saved.h"

namespace ingot {

struct Program {
  // Values are numbered: the inputs, then what operations give, in their order.
  struct Operation {
    Saved saved;  // "constant" has the number of one
    std::vector<int64_t> operands;
    std::vector<Spec> outputs;
    std::optional<DeviceType>
        device;  // where it was put, if not on the default
  };

  std::vector<Spec> inputs;
  Arrays constants;
  std::vector<Operation> operations;
  std::vector<int64_t> results;
  // Inputs of other shapes are taken, with as many dimensions.
  bool shapeless = false;

  // Of a function that was recorded on the current stream. Throws ValueError
  // where it holds what cannot be written. Constants may be lazy.
  static Program of(const Recording& recording, bool shapeless);

  // Throws ValueError, with the place, where anything is wrong; it speaks of
  // `function`.
  void check(const char* function) const;

  // Whether arrays have the shapes and dtypes of the inputs.
  bool accepts(const Arrays& arrays) const;
  // The outputs for such arrays, lazy: the operations of the function.
  Arrays run(const Arrays& arrays) const;

 private:
  Arrays build(const Arrays& arrays, const char* function) const;
};

}  // namespace ingot
