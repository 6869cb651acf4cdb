// Makes pipelines and keeps them.
// SPDX-License-Identifier: MIT
#include "csrc/metal/library.h"

#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>

#include "csrc/error.h"
#include "csrc/metal/info.h"
#include "csrc/metal/precompiled.h"

namespace ingot::metal {
namespace {

template <class T>
using Owned = NS::SharedPtr<T>;
using Types = std::vector<std::string>;

// What asks for a kernel of a template, see metal/msl/kernel.h. Others are in
// the source as they are.
std::string line_of(const std::string& name, const Types& types) {
  if (types.empty()) return {};
  std::string line = cat("INGOT_KERNEL_", types.size(), "(", name);
  for (const std::string& type : types) line += ", " + type;
  return line + ")";
}

Owned<MTL::Function> function_of(MTL::Library* library,
                                 const std::string& name) {
  return NS::TransferPtr(library->newFunction(string(name)));
}

Owned<MTL::ComputePipelineState> state_of(MTL::Function* function,
                                          const std::string& name) {
  NS::Error* error = nullptr;
  auto state =
      NS::TransferPtr(device()->newComputePipelineState(function, &error));
  require<std::runtime_error>(static_cast<bool>(state), "metal: the kernel ",
                              name,
                              " must make a pipeline, got: ", describe(error));
  return state;
}

// Bounded: there are as many as the sources have kernels and types.
class Cache {
 public:
  MTL::ComputePipelineState* pipeline(const char* family,
                                      const std::string& name,
                                      const Types& types) {
    std::lock_guard lock(mutex_);
    std::string host_name = name;  // as in metal/msl/kernel.h
    for (const std::string& type : types) host_name += "_" + type;
    Kernel& kept = kernels_[family + ("\n" + host_name)];
    if (!kept.state) kept = make(family, host_name, line_of(name, types));
    return kept.state.get();
  }

  std::map<std::string, bool> kernels() {
    std::lock_guard lock(mutex_);
    std::map<std::string, bool> all;
    for (const auto& [name, kernel] : kernels_) {
      if (kernel.state) all[kernel.asked_for] = kernel.precompiled;
    }
    return all;
  }

  std::string status() {
    std::lock_guard lock(mutex_);
    return precompiled_.status();
  }

 private:
  struct Kernel {
    Owned<MTL::ComputePipelineState> state;
    std::string asked_for;  // family and line
    bool precompiled = false;
  };

  Kernel make(const char* family, const std::string& host_name,
              const std::string& line) {
    Owned<MTL::Function> function;
    MTL::Library* library = precompiled_.library(family);
    if (library) function = function_of(library, host_name);
    bool precompiled = static_cast<bool>(function);
    if (!precompiled) {
      std::string text = cat(source(family), '\n', line, '\n');
      std::string what = cat("the kernels ", family, " (", line, ")");
      function = function_of(compiled(text, what).get(), host_name);
    }
    require<std::runtime_error>(static_cast<bool>(function), "metal: the ",
                                "library must hold the kernel ", host_name);
    std::string asked_for = cat(family, ' ', line.empty() ? host_name : line);
    return {state_of(function.get(), host_name), asked_for, precompiled};
  }

  std::mutex mutex_;
  Precompiled precompiled_;
  std::map<std::string, Kernel> kernels_;
};

Cache& cache() {
  static Cache* cache = new Cache;
  return *cache;
}

}  // namespace

const char* source(const char* family) {
  for (int i = 0; i < kKernelSourceCount; ++i) {
    if (std::strcmp(kKernelSources[i].family, family) == 0) {
      return kKernelSources[i].text;
    }
  }
  throw std::logic_error(cat("metal: there is no kernel source ", family));
}

Owned<MTL::Library> compiled(const std::string& text, const std::string& what) {
  auto options = NS::TransferPtr(MTL::CompileOptions::alloc()->init());
  // Safe math; contraction is switched off in the sources themselves.
  options->setFastMathEnabled(false);
  options->setLanguageVersion(MTL::LanguageVersion3_1);
  NS::Error* error = nullptr;
  auto library = NS::TransferPtr(
      device()->newLibrary(string(text), options.get(), &error));
  require<std::runtime_error>(static_cast<bool>(library), "metal: ", what,
                              " must compile, got: ", describe(error));
  return library;
}

Owned<MTL::ComputePipelineState> kernel_of(MTL::Library* library,
                                           const std::string& name) {
  Owned<MTL::Function> function = function_of(library, name);
  require<std::runtime_error>(static_cast<bool>(function),
                              "metal: the library must hold the kernel ", name);
  return state_of(function.get(), name);
}

MTL::ComputePipelineState* pipeline(const char* family, const std::string& name,
                                    const Types& types) {
  Pool pool;
  return cache().pipeline(family, name, types);
}

std::map<std::string, bool> kernels() { return cache().kernels(); }

std::string kernels_status() {
  Pool pool;
  return cache().status();
}

}  // namespace ingot::metal
