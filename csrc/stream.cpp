// Streams, their queues and workers, and what fork() does to them.
// SPDX-License-Identifier: MIT
#include "csrc/stream.h"

#include <pthread.h>

#include <chrono>
#include <deque>
#include <optional>
#include <thread>

#include "csrc/backend.h"
#include "csrc/cancel.h"
#include "csrc/cpu/pool.h"
#include "csrc/eval.h"

namespace ingot {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(20);

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

thread_local std::optional<Stream> scoped;

}  // namespace

void register_backend(DeviceType type, Backend& backend) {
  backends[static_cast<int>(type)] = &backend;
}

bool is_available(Device device) {
  return backends[static_cast<int>(device.type)] != nullptr &&
         device.index == 0;
}

void require_available(Device device) {
  require(is_available(device),
          "device: ", device.type == DeviceType::gpu ? "gpu" : "cpu", " ",
          device.index, " must be available, but this ",
          device.type == DeviceType::gpu
              ? "build has no Metal backend; use mx.cpu"
              : "machine has one CPU device, with index 0");
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

void synchronize(Stream stream) { queue_of(stream).drain(); }

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

void Event::wait() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kPollInterval, [&] { return done_; })) {
    lock.unlock();
    if (CancelScope* scope = CancelScope::current()) {
      scope->check();
    } else {
      poll();
    }
    lock.lock();
  }
}

void Event::wait_or_cancel() {
  try {
    wait();
  } catch (...) {
    cancelled_ = true;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_; });
    throw;
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

bool StreamQueue::run_if_idle(Task& task) {
  {
    std::lock_guard lock(mutex_);
    if (busy_ || !tasks_.empty()) return false;
    busy_ = true;
  }
  run(task, true);
  {
    std::lock_guard lock(mutex_);
    busy_ = false;
    if (tasks_.empty() && !has_worker_) return true;
  }
  changed_.notify_all();
  return true;
}

void StreamQueue::push(std::shared_ptr<Task> task) {
  {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    if (!has_worker_) {
      std::thread([this] { work(); }).detach();
      has_worker_ = true;
    }
  }
  changed_.notify_all();
}

void StreamQueue::drain() {
  std::unique_lock lock(mutex_);
  auto idle = [&] { return tasks_.empty() && !busy_; };
  while (!changed_.wait_for(lock, kPollInterval, idle)) {
    lock.unlock();
    poll();
    lock.lock();
  }
}

void StreamQueue::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return !tasks_.empty() && !busy_; });
    std::shared_ptr<Task> task = std::move(tasks_.front());
    tasks_.pop_front();
    busy_ = true;
    lock.unlock();
    run(*task, false);
    task.reset();
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

namespace {

void before_fork() {
  for (StreamQueue& queue : streams->queues) queue.drain();
  cpu::lock_for_fork();
  streams->mutex.lock();
  lock_graph_for_fork();
  allocator::lock_for_fork();
}

void after_fork_in_parent() {
  allocator::unlock_after_fork();
  unlock_graph_after_fork();
  streams->mutex.unlock();
  cpu::unlock_after_fork(false);
}

// The workers of the parent do not exist here: same streams, new queues.
void after_fork_in_child() {
  auto* fresh = new Streams;
  fresh->queues.resize(streams->queues.size());
  fresh->device = streams->device;
  fresh->defaults[0] = streams->defaults[0];
  fresh->defaults[1] = streams->defaults[1];
  Streams* old = std::exchange(streams, fresh);
  allocator::unlock_after_fork();
  unlock_graph_after_fork();
  old->mutex.unlock();
  cpu::unlock_after_fork(true);
}

}  // namespace

void install_fork_handlers() {
  pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

}  // namespace ingot
