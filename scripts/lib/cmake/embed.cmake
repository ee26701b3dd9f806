# Writes a C header with the Lua scripts that a Redis server runs, each with common.lua before it:
#
#   cmake -DFROM=DIRECTORY -DTO=HEADER -P embed.cmake
file(GLOB scripts ${FROM}/*.lua)
file(READ ${FROM}/common.lua common HEX)
set(text "/* Made by scripts/lib/cmake/embed.cmake. */\n")
foreach(script ${scripts})
  cmake_path(GET script STEM name)
  if(name STREQUAL common)
    continue()
  endif()
  file(READ ${script} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${common}${hex}")
  string(APPEND text "static const unsigned char script_${name}[] = {${bytes}};\n")
endforeach()
file(WRITE ${TO} "${text}")
