// What the cases have in common: a device with kernels, and short ways to say
// what they do with it.
// SPDX-License-Identifier: MIT
#pragma once

#include <softmetal.h>

#include <Foundation/Foundation.hpp>
#include <Metal/Metal.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

using NS::SharedPtr;
using NS::TransferPtr;

[[noreturn]] void fail(const std::string& what);

#define CHECK(condition)                                            \
  do {                                                              \
    if (!(condition)) {                                             \
      fail(std::string(__FILE__) + ":" + std::to_string(__LINE__) + \
           ": must hold: " #condition);                             \
    }                                                               \
  } while (false)

struct Pool {
  NS::AutoreleasePool* pool = NS::AutoreleasePool::alloc()->init();
  ~Pool() { pool->release(); }
};

NS::String* string(const std::string& text);

using Buffer = SharedPtr<MTL::Buffer>;
using Pipeline = SharedPtr<MTL::ComputePipelineState>;

constexpr NS::UInteger kUntracked =
    MTL::ResourceStorageModeShared | MTL::ResourceHazardTrackingModeUntracked;
constexpr NS::UInteger kTracked = MTL::ResourceStorageModeShared;

struct Gpu {
  explicit Gpu(const std::string& source);

  Pipeline pipeline(const std::string& name,
                    MTL::FunctionConstantValues* constants = nullptr);
  Buffer buffer(size_t bytes, NS::UInteger options = kUntracked);

  template <class T>
  Buffer of(const std::vector<T>& values, NS::UInteger options = kUntracked) {
    Buffer b = buffer(values.size() * sizeof(T), options);
    T* at = static_cast<T*>(b->contents());
    for (size_t i = 0; i < values.size(); ++i) at[i] = values[i];
    return b;
  }

  SharedPtr<MTL::Device> device;
  SharedPtr<MTL::CommandQueue> queue;
  SharedPtr<MTL::Library> library;
};

template <class T>
T* data(const Buffer& buffer) {
  return static_cast<T*>(buffer->contents());
}

// An argument of a dispatch: a buffer, or the bytes of a value.
struct Argument {
  Argument(const Buffer& b, size_t offset = 0) : buffer(b.get()), at(offset) {}
  template <class T>
  Argument(const T& value) : bytes(&value), at(sizeof(T)) {}

  MTL::Buffer* buffer = nullptr;
  const void* bytes = nullptr;
  size_t at;
};

void set(MTL::ComputeCommandEncoder* encoder, const Pipeline& pipeline,
         const std::vector<Argument>& arguments);
void dispatch(MTL::ComputeCommandEncoder* encoder, size_t n, size_t group = 64);

// A command buffer of one dispatch, waited for. Its error, or nothing.
std::string run(Gpu& gpu, const Pipeline& pipeline, size_t n, size_t group,
                const std::vector<Argument>& arguments);

// Commits, waits, and expects no error.
void finish(MTL::CommandBuffer* buffer);

std::vector<float> numbers(size_t n);

using Case = void (*)(Gpu&);
std::map<std::string, Case>& cases();
struct Registered {
  Registered(const char* name, Case function) { cases()[name] = function; }
};

#define CASE(name)                                  \
  static void name(Gpu& gpu);                       \
  static Registered registered_##name(#name, name); \
  static void name([[maybe_unused]] Gpu& gpu)
