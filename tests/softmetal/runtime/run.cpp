// Running a command buffer on the queue's thread: links its commands, runs them
// in an order that Metal allows, and lets each touch only what it may.
// SPDX-License-Identifier: MIT
#include <chrono>

#include "runtime/command_buffer.h"
#include "runtime/testing.h"

namespace softmetal {
namespace {

double now() {
  auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

}  // namespace

void CommandBuffer::run() {
  // For what the host left here. Kernels are ordered by commit_ alone.
  observe(&commit_token_);
  std::string problem;
  {
    Unseen unseen;
    {
      std::lock_guard lock(mutex_);
      status_ = scheduled;
      runner_ = std::this_thread::get_id();
    }
    changed_.notify_all();
    start_time_ = now();
    auto planned = planned_failure(Failure::command_buffer);
    problem = planned ? *planned : run_steps();
    leave_all();
    end_time_ = now();
  }
  finish(problem);
}

std::string CommandBuffer::run_steps() {
  for (const Step& step : steps_) {
    if (step.recording) {
      linker_.add(*step.recording);
      continue;
    }
    std::string problem = run_nodes();
    if (!problem.empty()) return problem;
    pass_event(step);
  }
  return run_nodes();
}

std::string CommandBuffer::run_nodes() {
  for (const NodePtr& node : schedule(linker_.take_nodes(), seed_)) {
    std::string problem = run_node(*node);
    if (!problem.empty()) return problem;
  }
  return "";
}

std::string CommandBuffer::run_node(Node& node) {
  Ordering ordering;
  ordering.commit = commit_;
  ordering.done = &node.token;
  for (const NodePtr& earlier : node.after) {
    ordering.after.push_back(&earlier->token);
  }
  std::string problem;
  if (node.call) {
    enter(*node.call);
    node.call->dispatch.seed = seed_;
    problem = softmetal::run(node.call->dispatch, ordering);
  } else {
    run_nothing(ordering);
  }
  node.done = true;
  node.call = nullptr;
  node.after.clear();
  return problem;
}

void CommandBuffer::pass_event(const Step& step) {
  SharedEvent& event = *step.event.get();
  Ordering ordering;
  ordering.commit = commit_;
  if (!step.waits) {
    for (const NodePtr& end : linker_.ends()) {
      ordering.after.push_back(&end->token);
    }
    ordering.done = event.token();
    run_nothing(ordering);
    event.signal(step.value);
    return;
  }
  leave_all();
  event.wait_for(step.value);
  auto node = std::make_shared<Node>();
  node->done = true;
  ordering.after.push_back(event.token());
  ordering.done = &node->token;
  run_nothing(ordering);
  linker_.start_after(std::move(node));
}

// Opens what the dispatch may touch and closes all else.
void CommandBuffer::enter(const Call& call) {
  if (shared_addresses()) return;
  Access wanted = call.bound;
  // A table's addresses mean nothing to a device of tier 1.
  if (environment_number("SOFTMETAL_TIER", 2) != 1) {
    for (const auto& [buffer, writes] : *call.resident) {
      wanted[buffer] |= writes;
    }
  }
  for (const auto& [buffer, writes] : access_) {
    auto still = wanted.find(buffer);
    if (still == wanted.end() || still->second != writes) {
      buffer->mapping().close(writes);
    }
  }
  for (const auto& [buffer, writes] : wanted) {
    auto already = access_.find(buffer);
    if (already == access_.end() || already->second != writes) {
      buffer->mapping().open(writes);
    }
  }
  access_ = std::move(wanted);
}

void CommandBuffer::leave_all() {
  for (const auto& [buffer, writes] : access_) {
    buffer->mapping().close(writes);
  }
  access_.clear();
}

}  // namespace softmetal
