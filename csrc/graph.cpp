// Building the graph, letting go of it, and who may write over whose memory.
// SPDX-License-Identifier: MIT
#include "csrc/graph.h"

namespace ingot {
namespace {

thread_local int trace_depth = 0;
thread_local std::vector<NodePtr> kept;

bool any_tracer(const Inputs& inputs) {
  for (const Array& x : inputs) {
    if (x.tracer()) return true;
  }
  return false;
}

void describe(ArrayData& data, Spec spec, const char* name) {
  data.size = size_of(spec.shape, spec.dtype, name);
  data.shape = std::move(spec.shape);
  data.dtype = spec.dtype;
}

// The outputs of a new node, described by describe(i, output i).
template <class F>
void fill(Node& node, F&& describe) {
  const Inputs& inputs = node.inputs;
  bool tracer = tracing() && any_tracer(inputs) && !node.op->stops_gradient();
  for (int64_t i = 0; i < node.outputs; ++i) {
    describe(i, node.output(i));
    if (tracer) node.output(i).tracer = true;
  }
}

// A handle, unless the last one has gone.
Array one_more(ArrayData& data) {
  int64_t n = data.handles.load(std::memory_order_acquire);
  while (n > 0 && !data.handles.compare_exchange_weak(n, n + 1)) {
  }
  return n > 0 ? Array::adopt(data) : Array();
}

}  // namespace

std::mutex& graph_mutex() {
  static std::mutex* mutex = new std::mutex;  // arrays outlive static objects
  return *mutex;
}

// --- lifetime ---

Node::Node(std::shared_ptr<const Op> op, Inputs inputs, int64_t outputs)
    : op(std::move(op)),
      stream(current_stream()),
      outputs(outputs),
      inputs(std::move(inputs)) {}

NodePtr Node::make(std::shared_ptr<const Op> op, Inputs inputs,
                   int64_t outputs) {
  static_assert(sizeof(Node) % alignof(ArrayData) == 0);
  size_t bytes =
      sizeof(Node) + static_cast<size_t>(outputs) * sizeof(ArrayData);
  void* memory = ::operator new(bytes);
  Node* node;
  try {
    node = new (memory) Node(std::move(op), std::move(inputs), outputs);
  } catch (...) {
    ::operator delete(memory);
    throw;
  }
  for (int64_t i = 0; i < outputs; ++i) new (&node->output(i)) ArrayData(node);
  return NodePtr(node);
}

void NodePtr::release(Node* node) {
  if (node->holders.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  let_go(std::move(node->inputs));
  for (int64_t i = 0; i < node->outputs; ++i) node->output(i).~ArrayData();
  node->~Node();
  ::operator delete(node);
}

void Array::revive() {
  Node& node = *data_->node;
  if (node.live.fetch_add(1, std::memory_order_acq_rel) > 0) return;
  node.holders.fetch_add(1, std::memory_order_relaxed);
}

void Array::release() {
  Node& node = *data_->node;
  // Asked before counting down: an output that is ready by then can only be
  // dropped, which is this thread's to do.
  bool settled = ready() && !node.kept.load(std::memory_order_acquire);
  if (data_->handles.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  BufferPtr buffer;
  Inputs inputs;
  bool last;
  if (settled) {
    buffer = std::move(data_->buffer);
    last = node.live.fetch_sub(1, std::memory_order_acq_rel) == 1;
  } else {
    std::lock_guard lock(graph_mutex());
    Status status = node.status;
    bool done = status == Status::ready || node.submitted;
    if (done && data_->handles == 0) {
      buffer = std::move(data_->buffer);
    }
    last = node.live.fetch_sub(1, std::memory_order_acq_rel) == 1;
    if (last && status != Status::scheduled) inputs = std::move(node.inputs);
  }
  let_go(std::move(inputs));
  if (last) NodePtr::release(&node);
}

void let_go(Inputs inputs) {
  thread_local std::vector<Array>* pending = nullptr;
  if (inputs.empty()) return;
  if (pending) {
    for (Array& x : inputs) pending->push_back(std::move(x));
    return;
  }
  std::vector<Array> list;
  pending = &list;
  inputs.clear();
  while (!list.empty()) {
    Array last = std::move(list.back());
    list.pop_back();
  }
  pending = nullptr;
}

// --- building ---

namespace {

// The one place where complex numbers are kept out of what has no meaning for
// them.
void check_types(const Op& op, const Inputs& inputs, bool complex) {
  for (const Array& x : inputs) complex |= is_complex(x.dtype());
  require<TypeError>(!complex || op.takes_complex(), op.name(),
                     ": arrays must be real, got complex64");
}

}  // namespace

Array make_array(std::shared_ptr<const Op> op, Shape shape, Dtype dtype,
                 Inputs inputs) {
  check_types(*op, inputs, is_complex(dtype));
  NodePtr node = Node::make(std::move(op), std::move(inputs), 1);
  fill(*node, [&](int64_t, ArrayData& output) {
    describe(output, {std::move(shape), dtype}, node->op->name());
  });
  return Array(node->output(0));
}

Arrays make_arrays(std::shared_ptr<const Op> op, int64_t outputs,
                   Inputs inputs) {
  check_types(*op, inputs, false);
  NodePtr node = Node::make(std::move(op), std::move(inputs), outputs);
  fill(*node, [&](int64_t i, ArrayData& output) {
    describe(output, node->op->spec(node->inputs, i), node->op->name());
  });
  Arrays arrays;
  arrays.reserve(static_cast<size_t>(outputs));
  for (int64_t i = 0; i < outputs; ++i) arrays.emplace_back(node->output(i));
  return arrays;
}

Array make_leaf(const Shape& shape, Dtype dtype) {
  NodePtr node = Node::make(nullptr, {}, 1);
  describe(node->output(0), {shape, dtype}, "array");
  node->status = Status::ready;
  return Array(node->output(0));
}

// --- tracing ---

TraceScope::TraceScope() { ++trace_depth; }

TraceScope::~TraceScope() {
  if (--trace_depth > 0) return;
  std::vector<NodePtr> nodes = std::exchange(kept, {});
  std::vector<Inputs> inputs;
  {
    std::lock_guard lock(graph_mutex());
    for (NodePtr& node : nodes) {
      for (int64_t i = 0; i < node->outputs; ++i)
        node->output(i).tracer = false;
      if (node->status != Status::ready) continue;
      inputs.push_back(std::move(node->inputs));
      node->kept.store(false, std::memory_order_release);
    }
  }
  for (Inputs& list : inputs) let_go(std::move(list));
}

bool tracing() { return trace_depth > 0; }
void keep_while_tracing(Node& node) { kept.emplace_back(&node); }

Outputs outputs_of(const Array& x) {
  Node& node = *x->node;
  Outputs outputs;
  bool complete = true;
  {
    std::lock_guard lock(graph_mutex());
    for (int64_t i = 0; i < node.outputs; ++i) {
      ArrayData& data = node.output(i);
      bool lazy = node.status == Status::lazy;
      outputs.push_back(lazy ? Array(data) : one_more(data));
      complete &= static_cast<bool>(outputs.back());
    }
  }
  if (complete) return outputs;
  StreamScope scope(node.stream);
  Arrays again = make_arrays(node.op, node.outputs, node.inputs);
  for (int64_t i = 0; i < node.outputs; ++i) {
    if (outputs[i]) continue;
    outputs[i] = again[static_cast<size_t>(i)];
    outputs[i]->tracer = x.tracer();
  }
  return outputs;
}

Spec Op::spec(const Inputs&, int64_t) const {
  throw std::logic_error(cat(name(), ": has one output"));
}

Arrays Op::vjp(const Inputs&, const Outputs&, const Arrays&,
               const std::vector<int>&) const {
  throw ValueError(cat("grad: ", name(), " must be differentiable, but has no ",
                       "derivative; use stop_gradient on its inputs"));
}

bool donatable(const Array& x, int64_t handles) {
  // The memory's one owner is that array.
  if (x->handles.load(std::memory_order_acquire) != handles ||
      x->buffer.use_count() != 1 || x->buffer->lent() || x->buffer->busy()) {
    return false;
  }
  std::atomic_thread_fence(std::memory_order_acquire);
  return !x.tracer() && x.contiguous();
}

int64_t allocate_or_donate(const Inputs& in, Array& out) {
  for (int64_t i = 0; i < in.size(); ++i) {
    if (in[i].size() == out.size() && in[i].itemsize() == out.itemsize() &&
        donatable(in, i)) {
      out->buffer = in[i]->buffer;
      out->offset = in[i]->offset;
      out->strides = contiguous_strides(out.shape());
      return i;
    }
  }
  out.allocate();
  return -1;
}

}  // namespace ingot
