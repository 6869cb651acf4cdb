# Libraries of the usual kernels, one for each family, that the extension finds beside
# itself: made by Apple's compiler, or by that of the software Metal for it. What they
# don't hold is compiled when first used, as everything is where there is no compiler.
set(INGOT_METALLIB ON CACHE BOOL "Compile the usual kernels, where there is a compiler")
if(NOT INGOT_METALLIB)
  return()
endif()

if(APPLE)
  # As library.cpp has it: safe math, Metal 3.1, which is that of macOS 14.
  find_program(XCRUN xcrun)
  set(metal_compiler ${XCRUN} -sdk macosx metal -std=metal3.1 -fno-fast-math
                     -mmacosx-version-min=14.0)
  # Xcode may be there without it, or be too old: a file tells.
  set(empty ${CMAKE_BINARY_DIR}/empty)
  file(WRITE ${empty}.metal "")
  set(failure "there is no xcrun")
  if(XCRUN)
    execute_process(COMMAND ${metal_compiler} -c ${empty}.metal -o ${empty}.air
                    RESULT_VARIABLE failed ERROR_VARIABLE failure)
  endif()
  if(failed OR NOT XCRUN)
    message(STATUS "Kernels will be compiled when first used: ${failure}")
    return()
  endif()
else()
  string(REPLACE address address,undefined sanitizer "${INGOT_SANITIZE}")
  set(softmetal ${CMAKE_SOURCE_DIR}/tests/softmetal)
  set(metal_compiler ${Python_EXECUTABLE} ${softmetal}/msl/compile.py --contract fast
                     --sanitize=${sanitizer})
  file(GLOB_RECURSE metal_compiler_files CONFIGURE_DEPENDS
       ${softmetal}/msl/*.py ${softmetal}/msl/include/* ${softmetal}/engine/abi.h)
endif()

set(usual ${CMAKE_SOURCE_DIR}/metal/usual.txt)
set(metallibs)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/kernels)
foreach(source ${kernel_files})
  cmake_path(GET source STEM family)
  set(made ${CMAKE_BINARY_DIR}/kernels/${family})
  add_custom_command(
    OUTPUT ${made}.metallib
    COMMAND ${Python_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/usual_kernels.py
            ${source} ${usual} ${made}.metal
    COMMAND ${metal_compiler} ${made}.metal -o ${made}.metallib
    DEPENDS ${source} ${kernel_headers} ${usual} ${metal_compiler_files}
            cmake/usual_kernels.py cmake/embed_kernels.py
    COMMENT "Compiling the usual kernels of ${family}"
    VERBATIM)
  list(APPEND metallibs ${made}.metallib)
endforeach()
add_custom_target(metallibs ALL DEPENDS ${metallibs})
install(FILES ${metallibs} DESTINATION ingot/_kernels)
set_source_files_properties(csrc/metal/precompiled.cpp PROPERTIES
                            COMPILE_DEFINITIONS INGOT_HAS_METALLIBS=1)
