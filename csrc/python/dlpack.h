// The structs that DLPack passes memory in, as version 1.1 of its specification
// lays them out (https://dmlc.github.io/dlpack/latest/c_api.html).
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace ingot::python::dlpack {

inline constexpr int32_t kCpu = 1;

enum Code : uint8_t {
  kInt = 0,
  kUInt = 1,
  kFloat = 2,
  kBfloat = 4,
  kComplex = 5,
  kBool = 6,
};

struct DataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};

struct Tensor {
  void* data;
  int32_t device_type, device_index;
  int32_t ndim;
  DataType dtype;
  int64_t* shape;
  int64_t* strides;  // in elements; null where row-major without gaps
  uint64_t byte_offset;
};

inline constexpr uint64_t kReadOnly = 1, kCopied = 2;

// Before version 1: nothing can be said of the memory.
struct Managed {
  static constexpr const char* name = "dltensor";
  static constexpr const char* used_name = "used_dltensor";
  Tensor tensor;
  void* owner;
  void (*deleter)(Managed*);
};

struct ManagedVersioned {
  static constexpr const char* name = "dltensor_versioned";
  static constexpr const char* used_name = "used_dltensor_versioned";
  uint32_t major, minor;
  void* owner;
  void (*deleter)(ManagedVersioned*);
  uint64_t flags;
  Tensor tensor;
};

}  // namespace ingot::python::dlpack
