// The scheduler of one threadgroup: starts its GPU threads one after another,
// and where they wait for each other, resumes them.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/dispatch.h"
#include "engine/fiber.h"
#include "engine/memory.h"

namespace softmetal {

enum class State {
  idle,
  running,
  barrier,
  simdgroup_barrier,
  exchange,
  failed
};

// A stack, and the GPU thread that it runs.
struct Worker {
  Fiber fiber;
  State state = State::idle;
  ThreadIds ids;
  uint64_t ids_of = 0;  // the group they hold the constant part of
  unsigned index = 0;   // of the thread, in its threadgroup
  unsigned site = 0;    // where it waits
  Lane value;           // given to an exchange
  unsigned mask = 0;    // who took part in it
  History history = {};
};

class Threadgroup {
 public:
  Threadgroup();
  ~Threadgroup();

  // The one of this system thread.
  static Threadgroup& current();

  void begin_dispatch(const Dispatch& dispatch, const Ordering& ordering);
  std::string run(const unsigned position[3]);
  void end_dispatch();

  const char* kernel_name() const {
    return dispatch_ ? dispatch_->kernel->name : nullptr;
  }
  unsigned static_memory() const { return memory_.static_size(); }

  // What kernels call, on the stack of the worker that runs them.
  void barrier(unsigned flags, unsigned site);
  void simdgroup_barrier(unsigned flags, unsigned site);
  void exchange(const Lane& mine, unsigned site, Exchange& result);
  unsigned lane() const;
  void* threadgroup_memory(unsigned size, unsigned align, unsigned declaration);
  [[noreturn]] void fail(const char* requirement);

 private:
  static void worker_main();

  void place(const unsigned position[3]);
  void shuffle();
  void start_threads();
  bool release_simdgroup(unsigned simdgroup);
  bool release_exchange(unsigned first, unsigned end);
  bool release_simdgroup_barrier(unsigned first, unsigned end);
  bool release_barrier();
  std::string divergence() const;

  Worker* take_worker();
  void begin_thread(Worker& worker);
  void end_thread(Worker& worker);
  void resume(Worker& worker);
  void wait(State state, unsigned site);
  void note(const std::string& requirement);

  const Dispatch* dispatch_ = nullptr;
  const Ordering* ordering_ = nullptr;
  Arguments arguments_;
  History dispatch_history_ = {};
  History scheduler_history_ = {};

  uint64_t serial_ = 0;  // of the group, over all dispatches
  unsigned position_[3] = {};
  unsigned size_[3] = {};
  unsigned threads_ = 0;
  unsigned simdgroups_ = 0;
  ThreadIds ids_ = {};

  unsigned next_ = 0;  // thread to start, an index into order_
  unsigned finished_ = 0;
  std::string error_;
  std::vector<unsigned> order_;
  bool shuffled_ = false;
  std::vector<Worker*> waiting_;  // by thread; null where it does not wait
  Worker* worker_ = nullptr;      // whose stack is in use
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> idle_;
  Lane results_[kSimdWidth];
  GroupMemory memory_;

  // Addresses that stand for the barriers of this group, new ones for each: an
  // old one would order this group after the last.
  std::unique_ptr<uint64_t[]> tokens_;
  std::deque<History> ended_;
};

}  // namespace softmetal
