// MTLBuffer.
// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "runtime/foundation.h"
#include "runtime/graph.h"
#include "runtime/mapping.h"

namespace softmetal {

class Device;

class Buffer : public Object {
 public:
  static const Class& type;
  static constexpr UInteger kUntracked = 1 << 8;

  Buffer(Device* device, UInteger length, UInteger options);
  Buffer(Device* device, void* pages, UInteger length, UInteger options,
         void* deallocator);
  ~Buffer();

  void* contents() { return mapping_->host(); }
  UInteger length() { return length_; }
  UInteger gpu_address() { return UInteger(mapping_->gpu()); }
  UInteger resource_options() { return options_; }
  UInteger storage_mode() { return options_ >> 4 & 15; }
  UInteger hazard_tracking() { return options_ >> 8 & 3; }
  UInteger set_purgeable(UInteger) { return 2; }  // NonVolatile
  Object* device();
  void set_label(String* label);

  Mapping& mapping() { return *mapping_; }
  bool tracked() const { return !(options_ & kUntracked); }

  // Who used the buffer last, for Metal to order encoders by itself.
  Hazards hazards;

 private:
  Ref<Object> device_;
  UInteger length_;
  UInteger options_;
  std::unique_ptr<Mapping> mapping_;
  void* deallocator_ = nullptr;
};

}  // namespace softmetal
