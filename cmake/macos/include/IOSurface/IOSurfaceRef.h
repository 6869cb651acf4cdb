// The part of IOSurface that metal-cpp names, for builds without a macOS SDK.
// SPDX-License-Identifier: MIT
#pragma once

typedef struct __IOSurface* IOSurfaceRef;
