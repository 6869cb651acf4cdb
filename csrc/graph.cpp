// Building and taking down the graph, and who may write over whose memory.
// SPDX-License-Identifier: MIT
#include "csrc/graph.h"

namespace ingot {
namespace {

thread_local int trace_depth = 0;
thread_local std::vector<std::weak_ptr<ArrayData>> kept;

bool any_tracer(const Inputs& inputs) {
  for (const Array& x : inputs) {
    if (x.tracer()) return true;
  }
  return false;
}

std::shared_ptr<ArrayData> make_data(Shape shape, Dtype dtype,
                                     const std::shared_ptr<Node>& node,
                                     bool tracer) {
  auto data = std::make_shared<ArrayData>();
  data->size = size_of(shape, dtype, node->op->name());
  data->shape = std::move(shape);
  data->dtype = dtype;
  data->node = node;
  data->tracer = tracer;
  return data;
}

std::shared_ptr<Node> make_node(std::shared_ptr<const Op> op, Inputs inputs) {
  auto node = std::make_shared<Node>();
  node->op = std::move(op);
  node->stream = current_stream();
  node->inputs = std::move(inputs);
  return node;
}

}  // namespace

TraceScope::TraceScope() { ++trace_depth; }
TraceScope::~TraceScope() {
  if (--trace_depth == 0) stop_tracing(std::exchange(kept, {}));
}
bool tracing() { return trace_depth > 0; }
void keep_while_tracing(const Array& x) { kept.push_back(x.ptr()); }

Array make_array(std::shared_ptr<const Op> op, Shape shape, Dtype dtype,
                 Inputs inputs) {
  bool tracer = tracing() && any_tracer(inputs) && !op->stops_gradient();
  auto node = make_node(std::move(op), std::move(inputs));
  auto data = make_data(std::move(shape), dtype, node, tracer);
  node->outputs.push_back(data);
  return Array(std::move(data));
}

Arrays make_arrays(std::shared_ptr<const Op> op, std::vector<Spec> specs,
                   Inputs inputs) {
  bool tracer = tracing() && any_tracer(inputs) && !op->stops_gradient();
  auto node = make_node(std::move(op), std::move(inputs));
  Arrays arrays;
  arrays.reserve(specs.size());
  for (const Spec& spec : specs) {
    auto data = make_data(spec.shape, spec.dtype, node, tracer);
    node->outputs.push_back(data);
    arrays.emplace_back(std::move(data));
  }
  node->specs = std::move(specs);
  return arrays;
}

// Handles of a dying node move to a list that the outermost destructor drains:
// depth of the graph becomes length of the list.
Node::~Node() {
  thread_local std::vector<Array>* pending = nullptr;
  if (pending) {
    for (Array& x : inputs) {
      if (x->node) pending->push_back(std::move(x));
    }
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

Arrays Op::vjp(const Inputs&, const Outputs&, const Arrays&,
               const std::vector<int>&) const {
  throw ValueError(cat("grad: ", name(), " must be differentiable, but has no ",
                       "derivative; use stop_gradient on its inputs"));
}

bool donatable(const Inputs& in, int64_t i) {
  const Array& x = in[i];
  // One owner of the handle (this list) and one of the memory (that array).
  if (x.ptr().use_count() != 1 || x->buffer.use_count() != 1) return false;
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
