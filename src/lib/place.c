/* SPDX-License-Identifier: MIT
 *
 * Where the Lua files are; see place.h. An installation may be moved or copied as a whole: the
 * build says only how to get from a program (TP_LUA_FROM_BIN) or a library (TP_LUA_FROM_LIB) to
 * them. */
#define _GNU_SOURCE /* dladdr1 */
#include "lib/place.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/* Its address is in the program or library that this code is a part of. */
static const char here;

/* The directory of that file, in `path`, and how to get to the Lua files from there. NULL: it
 * cannot be found. */
static const char *find_file(char path[PATH_MAX]) {
  static const char *const ways[] = {TP_LUA_FROM_BIN, TP_LUA_FROM_LIB};
  size_t size = PATH_MAX;
  Dl_info info;
  struct link_map *map = NULL;
  bool is_known = dladdr1(&here, &info, (void **)&map, RTLD_DL_LINKMAP) != 0 && map;
  bool is_library = is_known && map->l_name[0] != '\0'; /* the program has no name there */
  if (is_library ? !realpath(map->l_name, path) : uv_exepath(path, &size) != 0)
    return NULL;
  char *slash = strrchr(path, '/');
  if (!slash)
    return NULL;
  *slash = '\0';
  return ways[is_library];
}

void tp_place_push(lua_State *L) {
  char path[PATH_MAX], lua[PATH_MAX], init[PATH_MAX + sizeof "/taskpool/init.lua"];
  const char *way = find_file(path);
  if (way && snprintf(lua, sizeof lua, "%s/%s", path, way) < PATH_MAX) {
    snprintf(init, sizeof init, "%s/taskpool/init.lua", lua);
    if (access(init, R_OK) == 0) {
      lua_pushstring(L, lua);
      return;
    }
  }
  lua_pushliteral(L, TP_LUA_DIR);
}
