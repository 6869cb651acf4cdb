# What a build with a sanitizer of clang's needs; tests/softmetal/sanitized runs it.
# The loops of csrc/cpu/kernels do without: they share and allocate nothing.
set(sanitizers_address
    -fsanitize=address,undefined
    # metal-cpp calls methods of nil, and blocks through types of its own; vptr needs
    # RTTI of classes that only exist as declarations.
    -fno-sanitize=function,null,vptr -fno-sanitize-recover=undefined)
set(sanitizers_thread -fsanitize=thread)
set(sanitizers ${sanitizers_${INGOT_SANITIZE}})
if(NOT sanitizers)
  message(FATAL_ERROR "INGOT_SANITIZE: must be empty, address or thread, "
                      "got ${INGOT_SANITIZE}")
endif()
add_link_options(${sanitizers} -shared-libsan)
list(APPEND sanitizers -O1 -g1)
