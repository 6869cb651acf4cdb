// Programs in Python, as trees that JSON can hold. The functions themselves are
// in ingot/core/_export.py.
// SPDX-License-Identifier: MIT
#include "csrc/program.h"

#include <nanobind/stl/tuple.h>

#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using Number = std::variant<int64_t, double, std::string, Shape>;
using Described = std::pair<Shape, std::string>;  // shape and dtype

Described described(const Spec& spec) {
  return {spec.shape, name_of(spec.dtype)};
}

Spec spec_of(const Described& described) {
  for (int i = 0; i < kDtypes; ++i) {
    auto dtype = static_cast<Dtype>(i);
    if (described.second == name_of(dtype)) return {described.first, dtype};
  }
  throw ValueError(cat("import_function: dtype must be one of ingot's, got ",
                       described.second));
}

// Name, fields, operands, outputs and "cpu", "gpu" or "".
using Line = std::tuple<std::string, std::vector<Number>, std::vector<int64_t>,
                        std::vector<Described>, std::string>;

Line line_of(const Program::Operation& operation) {
  Line line;
  auto& [name, fields, operands, outputs, device] = line;
  name = operation.saved.name;
  for (const Field& x : operation.saved.fields) fields.push_back(x.value);
  operands = operation.operands;
  for (const Spec& x : operation.outputs) outputs.push_back(described(x));
  if (operation.device) {
    device = *operation.device == DeviceType::cpu ? "cpu" : "gpu";
  }
  return line;
}

Program::Operation operation_of(const Line& line) {
  const auto& [name, fields, operands, outputs, device] = line;
  Program::Operation operation;
  operation.saved.name = name;
  for (const Number& x : fields) {
    operation.saved.fields.emplace_back().value = x;
  }
  operation.operands = operands;
  for (const Described& x : outputs) operation.outputs.push_back(spec_of(x));
  if (!device.empty()) {
    require(device == "cpu" || device == "gpu", "import_function: device must ",
            "be cpu or gpu, got ", device);
    operation.device = device == "cpu" ? DeviceType::cpu : DeviceType::gpu;
  }
  return operation;
}

using Parts =
    std::tuple<std::vector<Described>, std::vector<Line>, std::vector<int64_t>>;

Parts to_python(const Program& program) {
  std::vector<Described> inputs;
  std::vector<Line> lines;
  for (const Spec& x : program.inputs) inputs.push_back(described(x));
  for (const auto& x : program.operations) lines.push_back(line_of(x));
  return {std::move(inputs), std::move(lines), program.results};
}

Program from_python(const std::vector<Described>& inputs,
                    const std::vector<Line>& operations,
                    std::vector<int64_t> results, Arrays constants,
                    bool shapeless) {
  Program program;
  for (const Described& x : inputs) program.inputs.push_back(spec_of(x));
  for (const Line& x : operations) {
    program.operations.push_back(operation_of(x));
  }
  program.results = std::move(results);
  program.constants = std::move(constants);
  program.shapeless = shapeless;
  program.check("import_function");
  return program;
}

}  // namespace

void bind_program(nb::module_& m) {
  nb::class_<Program>(m, "_Program", "A function that a file can hold.")
      .def_static("of", &Program::of, "recording"_a, "shapeless"_a)
      .def_static("read", from_python, "inputs"_a, "operations"_a, "results"_a,
                  "constants"_a, "shapeless"_a)
      .def_static("names", saved_names)
      .def("parts", to_python)
      .def_ro("constants", &Program::constants)
      .def("accepts", &Program::accepts, "arrays"_a)
      .def("run", &Program::run, "arrays"_a);
}

}  // namespace ingot::python
