// Writes the source of a user's kernel: a prelude, the header, and the function
// around the body, whose parameters are what the body mentions.
// SPDX-License-Identifier: MIT
#include "csrc/metal/signature.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "csrc/error.h"
#include "csrc/metal/layout.h"

namespace ingot::metal {
namespace {

constexpr const char* kPrelude = R"msl(#include <metal_stdlib>
using namespace metal;

typedef half float16_t;
typedef bfloat bfloat16_t;

// The place, in elements, of element `elem` of an array, counted row by row.
template <class Index>
inline long elem_to_loc(Index elem, constant int* shape,
                        constant int64_t* strides, int ndim) {
  long place = 0;
  for (int d = ndim - 1; d >= 0; --d) {
    place += long(elem % Index(shape[d])) * strides[d];
    elem /= Index(shape[d]);
  }
  return place;
}
// Of a grid whose x and y are the last two axes, and whose z is all others.
inline long elem_to_loc(uint3 elem, constant int* shape,
                        constant int64_t* strides, int ndim) {
  long place = ndim > 0 ? long(elem.x) * strides[ndim - 1] : 0;
  if (ndim > 1) place += long(elem.y) * strides[ndim - 2];
  return place + elem_to_loc(elem.z, shape, strides, ndim - 2);
}

)msl";

// Attributes of a kernel's parameters (Metal Shading Language Specification,
// table 5.8).
struct Attribute {
  const char* name;
  const char* type;
};
constexpr Attribute kAttributes[] = {
    {"dispatch_quadgroups_per_threadgroup", "uint"},
    {"dispatch_simdgroups_per_threadgroup", "uint"},
    {"dispatch_threads_per_threadgroup", "uint3"},
    {"grid_origin", "uint3"},
    {"grid_size", "uint3"},
    {"quadgroup_index_in_threadgroup", "uint"},
    {"quadgroups_per_threadgroup", "uint"},
    {"simdgroup_index_in_threadgroup", "uint"},
    {"simdgroups_per_threadgroup", "uint"},
    {"thread_execution_width", "uint"},
    {"thread_index_in_quadgroup", "uint"},
    {"thread_index_in_simdgroup", "uint"},
    {"thread_index_in_threadgroup", "uint"},
    {"thread_position_in_grid", "uint3"},
    {"thread_position_in_threadgroup", "uint3"},
    {"threadgroup_position_in_grid", "uint3"},
    {"threadgroups_per_grid", "uint3"},
    {"threads_per_grid", "uint3"},
    {"threads_per_simdgroup", "uint"},
    {"threads_per_threadgroup", "uint3"},
};

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

std::set<std::string> words_of(const std::string& text) {
  std::set<std::string> words;
  for (size_t i = 0; i < text.size(); ++i) {
    size_t begin = i;
    while (i < text.size() && in_word(text[i])) ++i;
    if (i > begin) words.insert(text.substr(begin, i - begin));
  }
  return words;
}

bool is_identifier(const std::string& name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), in_word);
}

// As the source has it, and in words.
std::string text_of(const TemplateValue& value) {
  if (auto* dtype = std::get_if<Dtype>(&value)) return metal_type(*dtype);
  if (auto* yes = std::get_if<bool>(&value)) return *yes ? "true" : "false";
  return std::to_string(std::get<int64_t>(value));
}
const char* kind_of(const TemplateValue& value) {
  constexpr const char* kinds[] = {"bool", "int", "typename"};
  return kinds[value.index()];
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string all;
  for (const std::string& part : parts) {
    all += (all.empty() ? "" : between) + part;
  }
  return all;
}

// What stands between the parentheses.
std::string parameters_of(const CustomSource& source, const CustomCall& call) {
  std::vector<std::string> all;
  auto pass = [&](const auto&... declaration) {
    all.push_back(cat(declaration..., " [[buffer(", all.size(), ")]]"));
  };
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const Array& x = call.inputs[i];
    bool single = x.ndim() == 0;
    pass(single ? "constant " : "const device ", metal_type(x.dtype()),
         single ? "& " : "* ", source.inputs[i]);
  }
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    std::string type = metal_type(call.outputs[i].dtype);
    if (source.atomic) type = cat("atomic<", type, ">");
    pass("device ", type, "* ", source.outputs[i]);
  }
  std::vector<Mentioned> facts = mentioned(source);
  for (size_t i = 0; i < facts.size(); ++i) {
    const std::string& name = source.inputs[i];
    if (facts[i].shape) pass("constant int* ", name, "_shape");
    if (facts[i].strides) pass("constant int64_t* ", name, "_strides");
    if (facts[i].ndim) pass("constant int& ", name, "_ndim");
  }
  // Those that may be bound, from 0 to 30.
  require(all.size() <= 31,
          "metal_kernel: inputs, outputs and what the source "
          "mentions of their layouts must be at most 31, got ",
          all.size());
  std::set<std::string> words = words_of(source.body);
  for (const Attribute& a : kAttributes) {
    if (!words.count(a.name)) continue;
    all.push_back(cat(a.type, " ", a.name, " [[", a.name, "]]"));
  }
  return joined(all, ",\n    ");
}

}  // namespace

std::vector<Mentioned> mentioned(const CustomSource& source) {
  std::set<std::string> words = words_of(source.body);
  std::vector<Mentioned> facts;
  for (const std::string& name : source.inputs) {
    facts.push_back({words.count(name + "_shape") > 0,
                     words.count(name + "_strides") > 0,
                     words.count(name + "_ndim") > 0});
  }
  return facts;
}

void CustomSource::check() const {
  require(is_identifier(name),
          "metal_kernel: name must be an identifier, got '", name, "'");
  std::set<std::string> names;
  for (auto* list : {&inputs, &outputs}) {
    const char* which = list == &inputs ? "input_names" : "output_names";
    for (const std::string& each : *list) {
      require(is_identifier(each), "metal_kernel: ", which,
              " must be identifiers, got '", each, "'");
      require(names.insert(each).second,
              "metal_kernel: names of inputs and "
              "outputs must differ, got '",
              each, "' twice");
    }
  }
  require(!outputs.empty(), "metal_kernel: there must be an output, got none");
}

Written custom_text(const CustomSource& source, const CustomCall& call) {
  std::string function = "custom_kernel_" + source.name, kernel = function;
  std::vector<std::string> parameters, values;
  for (const auto& [name, value] : call.values) {
    parameters.push_back(cat(kind_of(value), " ", name));
    values.push_back(text_of(value));
    kernel += "_" + values.back();
  }
  std::string text = source.header + "\n";
  if (!values.empty())
    text += cat("template <", joined(parameters, ", "), ">\n");
  text += cat("[[kernel]] void ", function, "(\n    ",
              parameters_of(source, call), ") {\n", source.body, "\n}\n");
  if (!values.empty()) {
    std::string instance = cat(function, "<", joined(values, ", "), ">");
    text += cat("template [[host_name(\"", kernel, "\")]] [[kernel]] decltype(",
                instance, ") ", instance, ";\n");
  }
  return {kPrelude, std::move(text), std::move(kernel)};
}

}  // namespace ingot::metal
