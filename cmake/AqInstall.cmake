# SPDX-License-Identifier: Apache-2.0
# make install PREFIX=DIR: the tree that callers of CANN expect (headers, lib64, set_env.sh), the command, and
# package files. Nothing in it names DIR, so the tree can be moved.

include(CMakePackageConfigHelpers)
# Not lib64/cmake: on Debian find_package(antiquant) does not look there.
set(config_dir share/cmake/antiquant)

install(TARGETS ${AQ_LIBRARIES} LIBRARY DESTINATION lib64)
install(TARGETS antiquant EXPORT antiquant LIBRARY DESTINATION lib64)
install(EXPORT antiquant DESTINATION ${config_dir} NAMESPACE antiquant:: FILE antiquant-targets.cmake)
configure_package_config_file(packaging/antiquant-config.cmake.in antiquant-config.cmake
    INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(antiquant-config-version.cmake COMPATIBILITY SameMinorVersion)
configure_file(packaging/antiquant.pc.in antiquant.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/antiquant-config.cmake" "${PROJECT_BINARY_DIR}/antiquant-config-version.cmake"
    DESTINATION ${config_dir})
install(FILES "${PROJECT_BINARY_DIR}/antiquant.pc" DESTINATION lib64/pkgconfig)

install(DIRECTORY include/ DESTINATION include FILES_MATCHING PATTERN "*.h")
# Older programs include "aclnnop/level2/aclnn_x.h".
install(CODE [[
    file(MAKE_DIRECTORY "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/include/aclnnop")
    file(CREATE_LINK . "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/include/aclnnop/level2" SYMBOLIC)
]])
if(TARGET antiquant_command)
    install(TARGETS antiquant_command RUNTIME DESTINATION bin)
endif()
install(FILES packaging/set_env.sh DESTINATION .)
foreach(document LICENSE NOTICE README.md CHANGELOG.md)
    install(FILES ${document} DESTINATION share/doc/antiquant OPTIONAL)
endforeach()
