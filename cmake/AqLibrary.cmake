# SPDX-License-Identifier: Apache-2.0
# libantiquant: every room of src/, compiled once, as a shared library and (for the tests, which reach hidden
# functions) as a static one. Adding a .c file to a room needs no change here.

find_package(Threads REQUIRED)
include(CheckCCompilerFlag)

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
    # Sanitizers make the inlined kernels so large that -O3 takes a minute a file.
    set(level -O3)
    if(AQ_SANITIZE)
        set(level -O1)
    endif()
    set_source_files_properties(${found} PROPERTIES COMPILE_OPTIONS "${level};${ARGN}")
    set(core_sources ${core_sources} ${found} PARENT_SCOPE)
endfunction()

aq_add_kernels(ref)
if(NOT AQ_SANITIZE) # loops over rows and columns, for the compiler to vectorise
    set_source_files_properties("${PROJECT_SOURCE_DIR}/src/kernels/ends.c"
        "${PROJECT_SOURCE_DIR}/src/matmul/columns.c" PROPERTIES COMPILE_OPTIONS -O3)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    aq_add_kernels(x86/avx2 -mavx2 -mfma -mf16c)
    aq_add_kernels(x86/avx512 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mf16c)
    aq_add_kernels(x86/vnni -mavx512vnni -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mf16c)
    set(core_definitions AQ_HAVE_X86_KERNELS=1)
    check_c_compiler_flag(-mavxvnni AQ_COMPILER_HAS_AVXVNNI) # gcc 11, clang 12
    if(AQ_COMPILER_HAS_AVXVNNI)
        aq_add_kernels(x86/avxvnni -mavxvnni -mavx2 -mfma -mf16c)
        list(APPEND core_definitions AQ_HAVE_AVXVNNI_KERNELS=1)
    endif()
    check_c_compiler_flag(-mamx-int8 AQ_COMPILER_HAS_AMX) # gcc 11, clang 11
    if(AQ_COMPILER_HAS_AMX)
        aq_add_kernels(x86/amx -mamx-tile -mamx-int8 -mavx512vnni -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma
            -mf16c)
        list(APPEND core_definitions AQ_HAVE_AMX_KERNELS=1)
    endif()
endif()
if(NOT core_sources)
    file(WRITE "${PROJECT_BINARY_DIR}/empty.c" "typedef int aq_empty;\n")
    set(core_sources "${PROJECT_BINARY_DIR}/empty.c")
endif()

add_library(aq_objects OBJECT ${core_sources})
target_include_directories(aq_objects PUBLIC "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
target_compile_definitions(aq_objects PUBLIC ${core_definitions})

add_library(aq_static STATIC $<TARGET_OBJECTS:aq_objects>)
set_target_properties(aq_static PROPERTIES OUTPUT_NAME antiquant)
target_include_directories(aq_static PUBLIC "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
target_compile_definitions(aq_static PUBLIC ${core_definitions})
target_link_libraries(aq_static PUBLIC Threads::Threads m)

# The core exports the functions of packaging/exports.txt and include/antiquant.h, and nothing else.
set(exports "${PROJECT_SOURCE_DIR}/packaging/exports.txt")
set(exports_py "${PROJECT_SOURCE_DIR}/scripts/exports.py")
set(version_script "${PROJECT_BINARY_DIR}/antiquant.map")
add_custom_command(OUTPUT "${version_script}"
    COMMAND Python3::Interpreter "${exports_py}" map > "${version_script}"
    DEPENDS "${exports}" "${exports_py}" "${PROJECT_SOURCE_DIR}/include/antiquant.h" VERBATIM)

# All our libraries lie in one directory and find each other there; no version in the soname, no symlinks.
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
set(CMAKE_INSTALL_RPATH "$ORIGIN")
add_library(antiquant SHARED $<TARGET_OBJECTS:aq_objects> "${version_script}")
set_target_properties(antiquant PROPERTIES LINK_DEPENDS "${version_script}")
target_include_directories(antiquant INTERFACE
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include/aclnn>"
    "$<INSTALL_INTERFACE:include>" "$<INSTALL_INTERFACE:include/aclnn>")
target_link_libraries(antiquant PRIVATE Threads::Threads m)
# nodelete: stream workers and thread-local texts outlive a dlclose.
target_link_options(antiquant PRIVATE -Wl,-z,nodelete "-Wl,--version-script=${version_script}")
if(NOT AQ_SANITIZE)
    target_link_options(antiquant PRIVATE -Wl,-z,defs)
endif()
# A listed function that no source defines is for scripts/check_symbols.py to report, not for the linker.
include(CheckLinkerFlag)
check_linker_flag(C -Wl,--undefined-version AQ_LINKER_HAS_UNDEFINED_VERSION)
if(AQ_LINKER_HAS_UNDEFINED_VERSION)
    target_link_options(antiquant PRIVATE -Wl,--undefined-version)
endif()

# CANN's library names are filters (DT_FILTER) over the core: a program links against libascendcl.so and finds
# aclInit there, and at run time the loader takes the function from libantiquant.so. So every name is a real
# library with real symbols, and the process has one copy of the state whichever names it linked or dlopened.
# aq_add_filter(NAME NEEDED...): lib<NAME>.so; NEEDED are libraries that callers reach through it (DT_NEEDED).
function(aq_add_filter name)
    set(stubs "${PROJECT_BINARY_DIR}/stubs/${name}.c")
    add_custom_command(OUTPUT "${stubs}" COMMAND Python3::Interpreter "${exports_py}" stubs ${name} > "${stubs}"
        DEPENDS "${exports}" "${exports_py}" VERBATIM)
    add_library(${name} SHARED "${stubs}")
    target_link_options(${name} PRIVATE -Wl,--filter=libantiquant.so -Wl,--no-as-needed)
    target_link_libraries(${name} PRIVATE ${ARGN})
    add_dependencies(${name} antiquant)
endfunction()
file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/stubs")
aq_add_filter(ascendcl)
aq_add_filter(acl_rt)
aq_add_filter(acl_op_compiler)
aq_add_filter(nnopbase ascendcl)
aq_add_filter(opapi nnopbase ascendcl)
aq_add_filter(opapi_nn nnopbase ascendcl)
aq_add_filter(opapi_math nnopbase ascendcl)
set(AQ_LIBRARIES antiquant ascendcl acl_rt acl_op_compiler nnopbase opapi opapi_nn opapi_math)
