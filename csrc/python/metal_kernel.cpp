// Kernels written in Metal, in Python: fast.metal_kernel.
// SPDX-License-Identifier: MIT
#include "csrc/metal/custom.h"
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using metal::CustomCall;
using metal::CustomSource;
using Names = std::vector<std::string>;
using Values = std::vector<std::pair<std::string, nb::object>>;

metal::TemplateValue template_value(const std::string& name, nb::handle value) {
  PyObject* o = value.ptr();
  if (PyBool_Check(o)) return o == Py_True;
  if (nb::isinstance<DtypeObject>(value)) {
    return nb::inst_ptr<DtypeObject>(value)->value;
  }
  int64_t number;
  require<TypeError>(nb::detail::type_caster<Shape>::read_int(o, number),
                     "metal_kernel: template ", name,
                     " must be a dtype, an int of 64 bits or ", "a bool, got ",
                     Shown{value});
  return number;
}

std::array<int64_t, 3> extents(const char* name, const Shape& numbers) {
  require(numbers.size() == 3, "metal_kernel: ", name, " must have three ",
          "numbers, got ", numbers.size());
  return {numbers[0], numbers[1], numbers[2]};
}

// A build without Metal has none of these: metal_kernel makes them alone.
metal::CustomOutputs outputs_of(const CustomSource& source,
                                const CustomCall& call) {
#if INGOT_HAS_METAL
  return metal::custom_kernel(source, call);
#else
  throw std::logic_error(cat("metal_kernel: there is no Metal for ",
                             source.name, call.inputs.size()));
#endif
}

CustomSource source_of(std::string name, Names inputs, Names outputs,
                       std::string body, std::string header,
                       bool row_contiguous, bool atomic) {
  require_available({DeviceType::gpu, 0});
  CustomSource source = {std::move(name), std::move(inputs), std::move(outputs),
                         std::move(body), std::move(header), row_contiguous,
                         atomic};
#if INGOT_HAS_METAL
  source.check();
#endif
  return source;
}

Arrays run_kernel(const CustomSource& source, const ArrayLikes& inputs,
                  const std::vector<Shape>& shapes,
                  const std::vector<DtypeObject>& dtypes, const Shape& grid,
                  const Shape& threadgroup, const std::optional<Values>& values,
                  const nb::object& initial, bool verbose,
                  const StreamArg& stream) {
  OnStream scope(stream);
  require(shapes.size() == dtypes.size(), "metal_kernel: output_shapes and ",
          "output_dtypes must be as many, got ", shapes.size(), " and ",
          dtypes.size());
  CustomCall call;
  for (nb::handle x : inputs) call.inputs.push_back(to_array(x));
  for (size_t i = 0; i < shapes.size(); ++i) {
    call.outputs.push_back({shapes[i], dtypes[i].value});
    if (initial.is_none()) continue;
    call.initial.push_back(
        to_number(initial, dtypes[i].value, "metal_kernel: init_value"));
  }
  for (const auto& [name, value] : values.value_or(Values())) {
    call.values.emplace_back(name, template_value(name, value));
  }
  call.grid = extents("grid", grid);
  call.group = extents("threadgroup", threadgroup);
  metal::CustomOutputs made = outputs_of(source, call);
  if (verbose) nb::print(nb::str(made.text.c_str()));
  return std::move(made.arrays);
}

}  // namespace

void bind_custom(nb::module_& m) {
  nb::class_<CustomSource>(m, "_MetalKernel",
                           "A kernel written in Metal, see fast.metal_kernel.")
      .def(
          "__call__", run_kernel, nb::kw_only(), "inputs"_a, "output_shapes"_a,
          "output_dtypes"_a, "grid"_a, "threadgroup"_a,
          "template"_a = nb::none(), "init_value"_a = nb::none(),
          "verbose"_a = false, "stream"_a = nb::none(),
          R"(The outputs of the kernel, which the GPU computes when they are needed.

Args:
    inputs: arrays, or numbers, one for each of input_names.
    output_shapes: sequence of shapes, one for each of output_names.
    output_dtypes: sequence of dtypes, one for each of output_names.
    grid: three numbers, how many threads run along each axis.
    threadgroup: three numbers, how many of them are in a threadgroup.
    template: sequence of pairs (name, value), the parameters of the function's
        template: dtypes, ints and bools.
    init_value: number that all outputs are filled with before the kernel runs;
        None leaves them undefined.
    verbose: whether to print the source that is compiled.
    stream: stream or device, a GPU's.

Returns:
    list of arrays, row contiguous. They have no derivative of their own.

Raises:
    ValueError: if counts, sizes or the stream do not fit.
    TypeError: if a dtype is float64, or a template value of another kind.
    RuntimeError: if the source does not compile, once an output is computed.)");
  nb::module_ fast = nb::borrow<nb::module_>(m.attr("fast"));
  fast.def("metal_kernel", source_of, "name"_a, "input_names"_a,
           "output_names"_a, "source"_a, "header"_a = "",
           "ensure_row_contiguous"_a = true, "atomic_outputs"_a = false,
           R"(A kernel for the GPU, from the body of a function in Metal.

The function around the body is written for the types of each call, and compiled
when it is first computed; it is kept for further calls. Its parameters are

- each input, as a pointer `const device T*`; as a reference `constant T&`
  where it has no dimensions, such as a number;
- each output, as a pointer `device T*`, or `device atomic<T>*`;
- NAME_shape (int), NAME_strides (int64_t, in elements) and NAME_ndim of an input
  NAME, if the body mentions them;
- attributes of the thread that the body mentions, as thread_position_in_grid
  (table 5.8 of the Metal Shading Language Specification).

`metal_stdlib` is included and namespace metal is in use. float16_t and
bfloat16_t are types, and elem_to_loc(elem, NAME_shape, NAME_strides, NAME_ndim)
is the place of an element. The grid counts threads, of which the last groups may
have fewer. Vectorised functions run it once for each example; gradients are what
a custom_function around it says.

Args:
    name: identifier, for the function.
    input_names: sequence of identifiers, the inputs' names in the body.
    output_names: sequence of identifiers, the outputs' names in the body.
    source: body of the function.
    header: what stands before the function: includes and further functions.
    ensure_row_contiguous: whether inputs in another layout are copied first. If
        not, only those with negative strides are, and strides tell the layout.
    atomic_outputs: whether outputs are arrays of atomic<T>.

Returns:
    function of inputs, template, grid, threadgroup, output_shapes,
    output_dtypes, init_value, verbose and stream, all by keyword, that returns a
    list of arrays; see help() of it.

Raises:
    ValueError: if there is no Metal device, no output, or a name that is no
        identifier or there twice.

Example:
    >>> import ingot.core as mx
    >>> body = "uint i = thread_position_in_grid.x; out[i] = metal::exp(T(x[i]));"
    >>> def exp(x):
    ...     kernel = mx.fast.metal_kernel("my_exp", ["x"], ["out"], body)
    ...     types = {"template": [("T", mx.float32)], "output_dtypes": [x.dtype]}
    ...     sizes = {"grid": (x.size, 1, 1), "threadgroup": (256, 1, 1)}
    ...     return kernel(inputs=[x], output_shapes=[x.shape], **types, **sizes)[0]
    >>> x = mx.array([0.0, 1.0])
    >>> exp(x) if mx.metal.is_available() else mx.exp(x)
    array([1, 2.71828], dtype=float32))");
}

}  // namespace ingot::python
