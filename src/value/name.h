/* SPDX-License-Identifier: MIT
 *
 * Names to values: "package.module.function" is looked up in a Lua module. A name is words
 * [A-Za-z_][A-Za-z0-9_]* joined by dots, at most TP_NAME_LENGTH bytes. Its longest beginning that
 * is a module decides; the other words are fields, read without metamethods. A function that was
 * exposed under a name is found by that name, before any module.
 *
 * What can be reached depends on the caller:
 *
 *     Lua and C code      any function or table in a module that `require` finds
 *     a control session   functions that were exposed under a name; in modules, tables and the Lua
 *                         functions that the module's own file defines. The modules are
 *       no patterns         files below the directory
 *       patterns            what is loaded, below the directory or on package.path, as far as a
 *                           pattern matches. What a pattern names in full, without ".*", may also
 *                           be a Lua function of another file
 *
 * A control session never reaches the script that the host runs, the standard library, C functions,
 * the tables of another module, or modules that need package.cpath; links out of the directory are
 * not followed, binary chunks not loaded. */
#ifndef TP_VALUE_NAME_H
#define TP_VALUE_NAME_H

#include "value/exposure.h"
#include "value/module.h"
#include <lua.h>
#include <stdbool.h>

/* ---- for Lua and C code ---- */

/* Pushes the function or table called `name`, loading its module if need be. On failure pushes
 * nothing and fills `error`: InvalidArgument for what is not a name; NotFound; ScriptError says why
 * the module failed to load, and nothing of it stays in package.loaded. Runs the module's chunk, so
 * it may take long; cannot wait. May raise only for lack of memory: call it protected. */
bool tp_name_push(lua_State *L, const char *name, tp_error *error);

/* The same for a name in a module whose file is given, whatever `require` would find. */
bool tp_name_push_in(lua_State *L, const tp_module *module, const char *name, tp_error *error);

/* The module that `name` is found in, where its file is remembered. */
bool tp_name_find_module(lua_State *L, const char *name, tp_module *module);

/* Pushes the name that the function at `index` was last found by in a module. Returns false and
 * pushes nothing if it was found in none. */
bool tp_name_push_of(lua_State *L, int index);

/* Loads the text of a module again, for later lookups. A module that fails to load stays what it
 * is. False: InvalidArgument, NotFound, ScriptError, as tp_name_push. */
bool tp_name_reload(lua_State *L, const tp_exposure *names, const char *module, tp_error *error);

/* ---- for control sessions ---- */

/* Like tp_name_push, but runs nothing. If a module must be loaded first, it is written to
 * `*missing`, and the failure is NotAvailable; else missing->name is "". NotFound says where it was
 * searched and what would make the name reachable. */
bool tp_name_push_exposed(lua_State *L, const tp_exposure *names, const char *name,
                          tp_module *missing, tp_error *error);

/* Finds the file of a module that a session asks to reload. False: InvalidArgument, NotFound. */
bool tp_name_find_exposed(lua_State *L, const tp_exposure *names, const char *name,
                          tp_module *module, tp_error *error);

/* ---- exposing ---- */

/* Exposes the function at `index` under a name, as tp_exposure_add exposes a pattern. */
bool tp_name_expose(lua_State *L, tp_exposure *names, const char *name, int index, tp_error *error);

/* Pushes a name that the function at `index` was exposed under. Returns false and pushes nothing if
 * there is none. */
bool tp_name_push_exposed_of(lua_State *L, int index);

/* Whether there is something that the pattern could name: a module, or a folder of some. Loads
 * nothing. False: InvalidArgument, NotFound. */
bool tp_name_check_pattern(lua_State *L, const tp_exposure *names, const char *pattern,
                           tp_error *error);

/* Whether what a pattern names is loaded, as far as it is known without loading anything. */
bool tp_name_is_loaded(lua_State *L, const tp_exposure *names, const char *pattern);

/* Pushes the list of what may be named, a table each: in `module` a pattern, or where there are
 * none a module below the directory (folders at most 8 deep, 64 KiB of names), and whether that is
 * `loaded`. Raises only for lack of memory. */
extern const char *const tp_catalog_fields[];
void tp_catalog_push(lua_State *L, const tp_exposure *names);

#endif
