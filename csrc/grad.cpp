// Reverse-mode differentiation over the lazy graph. Forward mode is its
// transpose: the vjp is linear in the cotangents, so the vjp of the vjp is the
// jvp, and each op states its derivative once.
// SPDX-License-Identifier: MIT
#include <unordered_map>
#include <unordered_set>

#include "csrc/ops.h"
#include "csrc/ops/operators.h"

namespace ingot {
namespace {

// The nodes between primals and outputs, in an order in which inputs come
// first. Without recursion: graphs are millions of nodes deep.
class Tape {
 public:
  Tape(const Arrays& primals, const Arrays& outputs, const Inputs& others) {
    for (const Array& x : others) depends_[x.get()] = false;
    for (const Array& x : primals) depends_[x.get()] = true;
    for (const Array& x : outputs) visit(x);
  }

  const std::vector<std::pair<Node*, Outputs>>& nodes() const { return nodes_; }
  bool depends(const Array& x) const {
    auto it = depends_.find(x.get());
    return it != depends_.end() && it->second;
  }

 private:
  struct Frame {
    Array array;
    Node* node;
    int64_t next = 0;
  };

  void visit(const Array& root) {
    push(root);
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      if (frame.next < frame.node->inputs.size()) {
        push(frame.node->inputs[frame.next++]);
      } else {
        Frame done = std::move(frame);
        stack_.pop_back();
        leave(done);
      }
    }
  }

  void push(const Array& x) {
    if (!x.tracer() || depends_.count(x.get())) return;
    if (!seen_.insert(x->node).second) return;
    stack_.push_back({x, x->node});
  }

  void leave(const Frame& frame) {
    if (frame.node->op->stops_gradient()) return;
    bool any = false;
    for (const Array& x : frame.node->inputs) any |= depends(x);
    if (!any) return;
    Outputs outputs = outputs_of(frame.array);
    for (const Array& out : outputs) {
      if (out.tracer()) depends_[out.get()] = true;
    }
    nodes_.emplace_back(frame.node, std::move(outputs));
  }

  std::vector<Frame> stack_;
  std::unordered_set<Node*> seen_;
  std::unordered_map<ArrayData*, bool> depends_;
  std::vector<std::pair<Node*, Outputs>> nodes_;
};

thread_local bool first_of_jvp = false;

// What taking_jvp() says while this lives.
class JvpScope {
 public:
  explicit JvpScope(bool on) : previous_(std::exchange(first_of_jvp, on)) {}
  ~JvpScope() { first_of_jvp = previous_; }
  JvpScope(const JvpScope&) = delete;
  JvpScope& operator=(const JvpScope&) = delete;

 private:
  bool previous_;
};

using Gradients = std::unordered_map<ArrayData*, Array>;

void accumulate(Gradients& gradients, const Array& x, Array gradient) {
  if (!gradient) return;
  Array& sum = gradients[x.get()];
  sum = sum ? sum + gradient : std::move(gradient);
}

// Sends the cotangents of a node's outputs on to its inputs.
void pull_back(const Node& node, const Outputs& outputs, const Tape& tape,
               Gradients& gradients) {
  Arrays cotangents;
  bool any = false;
  for (const Array& out : outputs) {
    auto it = gradients.find(out.get());
    cotangents.push_back(it == gradients.end() ? Array() : it->second);
    any |= it != gradients.end();
  }
  if (!any) return;
  std::vector<int> wanted;
  for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
    if (tape.depends(node.inputs[i])) wanted.push_back(i);
  }
  StreamScope scope(node.stream);
  Arrays parts = node.op->vjp(node.inputs, outputs, cotangents, wanted);
  for (size_t k = 0; k < wanted.size(); ++k) {
    accumulate(gradients, node.inputs[wanted[k]], std::move(parts[k]));
  }
  // An output's cotangent is complete and used: let it go.
  for (const Array& out : outputs) gradients.erase(out.get());
}

Arrays traced(const Arrays& arrays) {
  Arrays tracers;
  for (const Array& x : arrays) {
    tracers.push_back(alias(x));
    tracers.back()->tracer = true;
  }
  return tracers;
}

void check_cotangents(const Arrays& outputs, const Arrays& cotangents) {
  require(outputs.size() == cotangents.size(), "vjp: there must be one ",
          "cotangent for each of the ", outputs.size(), " outputs, got ",
          cotangents.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    require(outputs[i].shape() == cotangents[i].shape(), "vjp: cotangent ", i,
            " must have the shape of its output, ", outputs[i].shape(),
            ", got ", cotangents[i].shape());
  }
}

}  // namespace

Arrays backward(const Arrays& primals, const Arrays& outputs,
                const Arrays& cotangents, const Inputs& others) {
  Tape tape(primals, outputs, others);
  Gradients gradients;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (tape.depends(outputs[i])) {
      accumulate(gradients, outputs[i],
                 astype(cotangents[i], outputs[i].dtype()));
    }
  }
  for (auto it = tape.nodes().rbegin(); it != tape.nodes().rend(); ++it) {
    pull_back(*it->first, it->second, tape, gradients);
  }
  Arrays result;
  for (const Array& x : primals) {
    auto it = gradients.find(x.get());
    result.push_back(it == gradients.end() ? zeros_like(x) : it->second);
  }
  return result;
}

// What is not wanted here may still be traced by an outer transform.
Arrays vjp_through(const std::function<Arrays(const Inputs&)>& compose,
                   const Inputs& in, const Arrays& cotangents,
                   const std::vector<int>& wanted) {
  Inputs inner = in;
  Arrays primals;
  for (int i : wanted) {
    inner[i] = alias(in[i]);
    inner[i]->tracer = true;
    primals.push_back(inner[i]);
  }
  Arrays all = compose(inner);
  Arrays outputs, seeds;
  for (size_t k = 0; k < all.size(); ++k) {
    if (!cotangents[k]) continue;
    outputs.push_back(all[k]);
    seeds.push_back(cotangents[k]);
  }
  return backward(primals, outputs, seeds, in);
}

bool taking_jvp() { return first_of_jvp; }

Arrays transposed(const Function& linear, const Arrays& like,
                  const Arrays& cotangents, const Inputs& others) {
  Arrays zero;
  for (const Array& x : like) zero.push_back(zeros_like(x));
  Arrays tangents = traced(zero);
  Arrays all = linear(tangents);
  Arrays outputs, seeds;
  for (size_t k = 0; k < all.size(); ++k) {
    if (!all[k] || !cotangents[k]) continue;
    outputs.push_back(all[k]);
    seeds.push_back(cotangents[k]);
  }
  return backward(tangents, outputs, seeds, others);
}

std::pair<Arrays, Arrays> vjp(const Function& f, const Arrays& primals,
                              const Function& cotangents) {
  for (const Array& x : primals) {
    require<TypeError>(is_inexact(x.dtype()), "grad: arguments must have a ",
                       "floating or complex dtype, got ", x.dtype());
  }
  TraceScope scope;
  JvpScope mode(false);  // whatever takes a jvp of this
  Arrays tracers = traced(primals);
  Arrays outputs = f(tracers);
  Arrays seeds = cotangents(outputs);
  check_cotangents(outputs, seeds);
  Arrays gradients = backward(tracers, outputs, seeds);
  return {std::move(outputs), std::move(gradients)};
}

std::pair<Arrays, Arrays> jvp(const Function& f, const Arrays& primals,
                              const Arrays& tangents) {
  require(primals.size() == tangents.size(), "jvp: there must be one tangent ",
          "for each of the ", primals.size(), " primals, got ",
          tangents.size());
  for (size_t i = 0; i < primals.size(); ++i) {
    require(primals[i].shape() == tangents[i].shape(), "jvp: tangent ", i,
            " must have the shape of its primal, ", primals[i].shape(),
            ", got ", tangents[i].shape());
  }
  TraceScope scope;
  JvpScope outer(false);
  Arrays tracers = traced(primals);
  Arrays outputs = f(tracers);
  // g(u) = vjp(u) is linear; its own vjp at any u, of the tangents, is the jvp.
  Arrays zero;
  for (const Array& y : outputs) zero.push_back(zeros_like(y));
  Arrays cotangents = traced(zero);
  Arrays gradients;
  {
    JvpScope mode(true);
    gradients = backward(tracers, outputs, cotangents);
  }
  Arrays result = backward(cotangents, gradients, tangents);
  return {std::move(outputs), std::move(result)};
}

}  // namespace ingot
