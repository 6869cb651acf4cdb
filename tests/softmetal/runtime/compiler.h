// Runs msl/compile.py.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace softmetal {

struct CompilerResult {
  std::string path;   // of the library of kernels
  std::string error;  // what the compiler printed, where there is none
};

CompilerResult compile_metal(const std::string& source, bool fast_math);

// What a library's Module::options must be, to be like those compiled now.
std::string wanted_options();

// Of files that sanitizers may still look into.
void remove_at_exit(const std::string& path);

}  // namespace softmetal
