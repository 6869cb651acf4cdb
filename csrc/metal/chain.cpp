// Chains on the GPU: one kernel for all links, which is written for them, of the
// functors and with the roundings that each operation has by itself.
// SPDX-License-Identifier: MIT
#include "csrc/chain.h"

#include <algorithm>
#include <vector>

#include "csrc/error.h"
#include "csrc/metal/backend.h"
#include "csrc/metal/encoder.h"
#include "csrc/metal/functors.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"
#include "csrc/metal/written.h"

namespace ingot::metal {
namespace {

using Family = Elementwise::Family;

class ChainKernel {
 public:
  explicit ChainKernel(const Chain& chain) : chain_(chain) {
    for (const Link& link : chain.links) {
      for (const Taken& x : link.operands) {
        if (x.array && number_of(*x.array) == sources_.size()) {
          sources_.push_back(x.array);
        }
      }
      if (link.result) results_.push_back(link.result);
    }
    lay_out();
  }

  void dispatch() const {
    Written written = {source("elementwise"), text(), "chain"};
    auto pipeline = kernel_of(written);
    Dispatch work = {
        .pipeline = pipeline.get(),
        .args = &args_,
        .args_size = sizeof(args_),
        .groups = groups_for(static_cast<int64_t>(args_.size)),
        .threads = kGroup,
    };
    for (const Array* x : sources_) work.operands.push_back({*x});
    for (const Array* x : results_) work.operands.push_back({*x, true});
    encoder().dispatch(work);
  }

 private:
  size_t number_of(const Array& x) const {
    size_t j = 0;
    while (j < sources_.size() && sources_[j]->get() != x.get()) ++j;
    return j;
  }

  // Results lie in the order of the elements, and so may sources.
  void lay_out() {
    SmallVector<Strides, kMaxOperands> strides = {
        contiguous_strides(chain_.shape)};
    for (const Array* x : sources_) {
      strides.push_back(broadcast_strides(*x, chain_.shape));
    }
    Dims dims = merged(chain_.shape, strides);
    args_.size = 1;
    for (int64_t n : chain_.shape) args_.size *= static_cast<uint64_t>(n);
    args_.ndim = static_cast<int32_t>(dims.shape.size());
    std::copy(dims.shape.begin(), dims.shape.end(), args_.shape);
    for (size_t j = 0; j < sources_.size(); ++j) {
      const Strides& own = dims.strides[static_cast<int64_t>(j) + 1];
      std::copy(own.begin(), own.end(), args_.strides[j]);
      auto zero = [](int64_t stride) { return stride == 0; };
      if (std::all_of(own.begin(), own.end(), zero)) {
        places_.push_back("0");
      } else if (own == dims.strides[0]) {
        places_.push_back("i");
      } else {
        places_.push_back(
            cat("place(args.shape, args.strides[", j, "], args.ndim, i)"));
      }
    }
  }

  std::string name_of(const Taken& x) const {
    return x.array ? cat("x", number_of(*x.array)) : cat("v", x.link);
  }

  std::string value_of(const Link& link) const {
    std::vector<std::string> in;
    for (const Taken& x : link.operands) in.push_back(name_of(x));
    const char* from = metal_type(link.in);
    const char* to = metal_type(link.out);
    switch (link.what.family) {
      case Family::unary:
        return cat("apply<", functor(link.what.unary), ", ", from, ", ", to,
                   ">(", in[0], ")");
      case Family::binary:
        return cat("apply<", functor(link.what.binary), ", ", from, ", ", to,
                   ">(", in[0], ", ", in[1], ")");
      case Family::select:
        return cat(in[0], " ? ", in[1], " : ", in[2]);
      case Family::cast:
        return link.in == link.out ? in[0]
                                   : cat("convert<", to, ">(", in[0], ")");
    }
    return {};
  }

  std::string parameters() const {
    std::string all;
    size_t buffer = 0;
    for (size_t j = 0; j < sources_.size(); ++j) {
      all += cat("device const ", metal_type(sources_[j]->dtype()), "* a", j,
                 " [[buffer(", buffer++, ")]],\n");
    }
    for (size_t j = 0; j < results_.size(); ++j) {
      all += cat("device ", metal_type(results_[j]->dtype()), "* r", j,
                 " [[buffer(", buffer++, ")]],\n");
    }
    return cat(all, "constant ChainArgs& args [[buffer(", buffer, ")]],\n");
  }

  // All is read before anything is written: results may take the place of
  // sources.
  std::string text() const {
    std::string body, end;
    for (size_t j = 0; j < sources_.size(); ++j) {
      body += cat(metal_type(sources_[j]->dtype()), " x", j, " = a", j, "[",
                  places_[j], "];\n");
    }
    size_t result = 0;
    for (size_t k = 0; k < chain_.links.size(); ++k) {
      const Link& link = chain_.links[k];
      body += cat(metal_type(link.out), " v", k, " = ", value_of(link), ";\n");
      if (link.result) end += cat("r", result++, "[i] = v", k, ";\n");
    }
    return cat("[[kernel]] void chain(\n", parameters(),
               "uint group [[threadgroup_position_in_grid]],\n"
               "uint thread_index [[thread_position_in_threadgroup]]) {\n"
               "for (int k = 0; k < kEach; ++k) {\n"
               "ulong i = element(group, thread_index, k);\n"
               "if (i >= args.size) return;\n",
               body, end, "}\n}\n");
  }

  const Chain& chain_;
  std::vector<const Array*> sources_, results_;
  std::vector<std::string> places_;  // of a source's element
  ChainArgs args_ = {};
};

}  // namespace

// Of what a compiled function records, alone: a kernel that is written takes
// time, which has to be made up for by further calls.
bool MetalBackend::links(Node& node) const {
  const ArrayData& out = node.output(0);
  if (!node.recorded || out.shape.size() > kMaxDims) return false;
  auto fits = [](const Array& x) {
    return metal_type(x.dtype()) && !(x->buffer && x->buffer->lent());
  };
  return metal_type(out.dtype) &&
         std::all_of(node.inputs.begin(), node.inputs.end(), fits);
}

void MetalBackend::chain(const Chain& chain) { ChainKernel(chain).dispatch(); }

}  // namespace ingot::metal
