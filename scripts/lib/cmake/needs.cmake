# What taskpool needs of the system: the interface libraries `needs`, all that the objects call except Lua, and
# PkgConfig::LUA; TP_STATIC_LIBS, the linker flags of a program that is linked with the static library.
#
# Systems name the same library differently; the first name that pkg-config knows is taken. Everything that is missing
# is named in one message.
#
# To add a library: a tp_need, or a tp_want for one that it can do without.
find_package(PkgConfig REQUIRED)

set(TP_MISSING "")

# tp_find(PREFIX NAME…): looks for the pkg-config names in turn.
macro(tp_find prefix)
  pkg_search_module(${prefix} QUIET IMPORTED_TARGET ${ARGN})
  if(${prefix}_FOUND)
    message(STATUS "${prefix}: ${${prefix}_MODULE_NAME} ${${prefix}_VERSION}")
  endif()
endmacro()

# tp_need(PREFIX WHAT PACKAGE NAME…): notes what is missing; PACKAGE is what Debian calls it.
macro(tp_need prefix what package)
  tp_find(${prefix} ${ARGN})
  if(NOT ${prefix}_FOUND)
    string(REPLACE ";" ", " names "${ARGN}")
    string(APPEND TP_MISSING "  ${what} (pkg-config: ${names}; Debian: ${package})\n")
  endif()
endmacro()

# tp_want(PREFIX WITHOUT NAME…): a library whose absence costs what WITHOUT says.
macro(tp_want prefix without)
  tp_find(${prefix} ${ARGN})
  if(${prefix}_FOUND)
    target_compile_definitions(needs INTERFACE TP_HAVE_${prefix})
    target_link_libraries(needs INTERFACE PkgConfig::${prefix})
    list(APPEND TP_STATIC_LIBS ${${prefix}_LDFLAGS})
  else()
    message(STATUS "${ARGV2} is missing: ${without}")
  endif()
endmacro()

tp_need(LUA "Lua 5.4" liblua5.4-dev lua5.4 lua-5.4 lua54 lua)
tp_need(UV "libuv" libuv1-dev libuv)
tp_need(LUV "luv for Lua 5.4" lua-luv-dev lua5.4-luv lua54-luv libluv luv)
tp_need(JANSSON "jansson" libjansson-dev jansson)
if(LUA_FOUND AND NOT LUA_VERSION MATCHES "^5\\.4")
  string(APPEND TP_MISSING "  Lua 5.4 (${LUA_MODULE_NAME} is Lua ${LUA_VERSION})\n")
endif()
find_path(UTHASH_INCLUDE_DIR uthash.h)
if(NOT UTHASH_INCLUDE_DIR)
  string(APPEND TP_MISSING "  uthash.h (Debian: uthash-dev)\n")
endif()

# luv's pkg-config file names the Lua library too, which the module must not be linked with.
set(TP_LUV_NAMES ${LUV_LIBRARIES})
list(REMOVE_ITEM TP_LUV_NAMES ${LUA_LIBRARIES} ${UV_LIBRARIES} m dl pthread rt)
find_library(LUV_LIBRARY NAMES ${TP_LUV_NAMES} HINTS ${LUV_LIBRARY_DIRS})
if(LUV_FOUND AND NOT LUV_LIBRARY)
  string(APPEND TP_MISSING "  the library that ${LUV_MODULE_NAME}.pc names\n")
endif()

if(TP_MISSING)
  message(FATAL_ERROR "These are missing:\n${TP_MISSING}"
    "Install them, or name their directories in PKG_CONFIG_PATH and CMAKE_PREFIX_PATH.")
endif()

add_library(needs INTERFACE)
target_include_directories(needs SYSTEM INTERFACE ${UTHASH_INCLUDE_DIR} ${LUV_INCLUDE_DIRS})
target_link_libraries(needs INTERFACE ${LUV_LIBRARY} PkgConfig::UV PkgConfig::JANSSON)
set(TP_STATIC_LIBS ${LUV_LDFLAGS} ${LUA_LDFLAGS} ${UV_LDFLAGS} ${JANSSON_LDFLAGS})
tp_want(LIBEDIT "the prompt of `taskpool control` will have no line editing" libedit)
tp_want(SQLITE "pools cannot be shared by a SQLite file" sqlite3)
tp_want(HIREDIS "pools cannot be shared by a Redis server" hiredis)
tp_want(SMARTCOLS "`taskpool control` will show tables as the server lays them out" smartcols)
tp_want(NCURSES "`taskpool control` will have no `top`" ncursesw)
if(NCURSES_FOUND) # its definitions, such as _XOPEN_SOURCE, are not for all sources
  set_target_properties(PkgConfig::NCURSES PROPERTIES INTERFACE_COMPILE_OPTIONS "" INTERFACE_COMPILE_DEFINITIONS "")
endif()
tp_want(UTF8PROC "tables with wide characters will not be aligned" libutf8proc utf8proc)

# msgpack-c is headers only here. Its pkg-config file has a wrong path in Debian 13.
find_path(MSGPACK_INCLUDE_DIR msgpack/unpack_template.h)
if(MSGPACK_INCLUDE_DIR)
  target_compile_definitions(needs INTERFACE TP_HAVE_MSGPACK)
  target_include_directories(needs SYSTEM INTERFACE ${MSGPACK_INCLUDE_DIR})
else()
  message(STATUS "msgpack-c is missing: pools will have no threads")
endif()

# Directories that every linker searches are left out.
list(TRANSFORM CMAKE_C_IMPLICIT_LINK_DIRECTORIES PREPEND -L OUTPUT_VARIABLE TP_IMPLICIT)
list(APPEND TP_STATIC_LIBS -lm)
list(REMOVE_DUPLICATES TP_STATIC_LIBS)
list(REMOVE_ITEM TP_STATIC_LIBS ${TP_IMPLICIT})
