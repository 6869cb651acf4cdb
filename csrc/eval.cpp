// Evaluation: puts the nodes behind some arrays in order, cuts that order into
// one task per run of a stream, and runs the tasks here or on the streams'
// workers.
// SPDX-License-Identifier: MIT
#include "csrc/eval.h"

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

struct Frame {
  Node* node;
  int64_t next = 0;  // input to look at
};

// Orders nodes depth first, without recursion. Holds graph_mutex.
class Scheduler {
 public:
  std::vector<std::shared_ptr<Task>> schedule(const Arrays& roots) {
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
    restore_dropped(entry);
    entry.keep &= tracing();
    for (Array& out : entry.outputs) {
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

  // An operation fills all of its outputs, also those that nobody holds.
  static void restore_dropped(Entry& entry) {
    auto& specs = entry.node->specs;
    for (int64_t i = 0; i < entry.outputs.size(); ++i) {
      if (entry.outputs[i]) continue;
      auto data = std::make_shared<ArrayData>();
      data->shape = specs[i].shape;
      data->dtype = specs[i].dtype;
      data->size = size_of(data->shape, data->dtype, entry.node->op->name());
      data->node = entry.node;
      entry.node->outputs[i] = data;
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
  std::vector<std::shared_ptr<Task>> tasks_;
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
      if (!entry.keep) out->node = nullptr;
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

std::vector<std::shared_ptr<Task>> schedule(const Arrays& arrays) {
  std::lock_guard lock(graph_mutex);
  return Scheduler().schedule(arrays);
}

// Hands a task to its stream. With `here` it runs on this thread if the stream
// is idle.
void submit(const std::shared_ptr<Task>& task, bool here) {
  StreamQueue& queue = queue_of(task->stream);
  if (!here || !queue.run_if_idle(*task)) queue.push(task);
}

std::shared_ptr<Event> event_of(const Array& x) {
  std::lock_guard lock(graph_mutex);
  return x->event;
}

// Waits for all tasks, also after a signal, which cancels them.
void wait_for(const std::vector<std::shared_ptr<Task>>& tasks) {
  std::exception_ptr error;
  for (const auto& task : tasks) {
    if (error) task->done->cancelled() = true;
    try {
      task->done->wait_or_cancel();
    } catch (...) {
      if (!error) error = std::current_exception();
    }
    if (!error) error = task->done->error();
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
      if (event->error()) std::rethrow_exception(event->error());
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
  auto tasks = schedule(arrays);
  if (tasks.size() == 1) {
    submit(tasks[0], true);
  } else {
    for (auto& task : tasks) submit(task, false);
  }
  wait_for(tasks);
  for (const Array& x : arrays) wait(x);
}

void async_eval(const Arrays& arrays) {
  auto tasks = schedule(arrays);
  bool small = tasks.size() == 1 && tasks[0]->cost < kSmallGraph &&
               tasks[0]->waits.empty();
  for (auto& task : tasks) submit(task, small);
}

void wait(const Array& array) {
  switch (array.status()) {
    case Status::ready:
      return;
    case Status::lazy:
      return eval({array});
    case Status::failed:
      std::rethrow_exception(array->error);
    case Status::scheduled:
      break;
  }
  if (auto event = event_of(array)) {
    event->wait_or_cancel();
    if (event->error()) std::rethrow_exception(event->error());
  }
}

void detach(const Arrays& arrays) {
  for (const Array& x : arrays) {
    if (x.ready()) {
      std::shared_ptr<Node> node;
      std::lock_guard lock(graph_mutex);
      node = std::move(x->node);
    }
  }
}

void lock_graph_for_fork() { graph_mutex.lock(); }
void unlock_graph_after_fork() { graph_mutex.unlock(); }

}  // namespace ingot
