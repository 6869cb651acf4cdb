// Compiles what was written, once, and keeps the kernels used last.
// SPDX-License-Identifier: MIT
#include "csrc/metal/written.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <sstream>
#include <string_view>
#include <unordered_map>

#include "csrc/error.h"
#include "csrc/metal/library.h"

namespace ingot::metal {
namespace {

// A kernel is some 100 KB; a model writes a few dozen.
constexpr size_t kMost = 512;

// The lines of the text, with the numbers that the compiler gives them.
std::string numbered(const Written& source) {
  std::string_view before = source.prelude;
  int64_t number = 1 + std::count(before.begin(), before.end(), '\n');
  std::istringstream lines(source.text);
  std::string all;
  for (std::string line; std::getline(lines, line); ++number) {
    all += cat('\n', number, " | ", line);
  }
  return all;
}

NS::SharedPtr<MTL::ComputePipelineState> made(const Written& source) {
  try {
    auto library =
        compiled(source.prelude + source.text, cat("the kernel ", source.name));
    return kernel_of(library.get(), source.name);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(
        cat(error.what(), "\nwhere the source is", numbered(source)));
  }
}

class Cache {
 public:
  NS::SharedPtr<MTL::ComputePipelineState> find(const Written& source) {
    std::lock_guard lock(mutex_);
    if (auto found = places_.find(source.text); found != places_.end()) {
      kept_.splice(kept_.begin(), kept_, found->second);
      return kept_.front().state;
    }
    kept_.push_front({source.text, made(source)});
    places_[kept_.front().text] = kept_.begin();
    if (kept_.size() > kMost) {
      places_.erase(kept_.back().text);
      kept_.pop_back();
    }
    return kept_.front().state;
  }

 private:
  struct Kept {
    std::string text;
    NS::SharedPtr<MTL::ComputePipelineState> state;
  };

  std::mutex mutex_;
  std::list<Kept> kept_;  // those used last come first
  std::unordered_map<std::string_view, std::list<Kept>::iterator> places_;
};

}  // namespace

NS::SharedPtr<MTL::ComputePipelineState> kernel_of(const Written& source) {
  static Cache* cache = new Cache;
  Pool pool;
  return cache->find(source);
}

}  // namespace ingot::metal
