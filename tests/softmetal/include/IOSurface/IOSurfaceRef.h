// Stands in for Apple's header, so that metal-cpp compiles: one type.
// SPDX-License-Identifier: MIT
#pragma once

typedef struct __IOSurface* IOSurfaceRef;
