// Libraries of kernels that the build has made, in a folder beside the
// extension (cmake/metallib.cmake).
// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "csrc/metal/device.h"

namespace ingot::metal {

// Not to be used by two threads at once.
class Precompiled {
 public:
  // A family's, opened when first asked for; null where there is none.
  MTL::Library* library(const std::string& family);

  // Whether those of all families are there, in words.
  std::string status();

 private:
  struct Opened {
    NS::SharedPtr<MTL::Library> library;
    std::string problem;  // why there is none
  };
  const Opened& opened(const std::string& family);

  std::map<std::string, Opened> opened_;
};

}  // namespace ingot::metal
