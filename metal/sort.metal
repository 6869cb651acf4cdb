// Stable sorting of rows: runs in order are merged two by two, and each item
// finds its place as its rank in its own run and in the other one. Up to a
// block in threadgroup memory, then from one buffer to another.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/index.h"
#include "msl/kernel.h"

namespace ingot {

// What is sorted: elements.
template <class T>
struct Bare {
  typedef T Key;
  typedef T Item;
  INGOT_FN T item(T bits, ulong, Order<T>) { return bits; }
  INGOT_FN Key key(T item, Order<T> order) { return key_of(item, order); }
};

INGOT_FN uint2 pair_of(uint key, uint index) { return uint2(key, index); }
INGOT_FN ulong2 pair_of(ulong key, ulong index) { return ulong2(key, index); }

// Keys with the index that each had in its row.
template <class T, class Pair, class Word>
struct Numbered {
  typedef Word Key;
  typedef Pair Item;
  INGOT_FN Pair item(T bits, ulong index, Order<T> order) {
    return pair_of(Word(key_of(bits, order)), Word(index));
  }
  INGOT_FN Key key(Pair item, Order<T>) { return item.x; }
};
template <class T>
using Narrow = Numbered<T, uint2, uint>;
template <class T>
using Broad = Numbered<T, ulong2, ulong>;

// How many of `count` items in order come before a key; where `ties`, those
// with the same key do.
template <class Kind, class T, class Items>
INGOT_FN ulong rank_in(Items items, ulong count, typename Kind::Key key,
                       bool ties, Order<T> order) {
  ulong low = 0, high = count;
  while (low < high) {
    ulong middle = (low + high) / 2;
    typename Kind::Key other = Kind::key(items[middle], order);
    if (other < key || (ties && other == key)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// Where item i of a row goes when runs of `width`, a power of two, are merged.
template <class Kind, class T, class Items>
INGOT_FN ulong merged(Items row, ulong length, ulong width, ulong i,
                      Order<T> order) {
  ulong first = i & ~(2 * width - 1);
  ulong middle = min(first + width, length);
  ulong last = min(middle + width, length);
  typename Kind::Key key = Kind::key(row[i], order);
  if (i < middle) {
    return i + rank_in<Kind>(row + middle, last - middle, key, false, order);
  }
  return i - width + rank_in<Kind>(row + first, width, key, true, order);
}

}  // namespace ingot

using namespace ingot;

// From elements to items in order within blocks: a threadgroup takes several
// rows or a part of one.
template <template <class> class Of, class T>
[[kernel]] void sort_blocks(device const T* x [[buffer(0)]],
                            device typename Of<T>::Item* out [[buffer(1)]],
                            constant SortArgs& args [[buffer(2)]],
                            uint group [[threadgroup_position_in_grid]],
                            uint thread_index
                            [[thread_position_in_threadgroup]]) {
  typedef Of<T> Kind;
  typedef typename Kind::Item Item;
  threadgroup Item block[kGroupElements];
  Order<T> order = narrowed<T>(args.order);
  ulong turn = group / args.blocks, span = args.rows * args.length;
  ulong first = turn * span + ulong(group % args.blocks) * kGroupElements;
  ulong end = ingot::min(turn * span + span, ulong(args.size));
  ulong count = ingot::min(end - first, ulong(kGroupElements));
  ulong length = ingot::min(ulong(args.length), count);
  for (ulong i = thread_index; i < count; i += kGroup) {
    ulong at = first + i;
    block[i] = Kind::item(x[at], at % args.length, order);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (ulong width = 1; width < length; width *= 2) {
    Item items[kEach];
    ulong places[kEach];
    for (int k = 0; k < kEach; ++k) {
      ulong i = thread_index + ulong(k * kGroup);
      if (i >= count) break;
      ulong row = i - i % length;
      items[k] = block[i];
      places[k] =
          row + merged<Kind>(block + row, length, width, i - row, order);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (int k = 0; k < kEach; ++k) {
      if (thread_index + ulong(k * kGroup) >= count) break;
      block[places[k]] = items[k];
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  for (ulong i = thread_index; i < count; i += kGroup) {
    out[first + i] = block[i];
  }
}

// The place of each value among elements in order.
template <class T>
[[kernel]] void search_sorted(device const T* sorted [[buffer(0)]],
                              device const T* values [[buffer(1)]],
                              device uint* out [[buffer(2)]],
                              constant SearchArgs& args [[buffer(3)]],
                              uint group [[threadgroup_position_in_grid]],
                              uint thread_index
                              [[thread_position_in_threadgroup]]) {
  Order<T> order = narrowed<T>(args.order);
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i >= args.size) return;
    device const T* line = sorted + i / args.each * args.length;
    out[i] = uint(rank_in<Bare<T>>(line, args.length, key_of(values[i], order),
                                   args.ties != 0, order));
  }
}

// Runs of args.width become runs of twice that.
template <template <class> class Of, class T>
[[kernel]] void merge_runs(device const typename Of<T>::Item* from
                           [[buffer(0)]],
                           device typename Of<T>::Item* to [[buffer(1)]],
                           constant SortArgs& args [[buffer(2)]],
                           uint group [[threadgroup_position_in_grid]],
                           uint thread_index
                           [[thread_position_in_threadgroup]]) {
  typedef Of<T> Kind;
  Order<T> order = narrowed<T>(args.order);
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i >= args.size) return;
    ulong at = i % args.length;
    device const typename Kind::Item* row = from + (i - at);
    ulong place = merged<Kind>(row, args.length, args.width, at, order);
    to[i - at + place] = row[at];
  }
}
