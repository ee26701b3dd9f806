/* SPDX-License-Identifier: MIT
 *
 * What a control session may name, as a list: tp_catalog_push of name.h.
 *
 * The directory is walked into a buffer that belongs to Lua, so that nothing is lost when memory
 * runs out. Links are left out: those that lead out of the directory cannot be named anyway. */
#define _XOPEN_SOURCE 700 /* scandir, lstat */
#include "value/name.h"

#include <dirent.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* How deep folders may be, and how many bytes of names are listed. */
#define DEPTH_MAX 8
#define BYTES_MAX ((size_t)1 << 16)

#define PATH_SIZE 4096

/* The names found so far, each ended by a line end. */
typedef struct catalog {
  const tp_exposure *names; /* what is listed */
  size_t length;
  char bytes[BYTES_MAX];
} catalog;

/* The length of the word that names a module's file or a folder; 0: it cannot be named. */
static size_t word_of(const char *entry, bool is_folder) {
  size_t length = tp_exposure_word_length(entry);
  return strcmp(entry + length, is_folder ? "" : ".lua") == 0 ? length : 0;
}

static void add(catalog *to, const char *name) {
  size_t length = strlen(name);
  if (length + 1 > BYTES_MAX - to->length)
    return;
  memcpy(to->bytes + to->length, name, length);
  to->length += length;
  to->bytes[to->length++] = '\n';
}

static void walk(catalog *to, const char *directory, const char *package, int depth);

/* Adds the module of a file, or those of a folder; `package` is the name of what it is in. */
static void visit(catalog *to, const char *directory, const char *package, const char *entry,
                  int depth) {
  char path[PATH_SIZE], name[TP_NAME_LENGTH + 1];
  struct stat status;
  if (snprintf(path, sizeof path, "%s/%s", directory, entry) >= PATH_SIZE ||
      lstat(path, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
    return;
  size_t length = word_of(entry, S_ISDIR(status.st_mode));
  if (!length || snprintf(name, sizeof name, "%s%s%.*s", package, *package ? "." : "", (int)length,
                          entry) > TP_NAME_LENGTH)
    return;
  if (S_ISDIR(status.st_mode))
    walk(to, path, name, depth + 1);
  else if (!tp_exposure_is_script(to->names, path))
    add(to, *package && strcmp(entry, "init.lua") == 0 ? package : name);
}

static void walk(catalog *to, const char *directory, const char *package, int depth) {
  struct dirent **entries;
  int count = depth < DEPTH_MAX ? scandir(directory, &entries, NULL, alphasort) : -1;
  for (int i = 0; i < count; i++) {
    visit(to, directory, package, entries[i]->d_name, depth);
    free(entries[i]);
  }
  if (count >= 0)
    free(entries);
}

const char *const tp_catalog_fields[] = {"module", "loaded", NULL};

/* Pushes the table of a module, or of a pattern. */
static void push_row(lua_State *L, const tp_exposure *names, const char *name, size_t length) {
  lua_createtable(L, 0, 2);
  const char *copy = lua_pushlstring(L, name, length);
  lua_pushboolean(L, tp_name_is_loaded(L, names, copy));
  lua_setfield(L, -3, "loaded");
  lua_setfield(L, -2, "module");
}

/* Adds what is in the catalog to the list on top. */
static void push_rows(lua_State *L, const catalog *from) {
  lua_Integer count = 0;
  for (const char *name = from->bytes, *end; name < from->bytes + from->length; name = end + 1) {
    end = memchr(name, '\n', from->length);
    push_row(L, from->names, name, (size_t)(end - name));
    lua_rawseti(L, -2, ++count);
  }
}

void tp_catalog_push(lua_State *L, const tp_exposure *names) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  catalog *found = lua_newuserdatauv(L, sizeof *found, 0);
  found->names = names;
  found->length = 0;
  for (size_t i = 0; i < names->count; i++)
    add(found, names->patterns[i]);
  if (names->count == 0 && names->directory)
    walk(found, names->directory, "", 0);
  lua_newtable(L);
  push_rows(L, found);
  lua_remove(L, -2);
}
