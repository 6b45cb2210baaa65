# SPDX-License-Identifier: Apache-2.0
# libantiquant: every room of src/, compiled once, as a shared library and (for the tests, which reach hidden
# functions) as a static one. Adding a .c file to a room needs no change here.

find_path(PTHREADPOOL_INCLUDE_DIR pthreadpool.h REQUIRED)
find_library(PTHREADPOOL_LIBRARY pthreadpool REQUIRED)
find_package(Threads REQUIRED)

set(AQ_ROOMS base cpu tensor parallel kernels matmul runtime ops)
set(core_sources "")
foreach(room IN LISTS AQ_ROOMS)
    file(GLOB found CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${room}/*.c")
    list(APPEND core_sources ${found})
endforeach()

# aq_add_kernels(FOLDER FLAG...): kernels of src/kernels/FOLDER, compiled for their instructions. Only files in
# these folders may use them; the dispatcher and everything else run on the baseline CPU.
function(aq_add_kernels folder)
    file(GLOB found CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/kernels/${folder}/*.c")
    set_source_files_properties(${found} PROPERTIES COMPILE_OPTIONS "-O3;${ARGN}")
    set(core_sources ${core_sources} ${found} PARENT_SCOPE)
endfunction()

aq_add_kernels(ref)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    aq_add_kernels(x86/avx2 -mavx2 -mfma -mf16c)
    aq_add_kernels(x86/avx512 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mf16c)
    set(core_definitions AQ_HAVE_X86_KERNELS=1)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    aq_add_kernels(arm)
    set(core_definitions AQ_HAVE_ARM_KERNELS=1)
endif()
if(NOT core_sources)
    file(WRITE "${PROJECT_BINARY_DIR}/empty.c" "typedef int aq_empty;\n")
    set(core_sources "${PROJECT_BINARY_DIR}/empty.c")
endif()

add_library(aq_objects OBJECT ${core_sources})
target_include_directories(aq_objects PUBLIC "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include"
    PRIVATE "${PTHREADPOOL_INCLUDE_DIR}")
target_compile_definitions(aq_objects PUBLIC ${core_definitions})

add_library(aq_static STATIC $<TARGET_OBJECTS:aq_objects>)
set_target_properties(aq_static PROPERTIES OUTPUT_NAME antiquant)
target_include_directories(aq_static PUBLIC "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
target_compile_definitions(aq_static PUBLIC ${core_definitions})
target_link_libraries(aq_static PUBLIC "${PTHREADPOOL_LIBRARY}" Threads::Threads m)

add_library(antiquant SHARED $<TARGET_OBJECTS:aq_objects>)
add_library(antiquant::antiquant ALIAS antiquant)
target_include_directories(antiquant INTERFACE
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:include>"
    "$<INSTALL_INTERFACE:include/aclnn>")
target_link_libraries(antiquant PRIVATE "${PTHREADPOOL_LIBRARY}" Threads::Threads m)
# nodelete: stream workers and thread-local texts outlive a dlclose.
target_link_options(antiquant PRIVATE -Wl,-z,nodelete)
if(NOT AQ_SANITIZE)
    target_link_options(antiquant PRIVATE -Wl,-z,defs)
endif()
