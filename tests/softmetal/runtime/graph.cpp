// Every edge leads from a command to one that was encoded earlier.
// SPDX-License-Identifier: MIT
#include "runtime/graph.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "runtime/buffer.h"
#include "runtime/encoder.h"
#include "runtime/sync.h"

namespace softmetal {
namespace {

void append(Nodes& to, const Nodes& from) {
  to.insert(to.end(), from.begin(), from.end());
}

std::mutex hazards_mutex;  // two queues may link at once

}  // namespace

NodePtr Linker::make(Nodes after, Call* call) {
  auto node = std::make_shared<Node>();
  node->after = std::move(after);
  node->call = call;
  nodes_.push_back(node);
  return node;
}

NodePtr Linker::join() {
  Nodes all = after_;
  append(all, current_);
  return make(std::move(all));
}

void Linker::add(const Recording& recording) {
  std::lock_guard lock(hazards_mutex);
  after_ = start_;
  current_.clear();
  barred_.clear();
  wait_for_hazards(recording);
  for (const Command& command : recording.commands) {
    switch (command.kind) {
      case Command::dispatch:
        dispatch(*command.call, recording.serial);
        break;
      case Command::barrier:
        barrier(command);
        break;
      case Command::update_fence:
        command.fence->updated = join();
        break;
      case Command::wait_for_fence:
        if (command.fence->updated) after_.push_back(command.fence->updated);
        break;
    }
  }
  NodePtr end = join();
  leave_hazards(recording, end);
  ends_.push_back(std::move(end));
}

void Linker::dispatch(Call& call, bool serial) {
  Nodes after = after_;
  if (serial && !current_.empty()) after.push_back(current_.back());
  for (const auto& [buffer, nodes] : barred_) {
    if (call.uses(buffer)) append(after, nodes);
  }
  current_.push_back(make(std::move(after), &call));
}

void Linker::barrier(const Command& command) {
  if (command.resources.empty()) {
    if (current_.empty()) return;
    after_ = {join()};
    current_.clear();
    barred_.clear();
    return;
  }
  for (Buffer* buffer : command.resources) {
    for (const NodePtr& node : current_) {
      if (node->call->uses(buffer)) barred_[buffer].push_back(node);
    }
  }
}

void Linker::wait_for_hazards(const Recording& recording) {
  for (const auto& [buffer, writes] : recording.tracked) {
    const Hazards& hazards = buffer->hazards;
    if (hazards.write) after_.push_back(hazards.write);
    if (writes) append(after_, hazards.reads);
  }
}

void Linker::leave_hazards(const Recording& recording, const NodePtr& end) {
  for (const auto& [buffer, writes] : recording.tracked) {
    Hazards& hazards = buffer->hazards;
    if (writes) {
      hazards.write = end;
      hazards.reads.clear();
    } else {
      auto& reads = hazards.reads;
      reads.erase(
          std::remove_if(reads.begin(), reads.end(),
                         [](const NodePtr& n) { return !kTsan && n->done; }),
          reads.end());
      reads.push_back(end);
    }
  }
}

Nodes schedule(const Nodes& nodes, uint64_t seed) {
  if (seed == 0) return nodes;
  std::unordered_map<Node*, size_t> missing;
  std::unordered_map<Node*, Nodes> followers;
  Nodes ready, order;
  for (const NodePtr& node : nodes) {
    for (const NodePtr& earlier : node->after) {
      if (earlier->done) continue;
      ++missing[node.get()];
      followers[earlier.get()].push_back(node);
    }
    if (missing[node.get()] == 0) ready.push_back(node);
  }
  uint64_t state = seed;
  while (!ready.empty()) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    std::swap(ready[(state >> 33) % ready.size()], ready.back());
    NodePtr node = std::move(ready.back());
    ready.pop_back();
    for (const NodePtr& next : followers[node.get()]) {
      if (--missing[next.get()] == 0) ready.push_back(next);
    }
    order.push_back(std::move(node));
  }
  return order;
}

}  // namespace softmetal
