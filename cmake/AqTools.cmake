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
