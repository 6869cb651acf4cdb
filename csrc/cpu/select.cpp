// Selection along the last axis on the CPU. What element a rank has is found
// among those between two of a sample, which are few (Floyd and Rivest 1975);
// then each element goes to its place, which its key and number decide.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/tiles.h"
#include "csrc/order.h"

namespace ingot::cpu {
namespace {

// Elements that one thread looks at or moves at a time.
constexpr int64_t kPart = 64 << 10;
// Up to this many, all are looked at rather than a sample.
constexpr int64_t kFew = 4 << 10;
// One of so many is in the sample: a power of two, and an odd number that
// scatters them, so that periods in the line do not matter.
constexpr int64_t kSampled = 64, kScatter = 37;
// Lines so short are sorted, as are those of which more than 1 / kMany is asked
// for in order.
constexpr int64_t kShort = 64, kMany = 8;

int64_t parts_of(int64_t n) { return (n + kPart - 1) / kPart; }

// Calls f(part, begin, end) for each part of a line, on all threads.
template <class F>
void for_parts(int64_t n, F&& f) {
  parallel_for(n, kPart, [&](int64_t begin, int64_t end) {
    f(begin / kPart, begin, end);
  });
}

// The element of a rank: those with a lesser key come before it, and those
// before it in the line that have the same.
template <class Bits>
struct Bound {
  Bits key;
  int64_t equal;  // elements of the same key before it
};

// Brings those of n keys that f picks to `to`, in order, without a branch; to
// may be where they are. Returns how many they are.
template <class Bits, class F>
int64_t compress(const Bits* keys, int64_t n, Bits* to, F&& f) {
  Bits* next = to;
  for (int64_t i = 0; i < n; ++i) {
    Bits key = keys[i];
    *next = key;
    next += f(key);
  }
  return next - to;
}

template <class Bits>
Bits median_of(Bits a, Bits b, Bits c) {
  return std::max(std::min(a, b), std::min(std::max(a, b), c));
}

// The element of a rank among n keys, of which `room` gets some.
template <class Bits>
Bound<Bits> quick_select(const Bits* keys, int64_t n, int64_t rank,
                         Bits* room) {
  constexpr int64_t kEnough = 32;
  int64_t rounds = 64;
  while (n > kEnough && --rounds > 0) {
    auto third = [&](int64_t i) {
      const Bits* x = keys + i * (n / 3);
      int64_t step = n / 9;
      return median_of(x[0], x[step], x[2 * step]);
    };
    Bits pivot = median_of(third(0), third(1), third(2));
    int64_t less = 0;
    for (int64_t i = 0; i < n; ++i) less += keys[i] < pivot;
    if (rank < less) {
      n = compress(keys, n, room, [=](Bits key) { return key < pivot; });
    } else {
      int64_t more = 0;
      for (int64_t i = 0; i < n; ++i) more += keys[i] > pivot;
      if (rank < n - more) return {pivot, rank - less};
      rank -= n - more;
      n = compress(keys, n, room, [=](Bits key) { return key > pivot; });
    }
    keys = room;
  }
  if (keys != room) std::copy_n(keys, n, room);
  std::nth_element(room, room + rank, room + n);
  Bits key = room[rank];
  return {key, rank - std::count_if(room, room + n,
                                    [=](Bits x) { return x < key; })};
}

// The keys of a line, and room for as many.
template <class Bits>
class Line {
 public:
  Line(const Bits* keys, Bits* room, int64_t n)
      : keys_(keys), room_(room), n_(n) {}

  Bound<Bits> at(int64_t rank) const {
    if (n_ > kFew) {
      auto [low, high] = around(rank);
      auto [below, found] = between(low, high);
      int64_t among = rank - below;
      if (among >= 0 && among < found) {
        if (low == high) return {low, among};
        return quick_select(room_, found, among, room_);
      }
    }
    return quick_select(keys_, n_, rank, room_);
  }

 private:
  // Two keys of a sample, taken evenly, that most likely have the rank between
  // them: each some standard deviations away from where it is expected.
  std::pair<Bits, Bits> around(int64_t rank) const {
    int64_t size = n_ / kSampled, step = kSampled;
    for (int64_t i = 0; i < size; ++i) {
      room_[i] = keys_[i * step + i * kScatter % step];
    }
    auto margin = static_cast<int64_t>(2.5 * std::sqrt(size));
    int64_t low = rank / step - margin, high = rank / step + margin;
    Bits least = 0, most = Bits(~Bits(0));
    if (low > 0) {
      std::nth_element(room_, room_ + low, room_ + size);
      least = room_[low];
    }
    if (high < size) {
      std::nth_element(room_ + std::max<int64_t>(low, 0), room_ + high,
                       room_ + size);
      most = room_[high];
    }
    return {least, most};
  }

  // Brings the keys from low to high to the room: how many are below, and how
  // many these are.
  std::pair<int64_t, int64_t> between(Bits low, Bits high) const {
    std::vector<std::pair<int64_t, int64_t>> counts(parts_of(n_));
    for_parts(n_, [&, low, high](int64_t part, int64_t begin, int64_t end) {
      const Bits* keys = keys_ + begin;
      Bits span = Bits(high - low);
      int64_t below = 0;
      for (int64_t i = 0; i < end - begin; ++i) below += keys[i] < low;
      counts[part] = {
          below, compress(keys, end - begin, room_ + begin,
                          [=](Bits key) { return Bits(key - low) <= span; })};
    });
    int64_t below = 0, found = 0;
    for (int64_t part = 0; part < std::ssize(counts); ++part) {
      below += counts[part].first;
      std::copy_n(room_ + part * kPart, counts[part].second, room_ + found);
      found += counts[part].second;
    }
    return {below, found};
  }

  const Bits* keys_;
  Bits* room_;
  int64_t n_;
};

// Which of the ranks asked for an element is before, among or behind: decided
// by the elements of the bounds' keys that came before it.
enum Place { before, among, behind };

template <class Bits>
struct Window {
  Bound<Bits> first, last;
  bool open;  // nothing is behind

  // `low` and `high` count the elements seen with the bounds' keys.
  Place place(Bits key, int64_t& low, int64_t& high) const {
    bool early = key < first.key, late = !open && key > last.key;
    if (key == first.key) early = low++ < first.equal;
    if (!open && key == last.key) late = high++ > last.equal;
    return static_cast<Place>(among + late - early);
  }
};

// What a line is turned into: elements, or their numbers.
template <class Bits, bool numbers>
class Selector {
 public:
  using Out = std::conditional_t<numbers, uint32_t, Bits>;

  Selector(const Selection& what, const Array& x, Out* out)
      : what_(what),
        reader_(x),
        order_(narrowed<Bits>(order_of(x.dtype()))),
        n_(x.shape().back()),
        width_(what.rest ? n_ : what.end - what.begin),
        out_(out) {}

  void select(int64_t line, Bits* keys, Bits* room) const {
    for_parts(n_, [&](int64_t, int64_t begin, int64_t end) {
      Order<Bits> order = order_;
      for_tiles(line, begin, end, [&](int64_t at, int64_t count, auto* from) {
        Bits* to = keys + at;
        for (int64_t i = 0; i < count; ++i) to[i] = key_of(from[i], order);
      });
    });
    Line<Bits> of_line(keys, room, n_);
    Window<Bits> window;
    window.first = of_line.at(what_.begin);
    window.open = what_.end == n_;
    window.last = window.open || what_.end == what_.begin + 1
                      ? window.first
                      : of_line.at(what_.end - 1);
    what_.rest ? write_all(line, keys, window)
               : write_among(line, keys, window);
  }

 private:
  struct Counts {
    int64_t low = 0, high = 0;  // elements with the keys of the bounds
    int64_t places[3] = {};
  };
  struct Found {
    Bits key;
    Out value;
  };

  static Out value_of(int64_t i, Bits bits) {
    if constexpr (numbers) return static_cast<Out>(i);
    return static_cast<Out>(bits);
  }

  template <class F>
  void for_tiles(int64_t line, int64_t begin, int64_t end, F&& f) const {
    Scratch scratch;
    for (int64_t at = begin; at < end; at += kTile) {
      int64_t count = std::min(kTile, end - at);
      f(at, count,
        static_cast<const Bits*>(reader_.read(line * n_ + at, count, scratch)));
    }
  }

  // How many elements of each part go where, as a sum over the parts before it.
  std::vector<Counts> starts(const Bits* keys,
                             const Window<Bits>& window) const {
    std::vector<Counts> counts(parts_of(n_));
    for_parts(n_, [&](int64_t part, int64_t begin, int64_t end) {
      int64_t low = 0, high = 0, less = 0, more = 0;
      for (int64_t i = begin; i < end; ++i) {
        less += keys[i] < window.first.key;
        low += keys[i] == window.first.key;
        more += keys[i] > window.last.key;
        high += keys[i] == window.last.key;
      }
      counts[part] = {low, high, {less, 0, window.open ? 0 : more}};
    });
    Counts total;
    auto within = [](int64_t seen, int64_t more, int64_t limit) {
      return std::clamp<int64_t>(limit - seen, 0, more);
    };
    int64_t at = 0;
    for (Counts& own : counts) {
      int64_t length = std::min(kPart, n_ - at);
      at += length;
      int64_t less =
          own.places[before] + within(total.low, own.low, window.first.equal);
      int64_t more = 0;
      if (!window.open) {
        more = own.places[behind] + own.high -
               within(total.high, own.high, window.last.equal + 1);
      }
      Counts next = total;
      next.low += own.low;
      next.high += own.high;
      next.places[before] += less;
      next.places[behind] += more;
      next.places[among] += length - less - more;
      own = std::exchange(total, next);
    }
    return counts;
  }

  // All elements, without a branch.
  void write_all(int64_t line, const Bits* keys,
                 const Window<Bits>& window) const {
    std::vector<Counts> counts = starts(keys, window);
    for_parts(n_, [&](int64_t part, int64_t begin, int64_t end) {
      Counts at = counts[part];
      at.places[among] += what_.begin;
      at.places[behind] += what_.end;
      Window<Bits> within = window;
      Out* out = out_ + line * width_;
      for_tiles(line, begin, end, [&](int64_t first, int64_t n, auto* from) {
        for (int64_t i = 0; i < n; ++i) {
          Place place = within.place(keys[first + i], at.low, at.high);
          out[at.places[place]++] = value_of(first + i, from[i]);
        }
      });
    });
  }

  // Those asked for alone, in order.
  void write_among(int64_t line, const Bits* keys,
                   const Window<Bits>& window) const {
    std::vector<Counts> counts = starts(keys, window);
    std::vector<Found> found(what_.end - what_.begin);
    for_parts(n_, [&](int64_t part, int64_t begin, int64_t end) {
      Counts at = counts[part];
      bool last = part + 1 == std::ssize(counts);
      int64_t stop = last ? std::ssize(found) : counts[part + 1].places[among];
      if (at.places[among] == stop) return;
      Window<Bits> within = window;
      for_tiles(line, begin, end, [&](int64_t first, int64_t n, auto* from) {
        for (int64_t i = 0; i < n; ++i) {
          Bits key = keys[first + i];
          if (within.place(key, at.low, at.high) != among) continue;
          found[at.places[among]++] = {key, value_of(first + i, from[i])};
        }
      });
    });
    std::stable_sort(
        found.begin(), found.end(),
        [](const Found& a, const Found& b) { return a.key < b.key; });
    Out* out = out_ + line * width_;
    for (const Found& item : found) *out++ = item.value;
  }

  Selection what_;
  Reader reader_;
  Order<Bits> order_;
  int64_t n_, width_;
  Out* out_;
};

template <class Bits, bool numbers>
void select_lines(const Selection& what, const Array& x, Array& out) {
  int64_t n = x.shape().back(), lines = x.size() / n;
  using Out = std::conditional_t<numbers, uint32_t, Bits>;
  Selector<Bits, numbers> selector(what, x, out.data<Out>());
  auto select = [&](int64_t begin, int64_t end) {
    BufferPtr buffer =
        allocator::allocate(2 * n * sizeof(Bits), "selecting in a line");
    Bits* keys = static_cast<Bits*>(buffer->data);
    for (int64_t i = begin; i < end; ++i) selector.select(i, keys, keys + n);
  };
  if (n > kPart) return select(0, lines);
  int64_t grain = x.size() < kChunk ? lines : std::max<int64_t>(1, kChunk / n);
  parallel_for(lines, grain, select);
}

}  // namespace

void CpuBackend::select_ranks(const Selection& what, bool indices,
                              const Array& x, Array& out) {
  int64_t n = x.shape().back();
  if (n <= kShort || (what.end - what.begin) * kMany > n) {
    Array all = Array::empty(x.shape(), out.dtype());
    indices ? argsort(x, all) : sort(x, all);
    return copy(Array::view(all, out.shape(), all.strides(),
                            what.rest ? 0 : what.begin * all.itemsize()),
                out);
  }
  by_width(x.itemsize(), [&](auto tag) {
    using Bits = typename decltype(tag)::type;
    auto run = indices ? select_lines<Bits, true> : select_lines<Bits, false>;
    run(what, x, out);
  });
}

}  // namespace ingot::cpu
