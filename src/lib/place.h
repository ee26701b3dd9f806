/* SPDX-License-Identifier: MIT
 *
 * Where the Lua files of this library are. */
#ifndef TP_LIB_PLACE_H
#define TP_LIB_PLACE_H

#include <lua.h>

/* Pushes the directory that has taskpool/init.lua: where they are installed beside the program or
 * the shared library that this code is a part of; else the directory named by the build. */
void tp_place_push(lua_State *L);

#endif
