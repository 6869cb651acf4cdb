// Turns dispatches into command buffers: finds where they must wait for each
// other, cuts them into pieces, and says when a piece has been computed.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_set>
#include <vector>

#include "csrc/backend.h"
#include "csrc/metal/device.h"
#include "csrc/metal/hazards.h"

namespace ingot::metal {

// An array of a dispatch, at the place that the kernel's signature gives it.
struct Operand {
  const Array& array;
  bool written = false;
};

// Bytes that a kernel reads; they are copied when it is dispatched.
struct Constant {
  const void* data;
  size_t size;
};

// Single threads along three axes, and how many of them a threadgroup has.
struct Grid {
  std::array<int64_t, 3> threads, group;
};

// One kernel over a grid of threadgroups.
struct Dispatch {
  MTL::ComputePipelineState* pipeline;
  std::vector<Operand> operands = {};  // buffers 0, 1, ...
  const void* args = nullptr;          // the next buffer: a struct of args.h
  size_t args_size = 0;
  std::vector<Constant> constants = {};  // the buffers after that
  std::vector<Operand> addressed = {};   // reached by address, bound to none
  int64_t groups = 1;                    // threadgroups
  int64_t threads = 256;                 // of each
  std::optional<Grid> grid = {};         // in their place
};

// The address of an array's first element on the GPU.
uint64_t gpu_address(const Array& x);

// All of the process: there is one queue, whatever the number of streams, and
// its work completes in order. Thread-safe.
class Encoder {
 public:
  // Looks at what a dispatch has left when it is done, on any thread: null, or
  // what went wrong. It keeps alive what it looks at.
  using Check = std::function<std::exception_ptr()>;

  void dispatch(const Dispatch& work, Check check = nullptr);

  // A task that dispatches, until it is committed.
  int64_t begin();
  // Commits what was dispatched.
  void commit(Afterwards then);
  // Waits until nothing that was dispatched uses the array's memory any more.
  void wait_for(const Array& x);
  // The same for one that is read then. Throws Cancelled where a failure may
  // have reached it: once that is settled it is known which arrays are lost.
  void await(const Array& x);
  void drain();

  Counts counts();
  // Seconds that the GPU has computed, by its own clock; of what has completed.
  double busy_seconds();

 private:
  struct Checked {
    Check check;
    int64_t dispatch;  // its number
  };
  // What is known of a command buffer when it is committed.
  struct Work {
    uint64_t number;
    int64_t first, last;  // its dispatches: above `first`, up to `last`
    std::vector<Checked> checks;
    std::optional<Afterwards> then;
  };

  void open();
  void bind(const Operand& operand, int index);
  void make_resident(const Dispatch& work);
  void order(const Dispatch& work);
  void close();
  void submit(std::optional<Afterwards> then = std::nullopt);
  void completed(const Work& work, NS::Error* error);
  void note_time(MTL::CommandBuffer* commands);
  void settle(const Afterwards& then);

  std::mutex mutex_;  // what is being encoded
  MTL::CommandBuffer* commands_ = nullptr;
  MTL::ComputeCommandEncoder* encoder_ = nullptr;
  MTL::Fence* fence_ = nullptr;
  Hazards hazards_;
  std::unordered_set<MTL::Buffer*> resident_;
  std::vector<Checked> checks_;
  int64_t pending_dispatches_ = 0, pending_bytes_ = 0;
  uint64_t submitted_ = 0;  // number of the last command buffer
  int64_t submitted_dispatches_ = 0;
  Counts counts_;

  std::mutex done_mutex_;  // what has been computed
  std::condition_variable done_;
  std::multiset<int64_t> begun_;  // by tasks that are not settled yet
  Failures failures_;             // of their work
  double busy_seconds_ = 0, last_end_ = 0;
};

Encoder& encoder();

}  // namespace ingot::metal
