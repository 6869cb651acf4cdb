// Adafactor's step on the CPU: three passes over tiles of all tensors, with two
// over their moments between. The last alone writes parameters.
// SPDX-License-Identifier: MIT
#include "csrc/ops/adafactor.h"

#include <cstring>
#include <memory>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/subnormals.h"
#include "csrc/cpu/tiles.h"

namespace ingot::cpu {
namespace {

// Elements of a tile, about: enough rows that sums over columns are few.
constexpr int64_t kTileElements = 64 * kTile;

int64_t parts(int64_t n, int64_t each) { return (n + each - 1) / each; }

// The part of one matrix that a thread takes at a time.
struct Tile {
  int64_t index, matrix;
  int64_t row, rows, column, columns;
};

// The part of a matrix's row or column moments that a thread takes at a time.
struct Piece {
  int64_t matrix, first, n;
};

// A run of contiguous elements: whole lines, or a part of one.
struct Block {
  int64_t first, lines, n;
  int64_t row, column;
  int64_t size() const { return lines * n; }
};

// One tensor, cut into tiles.
class Work {
 public:
  explicit Work(const AdafactorTensor& t)
      : t_(t),
        columns_(std::min(t.columns, t.factored ? kTile : kTileElements)),
        rows_(std::max<int64_t>(1, kTileElements / columns_)),
        row_parts_(parts(t.rows, rows_)),
        column_parts_(parts(t.columns, columns_)),
        row_pieces_(t.factored ? parts(t.rows, kTileElements) : 0),
        column_pieces_(t.factored ? parts(t.columns, kTileElements) : 0) {}
  virtual ~Work() = default;

  int64_t size() const { return t_.matrices * t_.rows * t_.columns; }
  int64_t row_pieces() const { return t_.matrices * row_pieces_; }
  int64_t pieces() const { return row_pieces() + t_.matrices * column_pieces_; }
  int64_t tiles() const { return t_.matrices * row_parts_ * column_parts_; }

  virtual void sum(int64_t tile) = 0;       // squares of g, and of w
  virtual void moments(int64_t piece) = 0;  // and factors of columns
  virtual void factors(int64_t piece) = 0;  // of rows
  virtual void square(int64_t tile) = 0;    // of updates
  virtual void scale() = 0;                 // of the whole tensor
  virtual void step(int64_t tile) = 0;

 protected:
  Tile tile(int64_t index) const {
    int64_t part = index % (row_parts_ * column_parts_);
    Tile t = {};
    t.index = index;
    t.matrix = index / (row_parts_ * column_parts_);
    t.row = part / column_parts_ * rows_;
    t.rows = std::min(rows_, t_.rows - t.row);
    t.column = part % column_parts_ * columns_;
    t.columns = std::min(columns_, t_.columns - t.column);
    return t;
  }

  // Of n places a matrix in `pieces` pieces.
  static Piece piece(int64_t index, int64_t pieces, int64_t n) {
    int64_t first = index % pieces * kTileElements;
    return {index / pieces, first, std::min(kTileElements, n - first)};
  }

  template <class F>
  void blocks(const Tile& tile, F&& f) const {
    bool whole = t_.columns <= kTile;
    int64_t step = whole ? kTile / t_.columns : 1;
    for (int64_t r = 0; r < tile.rows; r += step) {
      for (int64_t c = 0; c < tile.columns; c += kTile) {
        Block block{0, std::min(step, tile.rows - r),
                    std::min(kTile, tile.columns - c), tile.row + r,
                    tile.column + c};
        int64_t line = tile.matrix * t_.rows + block.row;
        block.first = line * t_.columns + block.column;
        f(block);
      }
    }
  }

  const AdafactorTensor& t_;
  const int64_t columns_, rows_;  // of a tile
  const int64_t row_parts_, column_parts_;
  const int64_t row_pieces_, column_pieces_;  // of a matrix's moments
};

template <class T>
class TensorWork final : public Work {
 public:
  using Hyper = Adafactor::Hyper<T>;

  TensorWork(const AdafactorTensor& t, const Hyper& hyper)
      : Work(t),
        h_(hyper),
        w_(t.in.w, t.compute),
        g_(t.in.g, t.compute),
        new_w_(t.out.w, t.compute),
        squares_(make<double>(2 * tiles())) {
    if (t.factored) {
      moment_sums_ = make<double>(row_pieces());
      row_sums_ = room(t.matrices * column_parts_ * t.rows);
      column_sums_ = room(t.matrices * row_parts_ * t.columns);
    }
  }

  void sum(int64_t index) override {
    Tile tile = this->tile(index);
    if (t_.factored) sum_gradients(tile);
    double sum = 0;
    if (h_.scale > 0) {
      blocks(tile, [&](const Block& b) {
        Scratch scratch;
        add_squares(w_.read(b.first, b.size(), scratch), b.size(), sum);
      });
    }
    squares_[2 * index] = sum;
  }

  void moments(int64_t index) override {
    if (index < row_pieces()) {
      Piece piece = this->piece(index, row_pieces_, t_.rows);
      T* moments = row_factors(piece.matrix) + piece.first;
      renew(t_.in.row, t_.out.row, piece, moments, t_.rows, column_parts_,
            t_.columns);
      double sum = 0;
      auto add = kernels().rows[static_cast<int>(Pass::sum)];
      add[type_](moments, piece.n, 1, piece.n, &sum, nullptr);
      moment_sums_[index] = sum;
    } else {
      Piece piece =
          this->piece(index - row_pieces(), column_pieces_, t_.columns);
      T* moments = column_factors(piece.matrix) + piece.first;
      renew(t_.in.column, t_.out.column, piece, moments, t_.columns, row_parts_,
            t_.rows);
      kernels().factors[type_](moments, nullptr, piece.n);
    }
  }

  void factors(int64_t index) override {
    Piece piece = this->piece(index, row_pieces_, t_.rows);
    double sum = 0;
    for (int64_t i = 0; i < row_pieces_; ++i) {
      sum += moment_sums_[piece.matrix * row_pieces_ + i];
    }
    double whole = sum / static_cast<double>(t_.rows);
    kernels().factors[type_](row_factors(piece.matrix) + piece.first, &whole,
                             piece.n);
  }

  void square(int64_t index) override {
    Tile tile = this->tile(index);
    double sum = 0;
    blocks(tile, [&](const Block& b) {
      Scratch u;
      updates(tile, b, u, false);
      add_squares(u.bytes, b.size(), sum);
    });
    squares_[2 * index + 1] = sum;
  }

  void scale() override {
    double sums[2] = {};
    for (int64_t i = 0; i < tiles(); ++i) {
      sums[0] += squares_[2 * i];
      sums[1] += squares_[2 * i + 1];
    }
    double count = static_cast<double>(size());
    scales_[0] = Adafactor::size(static_cast<T>(sums[0] / count), h_);
    scales_[1] = Adafactor::shrink(static_cast<T>(sums[1] / count), h_);
  }

  void step(int64_t index) override {
    Tile tile = this->tile(index);
    auto kernel = kernels().adafactor[static_cast<int>(t_.compute)];
    bool means = static_cast<bool>(t_.in.mean);
    blocks(tile, [&](const Block& b) {
      Scratch u, w, mean, new_w, new_mean;
      updates(tile, b, u, true);
      const void* old = nullptr;
      void* fresh = nullptr;
      if (means) {
        old = ConvertingReader(t_.in.mean, t_.compute)
                  .read(b.first, b.size(), mean);
        fresh =
            ConvertingWriter(t_.out.mean, t_.compute).target(b.first, new_mean);
      }
      void* to = new_w_.target(b.first, new_w);
      kernel(w_.read(b.first, b.size(), w), u.bytes, old, to, fresh, scales_,
             &h_, b.size());
      new_w_.store(b.first, b.size(), new_w);
      if (means) {
        ConvertingWriter(t_.out.mean, t_.compute)
            .store(b.first, b.size(), new_mean);
      }
    });
  }

 private:
  template <class U>
  static std::unique_ptr<U[]> make(int64_t n) {
    return std::make_unique_for_overwrite<U[]>(static_cast<size_t>(n));
  }

  // Large ones come on huge pages.
  static BufferPtr room(int64_t n) {
    return allocator::allocate(static_cast<size_t>(n) * sizeof(T), "adafactor");
  }

  // The sums of a matrix, part by part; the first part then holds factors.
  T* row_factors(int64_t matrix) const {
    return static_cast<T*>(row_sums_->data) + matrix * column_parts_ * t_.rows;
  }
  T* column_factors(int64_t matrix) const {
    return static_cast<T*>(column_sums_->data) +
           matrix * row_parts_ * t_.columns;
  }

  void add_squares(const void* x, int64_t n, double& sum) const {
    auto kernel = kernels().rows[static_cast<int>(Pass::deviations)];
    kernel[static_cast<int>(t_.compute)](x, n, 1, n, &sum, nullptr);
  }

  void sum_gradients(const Tile& tile) {
    int pass = static_cast<int>(Pass::deviations);
    auto along = kernels().rows[pass][type_];
    auto across = kernels().columns[pass][type_];
    double by_column[kTile] = {}, by_row[kTile];
    int64_t part = tile.column / columns_;
    T* rows = row_factors(tile.matrix) + part * t_.rows;
    blocks(tile, [&](const Block& b) {
      Scratch scratch;
      const void* g = g_.read(b.first, b.size(), scratch);
      std::fill_n(by_row, b.lines, 0.0);
      if (b.n == 1) {  // one long line is faster than many of one element
        across(g, b.lines, 1, b.lines, by_row, nullptr);
        along(g, b.lines, 1, b.lines, by_column, nullptr);
      } else {
        along(g, b.n, b.lines, b.n, by_row, nullptr);
        across(g, b.n, b.lines, b.n, by_column, nullptr);
      }
      convert(by_row, Dtype::float64, rows + b.row, t_.compute, b.lines);
    });
    part = tile.row / rows_;
    T* columns = column_factors(tile.matrix) + part * t_.columns + tile.column;
    convert(by_column, Dtype::float64, columns, t_.compute, tile.columns);
  }

  // New moments, of n a matrix, from the sums over `parts` parts of `count`
  // squares: stored, and left in the sums.
  void renew(const Array& in, const Array& out, const Piece& piece, T* sums,
             int64_t n, int64_t parts, int64_t count) const {
    ConvertingReader reader(in, t_.compute);
    ConvertingWriter writer(out, t_.compute);
    for (int64_t at = 0; at < piece.n; at += kTile) {
      int64_t length = std::min(kTile, piece.n - at);
      int64_t first = piece.matrix * n + piece.first + at;
      Scratch before, after;
      kernels().margins[type_](sums + at, n, parts, static_cast<double>(count),
                               reader.read(first, length, before),
                               writer.target(first, after), &h_, length);
      writer.store(first, length, after);
    }
  }

  // The updates of a block before they are scaled; `keep` stores the moments
  // of a tensor that is not factored.
  void updates(const Tile& tile, const Block& b, Scratch& u, bool keep) const {
    int type = static_cast<int>(t_.compute);
    Scratch scratch;
    const void* g = g_.read(b.first, b.size(), scratch);
    if (t_.factored) {
      return kernels().factored[type](g, row_factors(tile.matrix) + b.row,
                                      column_factors(tile.matrix) + b.column,
                                      u.bytes, b.lines, b.n);
    }
    Scratch before, after;
    ConvertingReader reader(t_.in.row, t_.compute);
    ConvertingWriter writer(t_.out.row, t_.compute);
    void* fresh = keep ? writer.target(b.first, after) : after.bytes;
    kernels().moments[type](g, reader.read(b.first, b.size(), before), fresh,
                            u.bytes, &h_, b.size());
    if (keep) writer.store(b.first, b.size(), after);
  }

  const Hyper& h_;
  ConvertingReader w_, g_;
  ConvertingWriter new_w_;
  const int type_ = static_cast<int>(t_.compute);
  std::unique_ptr<double[]> squares_;      // of each tile: those of w and of u
  std::unique_ptr<double[]> moment_sums_;  // of each piece of rows
  BufferPtr row_sums_, column_sums_;
  double scales_[2];
};

// Calls f(work, i) for every i < count(work) of every tensor.
template <class Count, class F>
void each(const std::vector<std::unique_ptr<Work>>& works, Interrupt interrupt,
          Count&& count, F&& f) {
  std::vector<std::pair<Work*, int64_t>> items;
  int64_t size = 0;
  for (auto& work : works) {
    int64_t n = count(*work);
    for (int64_t i = 0; i < n; ++i) items.emplace_back(work.get(), i);
    size += work->size();
  }
  int64_t n = std::ssize(items);
  int64_t grain = std::max<int64_t>(1, n * kChunk / std::max<int64_t>(1, size));
  parallel_for(
      n, size < kParallel ? n : grain,
      [&](int64_t begin, int64_t end) {
        FlushSubnormals flush;
        for (int64_t i = begin; i < end; ++i)
          f(*items[i].first, items[i].second);
      },
      interrupt);
}

}  // namespace

void CpuBackend::adafactor(const AdafactorTable& table) {
  Adafactor::Hyper<double> wide;
  Adafactor::Hyper<float> narrow;
  std::memcpy(&wide, table.hyper, sizeof(wide));
  std::memcpy(&narrow, table.hyper_float, sizeof(narrow));
  std::vector<std::unique_ptr<Work>> works;
  for (const AdafactorTensor& t : table.tensors) {
    if (t.compute == Dtype::float64) {
      works.push_back(std::make_unique<TensorWork<double>>(t, wide));
    } else {
      works.push_back(std::make_unique<TensorWork<float>>(t, narrow));
    }
  }
  auto tiles = [](const Work& work) { return work.tiles(); };
  auto pieces = [](const Work& work) { return work.pieces(); };
  auto row_pieces = [](const Work& work) { return work.row_pieces(); };
  auto one = [](const Work&) { return int64_t{1}; };
  // From the moments on inputs may be written over.
  each(works, Interrupt::yes, tiles, [](Work& w, int64_t i) { w.sum(i); });
  each(works, Interrupt::no, pieces, [](Work& w, int64_t i) { w.moments(i); });
  each(works, Interrupt::no, row_pieces,
       [](Work& w, int64_t i) { w.factors(i); });
  each(works, Interrupt::no, tiles, [](Work& w, int64_t i) { w.square(i); });
  each(works, Interrupt::no, one, [](Work& w, int64_t) { w.scale(); });
  each(works, Interrupt::no, tiles, [](Work& w, int64_t i) { w.step(i); });
}

}  // namespace ingot::cpu
