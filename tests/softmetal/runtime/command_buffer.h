// MTLCommandBuffer.
// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "runtime/command_queue.h"
#include "runtime/encoder.h"
#include "runtime/graph.h"

namespace softmetal {

class CommandBuffer : public Object {
 public:
  static const Class& type;

  CommandBuffer(CommandQueue* queue, bool retains);
  ~CommandBuffer();

  Object* encoder() { return encoder_of(0); }
  Object* encoder_of(UInteger dispatch_type);
  void signal_event(SharedEvent* event, UInteger value);
  void wait_for_event(SharedEvent* event, UInteger value);
  void add_completed_handler(const void* block);
  void enqueue();
  void commit();
  void wait_until_scheduled();
  void wait_until_completed();

  UInteger status();
  Object* error();
  double start_time() { return start_time_; }
  double end_time() { return end_time_; }
  bool retained_references() { return retains_; }
  Object* queue() { return queue_.get(); }

  // Keeps an object until this is over, or where the host has promised to do
  // so, finds out whether it does.
  void keep(Object* object);

  // On the queue's thread.
  void run();

 private:
  enum Status : UInteger {
    not_enqueued,
    enqueued,
    committed,
    scheduled,
    completed,
    failed,
  };
  // An encoder's commands, or an event to signal or to wait for.
  struct Step {
    std::unique_ptr<Recording> recording;
    Ref<SharedEvent> event;
    UInteger value = 0;
    bool waits = false;
  };

  static void destroy_unseen(Object* object);

  void require_encoding(const char* what);
  void drop_kept();
  std::string run_steps();
  std::string run_nodes();
  std::string run_node(Node& node);
  void pass_event(const Step& step);
  void enter(const Call& call);
  void leave_all();
  void finish(const std::string& problem);
  void call_handlers();

  Ref<CommandQueue> queue_;
  const bool retains_;
  std::vector<Step> steps_;
  Encoder* open_ = nullptr;
  std::unordered_set<Object*> kept_;
  std::vector<void*> handlers_;
  uint64_t seed_ = 0;
  History commit_ = {};
  uint64_t commit_token_ = 0;

  Linker linker_;
  Access access_;  // what kernels may touch right now

  std::mutex mutex_;
  std::condition_variable changed_;
  Status status_ = not_enqueued;
  bool over_ = false;  // with all its handlers
  Ref<Error> error_;
  double start_time_ = 0, end_time_ = 0;
  std::thread::id runner_;
  uint64_t done_token_ = 0;
};

}  // namespace softmetal
