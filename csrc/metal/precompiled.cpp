// Opens the libraries of kernels that lie beside the extension.
// SPDX-License-Identifier: MIT
#include "csrc/metal/precompiled.h"

#include <dlfcn.h>

#include "csrc/error.h"
#include "csrc/metal/library.h"

namespace ingot::metal {
namespace {

#if INGOT_HAS_METALLIBS
constexpr bool kBuilt = true;
#else
constexpr bool kBuilt = false;
#endif

std::string path_of(const std::string& family) {
  Dl_info extension = {};
  dladdr(kKernelSources, &extension);
  std::string path = extension.dli_fname ? extension.dli_fname : "";
  path.resize(path.rfind('/') + 1);
  return cat(path, "_kernels/", family, ".metallib");
}

}  // namespace

const Precompiled::Opened& Precompiled::opened(const std::string& family) {
  auto [place, is_new] = opened_.try_emplace(family);
  Opened& opened = place->second;
  if (is_new && kBuilt) {
    NS::Error* error = nullptr;
    auto* url = NS::URL::fileURLWithPath(string(path_of(family)));
    opened.library = NS::TransferPtr(device()->newLibrary(url, &error));
    if (!opened.library) opened.problem = describe(error);
  }
  return opened;
}

MTL::Library* Precompiled::library(const std::string& family) {
  return opened(family).library.get();
}

std::string Precompiled::status() {
  if (!kBuilt) return "compiled when first used";
  std::string families, problem;
  for (int i = 0; i < kKernelSourceCount; ++i) {
    const char* family = kKernelSources[i].family;
    const Opened& found = opened(family);
    if (found.library) continue;
    families += cat(families.empty() ? "" : ", ", family);
    if (problem.empty()) problem = found.problem;
  }
  if (families.empty()) return "precompiled";
  return cat("compiled when first used: ", families, " (", problem, ")");
}

}  // namespace ingot::metal
