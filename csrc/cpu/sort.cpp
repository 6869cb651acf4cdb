// Stable sorting along the last axis on the CPU: radix sort of elements by an
// unsigned key. A long row is cut into chunks, which count and move in
// parallel. Searching what is sorted, by the same key.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/tiles.h"
#include "csrc/order.h"

namespace ingot::cpu {
namespace {

// Elements that one thread counts or moves at a time.
constexpr int64_t kPart = 64 << 10;
// Below this, radix sort does not pay.
constexpr int64_t kFew = 48;

// What is moved: the element itself, or with its index.
template <class Bits>
struct Indexed {
  Bits bits;
  uint32_t index;
};
template <class Bits>
Bits bits_of(Bits x) {
  return x;
}
template <class Bits>
Bits bits_of(const Indexed<Bits>& x) {
  return x.bits;
}

constexpr int kDigits = 256;
using Counts = std::array<int64_t, kDigits>;

template <class Item, class Bits>
class Sorter {
 public:
  explicit Sorter(Order<Bits> order) : order_(order) {}

  // Returns where the sorted items are: in `items` or in `spare`.
  Item* sort(Item* items, Item* spare, int64_t n) const {
    if (n < kFew) {
      std::stable_sort(items, items + n, [this](const Item& a, const Item& b) {
        return key(a) < key(b);
      });
      return items;
    }
    constexpr int bytes = sizeof(Bits);
    std::vector<Counts> counts((n + kPart - 1) / kPart);
    for (int shift = 0; shift < 8 * bytes; shift += 8) {
      count(items, n, shift, counts);
      if (!starts_of(counts, n)) continue;
      move(items, spare, n, shift, counts);
      std::swap(items, spare);
    }
    return items;
  }

 private:
  Bits key(const Item& item) const { return key_of(bits_of(item), order_); }
  int digit(const Item& item, int shift) const {
    return static_cast<int>(key(item) >> shift & (kDigits - 1));
  }

  // How often each digit occurs in each part.
  void count(const Item* items, int64_t n, int shift,
             std::vector<Counts>& counts) const {
    parallel_for(n, kPart, [&](int64_t begin, int64_t end) {
      Counts& own = counts[begin / kPart];
      own.fill(0);
      for (int64_t i = begin; i < end; ++i) ++own[digit(items[i], shift)];
    });
  }

  // Turns counts into the places where each part puts the first of each digit;
  // false if all items have the same one.
  static bool starts_of(std::vector<Counts>& counts, int64_t n) {
    int64_t at = 0;
    for (int d = 0; d < kDigits; ++d) {
      int64_t before = at;
      for (Counts& own : counts) at += std::exchange(own[d], at);
      if (at - before == n) return false;
    }
    return true;
  }

  void move(const Item* from, Item* to, int64_t n, int shift,
            std::vector<Counts>& starts) const {
    parallel_for(n, kPart, [&](int64_t begin, int64_t end) {
      Counts& own = starts[begin / kPart];
      for (int64_t i = begin; i < end; ++i) {
        to[own[digit(from[i], shift)]++] = from[i];
      }
    });
  }

  Order<Bits> order_;
};

// Sorts every row of x and hands it to store(row, items).
template <class Item, class Bits, class Store>
void sort_rows(const Array& x, Store&& store) {
  int64_t n = x.ndim() == 0 ? 1 : x.shape().back();
  int64_t rows = x.size() / n;
  Reader reader(x);
  Sorter<Item, Bits> sorter(narrowed<Bits>(order_of(x.dtype())));
  auto load = [&](int64_t row, int64_t begin, int64_t end, Item* items) {
    Scratch scratch;
    for (int64_t at = begin; at < end; at += kTile) {
      int64_t count = std::min(kTile, end - at);
      auto* from =
          static_cast<const Bits*>(reader.read(row * n + at, count, scratch));
      for (int64_t i = 0; i < count; ++i) {
        if constexpr (std::is_same_v<Item, Bits>) {
          items[at + i] = from[i];
        } else {
          items[at + i] = {from[i], static_cast<uint32_t>(at + i)};
        }
      }
    }
  };
  auto memory = [&] {
    return allocator::allocate(2 * n * sizeof(Item), "sorting a row");
  };
  if (n <= kPart) {
    int64_t grain = x.size() < kChunk ? rows : std::max<int64_t>(1, kChunk / n);
    parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
      BufferPtr buffer = memory();
      Item* items = static_cast<Item*>(buffer->data);
      for (int64_t row = begin; row < end; ++row) {
        load(row, 0, n, items);
        store(row, 0, n, sorter.sort(items, items + n, n));
      }
    });
    return;
  }
  BufferPtr buffer = memory();
  Item* items = static_cast<Item*>(buffer->data);
  for (int64_t row = 0; row < rows; ++row) {
    parallel_for(n, kPart, [&](int64_t begin, int64_t end) {
      load(row, begin, end, items);
    });
    const Item* sorted = sorter.sort(items, items + n, n);
    parallel_for(n, kPart, [&](int64_t begin, int64_t end) {
      store(row, begin, end, sorted);
    });
  }
}

}  // namespace

void CpuBackend::sort(const Array& x, Array& out) {
  if (x.size() == 0) return;
  int64_t n = x.ndim() == 0 ? 1 : x.shape().back();
  by_width(x.itemsize(), [&](auto tag) {
    using Bits = typename decltype(tag)::type;
    auto* to = out.data<Bits>();
    sort_rows<Bits, Bits>(
        x, [=](int64_t row, int64_t begin, int64_t end, const Bits* items) {
          std::copy(items + begin, items + end, to + row * n + begin);
        });
  });
}

void CpuBackend::argsort(const Array& x, Array& out) {
  if (x.size() == 0) return;
  int64_t n = x.ndim() == 0 ? 1 : x.shape().back();
  auto* to = out.data<uint32_t>();
  by_width(x.itemsize(), [&](auto tag) {
    using Bits = typename decltype(tag)::type;
    sort_rows<Indexed<Bits>, Bits>(x,
                                   [=](int64_t row, int64_t begin, int64_t end,
                                       const Indexed<Bits>* items) {
                                     for (int64_t i = begin; i < end; ++i) {
                                       to[row * n + i] = items[i].index;
                                     }
                                   });
  });
}

void CpuBackend::searchsorted(const Array& sorted, const Array& values,
                              bool right, Array& out) {
  if (values.size() == 0) return;
  Reader reader(values);
  auto* to = out.data<uint32_t>();
  int64_t n = sorted.shape().back();
  int64_t each = values.size() / (sorted.ndim() == 2 ? sorted.shape(0) : 1);
  by_width(sorted.itemsize(), [&](auto tag) {
    using Bits = typename decltype(tag)::type;
    auto order = narrowed<Bits>(order_of(sorted.dtype()));
    auto* first = sorted.data<const Bits>();
    int64_t stride = sorted.strides().back();
    int64_t next = sorted.ndim() == 2 ? sorted.strides()[0] : 0;
    for_tiles(values.size(), false, Interrupt::yes, [&](int64_t at, int64_t m) {
      Scratch scratch;
      auto* value = static_cast<const Bits*>(reader.read(at, m, scratch));
      for (int64_t i = 0; i < m; ++i) {
        Bits key = key_of(value[i], order);
        const Bits* line = first + (at + i) / each * next;
        int64_t low = 0, count = n;
        while (count > 0) {
          int64_t half = count / 2;
          Bits other = key_of(line[(low + half) * stride], order);
          bool before = right ? other <= key : other < key;
          low = before ? low + half + 1 : low;
          count = before ? count - half - 1 : half;
        }
        to[at + i] = static_cast<uint32_t>(low);
      }
    });
  });
}

}  // namespace ingot::cpu
