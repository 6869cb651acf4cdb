// Buffers, and the block that gives back memory taken from the host.
// SPDX-License-Identifier: MIT
#include "runtime/buffer.h"

#include "runtime/device.h"
#include "runtime/testing.h"

SOFTMETAL_API void _Block_release(const void* block);

namespace softmetal {
namespace {

struct DeallocatorBlock {
  void* isa;
  int flags, reserved;
  void (*invoke)(DeallocatorBlock*, void* pages, UInteger length);
};

}  // namespace

Buffer::Buffer(Device* device, UInteger length, UInteger options)
    : Object(type),
      device_(device),
      length_(length),
      options_(options),
      mapping_(std::make_unique<Mapping>(length)) {
  count(Event::buffer);
  device->account(long(length));
}

Buffer::Buffer(Device* device, void* pages, UInteger length, UInteger options,
               void* deallocator)
    : Object(type),
      device_(device),
      length_(length),
      options_(options),
      mapping_(std::make_unique<Mapping>(pages, length)),
      deallocator_(deallocator) {
  count(Event::buffer);
  device->account(long(length));
}

Buffer::~Buffer() {
  void* pages = mapping_->host();
  mapping_.reset();
  static_cast<Device*>(device_.get())->account(-long(length_));
  if (!deallocator_) return;
  auto* block = static_cast<DeallocatorBlock*>(deallocator_);
  block->invoke(block, pages, length_);
  _Block_release(block);
}

Object* Buffer::device() { return device_.get(); }

void Buffer::set_label(String* label) {
  mapping_->set_label(label ? label->text : "");
}

const Class& Buffer::type = define<Buffer>(
    "MTLBuffer",
    {method<&Buffer::contents>("contents"), method<&Buffer::length>("length"),
     method<&Buffer::length>("allocatedSize"),
     method<&Buffer::gpu_address>("gpuAddress"),
     method<&Buffer::resource_options>("resourceOptions"),
     method<&Buffer::storage_mode>("storageMode"),
     method<&Buffer::hazard_tracking>("hazardTrackingMode"),
     method<&Buffer::set_purgeable>("setPurgeableState:"),
     method<&Buffer::device>("device"),
     method<&Buffer::set_label>("setLabel:")});

}  // namespace softmetal
