// Takes recorded functions apart, and builds them again.
// SPDX-License-Identifier: MIT
#include "csrc/program.h"

#include <exception>
#include <new>
#include <utility>

#include "csrc/error.h"

namespace ingot {
namespace {

constexpr const char* kConstant = "constant";

Arrays placeholders(const std::vector<Spec>& specs) {
  Arrays arrays;
  for (const Spec& x : specs) arrays.push_back(placeholder(x.shape, x.dtype));
  return arrays;
}

// What gives the same wherever it is computed, and is not worth its memory.
std::optional<Saved> creation(const Array& x) {
  const Op* op = x.ready() ? nullptr : x->node->op.get();
  std::optional<Saved> saved = op ? op->saved() : std::nullopt;
  bool creates = saved && (saved->name == "full" || saved->name == "arange" ||
                           saved->name == "eye");
  return creates ? saved : std::nullopt;
}

// The axes of size one that `longer` has besides those of `shorter`, if that is
// all that tells them apart.
std::optional<Shape> added_axes(const Shape& shorter, const Shape& longer) {
  Shape added;
  int64_t at = 0;
  for (int64_t i = 0; i < longer.size(); ++i) {
    if (at < shorter.size() && shorter[at] == longer[i]) {
      ++at;
    } else if (longer[i] == 1) {
      added.push_back(i);
    } else {
      return std::nullopt;
    }
  }
  if (at < shorter.size()) return std::nullopt;
  return added;
}

// What a shapeless function can do as well.
Saved reshape_as(const Shape& from, const Shape& to) {
  if (auto axes = added_axes(from, to)) return {"expand_dims", {*axes}};
  if (auto axes = added_axes(to, from)) return {"squeeze", {*axes}};
  return {"reshape", {}};
}

// Follows the operations of a recording, and writes each down.
class Writer {
 public:
  // A value of the program, and what stands for it meanwhile.
  struct Value {
    int64_t number;
    Array array;
  };

  Writer(Program& program, int64_t inputs)
      : program_(program), values_(inputs) {}

  Value constant(const Array& x) {
    Program::Operation operation;
    if (std::optional<Saved> saved = creation(x)) {
      operation.saved = *std::move(saved);
    } else {
      operation.saved = {kConstant, {std::ssize(program_.constants)}};
      program_.constants.push_back(x);
    }
    return add(std::move(operation), {x})[0];
  }

  template <class Operands>
  std::vector<Value> link(const Recording::Link& link, const Operands& operands,
                          Stream outside) {
    Program::Operation operation;
    std::optional<Saved> saved = link.op->saved();
    require(saved.has_value(), "export_function: operation ",
            program_.operations.size(), ", ", link.op->name(),
            ", must be one that a file can have");
    operation.saved = *std::move(saved);
    if (operation.saved.name == "reshape") {
      operation.saved =
          reshape_as(operands[0].array.shape(), link.specs[0].shape);
    }
    if (!(link.stream == outside)) operation.device = link.stream.device.type;
    Inputs in;
    for (const Value& x : operands) {
      operation.operands.push_back(x.number);
      in.push_back(x.array);
    }
    return add(std::move(operation), link.build(std::move(in)));
  }

 private:
  std::vector<Value> add(Program::Operation operation, const Arrays& outputs) {
    std::vector<Value> values;
    for (const Array& x : outputs) {
      operation.outputs.push_back({x.shape(), x.dtype()});
      values.push_back({values_++, x});
    }
    program_.operations.push_back(std::move(operation));
    return values;
  }

  Program& program_;
  int64_t values_;
};

// Builds the operations of a program for some inputs.
class Builder {
 public:
  // Errors speak of `function`.
  Builder(const Program& program, const Arrays& inputs, const char* function)
      : program_(program),
        function_(function),
        values_(inputs),
        fixed_(inputs.size(), false) {}

  // What goes wrong is told with its place.
  void add(const Program::Operation& operation) {
    try {
      Arrays outputs = outputs_of(operation);
      check(operation, outputs);
      bool constant = operation.saved.name == kConstant;
      for (Array& x : outputs) {
        values_.push_back(std::move(x));
        fixed_.push_back(constant);
      }
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      throw ValueError(cat(function_, ": operation ", number_, ", ",
                           operation.saved.name, ": ", error.what()));
    }
    ++number_;
  }

  const Array& value(int64_t i) const {
    require(i >= 0 && i < std::ssize(values_), "values must be among the ",
            values_.size(), " before, got ", i);
    return values_[static_cast<size_t>(i)];
  }

 private:
  Arrays outputs_of(const Program::Operation& operation) {
    Arrays in;
    for (int64_t i : operation.operands) in.push_back(value(i));
    bool of_constant =
        !in.empty() && fixed_[static_cast<size_t>(operation.operands[0])];
    Reading reading{operation.saved, in, operation.outputs, program_.shapeless,
                    of_constant};
    std::optional<StreamScope> scope;
    if (operation.device) {
      Device device{*operation.device};
      require_available(device);
      scope.emplace(default_stream(device));
    }
    if (operation.saved.name != kConstant) return build(reading);
    require(operation.saved.fields.size() == 1 && in.empty(),
            "there must be the number of a constant, and no inputs");
    int64_t i = reading.index(0, std::ssize(program_.constants));
    return {program_.constants[static_cast<size_t>(i)]};
  }

  void check(const Program::Operation& operation, const Arrays& outputs) const {
    require(outputs.size() == operation.outputs.size(), "there must be ",
            outputs.size(), " outputs, got ", operation.outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      const auto& [shape, dtype] = operation.outputs[i];
      bool fits = program_.shapeless ? outputs[i].ndim() == shape.size()
                                     : outputs[i].shape() == shape;
      require(fits && outputs[i].dtype() == dtype, "output ", i, " must be ",
              outputs[i].dtype(), " of shape ", outputs[i].shape(), ", got ",
              dtype, " of ", shape);
    }
  }

  const Program& program_;
  const char* function_;
  Arrays values_;
  std::vector<bool> fixed_;  // which of them are constants
  int64_t number_ = 0;
};

}  // namespace

Program Program::of(const Recording& recording, bool shapeless) {
  Program program;
  program.shapeless = shapeless;
  program.inputs = recording.inputs();
  Stream outside = current_stream();
  Writer writer(program, std::ssize(program.inputs));
  std::vector<Writer::Value> values;
  for (const Array& x : placeholders(program.inputs)) {
    values.push_back({std::ssize(values), x});
  }
  auto results = recording.run(
      std::move(values), [&](const Array& x) { return writer.constant(x); },
      [&](const Recording::Link& link, const auto& operands) {
        return writer.link(link, operands, outside);
      });
  for (const auto& x : results) program.results.push_back(x.number);
  program.check("export_function");
  return program;
}

void Program::check(const char* function) const {
  try {
    for (const Spec& x : inputs) size_of(x.shape, x.dtype, function);
  } catch (const MemoryError& error) {  // no machine has so much
    throw ValueError(error.what());
  }
  build(placeholders(inputs), function);
}

bool Program::accepts(const Arrays& arrays) const {
  if (arrays.size() != inputs.size()) return false;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const auto& [shape, dtype] = inputs[i];
    bool fits = shapeless ? arrays[i].ndim() == shape.size()
                          : arrays[i].shape() == shape;
    if (!fits || arrays[i].dtype() != dtype) return false;
  }
  return true;
}

Arrays Program::run(const Arrays& arrays) const {
  require(accepts(arrays), "import_function: arguments must be of the shapes ",
          "and dtypes that the function was exported with");
  return build(arrays, "import_function");
}

Arrays Program::build(const Arrays& arrays, const char* function) const {
  Builder builder(*this, arrays, function);
  for (const Operation& operation : operations) builder.add(operation);
  Arrays outputs;
  for (int64_t i : results) outputs.push_back(builder.value(i));
  return outputs;
}

}  // namespace ingot
