# What `cmake --install build --prefix DIRECTORY` puts where, and how `cmake --build build --target uninstall` takes it
# away. What is installed can be moved as a whole: paths in it are relative. The component `lua` is what stock Lua needs.
include(CMakePackageConfigHelpers)

install(TARGETS program)
install(TARGETS library_shared library_static EXPORT taskpool)
# The static library is for any compiler and version: without what only ours can optimise further.
if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_OBJCOPY)
  install(CODE "execute_process(COMMAND ${CMAKE_OBJCOPY} --wildcard --remove-section=.gnu.lto_*
    --remove-section=.gnu.debuglto_* \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/libtaskpool.a)")
endif()
install(FILES include/taskpool.h TYPE INCLUDE)
install(FILES LICENSE CHANGELOG.md TYPE DOC)
install(TARGETS module LIBRARY DESTINATION ${TP_INSTALL_CMOD}/taskpool COMPONENT lua)
install(DIRECTORY lua/taskpool DESTINATION ${TP_INSTALL_LMOD} COMPONENT lua FILES_MATCHING PATTERN "*.lua")

# The unit for systemd names the program, where --prefix puts it.
install(CODE "
  file(READ ${PROJECT_SOURCE_DIR}/examples/service/taskpool.service unit)
  string(REPLACE /usr/bin/ \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/\" unit \"\${unit}\")
  file(WRITE ${PROJECT_BINARY_DIR}/taskpool.service \"\${unit}\")")
install(FILES ${PROJECT_BINARY_DIR}/taskpool.service DESTINATION lib/systemd/system)

# ---- find_package(taskpool): taskpool::taskpool and taskpool::taskpool_static ----

set(TP_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/taskpool)
write_basic_package_version_file(taskpoolConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT taskpool FILE taskpoolConfig.cmake NAMESPACE taskpool:: DESTINATION ${TP_CMAKE_DIR})
install(FILES ${PROJECT_BINARY_DIR}/taskpoolConfigVersion.cmake DESTINATION ${TP_CMAKE_DIR})

# ---- pkg-config ----

file(RELATIVE_PATH TP_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" TP_PC_PREFIX ${TP_PC_PREFIX})
file(RELATIVE_PATH TP_PC_LIBDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH TP_PC_INCLUDEDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
file(RELATIVE_PATH TP_PC_LUADIR ${CMAKE_INSTALL_PREFIX} ${TP_LUA_FULL_DIR})
list(JOIN TP_STATIC_LIBS " " TP_PC_LIBS_PRIVATE)
configure_file(scripts/lib/cmake/taskpool.pc.in taskpool.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/taskpool.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# ---- uninstall ----

add_custom_target(uninstall
  COMMAND ${CMAKE_COMMAND} -D BUILD=${PROJECT_BINARY_DIR} -P ${PROJECT_SOURCE_DIR}/scripts/lib/cmake/uninstall.cmake)
