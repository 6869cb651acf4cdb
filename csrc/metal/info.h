// What may be asked of the Metal backend without knowing of Metal.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ingot::metal {

struct DeviceInfo {
  std::string name;
  size_t max_buffer_length;
  size_t working_set;    // bytes that the system recommends not to pass
  size_t max_threads;    // of a threadgroup
  bool exact;            // its bits are the CPU's
  bool addresses;        // steps take one dispatch, not one for each tensor
  std::string failures;  // of the self-test, in words
  std::string kernels;   // where they come from, in words
};
// Runs the self-test when first called.
DeviceInfo device_info();

// What the encoder has done so far.
struct Counts {
  int64_t dispatches = 0;
  int64_t barriers = 0;
  int64_t encoders = 0;
  int64_t command_buffers = 0;
  // Of the arrays that kernels read and write; those that they do both to count
  // as written.
  int64_t bytes_read = 0;
  int64_t bytes_written = 0;
};
Counts counts();
// Seconds that the GPU has computed so far, by its own clock.
double busy_seconds();

// The kernels made so far, as family and line (rows of metal/usual.txt), each
// with whether the build had compiled it.
std::map<std::string, bool> kernels();

// How often each family has run on the CPU for want of a kernel.
std::map<std::string, int64_t> fallbacks();

// What has been written outside of arrays since the last call, in words. In
// builds for tests; empty in others.
std::vector<std::string> damages();

// Writes what the GPU does from now on into a document for Xcode. Throws
// RuntimeError where the system refuses.
void start_capture(const std::string& path);
void stop_capture();

}  // namespace ingot::metal
