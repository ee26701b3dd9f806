/* SPDX-License-Identifier: MIT
 *
 * What a control session may name: a directory of modules, or patterns in place of it. */
#ifndef TP_VALUE_EXPOSURE_H
#define TP_VALUE_EXPOSURE_H

#include "taskpool.h"
#include <stdbool.h>
#include <stddef.h>

/* All zero: nothing. */
typedef struct tp_exposure {
  char *directory;     /* modules below it may be named; NULL: none. From malloc, owned */
  char **patterns;     /* "mypackage.*", "other.fn"; replace the default where count > 0. Owned */
  size_t count;        /* how many patterns there are */
  size_t capacity;     /* how many fit */
  char **scripts;      /* paths of the scripts that the host runs, links followed. Owned */
  size_t script_count; /* how many */
  size_t script_capacity; /* how many fit */
} tp_exposure;

/* Whether that may be a pattern: a name, or a name and ".*" for all below it. InvalidArgument for a
 * malformed one and for the standard library. */
bool tp_exposure_check(const char *pattern, tp_error *error);

/* Adds a pattern (copied). False: InvalidArgument, NoMemory. */
bool tp_exposure_add(tp_exposure *names, const char *pattern, tp_error *error);

/* Notes that the file at `path` is a script that the host runs, not a module. False: no memory. */
bool tp_exposure_add_script(tp_exposure *names, const char *path);

/* Frees what `names` holds; it is all zero then. NULL is allowed. */
void tp_exposure_clear(tp_exposure *names);

/* ---- looking ---- */

/* How a name is exposed. */
typedef enum tp_exposed {
  TP_EXPOSED_NOT,
  TP_EXPOSED_BELOW,   /* it is below a pattern, or may be in a module of the directory */
  TP_EXPOSED_IN_FULL, /* a pattern is exactly that name */
} tp_exposed;

tp_exposed tp_exposure_look(const tp_exposure *names, const char *name);

/* Whether a module of that name, or something in it, is exposed. */
bool tp_exposure_reach_into(const tp_exposure *names, const char *module);

/* Whether the file is a script that the host runs, by whatever path it is reached. */
bool tp_exposure_is_script(const tp_exposure *names, const char *path);

/* ---- spelling ---- */

/* The length of the word at the start of `text`, 0 for none. */
size_t tp_exposure_word_length(const char *text);

/* Whether `text` is a name. */
bool tp_exposure_is_name(const char *text);

/* Whether the first word is that of a module of the standard library. */
bool tp_exposure_is_standard(const char *name);

#endif
