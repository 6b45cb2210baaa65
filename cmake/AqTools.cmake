# SPDX-License-Identifier: Apache-2.0
# The command `antiquant` and the examples. Both see public headers and public libraries only.

file(GLOB tool_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tools/antiquant/*.c")
if(tool_sources)
    find_path(JANSSON_INCLUDE_DIR jansson.h REQUIRED)
    find_library(JANSSON_LIBRARY jansson REQUIRED)
    add_executable(antiquant_command ${tool_sources})
    set_target_properties(antiquant_command PROPERTIES OUTPUT_NAME antiquant INSTALL_RPATH "$ORIGIN/../lib64")
    target_include_directories(antiquant_command PRIVATE "${PROJECT_SOURCE_DIR}/tools/antiquant"
        "${JANSSON_INCLUDE_DIR}")
    target_link_libraries(antiquant_command PRIVATE antiquant "${JANSSON_LIBRARY}" Threads::Threads m)
endif()

# Examples link as a caller of CANN does. An example with a file NAME.expected is also a test.
file(GLOB example_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.c")
foreach(source IN LISTS example_sources)
    get_filename_component(name "${source}" NAME_WE)
    add_executable(example_${name} "${source}")
    set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name} INSTALL_RPATH "$ORIGIN/../../lib64"
        RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin/examples")
    target_include_directories(example_${name} PRIVATE "${PROJECT_SOURCE_DIR}/include"
        "${PROJECT_SOURCE_DIR}/include/aclnn")
    target_link_libraries(example_${name} PRIVATE ascendcl nnopbase opapi)
    file(STRINGS "${source}" own REGEX "^#include \"antiquant.h\"")
    if(own) # what antiquant.h offers is in no library of CANN's
        target_link_libraries(example_${name} PRIVATE antiquant)
    endif()
    if(EXISTS "${PROJECT_SOURCE_DIR}/examples/${name}.expected")
        list(APPEND AQ_EXAMPLES ${name})
    endif()
endforeach()
