// The graph as text, to be drawn by Graphviz.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "csrc/array.h"

namespace ingot {

using Names = std::vector<std::pair<std::string, Array>>;

// What is lazy behind the outputs: a box for each operation, an ellipse for
// each array, which says its name (a letter where it has none), shape and dtype.
std::string to_dot(const Arrays& outputs, const Names& names);

}  // namespace ingot
