// Traces of the GPU's work, for Xcode.
// SPDX-License-Identifier: MIT
#include <stdexcept>

#include "csrc/error.h"
#include "csrc/metal/device.h"
#include "csrc/metal/encoder.h"

namespace ingot::metal {

void start_capture(const std::string& path) {
  Pool pool;
  auto* manager = MTL::CaptureManager::sharedCaptureManager();
  auto what = NS::TransferPtr(MTL::CaptureDescriptor::alloc()->init());
  what->setCaptureObject(queue());
  what->setDestination(MTL::CaptureDestinationGPUTraceDocument);
  what->setOutputURL(NS::URL::fileURLWithPath(string(path)));
  NS::Error* error = nullptr;
  bool started = manager && manager->startCapture(what.get(), &error);
  require<std::runtime_error>(
      started, "start_capture: the system must allow it ",
      "(MTL_CAPTURE_ENABLED=1), got: ", describe(error));
}

void stop_capture() {
  encoder().drain();
  Pool pool;
  MTL::CaptureManager::sharedCaptureManager()->stopCapture();
}

}  // namespace ingot::metal
