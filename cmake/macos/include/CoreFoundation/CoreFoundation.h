// The part of CoreFoundation that metal-cpp names, for builds without a macOS SDK.
// SPDX-License-Identifier: MIT
#pragma once

typedef double CFTimeInterval;  // seconds
