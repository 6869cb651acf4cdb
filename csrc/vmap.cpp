// Builds each operation of a recording for a batch: by its own rule, by
// broadcasting if it is elementwise, else for one example after the other.
// SPDX-License-Identifier: MIT
#include "csrc/vmap.h"

#include "csrc/error.h"
#include "csrc/ops.h"

namespace ingot {

Arrays Op::vmap(const Batch&) const { return {}; }

Shape with_first(int64_t first, const Shape& rest) {
  Shape shape = {first};
  for (int64_t n : rest) shape.push_back(n);
  return shape;
}

Shape shifted(const Shape& axes) {
  Shape result;
  for (int64_t axis : axes) result.push_back(axis + 1);
  return result;
}

Shape Batch::shape() const { return with_first(size, link.specs[0].shape); }

Array Batch::along(int64_t i) const {
  if (has_axis[static_cast<size_t>(i)]) return in[i];
  return broadcast_to(in[i], with_first(size, in[i].shape()));
}

Inputs Batch::along() const {
  Inputs all;
  for (int64_t i = 0; i < in.size(); ++i) all.push_back(along(i));
  return all;
}

Array Batch::lifted(int64_t i) const {
  if (!has_axis[static_cast<size_t>(i)]) return in[i];
  Shape shape = {size};
  for (int64_t k = in[i].ndim(); k <= link.specs[0].shape.size(); ++k) {
    shape.push_back(1);
  }
  for (int64_t k = 1; k < in[i].ndim(); ++k) shape.push_back(in[i].shape(k));
  return reshape(in[i], std::move(shape));
}

Arrays Batch::folded(int64_t count) const {
  Inputs inputs = in;
  for (int64_t i = 0; i < count; ++i) inputs[i] = flatten(along(i), 0, 1);
  Arrays outputs;
  if (link.outputs == 1) {
    Shape all = link.specs[0].shape;
    all[0] *= size;
    outputs = {
        make_array(link.op, all, link.specs[0].dtype, std::move(inputs))};
  } else {
    outputs = make_arrays(link.op, link.outputs, std::move(inputs));
  }
  for (Array& x : outputs) {
    int64_t each = size > 0 ? x.shape(0) / size : 0;
    x = unflatten(x, 0, {size, each});
  }
  return outputs;
}

Arrays Batch::passed_on() const {
  Inputs inputs = in;
  for (int64_t i = 0; i < link.outputs; ++i) inputs[i] = along(i);
  return make_arrays(link.op, link.outputs, std::move(inputs));
}

Arrays Batch::build(Inputs inputs) const {
  return build(link.op, std::move(inputs));
}

Arrays Batch::build(std::shared_ptr<const Op> op, Inputs inputs) const {
  if (link.outputs != 1) {
    return make_arrays(std::move(op), link.outputs, std::move(inputs));
  }
  return {make_array(std::move(op), shape(), link.specs[0].dtype,
                     std::move(inputs))};
}

namespace {

// Example i of an array that holds a batch.
Array example(const Array& x, int64_t i) {
  Shape start(x.ndim()), stop = x.shape(), step(x.ndim(), 1);
  start[0] = i;
  stop[0] = i + 1;
  return squeeze(slice(x, start, stop, step), Shape{0});
}

Arrays one_by_one(const Batch& batch) {
  std::vector<Arrays> outputs(static_cast<size_t>(batch.link.outputs));
  for (int64_t k = 0; k < std::max<int64_t>(batch.size, 1); ++k) {
    Inputs inputs;
    for (int64_t i = 0; i < batch.in.size(); ++i) {
      const Array& x = batch.in[i];
      if (!batch.has_axis[static_cast<size_t>(i)]) {
        inputs.push_back(x);
      } else if (batch.size > 0) {
        inputs.push_back(example(x, k));
      } else {  // for the shapes of the outputs
        Shape shape(x.shape().begin() + 1, x.shape().end());
        inputs.push_back(zeros(shape, x.dtype()));
      }
    }
    Arrays results = batch.link.build(std::move(inputs));
    for (size_t i = 0; i < results.size(); ++i) {
      outputs[i].push_back(results[i]);
    }
  }
  Arrays stacked;
  for (Arrays& parts : outputs) {
    const Array& first = parts[0];
    stacked.push_back(batch.size > 0
                          ? stack(parts, 0)
                          : zeros(with_first(0, first.shape()), first.dtype()));
  }
  return stacked;
}

// What a rule gave must be what the operation gave when it was recorded, with
// the axis in front: all that follows relies on that.
void check(const Arrays& outputs, const Batch& batch) {
  const Recording::Link& link = batch.link;
  const char* name = link.op->name();
  require<std::runtime_error>(std::ssize(outputs) == link.outputs, name,
                              ": its rule for vmap must give ", link.outputs,
                              " arrays, got ", outputs.size());
  for (int64_t i = 0; i < link.outputs; ++i) {
    const Array& x = outputs[static_cast<size_t>(i)];
    require<std::runtime_error>(static_cast<bool>(x), name,
                                ": its rule for vmap must give all outputs, ",
                                "got none for output ", i);
    Shape shape = with_first(batch.size, link.specs[i].shape);
    require<std::runtime_error>(
        x.shape() == shape && x.dtype() == link.specs[i].dtype, name,
        ": its rule for vmap must give shape ", shape, " and dtype ",
        link.specs[i].dtype, ", got ", x.shape(), " and ", x.dtype());
  }
}

Arrays build(const Batch& batch) {
  if (batch.link.op->elementwise()) {
    Inputs lifted;
    for (int64_t i = 0; i < batch.in.size(); ++i) {
      lifted.push_back(batch.lifted(i));
    }
    return batch.build(std::move(lifted));
  }
  Arrays outputs = batch.link.op->vmap(batch);
  if (outputs.empty()) return one_by_one(batch);
  check(outputs, batch);
  return outputs;
}

}  // namespace

std::vector<Mapped> vmap(const Recording& recording, std::vector<Mapped> inputs,
                         int64_t size) {
  auto constant = [](const Array& x) { return Mapped{x, false}; };
  auto map = [&](const Recording::Link& link,
                 const SmallVector<Mapped, 3>& operands) {
    Inputs in;
    std::vector<bool> has_axis;
    bool any = false;
    for (const Mapped& x : operands) {
      in.push_back(x.array);
      has_axis.push_back(x.has_axis);
      any |= x.has_axis;
    }
    std::vector<Mapped> outputs;
    Arrays built = any ? build(Batch{link, in, has_axis, size})
                       : link.build(std::move(in));
    for (Array& x : built) outputs.push_back({std::move(x), any});
    return outputs;
  };
  return recording.run(std::move(inputs), constant, map);
}

}  // namespace ingot
