// Which memory the dispatches since the last barrier read and write.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>

namespace ingot::metal {

// Bytes [begin, end), by their address on the host.
struct Range {
  uintptr_t begin, end;
};

// Disjoint ranges; those that touch are one.
class RangeSet {
 public:
  bool overlaps(Range r) const {
    auto it = ranges_.lower_bound(r.end);  // the first that begins at or after
    return it != ranges_.begin() && std::prev(it)->second > r.begin;
  }

  void add(Range r) {
    if (r.begin >= r.end) return;
    auto it = ranges_.upper_bound(r.begin);
    if (it != ranges_.begin() && std::prev(it)->second >= r.begin) --it;
    while (it != ranges_.end() && it->first <= r.end) {
      r = {std::min(r.begin, it->first), std::max(r.end, it->second)};
      it = ranges_.erase(it);
    }
    ranges_.emplace(r.begin, r.end);
  }

  void clear() { ranges_.clear(); }

 private:
  std::map<uintptr_t, uintptr_t> ranges_;  // begin to end
};

// Dispatches between two barriers may run at once, in any order.
class Hazards {
 public:
  bool reading_conflicts(Range r) const { return written_.overlaps(r); }
  bool writing_conflicts(Range r) const {
    return written_.overlaps(r) || read_.overlaps(r);
  }
  void read(Range r) { read_.add(r); }
  void write(Range r) { written_.add(r); }
  void clear() {
    read_.clear();
    written_.clear();
  }

 private:
  RangeSet read_, written_;
};

}  // namespace ingot::metal
