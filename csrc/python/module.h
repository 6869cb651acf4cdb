// What each file of the bindings adds to the extension.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/python/convert.h"

namespace ingot::python {

// A dtype as a Python object.
struct DtypeObject {
  Dtype value;
};
using DtypeArg = std::optional<DtypeObject>;
inline Dtype dtype_or(const DtypeArg& dtype, Dtype otherwise) {
  return dtype ? dtype->value : otherwise;
}

void bind_runtime(nb::module_& m);      // dtypes, devices, streams, memory
void bind_device_info(nb::module_& m);  // device_count, device_info
void bind_array(nb::module_& m);        // the array class
void bind_complex(nb::module_& m);      // real, imag, conj
void bind_asarray(nb::module_& m);      // asarray
void bind_elementwise(nb::module_& m);  // ops.def, where, clip, ...
void bind_create(nb::module_& m);       // zeros, arange, eye, ...
void bind_windows(nb::module_& m);      // hanning, hamming, ...
void bind_views(nb::module_& m);        // reshape, transpose, astype, ...
void bind_shapes(nb::module_& m);       // flip, roll, meshgrid, ...
void bind_strided(nb::module_& m);      // as_strided, diagonal, ...
void bind_copies(nb::module_& m);       // concatenate, split, pad, ...
void bind_reduce(nb::module_& m);       // sum, softmax, ...
void bind_scan(nb::module_& m);         // cumsum, diff, ...
void bind_sort(nb::module_& m);         // sort, median, unique, ...
void bind_linalg(nb::module_& m);       // matmul, linalg.*
void bind_parts(nb::module_& m);        // gather_mm, segmented_mm, ...
void bind_conv(nb::module_& m);         // convolutions
void bind_factorize(nb::module_& m);    // linalg.inv, linalg.svd, ...
void bind_eig(nb::module_& m);          // linalg.eig, linalg.eigvals
void bind_quantize(nb::module_& m);     // quantize, quantized_matmul, ...
void bind_qqmm(nb::module_& m);         // qqmm
void bind_products(nb::module_& m);     // inner, tensordot, einsum, ...
void bind_standard(nb::module_& m);     // of the array API standard
void bind_fast(nb::module_& m);         // fast.*
void bind_custom(nb::module_& m);       // fast.metal_kernel
void bind_index(nb::module_& m);        // take, take_along_axis, ...
void bind_random(nb::module_& m);       // random.*
void bind_transforms(nb::module_& m);   // eval, differentiation
void bind_recording(nb::module_& m);    // what compile and vmap keep
void bind_program(nb::module_& m);      // what files have of functions
void bind_step(nb::module_& m);         // optimizer steps
void bind_utils(nb::module_& m);        // walks over trees
void bind_metal(nb::module_& m);        // metal.*
void bind_bench(nb::module_& m);        // limits of the benchmarks
void bind_methods(nb::module_& m,
                  nb::object array);  // array.sum() and the like

}  // namespace ingot::python
