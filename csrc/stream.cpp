// Streams, their queues and workers, and what fork() does to them.
// SPDX-License-Identifier: MIT
#include "csrc/stream.h"

#include <pthread.h>

#include <chrono>
#include <deque>
#include <optional>
#include <system_error>
#include <thread>

#include "csrc/backend.h"
#include "csrc/cancel.h"
#include "csrc/cpu/pool.h"
#include "csrc/error.h"
#include "csrc/eval.h"

namespace ingot {
namespace {

struct Streams {
  std::mutex mutex;
  std::deque<StreamQueue> queues;  // by Stream::index; addresses stay
  std::optional<Stream> defaults[2];
  std::optional<Device> device;

  Stream add(Device device) {
    queues.emplace_back();
    return {device, static_cast<int>(queues.size()) - 1};
  }
};

// Never destroyed: workers may still run when the process exits.
Streams* streams = new Streams;

Backend* backends[2] = {};
std::string gpu_absence = "this build has no Metal backend";
bool lost_in_fork = false;  // Metal does not survive a fork

thread_local std::optional<Stream> scoped;

}  // namespace

void register_backend(DeviceType type, Backend& backend) {
  backends[static_cast<int>(type)] = &backend;
}

void explain_no_gpu(const std::string& reason) { gpu_absence = reason; }

bool is_available(Device device) {
  return backends[static_cast<int>(device.type)] != nullptr &&
         device.index == 0;
}

void require_available(Device device) {
  if (is_available(device)) return;
  if (device.type == DeviceType::cpu) {
    throw ValueError(cat("device: cpu ", device.index, " must be available, ",
                         "but there is one CPU device, with index 0"));
  }
  throw ValueError(
      cat("device: gpu ", device.index, " must be available, but ",
          lost_in_fork ? "a forked process can't use Metal" : gpu_absence,
          "; use mx.cpu"));
}

Backend& backend_of(Device device) {
  require_available(device);
  return *backends[static_cast<int>(device.type)];
}

Device default_device() {
  std::lock_guard lock(streams->mutex);
  if (streams->device) return *streams->device;
  Device gpu{DeviceType::gpu};
  return is_available(gpu) ? gpu : Device{DeviceType::cpu};
}

void set_default_device(Device device) {
  require_available(device);
  std::lock_guard lock(streams->mutex);
  streams->device = device;
}

Stream default_stream(Device device) {
  require_available(device);
  std::lock_guard lock(streams->mutex);
  auto& stream = streams->defaults[static_cast<int>(device.type)];
  if (!stream) stream = streams->add(device);
  return *stream;
}

void set_default_stream(Stream stream) {
  require_available(stream.device);
  std::lock_guard lock(streams->mutex);
  streams->defaults[static_cast<int>(stream.device.type)] = stream;
}

Stream new_stream(Device device) {
  require_available(device);
  std::lock_guard lock(streams->mutex);
  return streams->add(device);
}

void synchronize(Stream stream) {
  queue_of(stream).drain();
  backend_of(stream.device).drain();
}

Stream current_stream() {
  return scoped ? *scoped : default_stream(default_device());
}

StreamScope::StreamScope(Stream stream)
    : previous_(scoped.value_or(Stream{})), had_previous_(scoped.has_value()) {
  require_available(stream.device);
  scoped = stream;
}

StreamScope::~StreamScope() {
  if (had_previous_) {
    scoped = previous_;
  } else {
    scoped.reset();
  }
}

StreamQueue& queue_of(Stream stream) {
  std::lock_guard lock(streams->mutex);
  return streams->queues.at(static_cast<size_t>(stream.index));
}

// What poll() throws stops all that is pending: who still wants it will compute
// it again.
static void poll_or_stop() {
  try {
    poll();
  } catch (...) {
    std::lock_guard lock(streams->mutex);
    for (StreamQueue& queue : streams->queues) queue.stop();
    throw;
  }
}

void Event::wait() {
  std::unique_lock lock(mutex_);
  require<std::runtime_error>(done_ || !CancelScope::within(cancelled_),
                              "eval: an array must not be used by a signal ",
                              "handler that interrupts its computation");
  while (!changed_.wait_for(lock, kPollInterval, [&] { return done_; })) {
    lock.unlock();
    if (CancelScope* scope = CancelScope::current()) {
      scope->check();
    } else {
      poll_or_stop();
    }
    lock.lock();
  }
}

void Event::set(std::exception_ptr error) {
  {
    std::lock_guard lock(mutex_);
    done_ = true;
    error_ = std::move(error);
  }
  changed_.notify_all();
}

bool StreamQueue::claim(const Task& task) {
  std::lock_guard lock(mutex_);
  if (running_ || !tasks_.empty()) return false;
  running_ = task.done;
  return true;
}

void StreamQueue::run_claimed(Task& task) {
  run(task, true);
  {
    std::lock_guard lock(mutex_);
    running_ = nullptr;
    if (tasks_.empty() && !has_worker_) return;
  }
  changed_.notify_all();
}

bool StreamQueue::push(std::shared_ptr<Task> task) {
  {
    std::lock_guard lock(mutex_);
    if (!has_worker_ && !start_worker()) return false;
    tasks_.push_back(std::move(task));
  }
  changed_.notify_all();
  return true;
}

bool StreamQueue::start_worker() {
  try {
    std::thread([this] { work(); }).detach();
    return has_worker_ = true;
  } catch (const std::system_error&) {
    return false;
  }
}

bool StreamQueue::idle() {
  std::lock_guard lock(mutex_);
  return tasks_.empty() && !running_;
}

void StreamQueue::drain() {
  std::unique_lock lock(mutex_);
  auto idle = [&] { return tasks_.empty() && !running_; };
  while (!changed_.wait_for(lock, kPollInterval, idle)) {
    lock.unlock();
    poll();
    lock.lock();
  }
}

void StreamQueue::stop() {
  std::lock_guard lock(mutex_);
  if (running_) running_->cancelled() = true;
  for (auto& task : tasks_) task->done->cancelled() = true;
}

void StreamQueue::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return !tasks_.empty() && !running_; });
    std::shared_ptr<Task> task = std::move(tasks_.front());
    tasks_.pop_front();
    running_ = task->done;
    lock.unlock();
    run(*task, false);
    task.reset();
    lock.lock();
    running_ = nullptr;
    changed_.notify_all();
  }
}

namespace {

bool all_idle() {
  std::lock_guard lock(streams->mutex);
  for (StreamQueue& queue : streams->queues) {
    if (!queue.idle()) return false;
  }
  return true;
}

// A signal handler that interrupts an eval may fork to start a program, but
// nothing can be computed in such a child.
bool amid_eval() { return CancelScope::current() != nullptr; }

void before_fork() {
  if (amid_eval()) return;
  for (;;) {
    drain_all();
    lock_graph_for_fork();  // nothing new starts from here on
    if (all_idle()) break;
    unlock_graph_after_fork();
  }
  streams->mutex.lock();
  cpu::lock_for_fork();
  allocator::lock_for_fork();
}

void after_fork_in_parent() {
  if (amid_eval()) return;
  allocator::unlock_after_fork();
  cpu::unlock_after_fork(false);
  streams->mutex.unlock();
  unlock_graph_after_fork();
}

// The workers of the parent do not exist here: same streams, new queues.
void after_fork_in_child() {
  if (amid_eval()) return;
  auto* fresh = new Streams;
  fresh->queues.resize(streams->queues.size());
  fresh->device = streams->device;
  fresh->defaults[0] = streams->defaults[0];
  fresh->defaults[1] = streams->defaults[1];
  Streams* old = std::exchange(streams, fresh);
  lost_in_fork = backends[1] != nullptr;
  backends[1] = nullptr;
  allocator::unlock_after_fork();
  cpu::unlock_after_fork(true);
  old->mutex.unlock();
  unlock_graph_after_fork();
}

}  // namespace

void drain_all() {
  while (!all_idle()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  for (Backend* backend : backends) {
    if (backend) backend->drain();
  }
}

void install_fork_handlers() {
  pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

}  // namespace ingot
