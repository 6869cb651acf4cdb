// The device and what it makes. The environment lets it be a smaller one.
// SPDX-License-Identifier: MIT
#include "runtime/device.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <mutex>

#include "runtime/buffer.h"
#include "runtime/command_queue.h"
#include "runtime/library.h"
#include "runtime/sync.h"
#include "runtime/testing.h"

SOFTMETAL_API void* _Block_copy(const void* block);

namespace softmetal {
namespace {

constexpr long kFamilyMetal3 = 5001, kFamilyApple8 = 1008, kFamilyMac2 = 2002;
constexpr UInteger kTier1 = 0, kTier2 = 1;

std::mutex default_mutex;
Device* default_device = nullptr;

size_t page_size() { return size_t(sysconf(_SC_PAGESIZE)); }

}  // namespace

Device* Device::system_default() {
  const char* wanted = std::getenv("SOFTMETAL_DEVICE");
  if (wanted && std::strcmp(wanted, "none") == 0) return nullptr;
  Unseen unseen;
  std::lock_guard lock(default_mutex);
  if (default_device) {
    default_device->retain();
  } else {
    default_device = new Device;
  }
  return default_device;
}

Device::~Device() {
  Unseen unseen;
  std::lock_guard lock(default_mutex);
  default_device = nullptr;
}

Object* Device::name() { return (new String("Software Metal"))->autorelease(); }

UInteger Device::max_buffer_length() {
  return environment_number("SOFTMETAL_MAX_BUFFER", UInteger(8) << 30);
}

UInteger Device::recommended_working_set() {
  return environment_number("SOFTMETAL_WORKING_SET", UInteger(12) << 30);
}

Size Device::max_threads() {
  UInteger n = environment_number("SOFTMETAL_MAX_THREADS", 1024);
  return {n, n, n};
}

bool Device::supports_family(long family) {
  if (family == kFamilyMetal3 || family == kFamilyMac2) return true;
  return family >= 1001 && family <= kFamilyApple8;
}

UInteger Device::argument_buffers() {
  return environment_number("SOFTMETAL_TIER", 2) == 1 ? kTier1 : kTier2;
}

bool Device::refuses_buffer(UInteger length) {
  return planned_failure(Failure::buffer) || length == 0 ||
         length > max_buffer_length();
}

Object* Device::new_queue() { return new CommandQueue(this); }

Object* Device::new_buffer(UInteger length, UInteger options) {
  if (refuses_buffer(length)) return nullptr;
  return new Buffer(this, length, options);
}

Object* Device::new_buffer_of(const void* bytes, UInteger length,
                              UInteger options) {
  if (refuses_buffer(length)) return nullptr;
  auto* buffer = new Buffer(this, length, options);
  std::memcpy(buffer->contents(), bytes, length);
  return buffer;
}

Object* Device::new_buffer_on(void* pages, UInteger length, UInteger options,
                              const void* deallocator) {
  if (refuses_buffer(length)) return nullptr;
  if (UInteger(pages) % page_size() || length % page_size()) {
    die("newBufferWithBytesNoCopy: address and length must be multiples of "
        "the page size, got " +
        std::to_string(UInteger(pages)) + " and " + std::to_string(length));
  }
  return new Buffer(this, pages, length, options,
                    deallocator ? _Block_copy(deallocator) : nullptr);
}

Object* Device::new_fence() { return new Fence; }

Object* Device::new_shared_event() { return new SharedEvent; }

Object* Device::new_library(String* source, CompileOptions* options,
                            Object** error) {
  return Library::compile(source, options, error);
}

Object* Device::open_library(Url* url, Object** error) {
  return Library::open(url, error);
}

Object* Device::new_pipeline(Function* function, Object** error) {
  if (auto text = planned_failure(Failure::pipeline)) {
    return report(error, *text);
  }
  if (!function) {
    return report(error, "newComputePipelineState: function must not be nil");
  }
  return new Pipeline(function);
}

const Class& Device::type = define<Device>(
    "MTLDevice",
    {method<&Device::name>("name"),
     method<&Device::registry_id>("registryID"),
     method<&Device::has_unified_memory>("hasUnifiedMemory"),
     method<&Device::max_buffer_length>("maxBufferLength"),
     method<&Device::recommended_working_set>("recommendedMaxWorkingSetSize"),
     method<&Device::allocated_size>("currentAllocatedSize"),
     method<&Device::max_threads>("maxThreadsPerThreadgroup"),
     method<&Device::max_threadgroup_memory>("maxThreadgroupMemoryLength"),
     method<&Device::supports_family>("supportsFamily:"),
     method<&Device::argument_buffers>("argumentBuffersSupport"),
     method<&Device::new_queue>("newCommandQueue"),
     method<&Device::new_queue_of>("newCommandQueueWithMaxCommandBufferCount:"),
     method<&Device::new_buffer>("newBufferWithLength:options:"),
     method<&Device::new_buffer_of>("newBufferWithBytes:length:options:"),
     method<&Device::new_buffer_on>(
         "newBufferWithBytesNoCopy:length:options:deallocator:"),
     method<&Device::new_fence>("newFence"),
     method<&Device::new_shared_event>("newSharedEvent"),
     method<&Device::new_library>("newLibraryWithSource:options:error:"),
     method<&Device::open_library>("newLibraryWithURL:error:"),
     method<&Device::new_pipeline>(
         "newComputePipelineStateWithFunction:error:")});

SOFTMETAL_API Object* MTLCreateSystemDefaultDevice() {
  return Device::system_default();
}

SOFTMETAL_API Object* MTLCopyAllDevices() { return nullptr; }

SOFTMETAL_API Object* MTLCopyAllDevicesWithObserver(Object**, void*) {
  return nullptr;
}

SOFTMETAL_API void MTLRemoveDeviceObserver(const Object*) {}

}  // namespace softmetal
