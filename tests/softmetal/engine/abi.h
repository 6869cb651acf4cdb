// What a compiled kernel and the engine say to each other: plain structs, since
// kernels are built without the C++ library.
// SPDX-License-Identifier: MIT
#pragma once

namespace softmetal {

constexpr unsigned kSlots = 31;  // of buffers, and of threadgroup memory
constexpr unsigned kSimdWidth = 32;

// Where a kernel's parameter gets its value from. The names are those of the
// attributes, but for [[threadgroup(n)]]: that is a macro in kernels.
enum class Source : unsigned {
  buffer,
  threadgroup_memory,
  thread_position_in_grid,
  threads_per_grid,
  thread_position_in_threadgroup,
  threadgroup_position_in_grid,
  threads_per_threadgroup,
  dispatch_threads_per_threadgroup,
  threadgroups_per_grid,
  thread_index_in_threadgroup,
  thread_index_in_simdgroup,
  simdgroup_index_in_threadgroup,
  simdgroups_per_threadgroup,
  threads_per_simdgroup,
  count,
};

struct Parameter {
  Source source;
  unsigned index;  // of a buffer or of threadgroup memory
};

struct ThreadIds {
  unsigned value[unsigned(Source::count)][3];
};

struct Arguments {
  void* buffer[kSlots];
  void* memory[kSlots];  // of the threadgroup
};

struct Kernel {
  const char* name;
  void (*run)(const Arguments*, const ThreadIds*);
  const Parameter* parameters;
  unsigned parameter_count;
  unsigned max_threads;      // by its attribute, or 0
  unsigned writes;           // bit n: the type lets it write buffer n
  unsigned size_at[kSlots];  // bytes buffer n must hold at least
};

struct FunctionConstant {
  unsigned index;
  unsigned size;
  void* value;
  bool* defined;
};

// The value one lane gives to a simdgroup function.
struct Lane {
  alignas(16) unsigned char bytes[16];
};

// What it gets: every lane's value; only lanes in the mask gave one.
struct Exchange {
  const Lane* lanes;
  unsigned mask;
  unsigned lane;
};

// What a kernel asks of the engine. A site is the place in the source, line
// and column: unlike a return address, no optimizer merges or copies it.
struct Hooks {
  void (*threadgroup_barrier)(unsigned flags, unsigned site);
  void (*simdgroup_barrier)(unsigned flags, unsigned site);
  void (*exchange)(const Lane* mine, unsigned site, Exchange* result);
  unsigned (*lane)();
  void* (*threadgroup_memory)(unsigned size, unsigned align,
                              unsigned declaration);
  void (*fail)(const char* requirement);  // ends the dispatch
};

// What a kernel library exports as `softmetal_module`.
struct Module {
  const Kernel* kernels;
  const Kernel* kernels_end;
  const FunctionConstant* constants;
  const FunctionConstant* constants_end;
  const char* options;  // of compile.py that change what a kernel does
};
typedef void ModuleFunction(const Hooks*, Module*);

}  // namespace softmetal
