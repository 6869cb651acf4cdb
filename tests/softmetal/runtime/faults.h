// All mappings by address, for what explains a segmentation fault.
// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>
#include <string>

#include "runtime/mapping.h"

namespace softmetal {

class Faults {
 public:
  static void add(Mapping* mapping);
  static void remove(Mapping* mapping);

  // Guards the state of every mapping; TSan does not see it.
  struct Lock {
    Lock();

    Unseen unseen;
    std::unique_lock<std::mutex> lock;
  };
  static Lock lock() { return Lock(); }

  // What was wrong with an access, or nothing when no mapping lies there.
  static std::string explain(const char* address);

 private:
  static std::string explain(const Mapping& mapping, const char* address);
};

}  // namespace softmetal
