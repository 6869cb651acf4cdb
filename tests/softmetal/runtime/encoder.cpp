// Checks what a host encodes as Metal's validation layer would, and records it.
// SPDX-License-Identifier: MIT
#include "runtime/encoder.h"

#include <algorithm>
#include <cstring>

#include "engine/memory.h"
#include "runtime/command_buffer.h"
#include "runtime/testing.h"

namespace softmetal {
namespace {

constexpr UInteger kMaxBytes = 4096;
constexpr UInteger kUsageWrite = 2;

std::string text_of(Size s) {
  return "(" + std::to_string(s.width) + ", " + std::to_string(s.height) +
         ", " + std::to_string(s.depth) + ")";
}

}  // namespace

Encoder::Encoder(CommandBuffer* owner, Recording* recording)
    : Object(type), owner_(owner), recording_(recording) {
  count(Event::encoder);
}

Encoder::~Encoder() {
  if (!ended_) {
    die("MTLComputeCommandEncoder: must be ended before its last release");
  }
}

void Encoder::require_open(const char* what) const {
  if (ended_) {
    die(std::string(what) + ": the encoder must be open, got one that ended");
  }
}

void Encoder::require_slot(const char* what, UInteger index) const {
  require_open(what);
  if (index >= kSlots) {
    die(std::string(what) + ": index must be at most 30, got " +
        std::to_string(index));
  }
}

Command& Encoder::add(Command::Kind kind) {
  recording_->commands.push_back({kind, nullptr, {}, {}});
  return recording_->commands.back();
}

// --- state ---

void Encoder::set_pipeline(Pipeline* pipeline) {
  require_open("setComputePipelineState");
  if (!pipeline) die("setComputePipelineState: state must not be nil");
  pipeline_ = Ref<Pipeline>(pipeline);
}

void Encoder::set_buffer(Buffer* buffer, UInteger offset, UInteger index) {
  require_slot("setBuffer", index);
  if (buffer && offset >= buffer->length()) {
    die("setBuffer: offset must be less than the length " +
        std::to_string(buffer->length()) + ", got " + std::to_string(offset));
  }
  if (buffer) owner_->keep(buffer);
  slots_[index] = {buffer, offset, {}};
}

void Encoder::set_offset(UInteger offset, UInteger index) {
  require_slot("setBufferOffset", index);
  if (!slots_[index].buffer) {
    die("setBufferOffset: a buffer must be set at index " +
        std::to_string(index) + ", got none");
  }
  set_buffer(slots_[index].buffer, offset, index);
}

void Encoder::set_bytes(const void* bytes, UInteger length, UInteger index) {
  require_slot("setBytes", index);
  if (length == 0 || length > kMaxBytes) {
    die("setBytes: length must be in [1, 4096], got " + std::to_string(length));
  }
  auto* from = static_cast<const char*>(bytes);
  slots_[index] = {nullptr, 0, std::vector<char>(from, from + length)};
}

void Encoder::set_threadgroup_memory(UInteger length, UInteger index) {
  require_slot("setThreadgroupMemoryLength", index);
  if (length % 16 != 0 || length > GroupMemory::kLimit) {
    die("setThreadgroupMemoryLength: length must be a multiple of 16 and at "
        "most 32768, got " +
        std::to_string(length));
  }
  memory_[index] = length;
}

void Encoder::use_resource(Buffer* buffer, UInteger usage) {
  use_resources(&buffer, 1, usage);
}

void Encoder::use_resources(Buffer* const* buffers, UInteger count,
                            UInteger usage) {
  require_open("useResources");
  // Dispatches already recorded hold the old list.
  if (resident_.use_count() > 1) {
    resident_ = std::make_shared<Access>(*resident_);
  }
  for (UInteger i = 0; i < count; ++i) {
    owner_->keep(buffers[i]);
    (*resident_)[buffers[i]] |= (usage & kUsageWrite) != 0;
  }
}

// --- order ---

void Encoder::barrier(UInteger) {
  require_open("memoryBarrierWithScope");
  add(Command::barrier);
  softmetal::count(Event::barrier);
}

void Encoder::resource_barrier(Buffer* const* buffers, UInteger count) {
  require_open("memoryBarrierWithResources");
  if (count == 0) return;
  add(Command::barrier).resources.assign(buffers, buffers + count);
  softmetal::count(Event::barrier);
}

void Encoder::update_fence(Fence* fence) {
  require_open("updateFence");
  add(Command::update_fence).fence = Ref<Fence>(fence);
  updated_.push_back(fence);
  count(Event::fence);
}

void Encoder::wait_for_fence(Fence* fence) {
  require_open("waitForFence");
  if (std::count(updated_.begin(), updated_.end(), fence)) {
    die("waitForFence: must come before updateFence of the same encoder, got "
        "the reverse order");
  }
  add(Command::wait_for_fence).fence = Ref<Fence>(fence);
  count(Event::fence);
}

void Encoder::end() {
  require_open("endEncoding");
  ended_ = true;
}

// --- dispatches ---

void Encoder::check_sizes(Size grid, Size group) const {
  require_open("dispatch");
  if (!pipeline_) die("dispatch: a pipeline must be set, got none");
  std::string name = pipeline_->kernel().name;
  if (grid.width * grid.height * grid.depth == 0) {
    die(name + ": the grid must not be empty, got " + text_of(grid));
  }
  UInteger threads = group.width * group.height * group.depth;
  if (threads == 0 || threads > pipeline_->max_threads()) {
    die(name + ": threads of a threadgroup must be in [1, " +
        std::to_string(pipeline_->max_threads()) + "], got " +
        std::to_string(threads));
  }
  for (UInteger extent : {grid.width, grid.height, grid.depth}) {
    if (extent >> 32) {
      die(name +
          ": the grid must have less than 2^32 threads along each "
          "axis, got " +
          text_of(grid));
    }
  }
}

// Finds what the parameter that takes buffer `index` gets.
void Encoder::bind(Call& call, unsigned index) const {
  const Kernel& kernel = pipeline_->kernel();
  const Slot& slot = slots_[index];
  std::string name =
      std::string(kernel.name) + ": buffer(" + std::to_string(index) + ")";
  UInteger size;
  void*& argument = call.dispatch.arguments.buffer[index];
  if (slot.buffer) {
    argument = slot.buffer->mapping().gpu() + slot.offset;
    size = slot.buffer->length() - slot.offset;
    call.bound[slot.buffer] |= (kernel.writes >> index & 1) != 0;
  } else if (!slot.bytes.empty()) {
    size = slot.bytes.size();
    // A block of its own, so that ASan sees where it ends.
    call.bytes.push_back(std::make_unique<char[]>(size));
    argument = call.bytes.back().get();
    std::memcpy(argument, slot.bytes.data(), size);
  } else {
    die(name + " must be set, got nothing");
  }
  if (size < kernel.size_at[index]) {
    die(name + " must hold " + std::to_string(kernel.size_at[index]) +
        " bytes, got " + std::to_string(size));
  }
}

void Encoder::dispatch_threads(Size grid, Size group) {
  check_sizes(grid, group);
  const Kernel& kernel = pipeline_->kernel();
  auto call = std::make_unique<Call>();
  call->pipeline = pipeline_;
  call->resident = resident_;
  Dispatch& d = call->dispatch;
  d.kernel = &kernel;
  UInteger grids[3] = {grid.width, grid.height, grid.depth};
  UInteger groups[3] = {group.width, group.height, group.depth};
  for (int axis = 0; axis < 3; ++axis) {
    d.grid[axis] = unsigned(grids[axis]);
    d.group[axis] = unsigned(groups[axis]);
  }
  for (unsigned i = 0; i < kernel.parameter_count; ++i) {
    const Parameter& p = kernel.parameters[i];
    if (p.source == Source::buffer) bind(*call, p.index);
    if (p.source == Source::threadgroup_memory) {
      if (memory_[p.index] == 0) {
        die(std::string(kernel.name) + ": threadgroup(" +
            std::to_string(p.index) + ") must have a length, got none");
      }
      d.threadgroup_length[p.index] = unsigned(memory_[p.index]);
    }
  }
  track(call->bound);
  track(*call->resident);
  add(Command::dispatch).call = std::move(call);
  count(Event::dispatch);
}

void Encoder::dispatch_groups(Size groups, Size group) {
  dispatch_threads({groups.width * group.width, groups.height * group.height,
                    groups.depth * group.depth},
                   group);
}

void Encoder::track(const Access& access) {
  for (const auto& [buffer, writes] : access) {
    if (buffer->tracked()) recording_->tracked[buffer] |= writes;
  }
}

const Class& Encoder::type = define<Encoder>(
    "MTLComputeCommandEncoder",
    {method<&Encoder::set_pipeline>("setComputePipelineState:"),
     method<&Encoder::set_buffer>("setBuffer:offset:atIndex:"),
     method<&Encoder::set_offset>("setBufferOffset:atIndex:"),
     method<&Encoder::set_bytes>("setBytes:length:atIndex:"),
     method<&Encoder::set_threadgroup_memory>(
         "setThreadgroupMemoryLength:atIndex:"),
     method<&Encoder::use_resource>("useResource:usage:"),
     method<&Encoder::use_resources>("useResources:count:usage:"),
     method<&Encoder::barrier>("memoryBarrierWithScope:"),
     method<&Encoder::resource_barrier>("memoryBarrierWithResources:count:"),
     method<&Encoder::update_fence>("updateFence:"),
     method<&Encoder::wait_for_fence>("waitForFence:"),
     method<&Encoder::dispatch_threads>(
         "dispatchThreads:threadsPerThreadgroup:"),
     method<&Encoder::dispatch_groups>(
         "dispatchThreadgroups:threadsPerThreadgroup:"),
     method<&Encoder::end>("endEncoding")});

}  // namespace softmetal
