// MTLCaptureManager: a host may ask for a capture, and is told that there is
// none.
// SPDX-License-Identifier: MIT
#include "runtime/foundation.h"

namespace softmetal {
namespace {

class CaptureManager : public Object {
 public:
  static const Class& type;

  static Object* shared() { return (new CaptureManager)->autorelease(); }

  bool supports(long) { return false; }
  bool start(Object*, Object** error) {
    report(error, "startCapture: not supported by the software Metal", 1,
           kCaptureDomain);
    return false;
  }
  void stop() {}
  bool is_capturing() { return false; }

 private:
  CaptureManager() : Object(type) {}
};

// What to capture: whatever it is.
class CaptureDescriptor : public Object {
 public:
  static const Class& type;

  CaptureDescriptor() : Object(type) {}
  static Object* alloc() { return new CaptureDescriptor; }
  void ignore(void*) {}
};

const Class& CaptureManager::type = define<CaptureManager>(
    "MTLCaptureManager",
    {method<&CaptureManager::supports>("supportsDestination:"),
     method<&CaptureManager::start>("startCaptureWithDescriptor:error:"),
     method<&CaptureManager::stop>("stopCapture"),
     method<&CaptureManager::is_capturing>("isCapturing")},
    {method<&CaptureManager::shared>("sharedCaptureManager")});

const Class& CaptureDescriptor::type = define<CaptureDescriptor>(
    "MTLCaptureDescriptor",
    {method<&CaptureDescriptor::ignore>("setCaptureObject:"),
     method<&CaptureDescriptor::ignore>("setDestination:"),
     method<&CaptureDescriptor::ignore>("setOutputURL:")},
    {method<&CaptureDescriptor::alloc>("alloc")});

}  // namespace
}  // namespace softmetal
