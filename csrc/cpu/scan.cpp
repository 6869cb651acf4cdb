// Scans on the CPU: groups of neighbouring lines, from end to end. Few long
// lines are cut into blocks, whose bounds the shape alone fixes: what each
// comes to is found first, then what there was before it.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/tiles.h"

namespace ingot::cpu {
namespace {

// Elements of a block, and the groups of lines that keep all threads busy
// without blocks.
constexpr int64_t kBlock = 16 << 10;
constexpr int64_t kGroups = 64;
// Lines of a group: side by side in memory, or as many as a kernel takes at
// once.
constexpr int64_t kColumns = 256;
constexpr int64_t kAbreast = 4;

class Scanner {
 public:
  Scanner(const Scan& what, const Array& x, Array& out)
      : what_(what),
        compute_(compute_type(x.dtype())),
        itemsize_(size_of(compute_)),
        kernels_(kernels().scan[static_cast<int>(what.op)]
                               [static_cast<int>(compute_)]),
        x_(x.data<char>()),
        out_(out.data<char>()),
        reader_(x, compute_),
        writer_(out, compute_),
        n_(x.shape(what.axis)) {
    for (int64_t i = what.axis + 1; i < x.ndim(); ++i) inner_ *= x.shape(i);
    lines_ = x.size() / n_;
    step_ = what.reverse ? -inner_ : inner_;
    width_ = inner_ == 1 ? lines_ : inner_;
    group_ = inner_ == 1 ? std::max(kAbreast, kChunk / n_) : kColumns;
    groups_ = (width_ + group_ - 1) / group_;  // of each `width_` lines
  }

  void run() const {
    int64_t groups = lines_ / width_ * groups_;
    // A product of later elements may overflow where one of all does not.
    bool cut = n_ > kBlock && groups < kGroups && what_.op != ScanOp::prod;
    if (cut) return run_blocks();
    bool small = lines_ * n_ < kParallel;
    int64_t grain =
        std::max<int64_t>(1, kChunk / (std::min(group_, width_) * n_));
    parallel_for(groups, small ? groups : grain, [&](int64_t g, int64_t end) {
      std::vector<char> states(std::min(group_, width_) * kernels_.state_bytes);
      for (; g < end; ++g) {
        auto [line, lines] = group(g);
        kernels_.start(states.data(), lines);
        scan({address(line, 0), lines, n_, inner_ == 1 ? n_ : 1}, states.data(),
             true);
      }
    });
  }

 private:
  // Positions of some lines, from one on.
  struct Part {
    int64_t address;  // of the first element, in row-major order
    int64_t lines, n, line_stride;
  };

  // Where a line, counted in row-major order, has an element.
  int64_t address(int64_t line, int64_t position) const {
    int64_t start = what_.reverse ? (n_ - 1) * inner_ : 0;
    return line / inner_ * n_ * inner_ + line % inner_ + start +
           position * step_;
  }

  // The first line of a group, and how many it has.
  std::pair<int64_t, int64_t> group(int64_t g) const {
    int64_t at = g % groups_ * group_;
    return {g / groups_ * width_ + at, std::min(group_, width_ - at)};
  }

  // Brings the states of a part's lines forward; `writes` results or not.
  void scan(const Part& part, char* states, bool writes) const {
    if (reader_.direct() && writer_.direct()) {
      int64_t at = part.address * itemsize_;
      ScanLines lines{part.lines, part.n, part.line_stride, step_};
      return kernels_.scan(x_ + at, writes ? out_ + at : nullptr, lines, states,
                           what_.inclusive);
    }
    // Tiles lie in one piece: some positions of one line or of all of a row,
    // some lines of one position, or whole lines.
    bool whole = part.n == n_ && part.line_stride == n_ && 2 * n_ <= kTile;
    int64_t lines = inner_ > 1 ? part.lines : whole ? kTile / n_ : 1;
    int64_t n = inner_ > 1 ? (part.lines == inner_ ? kTile / inner_ : 1)
                           : (whole ? n_ : kTile);
    for (int64_t l = 0; l < part.lines; l += lines) {
      for (int64_t p = 0; p < part.n; p += n) {
        Part tile{part.address + l * part.line_stride + p * step_,
                  std::min(lines, part.lines - l), std::min(n, part.n - p),
                  part.line_stride};
        scan_tile(tile, states + l * kernels_.state_bytes, writes);
      }
    }
  }

  void scan_tile(const Part& tile, char* states, bool writes) const {
    Scratch source, result;
    int64_t before = what_.reverse ? (tile.n - 1) * inner_ : 0;
    int64_t begin = tile.address - before, size = tile.lines * tile.n;
    auto* from = static_cast<const char*>(reader_.read(begin, size, source));
    char* to = nullptr;
    if (writes) {
      to = static_cast<char*>(writer_.target(begin, result)) +
           before * itemsize_;
    }
    ScanLines lines{tile.lines, tile.n, tile.line_stride, step_};
    kernels_.scan(from + before * itemsize_, to, lines, states,
                  what_.inclusive);
    if (writes) writer_.store(begin, size, result);
  }

  void run_blocks() const {
    int64_t blocks = (n_ + kBlock - 1) / kBlock;
    // [outer][block][inner], for an axis in the middle
    std::vector<char> states(lines_ * blocks * kernels_.state_bytes);
    kernels_.start(states.data(), lines_ * blocks);
    each_block(blocks, states.data(), false);
    for (int64_t line = 0; line < lines_; ++line) {
      kernels_.carry(state(states.data(), blocks, line, 0), inner_, blocks);
    }
    each_block(blocks, states.data(), true);
  }

  char* state(char* states, int64_t blocks, int64_t line, int64_t block) const {
    int64_t at = (line / inner_ * blocks + block) * inner_ + line % inner_;
    return states + at * kernels_.state_bytes;
  }

  void each_block(int64_t blocks, char* states, bool writes) const {
    if (inner_ == 1) return each_block_of_lines(blocks, states, writes);
    int64_t groups = lines_ / width_ * groups_;
    parallel_for(groups * blocks, 1, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) {
        auto [line, lines] = group(i / blocks);
        int64_t from = i % blocks * kBlock;
        scan({address(line, from), lines, std::min(kBlock, n_ - from), 1},
             state(states, blocks, line, i % blocks), writes);
      }
    });
  }

  // Blocks of one line are lines of their own.
  void each_block_of_lines(int64_t blocks, char* states, bool writes) const {
    int64_t parts = (blocks + kAbreast - 1) / kAbreast;
    parallel_for(lines_ * parts, 1, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) {
        int64_t line = i / parts, block = i % parts * kAbreast;
        int64_t last = std::min(block + kAbreast, blocks);
        int64_t full = std::min(last, n_ / kBlock);
        scan({address(line, block * kBlock), full - block, kBlock,
              kBlock * step_},
             state(states, blocks, line, block), writes);
        if (full == last) continue;
        scan({address(line, full * kBlock), 1, n_ - full * kBlock, 0},
             state(states, blocks, line, full), writes);
      }
    });
  }

  const Scan& what_;
  Dtype compute_;
  int64_t itemsize_;
  const ScanKernels& kernels_;
  const char* x_;
  char* out_;
  ConvertingReader reader_;
  ConvertingWriter writer_;
  int64_t n_, lines_, step_;
  int64_t inner_ = 1;  // elements of a position: the axes behind
  // Lines that follow each other in memory, cut into groups.
  int64_t width_, group_, groups_;
};

}  // namespace

void CpuBackend::scan(const Scan& what, const Array& x, Array& out) {
  if (out.size() > 0) Scanner(what, x, out).run();
}

}  // namespace ingot::cpu
