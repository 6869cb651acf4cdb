// Compiles and keeps libraries and pipelines.
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

class Cache {
 public:
  MTL::ComputePipelineState* pipeline(const char* family,
                                      const std::string& instantiation,
                                      const std::string& name) {
    std::lock_guard lock(mutex_);
    std::string key = cat(family, '\n', instantiation);
    auto& kept = pipelines_[key + '\n' + name];
    if (!kept) kept = make(library(key, family, instantiation), name);
    return kept.get();
  }

 private:
  static const char* source(const char* family) {
    for (int i = 0; i < kKernelSourceCount; ++i) {
      if (std::strcmp(kKernelSources[i].family, family) == 0) {
        return kKernelSources[i].text;
      }
    }
    throw std::logic_error(cat("metal: there is no kernel source ", family));
  }

  MTL::Library* library(const std::string& key, const char* family,
                        const std::string& instantiation) {
    auto& kept = libraries_[key];
    if (kept) return kept.get();
    auto options = NS::TransferPtr(MTL::CompileOptions::alloc()->init());
    // Safe math; contraction is switched off in the sources themselves.
    options->setFastMathEnabled(false);
    options->setLanguageVersion(MTL::LanguageVersion3_1);
    NS::Error* error = nullptr;
    kept = NS::TransferPtr(device()->newLibrary(
        string(cat(source(family), '\n', instantiation, '\n')), options.get(),
        &error));
    require<std::runtime_error>(static_cast<bool>(kept), "metal: the kernels ",
                                family, " (", instantiation,
                                ") must compile, got: ", describe(error));
    return kept.get();
  }

  static Owned<MTL::ComputePipelineState> make(MTL::Library* library,
                                               const std::string& name) {
    NS::Error* error = nullptr;
    auto function = NS::TransferPtr(library->newFunction(string(name)));
    require<std::runtime_error>(static_cast<bool>(function),
                                "metal: ", "the library must hold the kernel ",
                                name);
    auto made = NS::TransferPtr(
        device()->newComputePipelineState(function.get(), &error));
    require<std::runtime_error>(
        static_cast<bool>(made), "metal: the kernel ", name,
        " must make a pipeline, got: ", describe(error));
    return made;
  }

  // Bounded: there are as many as the sources have kernels and types.
  std::mutex mutex_;
  std::map<std::string, Owned<MTL::Library>> libraries_;
  std::map<std::string, Owned<MTL::ComputePipelineState>> pipelines_;
};

}  // namespace

MTL::ComputePipelineState* pipeline(const char* family,
                                    const std::string& instantiation,
                                    const std::string& name) {
  static Cache* cache = new Cache;
  Pool pool;
  return cache->pipeline(family, instantiation, name);
}

}  // namespace ingot::metal
