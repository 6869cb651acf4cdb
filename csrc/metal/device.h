// The Metal device of this process, its queue, and what it can do.
// SPDX-License-Identifier: MIT
#pragma once

#include <Foundation/Foundation.hpp>
#include <Metal/Metal.hpp>
#include <string>

#include "csrc/metal/info.h"

namespace ingot::metal {

// Objects that a call autoreleases live until the end of this scope.
class Pool {
 public:
  Pool() : pool_(NS::AutoreleasePool::alloc()->init()) {}
  ~Pool() { pool_->release(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

 private:
  NS::AutoreleasePool* pool_;
};

inline NS::String* string(const std::string& text) {
  return NS::String::string(text.c_str(), NS::UTF8StringEncoding);
}
std::string describe(NS::Error* error);

// The system's default device; null where there is none.
MTL::Device* device();
MTL::CommandQueue* queue();
size_t max_buffer_length();  // in bytes

}  // namespace ingot::metal
