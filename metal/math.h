// Elementary functions, one branch-free polynomial for float each: loops over
// them vectorise, and CPU and Metal give the same bits. Error bounds stand in
// tests/cpp/math_accuracy.cpp.
// SPDX-License-Identifier: MIT
#pragma once
#include "math/activations.h"
#include "math/complex.h"
#include "math/exp_log.h"
#include "math/hyperbolic.h"
#include "math/libm.h"
#include "math/power.h"
#include "math/special.h"
#include "math/trigonometric.h"
#include "shim.h"
