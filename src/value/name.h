/* SPDX-License-Identifier: MIT
 *
 * Names to values: "package.module.function" is looked up in a Lua module. A name is words
 * [A-Za-z_][A-Za-z0-9_]* joined by dots, at most TP_NAME_LENGTH bytes. Its longest beginning that
 * is a module is loaded (once, as `require` would, into package.loaded); the other words are
 * fields, read without metamethods.
 *
 * Who asks decides what can be reached:
 *
 *     names == NULL   Lua and C code: any function or table in a module that `require` finds
 *     no patterns     a control session: modules in files below the directory; in them Lua
 *                     functions whose own source is there, and tables
 *     patterns        a control session: Lua functions and tables that a pattern matches, in
 *                     modules that are loaded, below the directory or on package.path
 *
 * A control session never reaches the standard library, C functions or modules that need
 * package.cpath; links out of the directory are not followed, binary chunks not loaded. */
#ifndef TP_VALUE_NAME_H
#define TP_VALUE_NAME_H

#include "taskpool.h"
#include <lua.h>
#include <stddef.h>

#define TP_NAME_LENGTH 200

/* What a control session may name. All zero: nothing. */
typedef struct tp_names {
  char *directory; /* modules below it may be named; NULL: none. From malloc, owned */
  char **patterns; /* "mypackage.*", "other.fn"; replace the default where count > 0. Owned */
  size_t count;    /* how many patterns there are */
} tp_names;

/* Adds a pattern (copied): a name, or a name and ".*" for all below it. InvalidArgument for a
 * malformed one, NoMemory. */
bool tp_names_expose(tp_names *names, const char *pattern, tp_error *error);

/* Frees what `names` holds; it is all zero then. NULL is allowed. */
void tp_names_clear(tp_names *names);

/* Pushes the list of what may be named, a table each: in `module` a pattern, or where there are
 * none a module below the directory (folders at most 8 deep, 64 KiB of names), and whether that is
 * `loaded`. Raises only for lack of memory. */
extern const char *const tp_names_fields[];
void tp_names_push_modules(lua_State *L, const tp_names *names);

/* Pushes the function or table called `name`, loading its module if need be. On failure pushes
 * nothing and fills `error`: InvalidArgument for what is no name; NotFound says where it looked and
 * does not tell hidden names from missing ones; ScriptError says why the module failed to load, and
 * nothing of it stays in package.loaded. Runs the module's chunk, so it may take long; cannot wait.
 * May raise only for lack of memory: call it protected. */
bool tp_name_push(lua_State *L, const tp_names *names, const char *name, tp_error *error);

/* Pushes the name that the function at `index` was last found by; false, and nothing: it never was.
 */
bool tp_name_push_of(lua_State *L, int index);

/* Loads the text of a module anew, for those who ask for it from now on: from the directory, or
 * from package.path where a session has patterns or the caller is `trusted`. A module that fails to
 * load stays what it is. False: InvalidArgument, NotFound, ScriptError, as tp_name_push. */
bool tp_name_reload(lua_State *L, const tp_names *names, bool trusted, const char *module,
                    tp_error *error);

#endif
