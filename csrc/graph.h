// The lazy graph: nodes, the operations they hold, and how arrays are computed.
// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "csrc/array.h"
#include "csrc/families.h"

namespace ingot {

class Backend;
class Event;
struct Batch;  // vmap.h
struct Saved;  // saved.h

using Inputs = SmallVector<Array, 3>;
using Outputs = SmallVector<Array, 1>;

// What an output will look like.
struct Spec {
  Shape shape;
  Dtype dtype;
};

// One operation of one family. Immutable: attributes only, no arrays (those are
// inputs), so that nodes may share one.
class Op {
 public:
  virtual ~Op() = default;
  virtual const char* name() const = 0;

  // Computes the outputs: sets their memory and fills it. Inputs are ready.
  // May reuse the memory of `in[i]` if donatable(in, i); must allocate before
  // it writes over any input, since a failed eval leaves the graph as it was.
  virtual void eval(Backend& backend, Inputs& in, Outputs& out) const = 0;

  // Shape and dtype of an output, for operations that have several.
  virtual Spec spec(const Inputs& in, int64_t output) const;

  // The gradients of the inputs listed in `wanted`, in that order, given those
  // of the outputs; a missing one (an empty Array) is zero. Built from lazy
  // operations that are differentiable themselves, so this one statement serves
  // vjp, jvp (its transpose) and every higher order.
  virtual Arrays vjp(const Inputs& in, const Outputs& out,
                     const Arrays& cotangents,
                     const std::vector<int>& wanted) const;

  // The outputs for a batch; none where it has no rule for that, so that vmap
  // goes through the examples. Elementwise operations need none.
  virtual Arrays vmap(const Batch& batch) const;

  // What it does, if that is elementwise.
  virtual std::optional<Elementwise> elementwise() const {
    return std::nullopt;
  }

  // True where no gradient passes.
  virtual bool stops_gradient() const { return false; }

  // Whether complex arrays may go in or come out; else they are refused where
  // the operation is added to the graph.
  virtual bool takes_complex() const { return false; }

  // Its row in saved_table.cpp, and its attributes; none where it cannot
  // be written to a file.
  virtual std::optional<Saved> saved() const;
};

// An operation for elements of every type, most often one that moves them.
class UntypedOp : public Op {
 public:
  bool takes_complex() const override { return true; }
};

// An operation on its way to being computed, and its outputs, which lie behind
// it in one block of memory (a step has thousands).
//
// An output counts its handles, a node its outputs that have any: with the last
// of those go its inputs. NodePtr holds the block alone. A handle of an output
// that has none may be made only while nobody else can schedule or finish the
// node: by the eval that computes it, or under graph_mutex() while it is lazy.
struct Node {
  static class NodePtr make(std::shared_ptr<const Op> op, Inputs inputs,
                            int64_t outputs);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  ArrayData& output(int64_t i) {
    return reinterpret_cast<ArrayData*>(this + 1)[i];
  }

  const std::shared_ptr<const Op> op;  // null if made ready
  const Stream stream;
  const int64_t outputs;
  // Of a recording: the same work will be asked for again.
  bool recorded = false;

  std::atomic<Status> status{Status::lazy};
  // Its inputs stay beyond its eval, for the transform that looks at it.
  std::atomic<bool> kept{false};
  // A GPU has been asked to compute it: its outputs have their memory, which
  // until it is ready only what comes after on that GPU may touch. Written
  // under graph_mutex().
  std::atomic<bool> submitted{false};
  std::atomic<int64_t> live{0};     // outputs that have handles
  std::atomic<int64_t> holders{0};  // of the block; the live outputs are one

  // Under graph_mutex(), but for the inputs of a node that nobody else can
  // schedule:
  Inputs inputs;
  std::shared_ptr<Event> event;  // of the eval that has taken it on
  std::exception_ptr error;      // of a failed one
  bool visited = false;          // by an eval that is putting nodes in order

 private:
  friend class NodePtr;
  Node(std::shared_ptr<const Op> op, Inputs inputs, int64_t outputs);
  ~Node() = default;
};

// Holds the memory of a node, not what is in it.
class NodePtr {
 public:
  NodePtr() = default;
  explicit NodePtr(Node* node) : node_(node) {
    node_->holders.fetch_add(1, std::memory_order_relaxed);
  }
  NodePtr(NodePtr&& other) noexcept
      : node_(std::exchange(other.node_, nullptr)) {}
  NodePtr& operator=(NodePtr&& other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~NodePtr() {
    if (node_) release(node_);
  }
  static void release(Node* node);
  Node* get() const { return node_; }
  Node& operator*() const { return *node_; }
  Node* operator->() const { return node_; }

 private:
  Node* node_ = nullptr;
};

inline Status Array::status() const {
  return data_->node->status.load(std::memory_order_acquire);
}

// Guards what the comments of Node say. While it is held no array handle may be
// let go.
std::mutex& graph_mutex();
// Drops inputs without recursion: a chain of a million nodes is let go in a
// loop.
void let_go(Inputs inputs);

// Adds a node to the graph, on the current stream.
Array make_array(std::shared_ptr<const Op> op, Shape shape, Dtype dtype,
                 Inputs inputs);
Arrays make_arrays(std::shared_ptr<const Op> op, int64_t outputs,
                   Inputs inputs);
// A ready array that is no operation's, for memory to be put into.
Array make_leaf(const Shape& shape, Dtype dtype);

// The outputs of the node that `x` is one of, for a transform; the dropped ones
// of a node that has been computed are made anew, by a copy of the node.
Outputs outputs_of(const Array& x);

// True if x is contiguous, has that many handles, its memory has no other
// owner, and whoever computes the node that holds them may write over it.
bool donatable(const Array& x, int64_t handles);
inline bool donatable(const Inputs& in, int64_t i) {
  return donatable(in[i], 1);
}
// Gives out the memory of the first donatable input of out's byte layout, or
// memory of its own; says which input was taken, or -1.
int64_t allocate_or_donate(const Inputs& in, Array& out);

// --- evaluation (eval.cpp) ---

// Computes the arrays and waits. Throws what a failing operation threw.
void eval(const Arrays& arrays);
// Starts computing them; returns at once where that would take long.
void async_eval(const Arrays& arrays);

// While one of these lives, arrays made from tracers are tracers: their nodes
// are kept after evaluation, and their memory is not donated. The last one of a
// thread lets go of what was kept.
class TraceScope {
 public:
  TraceScope();
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;
};
bool tracing();
// Notes that a node is computed while traced: at the end of the last scope its
// outputs become ordinary arrays and it lets go of its inputs.
void keep_while_tracing(Node& node);

}  // namespace ingot
