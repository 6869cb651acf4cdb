// Evaluation: runs the tasks of csrc/schedule.cpp here or on the streams' workers,
// and settles what they have computed.
// SPDX-License-Identifier: MIT
#include "csrc/eval.h"

#include <algorithm>
#include <utility>

#include "csrc/backend.h"
#include "csrc/cancel.h"

namespace ingot {
namespace {

// Bytes of traffic below which handing a graph to a worker (7 to 50 us) costs
// more than computing it.
constexpr int64_t kSmallGraph = 256 << 10;

// The outputs of a node that an eval holds: it need not count them, and there
// may be thousands.
struct Computed {
  explicit Computed(Node& node) {
    outputs.reserve(node.outputs);
    for (int64_t i = 0; i < node.outputs; ++i) {
      outputs.push_back(Array::adopt(node.output(i)));
    }
  }
  ~Computed() {
    for (Array& x : outputs) x.forget();
  }
  Computed(const Computed&) = delete;
  Computed& operator=(const Computed&) = delete;

  Outputs outputs;
};

// The same arrays in memory that a GPU can reach, which what was lent is not.
Inputs reachable(const Inputs& inputs) {
  allocator::GpuScope host(false);  // which writes the copies
  Inputs copies;
  for (const Array& x : inputs) {
    if (!x->buffer || !x->buffer->lent()) {
      copies.push_back(x);
      continue;
    }
    copies.push_back(Array::empty(x.shape(), x.dtype()));
    backend_of({DeviceType::cpu}).copy(x, copies[copies.size() - 1]);
  }
  return copies;
}

bool any_lent(const Inputs& inputs) {
  auto lent = [](const Array& x) { return x->buffer && x->buffer->lent(); };
  return std::any_of(inputs.begin(), inputs.end(), lent);
}

void compute(Entry& entry) {
  Node& node = *entry.node;
  for (const Array& x : node.inputs) {
    if (!x.ready() && !x->node->submitted) throw Cancelled();
  }
  Computed computed(node);
  Backend& backend = backend_of(node.stream.device);
  if (backend.deferred() && any_lent(node.inputs)) {
    Inputs inputs = reachable(node.inputs);
    node.op->eval(backend, inputs, computed.outputs);
  } else if (entry.keep) {
    Inputs inputs = node.inputs;  // a second owner: nothing is donated
    node.op->eval(backend, inputs, computed.outputs);
  } else {
    node.op->eval(backend, node.inputs, computed.outputs);
  }
}

// Memory and inputs that go when graph_mutex() has been released.
struct Dropped {
  std::vector<BufferPtr> buffers;
  std::vector<Inputs> inputs;

  void take(Node& node) { inputs.push_back(std::move(node.inputs)); }
  void take(ArrayData& output) { buffers.push_back(std::move(output.buffer)); }
  ~Dropped() {
    for (Inputs& list : inputs) let_go(std::move(list));
  }
};

// Under graph_mutex(): outputs that nobody holds, and inputs unless they are
// kept for a transform.
void drop_unneeded(const Entry& entry, Dropped& dropped) {
  Node& node = *entry.node;
  if (node.live < node.outputs) {
    for (int64_t i = 0; i < node.outputs; ++i) {
      if (node.output(i).handles == 0) dropped.take(node.output(i));
    }
  }
  if (!entry.keep || node.live == 0) dropped.take(node);
}

// Computes the entry, or the chain that begins with it; how many those are.
size_t compute_some(Backend& backend, std::vector<Entry>& entries,
                    size_t first) {
  size_t length = chain_length(backend, entries, first);
  if (length > 1) {
    compute_chain(backend, entries, first, length);
  } else {
    compute(entries[first]);
  }
  return length;
}

// The outputs have been computed.
void finish(Entry& entry) {
  NodePtr node;
  Dropped dropped;
  std::lock_guard lock(graph_mutex());
  drop_unneeded(entry, dropped);
  node = std::move(entry.node);
  node->visited = false;
  node->event = nullptr;
  node->kept.store(entry.keep && node->live > 0, std::memory_order_relaxed);
  node->status.store(Status::ready, std::memory_order_release);
}

// The outputs will be computed by a GPU, in its order.
void submit(Entry& entry) {
  Dropped dropped;
  std::lock_guard lock(graph_mutex());
  for (const Array& x : entry.node->inputs) {
    if (!x.ready()) entry.follows.emplace_back(x->node);
  }
  drop_unneeded(entry, dropped);
  entry.node->submitted = true;
}

// What a GPU could not compute: it may have written over its inputs midway.
void poison(Entry& entry, const std::exception_ptr& error) {
  Dropped dropped;
  std::lock_guard lock(graph_mutex());
  Node& node = *entry.node;
  node.visited = false;
  node.event = nullptr;
  node.error = error;
  // Those that are held keep their memory: a thread may be about to ask for
  // work on it.
  for (int64_t i = 0; i < node.outputs; ++i) {
    if (node.output(i).handles == 0) dropped.take(node.output(i));
  }
  dropped.take(node);
  node.status.store(Status::failed, std::memory_order_release);
  node.submitted = false;
}

// What went wrong with an entry: first with what it follows, then with its own
// work.
std::exception_ptr error_in(const Entry& entry, const Failures& failures) {
  {
    std::lock_guard lock(graph_mutex());
    for (const NodePtr& node : entry.follows) {
      if (node->error) return node->error;
    }
  }
  for (const Failure& failure : failures) {
    // They have a dispatch in common.
    if (std::max(failure.first, entry.before) <
        std::min(failure.last, entry.asked)) {
      return failure.error;
    }
  }
  return nullptr;
}

// Leaves what has not been computed as it was before the eval.
void give_up(Task& task, size_t from) {
  Dropped dropped;
  std::lock_guard lock(graph_mutex());
  for (size_t k = from; k < task.entries.size(); ++k) {
    Node& node = *task.entries[k].node;
    node.visited = false;
    node.event = nullptr;
    for (int64_t i = 0; i < node.outputs; ++i) {
      dropped.take(node.output(i));
      node.output(i).offset = 0;
    }
    if (node.live == 0) dropped.take(node);
    node.status.store(Status::lazy, std::memory_order_release);
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
    std::lock_guard lock(graph_mutex());
    tasks = schedule(arrays);
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

// What those that another eval has taken on are waiting for.
std::vector<std::shared_ptr<Event>> events_of(const Arrays& arrays) {
  std::vector<std::shared_ptr<Event>> events;
  std::lock_guard lock(graph_mutex());
  for (const Array& x : arrays) {
    if (x.status() != Status::scheduled) continue;
    const auto& event = x->node->event;
    if (events.empty() || events.back() != event) events.push_back(event);
  }
  return events;
}

// What was thrown, unless only to say that the work was stopped.
std::exception_ptr error_of(const std::exception_ptr& thrown) {
  try {
    if (thrown) std::rethrow_exception(thrown);
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
    if (!error) error = error_of(task->stopped);
    if (error && task->stopped) continue;
    task->done->wait();
    if (!error) error = error_of(task->done->error());
  }
  if (error) std::rethrow_exception(error);
}

// Hands the first `count` entries of a task to the GPU that has been asked for
// them, after `since`; the task is done when they are. `error` is why the
// others were not.
void commit(Backend& backend, Task& task, int64_t since, size_t count,
            const std::exception_ptr& error) {
  struct Work {
    std::vector<Entry> entries;
    std::shared_ptr<Event> done;
    std::exception_ptr error;
  };
  auto work = std::make_shared<Work>();
  work->entries = std::move(task.entries);
  work->entries.resize(count);
  work->done = task.done;
  work->error = error;
  auto settle = [work](const Failures& failures) {
    std::exception_ptr first;
    for (Entry& entry : work->entries) {
      std::exception_ptr wrong = error_in(entry, failures);
      wrong ? poison(entry, wrong) : finish(entry);
      if (!first) first = wrong;
    }
    work->entries.clear();
    if (first) work->error = first;
  };
  backend.commit({since, settle, [work] { work->done->set(work->error); }});
}

}  // namespace

void run(Task& task, bool polls) {
  CancelScope scope(task.done->cancelled(), polls);
  Backend& backend = backend_of(task.stream.device);
  bool deferred = backend.deferred();
  allocator::GpuScope gpu(deferred);
  std::exception_ptr error;
  size_t i = 0;
  int64_t since = backend.begin();
  try {
    for (auto& event : task.waits) {
      event->wait();
      if (event->error()) throw Cancelled();
    }
    while (i < task.entries.size()) {
      throw_if_cancelled();
      int64_t before = backend.asked();
      size_t end = i + compute_some(backend, task.entries, i);
      for (; i < end; ++i) {
        Entry& entry = task.entries[i];
        entry.before = before;
        entry.asked = backend.asked();
        deferred ? submit(entry) : finish(entry);
      }
    }
  } catch (...) {
    error = std::current_exception();
    if (polls) task.stopped = error;
    give_up(task, i);
  }
  if (deferred) return commit(backend, task, since, i, error);
  task.entries.clear();
  task.done->set(error);
}

void eval(const Arrays& arrays) {
  auto missing = [](const Array& x) { return !x.ready(); };
  // Again where another eval, which had taken on some of this, was stopped.
  while (std::any_of(arrays.begin(), arrays.end(), missing)) {
    wait_for(start(arrays, [](const Task&) { return true; }));
    for (const auto& event : events_of(arrays)) event->wait();
  }
}

void async_eval(const Arrays& arrays) {
  start(arrays, [](const Task& task) {
    return task.cost < kSmallGraph && task.waits.empty();
  });
}

void lock_graph_for_fork() { graph_mutex().lock(); }
void unlock_graph_after_fork() { graph_mutex().unlock(); }

}  // namespace ingot
