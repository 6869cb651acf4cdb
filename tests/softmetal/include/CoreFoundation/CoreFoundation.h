// Stands in for Apple's header, so that metal-cpp compiles: one type, and the
// headers that Apple's brings along.
// SPDX-License-Identifier: MIT
#pragma once

#include <dispatch/dispatch.h>
#include <math.h>

typedef double CFTimeInterval;
