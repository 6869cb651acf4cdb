// The memory of a buffer: pages that the host sees at one address and kernels
// at another, and kernels only while they may.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include "runtime/objc.h"

namespace softmetal {

// One address for both, as $SOFTMETAL_ADDRESSES=shared asks for. TSan needs it:
// it must see the host and the kernels at the same place.
bool shared_addresses();

class Mapping {
 public:
  explicit Mapping(size_t length);
  // Takes over whole pages of the host's, and gives them back in the end.
  Mapping(void* pages, size_t length);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  void* host() const { return host_; }
  char* gpu() const { return gpu_; }

  // A dispatch that may use the memory begins and ends.
  void open(bool writable);
  void close(bool writable);

  void set_label(std::string label);

 private:
  friend class Faults;

  void map(size_t length);
  void mark_gaps(void (*mark)(const void*, size_t)) const;
  void protect();

  size_t length_;
  size_t pages_ = 0;  // bytes in whole pages
  char* mapping_ = nullptr;
  size_t mapping_size_ = 0;
  char* host_ = nullptr;
  char* gpu_ = nullptr;
  char* gpu_pages_ = nullptr;
  void* taken_ = nullptr;  // the host's pages
  std::string label_;
  int readers_ = 0;
  int writers_ = 0;
};

// Lets a fault of this thread name the kernel and the buffer.
void watch_faults();

}  // namespace softmetal
