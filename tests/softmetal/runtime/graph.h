// The order that Metal promises between dispatches: nothing but what barriers,
// encoders, fences and tracked buffers give.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace softmetal {

struct Recording;
struct Command;
class Buffer;
struct Call;

struct Node;
using NodePtr = std::shared_ptr<Node>;
using Nodes = std::vector<NodePtr>;

// A dispatch, or a point that others are before or after of.
struct Node {
  Nodes after;  // emptied when it has run
  Call* call = nullptr;
  bool done = false;
  uint64_t token = 0;  // its address is what TSan synchronizes on
};

// Of a tracked buffer: the encoders that the next one must wait for.
struct Hazards {
  NodePtr write;
  Nodes reads;
};

// Builds the graph of a command buffer, encoder by encoder, when it runs.
class Linker {
 public:
  void add(const Recording& recording);

  // What follows runs after this.
  void start_after(NodePtr node) { start_ = {std::move(node)}; }

  Nodes take_nodes() { return std::move(nodes_); }
  // The ends of everything linked so far.
  const Nodes& ends() const { return ends_; }

 private:
  NodePtr make(Nodes after, Call* call = nullptr);
  NodePtr join();
  void dispatch(Call& call, bool serial);
  void barrier(const Command& command);
  void wait_for_hazards(const Recording& recording);
  void leave_hazards(const Recording& recording, const NodePtr& end);

  Nodes start_;
  Nodes nodes_;
  Nodes ends_;

  // Of the encoder being linked.
  Nodes after_;                      // come before all that follows
  Nodes current_;                    // dispatches since the last barrier
  std::map<Buffer*, Nodes> barred_;  // by barriers of single resources
};

// An order in which nodes may run: with seed 0 that in which they were made.
Nodes schedule(const Nodes& nodes, uint64_t seed);

}  // namespace softmetal
