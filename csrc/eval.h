// Tasks, the events that order them, and the queue of a stream.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "csrc/graph.h"

namespace ingot {

// Set once, when a task has ended; carries what the task threw.
class Event {
 public:
  // Waits; calls poll() now and then: what that throws stops all streams.
  void wait();
  void set(std::exception_ptr error);
  std::exception_ptr error() const { return error_; }
  // Asks the task to stop at its next tile.
  std::atomic<bool>& cancelled() { return cancelled_; }

 private:
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::exception_ptr error_;
};

// A node to compute.
struct Entry {
  NodePtr node;
  bool keep = false;  // traced: its inputs stay, and are not donated
  // Of a deferred backend: what it had been asked for before this and with it,
  // and the nodes it has still to compute whose results this one takes.
  int64_t before = 0, asked = 0;
  std::vector<NodePtr> follows;
};

// Nodes of one stream, in order.
struct Task {
  explicit Task(Stream stream)
      : stream(stream), done(std::make_shared<Event>()) {}

  void wait_for(const std::shared_ptr<Event>& event) {
    if (waits.empty() || waits.back() != event) waits.push_back(event);
  }

  Stream stream;
  std::vector<Entry> entries;
  std::vector<std::shared_ptr<Event>> waits;
  std::shared_ptr<Event> done;
  // Why the thread that asked for the eval, if it ran this, did not finish: the
  // GPU may still be busy with what came before.
  std::exception_ptr stopped;
  int64_t cost = 0;  // bytes read and written
};

using Tasks = std::vector<std::shared_ptr<Task>>;

// The tasks that compute what is lazy behind some arrays, in order
// (schedule.cpp); throws the error of one that has failed. The caller holds graph_mutex().
Tasks schedule(const Arrays& roots);

// Runs a task on this thread; `polls` if that is the thread which asked for it.
void run(Task& task, bool polls);

// First in, first out; its worker starts when the first task is pushed.
class StreamQueue {
 public:
  // Takes the queue for run_claimed(), if nothing is running or queued.
  bool claim(const Task& task);
  void run_claimed(Task& task);
  // False where the system has no thread for the worker.
  bool push(std::shared_ptr<Task> task);
  bool idle();
  // Waits until it is idle.
  void drain();
  // Asks what is running and queued to stop.
  void stop();

 private:
  bool start_worker();
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Task>> tasks_;
  std::shared_ptr<Event> running_;  // null if none is
  bool has_worker_ = false;
};

StreamQueue& queue_of(Stream stream);
// Waits for all streams, whatever signals arrive.
void drain_all();
// Makes fork() safe: waits for all streams, holds every lock of the core across
// the fork, and gives the child fresh streams.
void install_fork_handlers();

void lock_graph_for_fork();
void unlock_graph_after_fork();

}  // namespace ingot
