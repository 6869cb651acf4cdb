// Finds chains among the nodes to compute, and the memory for their results.
// SPDX-License-Identifier: MIT
#include "csrc/chain.h"

#include <algorithm>

#include "csrc/backend.h"
#include "csrc/cancel.h"
#include "csrc/eval.h"

namespace ingot {
namespace {

// Results of links in all: what is computed in place can't be stopped midway,
// and that many may take a twentieth of a second.
constexpr int64_t kUninterrupted = 64 << 20;

const Shape& shape_of(const Entry& entry) {
  return entry.node->output(0).shape;
}

// A node that a transform looks at keeps what it took, which has to be there.
bool can_link(const Backend& backend, const Entry& entry) {
  Node& node = *entry.node;
  return !entry.keep && node.op->elementwise() && !node.output(0).tracer &&
         backend.links(node);
}

// The entry among [first, last) whose output this is, counted from the first.
int link_of(const Array& x, const std::vector<Entry>& entries, size_t first,
            size_t last) {
  for (size_t k = last; k-- > first;) {
    if (&entries[k].node->output(0) == x.get()) {
      return static_cast<int>(k - first);
    }
  }
  return -1;
}

// An array from outside the chain, and who takes it.
struct Source {
  const Array* array;
  int64_t uses = 0;
  size_t last = 0;  // the last link that reads it
  bool taken = false;
};

class Builder {
 public:
  Builder(const Backend& backend, std::vector<Entry>& entries, size_t first,
          size_t length)
      : entries_(entries),
        first_(first),
        interruptible_(!backend.deferred()),
        uses_(length) {
    chain_.shape = shape_of(entries[first]);
    chain_.links.reserve(length);
    for (size_t k = 0; k < length; ++k) add(*entries[first + k].node);
  }
  // Not in the constructor: where this throws, the destructor has to run.
  void allocate() {
    results_.reserve(chain_.links.size());
    for (size_t k = 0; k < chain_.links.size(); ++k) {
      ArrayData& out = entries_[first_ + k].node->output(0);
      if (out.handles == uses_[k]) continue;  // all of them are links'
      results_.push_back(Array::adopt(out));
      give_memory(results_.back(), k);
      chain_.links[k].result = &results_.back();
    }
  }
  // The nodes' own, which were not counted.
  ~Builder() {
    for (Array& x : results_) x.forget();
  }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  const Chain& chain() const { return chain_; }

 private:
  void add(Node& node) {
    size_t k = chain_.links.size();
    Link link{*node.op->elementwise(),
              node.inputs[node.inputs.size() - 1].dtype(),
              node.output(0).dtype,
              {}};
    for (const Array& x : node.inputs) {
      int from = link_of(x, entries_, first_, first_ + k);
      if (from >= 0) {
        ++uses_[static_cast<size_t>(from)];
        link.operands.push_back({from, {}});
      } else {
        if (!x.ready() && !x->node->submitted) throw Cancelled();
        note(x, k);
        link.operands.push_back({-1, &x});
      }
    }
    chain_.links.push_back(std::move(link));
  }

  void note(const Array& x, size_t link) {
    auto same = [&](const Source& s) { return s.array->get() == x.get(); };
    auto found = std::find_if(sources_.begin(), sources_.end(), same);
    if (found == sources_.end()) {
      sources_.push_back({&x});
      found = sources_.end() - 1;
    }
    ++found->uses;
    found->last = link;
  }

  // That of an array which nobody needs after this link, or memory of its own.
  void give_memory(Array& out, size_t link) {
    auto links = static_cast<int64_t>(chain_.links.size());
    if (interruptible_ && out.size() * links > kUninterrupted) {
      return out.allocate();
    }
    for (Source& source : sources_) {
      const Array& x = *source.array;
      if (source.taken || source.last > link || x.size() != out.size() ||
          x.itemsize() != out.itemsize() || !donatable(x, source.uses)) {
        continue;
      }
      source.taken = true;
      return out.view_of(x, contiguous_strides(out.shape()));
    }
    out.allocate();
  }

  std::vector<Entry>& entries_;
  size_t first_;
  bool interruptible_;  // by a signal, midway
  Chain chain_;
  std::vector<int64_t> uses_;  // of each link's result, by later links
  std::vector<Source> sources_;
  Arrays results_;
};

}  // namespace

size_t chain_length(const Backend& backend, const std::vector<Entry>& entries,
                    size_t first) {
  size_t end = std::min(entries.size(), first + kMaxLinks);
  size_t k = first;
  int64_t arrays = 0;
  for (; k < end && can_link(backend, entries[k]); ++k) {
    if (shape_of(entries[k]) != shape_of(entries[first])) break;
    for (const Array& x : entries[k].node->inputs) {
      arrays += link_of(x, entries, first, k) < 0;
    }
    if (++arrays > kMaxChainArrays) break;
  }
  return std::max<size_t>(k - first, 1);
}

void compute_chain(Backend& backend, std::vector<Entry>& entries, size_t first,
                   size_t length) {
  Builder builder(backend, entries, first, length);
  builder.allocate();
  backend.chain(builder.chain());
}

}  // namespace ingot
