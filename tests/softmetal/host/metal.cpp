// The one unit that holds metal-cpp's definitions.
// SPDX-License-Identifier: MIT
#define NS_PRIVATE_IMPLEMENTATION
#define MTL_PRIVATE_IMPLEMENTATION
#include <Foundation/Foundation.hpp>
#include <Metal/Metal.hpp>
