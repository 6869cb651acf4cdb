// Finds the Metal device once, and asks what it can do.
// SPDX-License-Identifier: MIT
#define NS_PRIVATE_IMPLEMENTATION
#define MTL_PRIVATE_IMPLEMENTATION
#include "csrc/metal/device.h"

#include "csrc/metal/library.h"
#include "csrc/metal/self_test.h"

namespace ingot::metal {
namespace {

// Never released: work may still run when the process exits.
struct Found {
  MTL::Device* device = nullptr;
  MTL::CommandQueue* queue = nullptr;
  size_t max_buffer_length = 0;

  Found() {
    Pool pool;
    device = MTL::CreateSystemDefaultDevice();
    if (!device) return;
    queue = device->newCommandQueue();
    max_buffer_length = device->maxBufferLength();
  }
};

const Found& found() {
  static const Found* found = new Found;
  return *found;
}

}  // namespace

std::string describe(NS::Error* error) {
  if (!error || !error->localizedDescription()) return "unknown error";
  return error->localizedDescription()->utf8String();
}

MTL::Device* device() { return found().device; }
size_t max_buffer_length() { return found().max_buffer_length; }
MTL::CommandQueue* queue() { return found().queue; }

DeviceInfo device_info() {
  Pool pool;
  const SelfTest& seen = self_test();
  return {device()->name()->utf8String(),
          max_buffer_length(),
          device()->recommendedMaxWorkingSetSize(),
          device()->maxThreadsPerThreadgroup().width,
          seen.exact,
          seen.addresses,
          seen.failures,
          kernels_status()};
}

}  // namespace ingot::metal
