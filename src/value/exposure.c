/* SPDX-License-Identifier: MIT
 *
 * What a control session may name; see exposure.h. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "value/exposure.h"
#include "base/fail.h"
#include "base/vec.h"
#include "value/module.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

/* No control session can reach these, whatever the directory holds. */
static const char *const standard_modules[] = {
    LUA_GNAME,      LUA_COLIBNAME,   LUA_TABLIBNAME,  LUA_IOLIBNAME, LUA_OSLIBNAME,
    LUA_STRLIBNAME, LUA_UTF8LIBNAME, LUA_MATHLIBNAME, LUA_DBLIBNAME, LUA_LOADLIBNAME};

/* ---- spelling ---- */

size_t tp_exposure_word_length(const char *text) {
  static const char digits[] = "0123456789";
  static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789";
  return strspn(text, digits) > 0 ? 0 : strspn(text, bytes);
}

/* The length of the name at the start of `text`; a dot or anything else may follow it. */
static size_t name_length(const char *text) {
  size_t length = tp_exposure_word_length(text);
  while (length > 0 && text[length] == '.' && tp_exposure_word_length(text + length + 1) > 0)
    length += 1 + tp_exposure_word_length(text + length + 1);
  return length;
}

bool tp_exposure_is_name(const char *text) {
  size_t length = name_length(text);
  return length > 0 && length <= TP_NAME_LENGTH && text[length] == '\0';
}

static bool is_pattern(const char *text) {
  size_t length = name_length(text);
  return tp_exposure_is_name(text) ||
         (length > 0 && length <= TP_NAME_LENGTH && strcmp(text + length, ".*") == 0);
}

bool tp_exposure_is_standard(const char *name) {
  size_t length = tp_exposure_word_length(name);
  for (size_t i = 0; i < sizeof standard_modules / sizeof *standard_modules; i++) {
    if (strlen(standard_modules[i]) == length && strncmp(standard_modules[i], name, length) == 0)
      return true;
  }
  return false;
}

/* Appends `text` to a list that takes it over. False: no memory. */
static bool append(char ***list, size_t *count, size_t *capacity, char *text) {
  char **grown = tp_vec_reserve(*list, capacity, *count + 1, sizeof *grown);
  if (!grown)
    return false;
  *list = grown;
  grown[(*count)++] = text;
  return true;
}

/* ---- what is exposed ---- */

bool tp_exposure_check(const char *pattern, tp_error *error) {
  if (!is_pattern(pattern))
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "'%.200s' cannot be exposed: expected a name, such as package.module.function, "
                   "or all below one, such as package.*",
                   pattern);
  if (tp_exposure_is_standard(pattern))
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "'%.200s' cannot be exposed: it is in the standard library", pattern);
  return true;
}

bool tp_exposure_add(tp_exposure *names, const char *pattern, tp_error *error) {
  if (!tp_exposure_check(pattern, error))
    return false;
  char *copy = strdup(pattern);
  if (copy && append(&names->patterns, &names->count, &names->capacity, copy))
    return true;
  free(copy);
  return tp_fail(error, TP_NO_MEMORY, "no memory to expose '%s'", pattern);
}

static bool matches(const char *pattern, const char *name) {
  size_t length = strlen(pattern);
  if (pattern[length - 1] == '*')
    return strncmp(pattern, name, length - 1) == 0;
  return strcmp(pattern, name) == 0;
}

tp_exposed tp_exposure_look(const tp_exposure *names, const char *name) {
  tp_exposed best = names->count == 0 && names->directory ? TP_EXPOSED_BELOW : TP_EXPOSED_NOT;
  if (tp_exposure_is_standard(name))
    return TP_EXPOSED_NOT;
  for (size_t i = 0; i < names->count; i++) {
    if (strcmp(names->patterns[i], name) == 0)
      return TP_EXPOSED_IN_FULL;
    if (matches(names->patterns[i], name))
      best = TP_EXPOSED_BELOW;
  }
  return best;
}

bool tp_exposure_reach_into(const tp_exposure *names, const char *module) {
  size_t length = strlen(module);
  if (tp_exposure_look(names, module) != TP_EXPOSED_NOT)
    return true;
  for (size_t i = 0; !tp_exposure_is_standard(module) && i < names->count; i++) {
    const char *pattern = names->patterns[i];
    if (strncmp(pattern, module, length) == 0 && pattern[length] == '.')
      return true;
  }
  return false;
}

/* ---- scripts ---- */

bool tp_exposure_add_script(tp_exposure *names, const char *path) {
  char *real = realpath(path, NULL);
  if (!real) /* it is gone: no module can be taken for it */
    return true;
  if (!append(&names->scripts, &names->script_count, &names->script_capacity, real)) {
    free(real);
    return false;
  }
  return true;
}

bool tp_exposure_is_script(const tp_exposure *names, const char *path) {
  for (size_t i = 0; i < names->script_count; i++)
    if (tp_module_is_same_file(names->scripts[i], path))
      return true;
  return false;
}

/* ---- the end ---- */

static void free_list(char **list, size_t count) {
  for (size_t i = 0; i < count; i++)
    free(list[i]);
  free(list);
}

void tp_exposure_clear(tp_exposure *names) {
  if (!names)
    return;
  free_list(names->patterns, names->count);
  free_list(names->scripts, names->script_count);
  free(names->directory);
  *names = (tp_exposure){0};
}
