# CMake's view of the cross build from Linux to macOS 14 on arm64.
#
# The tools lie in bin/. Frameworks come from the stubs in symbols.txt and include/:
# what a backend needs of Metal and Foundation is there beside Accelerate.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
set(CMAKE_SYSTEM_VERSION 23) # of Darwin, in macOS 14

set(CMAKE_CXX_COMPILER ${CMAKE_CURRENT_LIST_DIR}/bin/cxx)
set(CMAKE_AR ${CMAKE_CURRENT_LIST_DIR}/bin/ar)
set(CMAKE_RANLIB ${CMAKE_CURRENT_LIST_DIR}/bin/ranlib)
set(CMAKE_INSTALL_NAME_TOOL /bin/true CACHE FILEPATH "")
# Stripping after the link would break the signature; the linker strips.
set(CMAKE_STRIP /bin/true CACHE FILEPATH "")
# The compiler keeps a cache of its own.
set(CCACHE "" CACHE FILEPATH "")

# The compiler's own target decides on these.
set(CMAKE_OSX_SYSROOT "" CACHE STRING "")
set(CMAKE_OSX_ARCHITECTURES "" CACHE STRING "")
set(CMAKE_OSX_DEPLOYMENT_TARGET "" CACHE STRING "")

# Only bundles can be linked, and nothing of the host may be found.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_FIND_FRAMEWORK NEVER)
set(CMAKE_FIND_APPBUNDLE NEVER)
set(CMAKE_SKIP_RPATH ON)
