// MTLComputeCommandEncoder, and what it leaves for the queue to run.
// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/dispatch.h"
#include "runtime/buffer.h"
#include "runtime/device.h"
#include "runtime/library.h"
#include "runtime/sync.h"

namespace softmetal {

class CommandBuffer;

// Buffers that a dispatch may touch, and whether it may write to them.
using Access = std::unordered_map<Buffer*, bool>;

// A dispatch with all its arguments.
struct Call {
  Dispatch dispatch;
  Ref<Pipeline> pipeline;
  std::vector<std::unique_ptr<char[]>> bytes;
  Access bound;
  std::shared_ptr<const Access> resident;

  bool uses(Buffer* buffer) const {
    return bound.count(buffer) || resident->count(buffer);
  }
};

struct Command {
  enum Kind { dispatch, barrier, update_fence, wait_for_fence };
  Kind kind;
  std::unique_ptr<Call> call;
  std::vector<Buffer*> resources;  // of a barrier; none: all
  Ref<Fence> fence;
};

// One encoder's commands.
struct Recording {
  bool serial;
  std::vector<Command> commands;
  Access tracked;
};

class Encoder : public Object {
 public:
  static const Class& type;

  Encoder(CommandBuffer* owner, Recording* recording);
  ~Encoder();

  void set_pipeline(Pipeline* pipeline);
  void set_buffer(Buffer* buffer, UInteger offset, UInteger index);
  void set_offset(UInteger offset, UInteger index);
  void set_bytes(const void* bytes, UInteger length, UInteger index);
  void set_threadgroup_memory(UInteger length, UInteger index);
  void use_resource(Buffer* buffer, UInteger usage);
  void use_resources(Buffer* const* buffers, UInteger count, UInteger usage);
  void barrier(UInteger scope);
  void resource_barrier(Buffer* const* buffers, UInteger count);
  void update_fence(Fence* fence);
  void wait_for_fence(Fence* fence);
  void dispatch_threads(Size grid, Size group);
  void dispatch_groups(Size groups, Size group);
  void end();

  bool ended() const { return ended_; }

 private:
  struct Slot {
    Buffer* buffer = nullptr;
    UInteger offset = 0;
    std::vector<char> bytes;
  };

  Command& add(Command::Kind kind);
  void require_open(const char* what) const;
  void require_slot(const char* what, UInteger index) const;
  void check_sizes(Size grid, Size group) const;
  void bind(Call& call, unsigned index) const;
  void track(const Access& access);

  CommandBuffer* owner_;
  Recording* recording_;
  bool ended_ = false;
  Ref<Pipeline> pipeline_;
  Slot slots_[kSlots];
  UInteger memory_[kSlots] = {};
  std::shared_ptr<Access> resident_ = std::make_shared<Access>();
  std::vector<Fence*> updated_;
};

}  // namespace softmetal
