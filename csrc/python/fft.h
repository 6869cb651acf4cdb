// Fourier transforms in Python: what their files share.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/ops/fft.h"
#include "csrc/python/module.h"

namespace ingot::python {

void bind_fft(nb::module_& m);     // fft.*
void bind_stft(nb::module_& fft);  // fft.stft, fft.istft
// What an argument `norm` of the function `name` says.
FourierNorm fourier_norm(const std::string& norm, const char* name);

}  // namespace ingot::python
