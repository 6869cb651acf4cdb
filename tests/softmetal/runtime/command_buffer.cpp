// Recording a command buffer, handing it to the queue, and waiting for it.
// SPDX-License-Identifier: MIT
#include "runtime/command_buffer.h"

#include "runtime/testing.h"

SOFTMETAL_API void* _Block_copy(const void* block);
SOFTMETAL_API void _Block_release(const void* block);

namespace softmetal {
namespace {

struct HandlerBlock {
  void* isa;
  int flags, reserved;
  void (*invoke)(HandlerBlock*, Object*);
};

}  // namespace

CommandBuffer::CommandBuffer(CommandQueue* queue, bool retains)
    : Object(type), queue_(queue), retains_(retains) {
  count(Event::command_buffer);
}

CommandBuffer::~CommandBuffer() {
  if (open_) {
    if (!open_->ended()) die("MTLCommandBuffer: its encoder must be ended");
    open_->release();
  }
  drop_kept();
  for (void* block : handlers_) _Block_release(block);
}

void CommandBuffer::require_encoding(const char* what) {
  if (status_ >= committed) {
    die(std::string(what) + ": the command buffer must not be committed yet");
  }
  if (open_ && !open_->ended()) {
    die(std::string(what) +
        ": the encoder before must be ended, got an open "
        "one");
  }
}

Object* CommandBuffer::encoder_of(UInteger dispatch_type) {
  require_encoding("computeCommandEncoder");
  if (open_) open_->release();
  steps_.push_back({std::make_unique<Recording>(), {}, 0, false});
  Recording* recording = steps_.back().recording.get();
  recording->serial = dispatch_type == 0;
  open_ = new Encoder(this, recording);
  return open_->retain()->autorelease();
}

void CommandBuffer::signal_event(SharedEvent* event, UInteger value) {
  require_encoding("encodeSignalEvent");
  steps_.push_back({nullptr, Ref<SharedEvent>(event), value, false});
}

void CommandBuffer::wait_for_event(SharedEvent* event, UInteger value) {
  require_encoding("encodeWaitForEvent");
  steps_.push_back({nullptr, Ref<SharedEvent>(event), value, true});
}

void CommandBuffer::keep(Object* object) {
  if (!kept_.insert(object).second) return;
  retains_ ? void(object->retain()) : object->pin();
}

void CommandBuffer::drop_kept() {
  for (Object* object : kept_) {
    retains_ ? object->release() : object->unpin();
  }
  kept_.clear();
}

void CommandBuffer::add_completed_handler(const void* block) {
  if (status_ >= committed) {
    die("addCompletedHandler: must come before commit");
  }
  handlers_.push_back(_Block_copy(block));
}

void CommandBuffer::enqueue() {
  if (status_ == not_enqueued) status_ = enqueued;
}

void CommandBuffer::commit() {
  require_encoding("commit");
  status_ = committed;
  seed_ = current_seed();
  commit_ = new_history();
  publish(&commit_token_);
  retain();
  queue_->submit(this);
}

void CommandBuffer::wait_until_scheduled() {
  Unseen unseen;
  std::unique_lock lock(mutex_);
  if (status_ < committed) die("waitUntilScheduled: must come after commit");
  changed_.wait(lock, [&] { return status_ >= scheduled; });
}

void CommandBuffer::wait_until_completed() {
  {
    Unseen unseen;
    std::unique_lock lock(mutex_);
    if (status_ < committed) die("waitUntilCompleted: must come after commit");
    bool in_handler = runner_ == std::this_thread::get_id();
    changed_.wait(lock, [&] { return over_ || in_handler; });
  }
  observe(&done_token_);
}

// A host that has seen the end may read the results, as on the real thing.
UInteger CommandBuffer::status() {
  UInteger now;
  {
    Unseen unseen;
    std::lock_guard lock(mutex_);
    now = status_;
  }
  if (now >= completed) observe(&done_token_);
  return now;
}

Object* CommandBuffer::error() {
  Unseen unseen;
  std::lock_guard lock(mutex_);
  return error_.get();
}

void CommandBuffer::finish(const std::string& problem) {
  for (const NodePtr& end : linker_.ends()) observe(&end->token);
  end_history(commit_);
  publish(&done_token_);
  {
    Unseen unseen;
    std::lock_guard lock(mutex_);
    status_ = problem.empty() ? completed : failed;
    if (!problem.empty()) {
      error_ = Ref<Error>::adopt(new Error(problem, 1, kBufferDomain));
    }
  }
  steps_.clear();
  drop_kept();
  begin_handing_back();  // a handler may wake who counts what is live
  {
    PoolScope pool;
    call_handlers();
  }
  {
    Unseen unseen;
    std::lock_guard lock(mutex_);
    over_ = true;
  }
  {
    Unseen unseen;
    changed_.notify_all();
  }
}

void CommandBuffer::call_handlers() {
  for (void* block : handlers_) {
    auto* handler = static_cast<HandlerBlock*>(block);
    handler->invoke(handler, this);
    _Block_release(block);
  }
  handlers_.clear();
  // What the handlers wrote, whoever waits may read.
  publish(&done_token_);
}

// By whichever thread lets go last: to TSan, that must neither race with what
// the queue's thread did nor come after it.
void CommandBuffer::destroy_unseen(Object* object) {
  Unseen unseen;
  static_cast<CommandBuffer*>(object)->~CommandBuffer();
}

const Class& CommandBuffer::type = define_class(
    "MTLCommandBuffer", destroy_unseen,
    {method<&CommandBuffer::encoder>("computeCommandEncoder"),
     method<&CommandBuffer::encoder_of>(
         "computeCommandEncoderWithDispatchType:"),
     method<&CommandBuffer::signal_event>("encodeSignalEvent:value:"),
     method<&CommandBuffer::wait_for_event>("encodeWaitForEvent:value:"),
     method<&CommandBuffer::add_completed_handler>("addCompletedHandler:"),
     method<&CommandBuffer::enqueue>("enqueue"),
     method<&CommandBuffer::commit>("commit"),
     method<&CommandBuffer::wait_until_scheduled>("waitUntilScheduled"),
     method<&CommandBuffer::wait_until_completed>("waitUntilCompleted"),
     method<&CommandBuffer::status>("status"),
     method<&CommandBuffer::error>("error"),
     method<&CommandBuffer::start_time>("GPUStartTime"),
     method<&CommandBuffer::end_time>("GPUEndTime"),
     method<&CommandBuffer::retained_references>("retainedReferences"),
     method<&CommandBuffer::queue>("commandQueue")},
    {});

}  // namespace softmetal
