// The queue's thread runs command buffers one after another.
// SPDX-License-Identifier: MIT
#include "runtime/command_queue.h"

#include "runtime/command_buffer.h"
#include "runtime/mapping.h"

namespace softmetal {

CommandQueue::CommandQueue(Device* device) : Object(type), device_(device) {
  thread_ = std::thread([shared = shared_] { work(shared); });
}

CommandQueue::~CommandQueue() {
  {
    Unseen unseen;
    std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
  }
  shared_->changed.notify_all();
  if (std::this_thread::get_id() == thread_.get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void CommandQueue::work(const std::shared_ptr<Shared>& shared) {
  watch_faults();
  for (;;) {
    CommandBuffer* next;
    {
      Unseen unseen;
      std::unique_lock lock(shared->mutex);
      shared->changed.wait(
          lock, [&] { return shared->stop || !shared->waiting.empty(); });
      if (shared->waiting.empty()) return;
      next = shared->waiting.front();
      shared->waiting.pop_front();
    }
    next->run();
    next->release();
    end_handing_back();
  }
}

void CommandQueue::submit(CommandBuffer* buffer) {
  Unseen unseen;
  {
    std::lock_guard lock(shared_->mutex);
    shared_->waiting.push_back(buffer);
  }
  shared_->changed.notify_all();
}

Object* CommandQueue::command_buffer() {
  return (new CommandBuffer(this, true))->autorelease();
}

Object* CommandQueue::command_buffer_unretained() {
  return (new CommandBuffer(this, false))->autorelease();
}

const Class& CommandQueue::type = define<CommandQueue>(
    "MTLCommandQueue", {method<&CommandQueue::command_buffer>("commandBuffer"),
                        method<&CommandQueue::command_buffer_unretained>(
                            "commandBufferWithUnretainedReferences"),
                        method<&CommandQueue::device>("device")});

}  // namespace softmetal
