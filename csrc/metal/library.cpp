// Compiles kernels and keeps their pipelines.
// SPDX-License-Identifier: MIT
#include "csrc/metal/library.h"

#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>

#include "csrc/error.h"

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

const char* source(const char* family) {
  for (int i = 0; i < kKernelSourceCount; ++i) {
    if (std::strcmp(kKernelSources[i].family, family) == 0) {
      return kKernelSources[i].text;
    }
  }
  throw std::logic_error(cat("metal: there is no kernel source ", family));
}

Owned<MTL::Library> compiled(const char* family, const std::string& line) {
  auto options = NS::TransferPtr(MTL::CompileOptions::alloc()->init());
  // Safe math; contraction is switched off in the sources themselves.
  options->setFastMathEnabled(false);
  options->setLanguageVersion(MTL::LanguageVersion3_1);
  NS::Error* error = nullptr;
  auto library = NS::TransferPtr(device()->newLibrary(
      string(cat(source(family), '\n', line, '\n')), options.get(), &error));
  require<std::runtime_error>(static_cast<bool>(library), "metal: the kernels ",
                              family, " (", line,
                              ") must compile, got: ", describe(error));
  return library;
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
    auto& kept = kernels_[family + ("\n" + host_name)];
    if (!kept) kept = make(family, host_name, line_of(name, types));
    return kept.get();
  }

 private:
  static Owned<MTL::ComputePipelineState> make(const char* family,
                                               const std::string& host_name,
                                               const std::string& line) {
    auto function = function_of(compiled(family, line).get(), host_name);
    require<std::runtime_error>(static_cast<bool>(function), "metal: the ",
                                "library must hold the kernel ", host_name);
    return state_of(function.get(), host_name);
  }

  std::mutex mutex_;
  std::map<std::string, Owned<MTL::ComputePipelineState>> kernels_;
};

}  // namespace

MTL::ComputePipelineState* pipeline(const char* family, const std::string& name,
                                    const Types& types) {
  static Cache* cache = new Cache;
  Pool pool;
  return cache->pipeline(family, name, types);
}

}  // namespace ingot::metal
