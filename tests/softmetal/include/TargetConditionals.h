// Stands in for Apple's header, so that metal-cpp compiles: we are macOS.
// SPDX-License-Identifier: MIT
#pragma once

#define TARGET_OS_OSX 1
#define TARGET_OS_MAC 1
#define TARGET_OS_IPHONE 0
