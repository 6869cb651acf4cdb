// Puts the nodes behind some arrays in order, and cuts that order into one task
// for each run of a stream.
// SPDX-License-Identifier: MIT
#include <utility>

#include "csrc/backend.h"
#include "csrc/cancel.h"
#include "csrc/eval.h"

namespace ingot {
namespace {

struct Frame {
  Node* node;
  int64_t next = 0;  // input to look at
};

// Orders nodes depth first, without recursion.
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
        stack_.push_back({x->node});
        return;
      case Status::failed:
        std::rethrow_exception(x->node->error);
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
    entry.node = NodePtr(node);
    for (int64_t i = 0; i < node->outputs; ++i) {
      ArrayData& out = node->output(i);
      entry.keep |= out.tracer;
      task.cost += out.size * size_of(out.dtype);
    }
    entry.keep &= tracing();
    const Backend& backend = backend_of(node->stream.device);
    if (entry.keep) keep_while_tracing(*node);
    for (const Array& x : node->inputs) {
      task.cost += x.nbytes();
      const auto& event = x->node->event;
      // What one GPU is asked for runs in order; the host need not wait, unless
      // it is amid asking (in a signal handler).
      bool ordered = backend.deferred() && x->node->stream == node->stream &&
                     CancelScope::current() == nullptr;
      if (event && event != task.done && !ordered) task.wait_for(event);
    }
    task.entries.push_back(std::move(entry));
    node->event = task.done;
    node->status.store(Status::scheduled, std::memory_order_release);
  }

  static void reset(Entry& entry) {
    entry.node->visited = false;
    entry.node->event = nullptr;
    entry.node->status.store(Status::lazy, std::memory_order_release);
  }

  std::vector<Frame> stack_;
  Tasks tasks_;
};

}  // namespace

Tasks schedule(const Arrays& roots) { return Scheduler().schedule(roots); }

}  // namespace ingot
