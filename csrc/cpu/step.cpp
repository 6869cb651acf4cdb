// The optimizer step on the CPU: one pass over the memory of all tensors, in
// chunks that the threads claim.
// SPDX-License-Identifier: MIT
#include "csrc/ops/step.h"

#include "csrc/cpu/backend.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/subnormals.h"
#include "csrc/cpu/tiles.h"
#include "csrc/ops/rule.h"

namespace ingot::cpu {
namespace {

class StepPass {
 public:
  explicit StepPass(const StepTable& table)
      : table_(table),
        row_(kernels().step[static_cast<int>(table.rule)]),
        scale_(kernels().step[static_cast<int>(StepRule::Scale)]) {
    if (!table.clip[0]) return;
    fill_hyper_of<Scale>(clip_,
                         [&](int j) -> const Array& { return *table.clip[j]; });
  }

  void run(const StepChunk& chunk) const {
    const StepTensor& t = table_.tensors[static_cast<size_t>(chunk.tensor)];
    if (stays(t)) return;
    if (StepKernel kernel = direct_kernel(t)) {
      run_direct(kernel, t, chunk);
    } else {
      run_tiles(t, chunk);
    }
  }

 private:
  bool idle(const StepTensor& t) const {
    return clip_.idle(t.compute == Dtype::float64);
  }
  // Whether gradients are clipped before the rule.
  bool clips(const StepTensor& t) const {
    return table_.clip[0] && table_.rule != StepRule::Scale && !idle(t);
  }

  int inputs() const { return 2 + table_.slots; }
  int outputs() const { return 1 + table_.slots; }

  // Gradients below the norm that they may have, where they are to be.
  bool stays(const StepTensor& t) const {
    return table_.rule == StepRule::Scale && idle(t) && t.contiguous &&
           t.in_data[1] == t.out_data[0] &&
           t.in[1]->dtype() == t.out[0]->dtype();
  }

  const void* hyper(Dtype compute) const {
    bool wide = compute == Dtype::float64;
    if (table_.rule == StepRule::Scale) return clip_.of(wide);
    return wide ? static_cast<const void*>(table_.hyper)
                : static_cast<const void*>(table_.hyper_float);
  }

  // The kernel that takes the memory of a tensor as it is, or null.
  StepKernel direct_kernel(const StepTensor& t) const {
    if (!t.contiguous || clips(t)) return nullptr;
    Dtype w = t.in[0]->dtype(), state = table_.slots > 0 ? t.in[2]->dtype() : w;
    for (int i = 1; i < inputs(); ++i) {
      if (t.in[i]->dtype() != (i == 1 ? w : state)) return nullptr;
    }
    if (w == t.compute && state == w) return row_[static_cast<int>(w)];
    if (w != Dtype::bfloat16) return nullptr;
    auto rule = static_cast<int>(table_.rule);
    if (state == w) return kernels().step_all_bfloat16[rule];
    return state == t.compute ? kernels().step_bfloat16[rule] : nullptr;
  }

  void run_direct(StepKernel kernel, const StepTensor& t,
                  const StepChunk& chunk) const {
    const void* in[2 + kMaxSlots];
    void* out[1 + kMaxSlots];
    for (int i = 0; i < inputs(); ++i) {
      in[i] = static_cast<const char*>(t.in_data[i]) +
              chunk.first * t.in[i]->itemsize();
    }
    for (int i = 0; i < outputs(); ++i) out[i] = place(t, i, chunk.first);
    kernel(in, out, hyper(t.compute), chunk.count);
  }

  void run_tiles(const StepTensor& t, const StepChunk& chunk) const {
    SmallVector<Reader, 2 + kMaxSlots> readers;
    for (int i = 0; i < inputs(); ++i) readers.emplace_back(*t.in[i]);
    const void* in[2 + kMaxSlots];
    void* out[1 + kMaxSlots];
    Scratch wide[2 + kMaxSlots], raw[2 + kMaxSlots];
    bool clip = clips(t);
    for (int64_t done = 0; done < chunk.count; done += kTile) {
      int64_t at = chunk.first + done;
      int64_t n = std::min<int64_t>(kTile, chunk.count - done);
      for (int i = 0; i < inputs(); ++i) {
        in[i] = readers[i].read(at, n, raw[i]);
        Dtype dtype = t.in[i]->dtype();
        if (dtype == t.compute) continue;
        convert(in[i], dtype, wide[i].bytes, t.compute, n);
        in[i] = wide[i].bytes;
      }
      if (clip) in[1] = clipped(t, in[1], wide[1], raw[1], n);
      // A kernel may write where it reads: scratch serves for both.
      for (int i = 0; i < outputs(); ++i) {
        int source = i == 0 ? 0 : i + 1;  // there is no new gradient
        out[i] = converts(t, i) ? wide[source].bytes : place(t, i, at);
      }
      row_[static_cast<int>(t.compute)](in, out, hyper(t.compute), n);
      for (int i = 0; i < outputs(); ++i) {
        if (!converts(t, i)) continue;
        convert(out[i], t.compute, place(t, i, at), t.out[i]->dtype(), n);
      }
    }
  }

  // Gradients as if the clipping had stored them.
  const void* clipped(const StepTensor& t, const void* g, Scratch& wide,
                      Scratch& raw, int64_t n) const {
    const void* in[] = {g, g};
    void* out[] = {wide.bytes};
    scale_[static_cast<int>(t.compute)](
        in, out, clip_.of(t.compute == Dtype::float64), n);
    Dtype dtype = t.in[1]->dtype();
    if (dtype != t.compute) {
      convert(wide.bytes, t.compute, raw.bytes, dtype, n);
      convert(raw.bytes, dtype, wide.bytes, t.compute, n);
    }
    return wide.bytes;
  }

  static bool converts(const StepTensor& t, int output) {
    return t.out[output]->dtype() != t.compute;
  }
  static void* place(const StepTensor& t, int output, int64_t at) {
    return static_cast<char*>(t.out_data[output]) +
           at * t.out[output]->itemsize();
  }

  struct Clip {
    double hyper[2];
    float hyper_float[2];
    // Whether it leaves numbers as they are.
    bool idle(bool wide) const {
      return wide ? hyper[0] == 1 && hyper[1] == 1
                  : hyper_float[0] == 1 && hyper_float[1] == 1;
    }
    const void* of(bool wide) const {
      return wide ? static_cast<const void*>(hyper)
                  : static_cast<const void*>(hyper_float);
    }
  };

  const StepTable& table_;
  Clip clip_ = {};
  const StepKernel *row_, *scale_;
};

// Runs of chunks, so that a thread claims about one full chunk's elements even
// where tensors are tiny: where each run starts, and the end.
std::vector<int64_t> runs_of(const std::vector<StepChunk>& chunks) {
  std::vector<int64_t> starts;
  int64_t filled = kStepChunk;
  for (size_t i = 0; i < chunks.size(); ++i) {
    if (filled + chunks[i].count > kStepChunk) {
      starts.push_back(static_cast<int64_t>(i));
      filled = 0;
    }
    filled += chunks[i].count;
  }
  starts.push_back(static_cast<int64_t>(chunks.size()));
  return starts;
}

}  // namespace

void CpuBackend::step(const StepTable& table) {
  StepPass pass(table);
  std::vector<int64_t> starts = runs_of(table.chunks);
  auto runs = static_cast<int64_t>(starts.size()) - 1;
  parallel_for(
      runs, table.size < kParallel ? runs : 1,
      [&](int64_t begin, int64_t end) {
        FlushSubnormals flush;
        for (int64_t i = starts[begin]; i < starts[end]; ++i) {
          pass.run(table.chunks[static_cast<size_t>(i)]);
        }
      },
      Interrupt::no);
}

}  // namespace ingot::cpu
