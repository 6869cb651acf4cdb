// The state of draws without a key, as Python sees it: a list of one key.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/ops/random.h"
#include "csrc/python/module.h"

namespace ingot::python {

struct RandomState {
  Array key() const { return random::default_sequence().state(); }
  void set_key(const Array& key) const {
    random::default_sequence().set_state(key);
  }
};

void bind_multivariate(nb::module_& m);  // random.multivariate_normal

}  // namespace ingot::python
