// The lazy graph: nodes, the operations they hold, and how arrays are computed.
// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include "csrc/array.h"

namespace ingot {

class Backend;

using Inputs = SmallVector<Array, 3>;
using Outputs = SmallVector<Array, 1>;

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

  // The gradients of the inputs listed in `wanted`, in that order, given those
  // of the outputs; a missing one (an empty Array) is zero. Built from lazy
  // operations that are differentiable themselves, so this one statement serves
  // vjp, jvp (its transpose) and every higher order.
  virtual Arrays vjp(const Inputs& in, const Outputs& out,
                     const Arrays& cotangents,
                     const std::vector<int>& wanted) const;

  // True where no gradient passes.
  virtual bool stops_gradient() const { return false; }
};

// What an output will look like.
struct Spec {
  Shape shape;
  Dtype dtype;
};

struct Node {
  std::shared_ptr<const Op> op;
  Stream stream;
  Inputs inputs;
  std::vector<Spec> specs;  // of the outputs, where there are several
  SmallVector<std::weak_ptr<ArrayData>, 1> outputs;
  bool visited = false;  // by an eval that is putting nodes in order
  ~Node();  // iterative: a chain of a million nodes does not recurse
};

// Adds a node to the graph, on the current stream.
Array make_array(std::shared_ptr<const Op> op, Shape shape, Dtype dtype,
                 Inputs inputs);
Arrays make_arrays(std::shared_ptr<const Op> op, std::vector<Spec> specs,
                   Inputs inputs);

// The outputs of the node that `x` is one of; a dropped one is made anew
// (without memory) so that positions hold.
Outputs outputs_of(const Array& x);

// True if in[i] is contiguous, its memory has no other owner, and whoever
// computes the node may write over it.
bool donatable(const Inputs& in, int64_t i);
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
// Notes that x is computed while traced, for the end of the last scope.
void keep_while_tracing(const Array& x);
// Makes arrays ordinary ones: the graph behind those that have been computed is
// let go.
void stop_tracing(const std::vector<std::weak_ptr<ArrayData>>& arrays);

}  // namespace ingot
