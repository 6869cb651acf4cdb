// Chains on the CPU: a tile goes through all links while it is in the cache,
// with the kernels and the roundings that each operation has by itself.
// SPDX-License-Identifier: MIT
#include "csrc/chain.h"

#include <bit>
#include <cstring>
#include <vector>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/tiles.h"

namespace ingot::cpu {
namespace {

using Family = Elementwise::Family;

// A link, and where its tiles are. Values are kept in the compute type; those
// of half types are rounded to it.
struct Step {
  const Link* link;
  Dtype in, out;   // compute types
  int slot;        // of the result, where its memory does not serve
  size_t outside;  // the first array that it takes
};

class ChainRun {
 public:
  explicit ChainRun(const Chain& chain) {
    outside_.reserve(3 * chain.links.size());
    for (const Link& link : chain.links) {
      Step step{&link, compute_type(link.in), compute_type(link.out), 0,
                outside_.size()};
      for (int64_t i = 0; i < link.operands.size(); ++i) {
        const Taken& x = link.operands[i];
        if (!x.array) continue;
        bool condition = link.what.family == Family::select && i == 0;
        outside_.emplace_back(*x.array, chain.shape,
                              condition ? Dtype::bool_ : step.in);
      }
      steps_.push_back(step);
    }
    for (const Link& link : chain.links) {
      for (const Step& step : steps_) {
        for (const Taken& x : step.link->operands) {
          in_place_ |= x.array && link.result &&
                       (*x.array)->buffer == (*link.result)->buffer;
        }
      }
    }
    assign_slots();
  }

  Interrupt interruptible() const {
    return in_place_ ? Interrupt::no : Interrupt::yes;
  }

  void tile(int64_t at, int64_t n) const {
    Scratch slots[kMaxLinks];
    const void* values[kMaxLinks];
    for (size_t k = 0; k < steps_.size(); ++k) {
      const Step& step = steps_[k];
      Scratch read[3];
      const void* in[3];
      size_t next = step.outside;
      for (int64_t i = 0; i < step.link->operands.size(); ++i) {
        int link = step.link->operands[i].link;
        in[i] =
            link >= 0 ? values[link] : outside_[next++].read(at, n, read[i]);
      }
      void* to = slots[step.slot].bytes;
      if (direct(step)) to = memory(step, at);
      run(step, in, to, n);
      if (step.link->out != step.out) round(step, at, to, n);
      values[k] = to;
    }
  }

 private:
  // Its memory holds values of the compute type.
  static bool direct(const Step& step) {
    return step.link->result && step.link->out == step.out;
  }

  static void* memory(const Step& step, int64_t at) {
    const Array& out = *step.link->result;
    return out.data<char>() + at * out.itemsize();
  }

  static void run(const Step& step, const void* const* in, void* to,
                  int64_t n) {
    const Kernels& k = kernels();
    const Elementwise& what = step.link->what;
    auto type = static_cast<int>(step.in);
    switch (what.family) {
      case Family::unary:
        return k.unary[static_cast<int>(what.unary)][type](in[0], to, n);
      case Family::binary:
        return k.binary[static_cast<int>(what.binary)][type](in[0], in[1], to,
                                                             n);
      case Family::select: {
        auto width = static_cast<uint64_t>(size_of(step.in));
        return k.select[std::bit_width(width >> 1)](
            static_cast<const bool*>(in[0]), in[1], in[2], to, n);
      }
      case Family::cast:
        if (step.in == step.out) {
          std::memmove(to, in[0], n * size_of(step.in));
        } else {
          convert(in[0], step.in, to, step.out, n);
        }
    }
  }

  // To a half type, into its memory if it has any, and back.
  static void round(const Step& step, int64_t at, void* value, int64_t n) {
    Scratch narrow;
    void* to = step.link->result ? memory(step, at) : narrow.bytes;
    convert(value, step.out, to, step.link->out, n);
    convert(to, step.link->out, value, step.out, n);
  }

  // As few as can be, so that they stay in the cache.
  void assign_slots() {
    size_t last[kMaxLinks];  // who reads a link's result at last
    for (size_t k = 0; k < steps_.size(); ++k) {
      last[k] = k;
      for (const Taken& x : steps_[k].link->operands) {
        if (x.link >= 0) last[x.link] = k;
      }
    }
    uint32_t busy = 0;
    for (size_t k = 0; k < steps_.size(); ++k) {
      steps_[k].slot = std::countr_one(busy);
      busy |= 1u << steps_[k].slot;
      for (size_t j = 0; j <= k; ++j) {
        if (last[j] == k) busy &= ~(1u << steps_[j].slot);
      }
    }
  }

  std::vector<Step> steps_;
  std::vector<ConvertingReader> outside_;
  bool in_place_ = false;
};

}  // namespace

void CpuBackend::chain(const Chain& chain) {
  int64_t n = 1;
  for (int64_t length : chain.shape) n *= length;
  if (n == 0) return;
  ChainRun run(chain);
  for_tiles(n, false, run.interruptible(),
            [&](int64_t at, int64_t count) { run.tile(at, count); });
}

}  // namespace ingot::cpu
