/* SPDX-License-Identifier: MIT
 *
 * Modules and their files: where the file of a module is, and how its text is run.
 *
 * What is loaded is in package.loaded, as with `require`. For a module that was loaded here its
 * file is remembered, so that others can load the same one: a thread, or a reload. A module that is
 * loaded again may have a function `on_reload`, which is called with the old one. */
#ifndef TP_VALUE_MODULE_H
#define TP_VALUE_MODULE_H

#include "taskpool.h"
#include <limits.h>
#include <lua.h>

/* How many bytes a name has at most. */
#define TP_NAME_LENGTH 200

/* A module and its file. */
typedef struct tp_module {
  char name[TP_NAME_LENGTH + 1]; /* such as package.module */
  char path[PATH_MAX];           /* of its file; "": there is none, or it is not known */
} tp_module;

/* ---- where its file is: these set `path` ---- */

/* Below the directory; links that lead out of it are not followed. */
bool tp_module_find_below(const char *directory, tp_module *module);

/* Along package.path. */
bool tp_module_find_on_path(lua_State *L, tp_module *module);

/* Finds the file that tp_module_load or tp_module_end has loaded the module from. */
bool tp_module_recall(lua_State *L, tp_module *module);

/* Whether the name is a folder, of modules perhaps, below the directory (NULL: none) or along
 * package.path. */
bool tp_module_is_folder(lua_State *L, const char *directory, const char *name);

/* Whether the file `path` is below the directory, links followed on both sides. */
bool tp_module_is_below(const char *directory, const char *path);

/* Whether both paths lead to one file. */
bool tp_module_is_same_file(const char *one, const char *other);

/* ---- running its text ---- */

/* Pushes the value of a module that is loaded. False: it is not, and nothing is pushed. */
bool tp_module_push(lua_State *L, const char *name);

/* Runs the text of the module's file, again if it is loaded. If that fails, what was loaded before
 * stays: false, ScriptError. Raises only for lack of memory, like all functions here. */
bool tp_module_load(lua_State *L, const tp_module *module, tp_error *error);

/* The same for a caller that calls the chunk by itself: tp_module_begin pushes what is loaded now,
 * then the chunk and its two arguments. False: it pushes an error value in place of these three. */
bool tp_module_begin(lua_State *L, const tp_module *module);

/* The chunk has returned the value on top (`ok`), or raised it: pops what tp_module_begin has
 * pushed and that value, and notes the module as loaded. False: ScriptError. */
bool tp_module_end(lua_State *L, const tp_module *module, bool ok, tp_error *error);

#endif
