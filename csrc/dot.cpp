// Walks over the lazy graph and writes its nodes and arrays.
// SPDX-License-Identifier: MIT
#include "csrc/dot.h"

#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "csrc/graph.h"

namespace ingot {
namespace {

std::string escaped(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

// A, B, ..., Z, AA, AB, ...
std::string letters(size_t number) {
  std::string text;
  for (++number; number > 0; number = (number - 1) / 26) {
    text.insert(text.begin(), static_cast<char>('A' + (number - 1) % 26));
  }
  return text;
}

class Writer {
 public:
  explicit Writer(const Names& names) {
    for (const auto& [name, x] : names) names_[x.get()] = name;
  }

  // Without recursion, inputs first: graphs are millions of nodes deep.
  void visit(const Array& root) {
    push(root);
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      if (frame.next < frame.inputs.size()) {
        Array input = frame.inputs[frame.next++];
        push(input);
      } else {
        write(frame);
        stack_.pop_back();
      }
    }
    describe(root);
  }

  std::string text() const { return "digraph {\n" + out_.str() + "}\n"; }

 private:
  struct Frame {
    Array array;
    Inputs inputs;
    int64_t next = 0;
  };

  // What has been computed is a leaf: how is no longer known.
  void push(const Array& x) {
    if (!seen_.insert(x->node).second) return;
    kept_.push_back(x);
    Inputs inputs;
    {
      std::lock_guard lock(graph_mutex());
      if (x.status() != Status::lazy) return;
      inputs = x->node->inputs;
    }
    stack_.push_back({x, std::move(inputs)});
  }

  void write(const Frame& frame) {
    std::string box = cat("op", boxes_++);
    std::string edges;
    for (const Array& x : frame.inputs) {
      edges += cat("  ", describe(x), " -> ", box, ";\n");
    }
    for (const Array& x : outputs_of(frame.array)) {
      edges += cat("  ", box, " -> ", describe(x), ";\n");
    }
    out_ << "  " << box << " [label=\"" << frame.array->node->op->name()
         << "\", shape=box];\n"
         << edges;
  }

  // Says what an array is, once, and what it is called in the text.
  std::string describe(const Array& x) {
    auto [place, fresh] = ids_.insert({x.get(), ids_.size()});
    std::string id = cat("array", place->second);
    if (!fresh) return id;
    kept_.push_back(x);
    auto named = names_.find(x.get());
    std::string label =
        named == names_.end() ? letters(letters_++) : escaped(named->second);
    out_ << "  " << id << " [label=\"" << label << "\\n"
         << x.shape() << " " << x.dtype() << "\"];\n";
    return id;
  }

  std::unordered_map<ArrayData*, std::string> names_;
  std::unordered_map<ArrayData*, size_t> ids_;
  std::unordered_set<Node*> seen_;
  std::vector<Frame> stack_;
  Arrays kept_;  // so that no address stands for two
  std::ostringstream out_;
  size_t boxes_ = 0, letters_ = 0;
};

}  // namespace

std::string to_dot(const Arrays& outputs, const Names& names) {
  Writer writer(names);
  for (const Array& x : outputs) writer.visit(x);
  return writer.text();
}

}  // namespace ingot
