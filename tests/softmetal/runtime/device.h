// MTLDevice.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>

#include "runtime/foundation.h"

namespace softmetal {

struct Size {
  UInteger width, height, depth;
};

class CompileOptions;
class Function;

class Device : public Object {
 public:
  static const Class& type;

  Device() : Object(type) {}
  ~Device();

  // The one device of the system, or null; the caller gets a reference.
  static Device* system_default();

  Object* name();
  UInteger registry_id() { return 0x50f7; }
  bool has_unified_memory() { return true; }
  UInteger max_buffer_length();
  UInteger recommended_working_set();
  UInteger allocated_size() { return UInteger(allocated_.load()); }
  Size max_threads();
  UInteger max_threadgroup_memory() { return 32 << 10; }
  bool supports_family(long family);
  UInteger argument_buffers();

  Object* new_queue();
  Object* new_queue_of(UInteger) { return new_queue(); }
  Object* new_buffer(UInteger length, UInteger options);
  Object* new_buffer_of(const void* bytes, UInteger length, UInteger options);
  Object* new_buffer_on(void* pages, UInteger length, UInteger options,
                        const void* deallocator);
  Object* new_fence();
  Object* new_shared_event();
  Object* new_library(String* source, CompileOptions* options, Object** error);
  Object* open_library(Url* url, Object** error);
  Object* new_pipeline(Function* function, Object** error);

  void account(long bytes) { allocated_ += bytes; }

 private:
  bool refuses_buffer(UInteger length);

  std::atomic<long> allocated_{0};
};

}  // namespace softmetal
