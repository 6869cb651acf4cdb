// Checks and dispatches the kernels that users write.
// SPDX-License-Identifier: MIT
#include "csrc/metal/custom.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "csrc/backend.h"
#include "csrc/error.h"
#include "csrc/metal/encoder.h"
#include "csrc/metal/info.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/signature.h"
#include "csrc/metal/written.h"

namespace ingot::metal {
namespace {

using Extents = std::array<int64_t, 3>;

std::string shown(const Extents& n) {
  return cat("(", n[0], ", ", n[1], ", ", n[2], ")");
}

// A shape and strides as the kernel takes them; those of a number have one
// place, for no constant may be empty.
struct LayoutConstants {
  SmallVector<int32_t, 4> shape;
  Strides strides;
  int32_t ndim;

  explicit LayoutConstants(const Array& x)
      : strides(x.strides()), ndim(static_cast<int32_t>(x.ndim())) {
    for (int64_t n : x.shape()) shape.push_back(static_cast<int32_t>(n));
    if (ndim > 0) return;
    shape.push_back(1);
    strides.push_back(0);
  }
};

class Custom final : public Op {
 public:
  Custom(const CustomSource& source, const CustomCall& call, Written written)
      : outputs_(call.outputs),
        initial_(call.initial),
        facts_(mentioned(source)),
        grid_{call.grid, call.group},
        row_contiguous_(source.row_contiguous),
        written_(std::move(written)) {}
  const char* name() const override { return "metal_kernel"; }

  Spec spec(const Inputs&, int64_t output) const override {
    return outputs_[static_cast<size_t>(output)];
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    auto pipeline = kernel_of(written_);
    check_threads(pipeline->maxTotalThreadsPerThreadgroup());
    for (int64_t k = 0; k < out.size(); ++k) {
      out[k].allocate();
      if (!initial_.empty()) {
        backend.fill(initial_[static_cast<size_t>(k)], out[k]);
      }
    }
    if (std::count(grid_.threads.begin(), grid_.threads.end(), 0)) return;
    Inputs read;
    for (const Array& x : in) read.push_back(readable(backend, x));
    dispatch(pipeline.get(), read, out);
  }

 private:
  void check_threads(size_t most) const {
    auto threads =
        static_cast<size_t>(grid_.group[0] * grid_.group[1] * grid_.group[2]);
    require(threads <= most, "metal_kernel: threadgroup must have at most ",
            most, " threads, which is what ", written_.name, " allows, got ",
            threads);
  }

  // x, or a copy of it in the layout that the kernel expects. A number is read
  // through `constant`, where places are multiples of 4 bytes.
  Array readable(Backend& backend, const Array& x) const {
    auto backwards = [](int64_t stride) { return stride < 0; };
    bool fits = row_contiguous_ ? x.contiguous()
                                : std::none_of(x.strides().begin(),
                                               x.strides().end(), backwards);
    if (fits && (x.ndim() > 0 || x->offset % 4 == 0)) return x;
    Array made = Array::empty(x.shape(), x.dtype());
    backend.copy(x, made);
    return made;
  }

  void dispatch(MTL::ComputePipelineState* pipeline, const Inputs& in,
                const Outputs& out) const {
    Dispatch work = {.pipeline = pipeline, .grid = grid_};
    for (const Array& x : in) work.operands.push_back({x});
    for (const Array& x : out) work.operands.push_back({x, true});
    std::vector<LayoutConstants> layouts(in.begin(), in.end());
    for (size_t i = 0; i < layouts.size(); ++i) {
      const LayoutConstants& x = layouts[i];
      auto pass = [&](bool wanted, const void* data, size_t size) {
        if (wanted) work.constants.push_back({data, size});
      };
      auto n = static_cast<size_t>(x.strides.size());
      pass(facts_[i].shape, x.shape.begin(), n * sizeof(int32_t));
      pass(facts_[i].strides, x.strides.begin(), n * sizeof(int64_t));
      pass(facts_[i].ndim, &x.ndim, sizeof(int32_t));
    }
    encoder().dispatch(work);
  }

  std::vector<Spec> outputs_;
  std::vector<Number> initial_;
  std::vector<Mentioned> facts_;
  Grid grid_;
  bool row_contiguous_;
  Written written_;
};

void check_sizes(const CustomCall& call) {
  auto most = static_cast<int64_t>(device_info().max_threads);
  int64_t threads = 1;
  for (int axis = 0; axis < 3; ++axis) {
    int64_t n = call.grid[axis], group = call.group[axis];
    require(n >= 0 && n <= UINT32_MAX, "metal_kernel: grid must have three ",
            "numbers of threads in [0, ", UINT32_MAX, "], got ",
            shown(call.grid));
    bool fits = group >= 1 && group <= most;
    if (fits) threads *= group;
    require(fits && threads <= most, "metal_kernel: threadgroup must have ",
            "three numbers of at least 1, whose product is at most ", most,
            ", got ", shown(call.group));
  }
}

void check_counts(const CustomSource& source, const CustomCall& call) {
  auto same = [](const char* what, size_t wanted, size_t got) {
    require(wanted == got, "metal_kernel: ", what, " must be ", wanted,
            ", one for each name, got ", got);
  };
  same("inputs", source.inputs.size(), call.inputs.size());
  same("output_shapes and output_dtypes", source.outputs.size(),
       call.outputs.size());
}

void check_types(const CustomSource& source, const CustomCall& call) {
  auto known = [](const std::string& what, Dtype dtype) {
    require<TypeError>(metal_type(dtype), "metal_kernel: ", what,
                       " must have a dtype that Metal has, got ", dtype);
  };
  std::vector<Mentioned> facts = mentioned(source);
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const Array& x = call.inputs[i];
    known("input " + source.inputs[i], x.dtype());
    for (int64_t n : x.shape()) {
      require(!facts[i].shape || n <= INT32_MAX,
              "metal_kernel: ", source.inputs[i],
              "_shape must hold 32-bit numbers, got ", x.shape());
    }
  }
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    known("output " + source.outputs[i], call.outputs[i].dtype);
  }
  for (const auto& [name, value] : call.values) {
    if (auto* dtype = std::get_if<Dtype>(&value)) {
      known("template " + name, *dtype);
    }
    if (auto* n = std::get_if<int64_t>(&value)) {
      require(std::in_range<int32_t>(*n), "metal_kernel: template ", name,
              " must fit into int, got ", *n);
    }
  }
}

}  // namespace

CustomOutputs custom_kernel(const CustomSource& source,
                            const CustomCall& call) {
  require(current_stream().device.type == DeviceType::gpu,
          "metal_kernel: the stream must be a GPU's, got one of the CPU; pass ",
          "stream=mx.gpu");
  check_counts(source, call);
  check_sizes(call);
  check_types(source, call);
  Written written = custom_text(source, call);
  CustomOutputs made = {{}, written.prelude + written.text};
  auto op = std::make_shared<Custom>(source, call, std::move(written));
  Inputs inputs(call.inputs.begin(), call.inputs.end());
  made.arrays = make_arrays(std::move(op), std::ssize(call.outputs), inputs);
  return made;
}

}  // namespace ingot::metal
