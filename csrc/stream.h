// Devices and streams: where an operation runs and in which order.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace ingot {

enum class DeviceType : uint8_t { cpu, gpu };

struct Device {
  DeviceType type = DeviceType::cpu;
  int index = 0;
  friend bool operator==(Device, Device) = default;
};

// Operations of one stream run one after another, in the order of their eval;
// operations of different streams wait for each other only where data flows.
struct Stream {
  Device device;
  int index = 0;  // unique over all devices
  friend bool operator==(Stream, Stream) = default;
};

bool is_available(Device device);
// Throws ValueError where this build or machine has no such device.
void require_available(Device device);

Device default_device();
void set_default_device(Device device);
Stream default_stream(Device device);
void set_default_stream(Stream stream);
Stream new_stream(Device device);
// Waits until everything handed to the stream has run.
void synchronize(Stream stream);

// The stream that new operations are put on: the innermost StreamScope of this
// thread, or the default stream of the default device.
Stream current_stream();

class StreamScope {
 public:
  explicit StreamScope(Stream stream);
  ~StreamScope();
  StreamScope(const StreamScope&) = delete;
  StreamScope& operator=(const StreamScope&) = delete;

 private:
  Stream previous_;
  bool had_previous_;
};

}  // namespace ingot
