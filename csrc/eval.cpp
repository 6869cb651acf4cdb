// Evaluation: puts the nodes behind some arrays in order, cuts that order into
// one task per run of a stream, and runs the tasks here or on the streams'
// workers.
// SPDX-License-Identifier: MIT
#include "csrc/eval.h"

#include <algorithm>
#include <utility>

#include "csrc/backend.h"
#include "csrc/cancel.h"

namespace ingot {
namespace {

// Guards the links between arrays, nodes and events, and Node::visited.
std::mutex graph_mutex;

// Bytes of traffic below which handing a graph to a worker (7 to 50 us) costs
// more than computing it.
constexpr int64_t kSmallGraph = 256 << 10;

using Tasks = std::vector<std::shared_ptr<Task>>;

struct Frame {
  Node* node;
  int64_t next = 0;  // input to look at
};

// Orders nodes depth first, without recursion. Holds graph_mutex.
class Scheduler {
 public:
  Tasks schedule(const Arrays& roots) {
    try {
      for (const Array& root : roots) visit(root);
    } catch (...) {
      for (Frame& frame : stack_) frame.node->visited = false;
      for (auto& task : tasks_) {
        for (Entry& entry : task->entries) reset(entry);
      }
      throw;
    }
    return std::move(tasks_);
  }

 private:
  void visit(const Array& root) {
    push(root);
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      if (frame.next < frame.node->inputs.size()) {
        push(frame.node->inputs[frame.next++]);
      } else {
        emit(frame.node);
        stack_.pop_back();
      }
    }
  }

  void push(const Array& x) {
    switch (x.status()) {
      case Status::lazy:
        if (x->node->visited) return;
        x->node->visited = true;
        stack_.push_back({x->node.get()});
        return;
      case Status::failed:
        std::rethrow_exception(x->error);
      case Status::scheduled:
      case Status::ready:
        return;
    }
  }

  void emit(Node* node) {
    if (tasks_.empty() || !(tasks_.back()->stream == node->stream)) {
      tasks_.push_back(std::make_shared<Task>(node->stream));
    }
    Task& task = *tasks_.back();
    Entry entry;
    for (auto& weak : node->outputs) {
      auto data = weak.lock();
      if (data) {
        if (!entry.node) entry.node = data->node;
        entry.keep |= data->tracer;
      }
      entry.outputs.emplace_back(std::move(data));
    }
    replace_missing(entry);
    entry.keep &= tracing();
    for (Array& out : entry.outputs) {
      if (entry.keep) keep_while_tracing(out);
      out->event = task.done;
      out->status.store(Status::scheduled, std::memory_order_release);
      task.cost += out.nbytes();
    }
    for (const Array& x : node->inputs) {
      task.cost += x.nbytes();
      if (x->event && x->event != task.done) task.wait_for(x->event);
    }
    task.entries.push_back(std::move(entry));
  }

  // An operation fills all of its outputs: also those that nobody holds, and
  // those of a traced node that are ready, whose memory may be in use.
  static void replace_missing(Entry& entry) {
    auto& specs = entry.node->specs;
    for (int64_t i = 0; i < entry.outputs.size(); ++i) {
      bool ready = entry.outputs[i] && entry.outputs[i].ready();
      if (entry.outputs[i] && !ready) continue;
      auto data = std::make_shared<ArrayData>();
      data->shape = specs[i].shape;
      data->dtype = specs[i].dtype;
      data->size = size_of(data->shape, data->dtype, entry.node->op->name());
      data->node = entry.node;
      if (!ready) entry.node->outputs[i] = data;
      entry.outputs[i] = Array(std::move(data));
    }
  }

  static void reset(Entry& entry) {
    entry.node->visited = false;
    for (Array& out : entry.outputs) {
      out->event = nullptr;
      out->status.store(Status::lazy, std::memory_order_release);
    }
  }

  std::vector<Frame> stack_;
  Tasks tasks_;
};

void compute(Entry& entry) {
  Node& node = *entry.node;
  for (const Array& x : node.inputs) {
    if (!x.ready()) throw Cancelled();
  }
  Backend& backend = backend_of(node.stream.device);
  if (entry.keep) {
    Inputs inputs = node.inputs;  // a second owner: nothing is donated
    node.op->eval(backend, inputs, entry.outputs);
  } else {
    node.op->eval(backend, node.inputs, entry.outputs);
  }
}

void finish(Entry& entry) {
  std::shared_ptr<Node> node = std::move(entry.node);
  {
    std::lock_guard lock(graph_mutex);
    node->visited = false;
    for (Array& out : entry.outputs) {
      out->event = nullptr;
      if (!entry.keep || !out.tracer()) out->node = nullptr;
      out->status.store(Status::ready, std::memory_order_release);
    }
  }
  entry.outputs.clear();
  if (!entry.keep) node->inputs.clear();
}

// Leaves what has not been computed as it was before the eval.
void give_up(Task& task, size_t from) {
  std::lock_guard lock(graph_mutex);
  for (size_t i = from; i < task.entries.size(); ++i) {
    task.entries[i].node->visited = false;
    for (Array& out : task.entries[i].outputs) {
      out->event = nullptr;
      out->buffer = nullptr;
      out->offset = 0;
      out->status.store(Status::lazy, std::memory_order_release);
    }
  }
}

// Puts the nodes in order and the tasks into their queues, at one stroke: a
// task then only waits for tasks ahead of it, and streams never for each other.
// A single task for which `here(task)` holds runs on this thread if its stream
// is idle.
template <class Here>
Tasks start(const Arrays& arrays, Here here) {
  Tasks tasks, own;
  StreamQueue* claimed = nullptr;
  {
    std::lock_guard lock(graph_mutex);
    tasks = Scheduler().schedule(arrays);
    if (tasks.size() == 1 && here(*tasks[0])) {
      StreamQueue& queue = queue_of(tasks[0]->stream);
      if (queue.claim(*tasks[0])) claimed = &queue;
    }
    // Amid an eval, in a signal handler, this thread cannot wait for its
    // stream.
    bool nested = CancelScope::current() != nullptr;
    for (auto& task : tasks) {
      if (claimed) break;
      if (nested || !queue_of(task->stream).push(task)) own.push_back(task);
    }
  }
  if (claimed) claimed->run_claimed(*tasks[0]);
  for (auto& task : own) run(*task, true);
  return tasks;
}

std::shared_ptr<Event> event_of(const Array& x) {
  std::lock_guard lock(graph_mutex);
  return x->event;
}

// What a task threw; not that it was stopped.
std::exception_ptr error_of(const Task& task) {
  try {
    if (auto error = task.done->error()) std::rethrow_exception(error);
    return nullptr;
  } catch (const Cancelled&) {
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

// Waits for all tasks; if one fails, the others are stopped.
void wait_for(const Tasks& tasks) {
  std::exception_ptr error;
  for (const auto& task : tasks) {
    if (error) task->done->cancelled() = true;
    task->done->wait();
    if (!error) error = error_of(*task);
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace

void run(Task& task, bool polls) {
  CancelScope scope(task.done->cancelled(), polls);
  std::exception_ptr error;
  size_t i = 0;
  try {
    for (auto& event : task.waits) {
      event->wait();
      if (event->error()) throw Cancelled();
    }
    for (; i < task.entries.size(); ++i) {
      throw_if_cancelled();
      compute(task.entries[i]);
      finish(task.entries[i]);
    }
  } catch (...) {
    error = std::current_exception();
    give_up(task, i);
  }
  task.entries.clear();
  task.done->set(error);
}

void eval(const Arrays& arrays) {
  auto missing = [](const Array& x) { return !x.ready(); };
  // Again where another eval, which had taken on some of this, was stopped.
  while (std::any_of(arrays.begin(), arrays.end(), missing)) {
    wait_for(start(arrays, [](const Task&) { return true; }));
    for (const Array& x : arrays) {
      if (auto event = event_of(x)) event->wait();
    }
  }
}

void async_eval(const Arrays& arrays) {
  start(arrays, [](const Task& task) {
    return task.cost < kSmallGraph && task.waits.empty();
  });
}

void stop_tracing(const std::vector<std::weak_ptr<ArrayData>>& arrays) {
  std::vector<std::shared_ptr<Node>> nodes;  // die when the lock is released
  std::lock_guard lock(graph_mutex);
  for (auto& weak : arrays) {
    if (auto x = weak.lock()) {
      x->tracer = false;
      if (x->status == Status::ready) nodes.push_back(std::move(x->node));
    }
  }
}

void lock_graph_for_fork() { graph_mutex.lock(); }
void unlock_graph_after_fork() { graph_mutex.unlock(); }

}  // namespace ingot
