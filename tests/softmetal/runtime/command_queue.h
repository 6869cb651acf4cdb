// MTLCommandQueue: one thread of the system, which is the GPU for it.
// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "runtime/device.h"

namespace softmetal {

class CommandBuffer;

class CommandQueue : public Object {
 public:
  static const Class& type;

  explicit CommandQueue(Device* device);
  ~CommandQueue();

  Object* command_buffer();
  Object* command_buffer_unretained();
  Object* device() { return device_.get(); }

  // Takes over a reference.
  void submit(CommandBuffer* buffer);

 private:
  // Outlives the queue where its last reference goes on its own thread.
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<CommandBuffer*> waiting;
    bool stop = false;
  };
  static void work(const std::shared_ptr<Shared>& shared);

  Ref<Device> device_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::thread thread_;
};

}  // namespace softmetal
