/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: any bytes as a command line, for a table of methods that has a parameter of every
 * kind and type. Lines that are read fill their slots with values of the right type; others leave
 * the stack as it was and say why. Whatever the line, help at any width stays inside that width.
 *
 * Sources: this file, src/base/, src/value/{error,raise,text,literal,name}.c and
 * src/command/{cursor,line,reader,parse,help,spelling}.c.
 * Flags: clang -fsanitize=fuzzer,address,undefined. */
#include "command/help.h"
#include "command/line.h"
#include "command/parse.h"
#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUNCTION                                                                                   \
  { .name = "func", .kind = TP_PARAM_REQUIRED, .type = TP_PARAM_FUNCTION, .help = "the worker" }

static const tp_method methods[] = {
    {.name = "map",
     .on = TP_ON_TASK_POOL,
     .summary = "one task an element",
     .params = {{.name = "iterable", .kind = TP_PARAM_REQUIRED, .type = TP_PARAM_ITERABLE},
                {.name = "num_concurrent",
                 .letter = 'n',
                 .kind = TP_PARAM_OPTION,
                 .type = TP_PARAM_COUNT,
                 .value = "NUM",
                 .fallback = "1",
                 .help = "how many at a time"},
                {.name = "group_name",
                 .letter = 'g',
                 .kind = TP_PARAM_OPTION,
                 .type = TP_PARAM_NAME,
                 .value = "NAME"}}},
    {.name = "apply",
     .on = TP_ON_TASK_POOL,
     .params =
         {FUNCTION,
          {.name = "args", .letter = 'a', .kind = TP_PARAM_OPTION, .type = TP_PARAM_LIST},
          {.name = "kwargs", .letter = 'k', .kind = TP_PARAM_OPTION, .type = TP_PARAM_TABLE}}},
    {.name = "call",
     .on = TP_ON_TASK_POOL,
     .params = {{.name = "args", .kind = TP_PARAM_REQUIRED, .type = TP_PARAM_LIST},
                {.name = "kwargs", .kind = TP_PARAM_OPTIONAL, .type = TP_PARAM_TABLE}}},
    {.name = "cancel",
     .on = TP_ON_ALL,
     .params = {{.name = "msg", .letter = 'm', .kind = TP_PARAM_OPTION, .type = TP_PARAM_NAME},
                {.name = "id", .kind = TP_PARAM_REST, .type = TP_PARAM_ID}}},
    {.name = "pool_size",
     .on = TP_ON_ALL,
     .params = {{.name = "size", .kind = TP_PARAM_OPTIONAL, .type = TP_PARAM_SIZE}}},
    {.name = "flush",
     .on = TP_ON_ALL,
     .params = {{.name = "return_exceptions",
                 .letter = 'r',
                 .kind = TP_PARAM_OPTION,
                 .type = TP_PARAM_FLAG}}},
    {.name = "start",
     .on = TP_ON_SIMPLE_POOL,
     .params = {{.name = "num", .kind = TP_PARAM_REQUIRED, .type = TP_PARAM_COUNT}}},
    {.name = NULL},
};

static const tp_method *const tables[] = {methods, NULL};

static void check(bool holds) {
  if (!holds)
    abort(); /* what a fuzzer takes for a failure */
}

/* The Lua type in a slot of each parameter type. No function is exposed, so none is found. */
static const int lua_types[] = {
    [TP_PARAM_FUNCTION] = LUA_TNIL, [TP_PARAM_ITERABLE] = LUA_TTABLE,
    [TP_PARAM_LIST] = LUA_TTABLE,   [TP_PARAM_TABLE] = LUA_TTABLE,
    [TP_PARAM_COUNT] = LUA_TNUMBER, [TP_PARAM_SIZE] = LUA_TNUMBER,
    [TP_PARAM_ID] = LUA_TNUMBER,    [TP_PARAM_NAME] = LUA_TSTRING,
    [TP_PARAM_FLAG] = LUA_TBOOLEAN,
};

/* The slots above the pool are those of the method, each with nothing or a value of its type. */
static void check_slots(lua_State *L, const tp_method *method) {
  const tp_param *param = method->params;
  int slot = 2, last = lua_gettop(L);
  for (; param->kind != TP_PARAM_NONE; param++, slot++) {
    bool needed = param->kind == TP_PARAM_REQUIRED || param->kind == TP_PARAM_REST;
    int most = param->kind == TP_PARAM_REST ? last : slot;
    for (int i = slot; i <= most; i++)
      check(lua_type(L, i) == lua_types[param->type] || (!needed && lua_isnil(L, i)));
    slot = most;
  }
  check(slot == last + 1);
}

/* No line of the text on top is wider than a terminal of that width. */
static void check_width(lua_State *L, int width) {
  size_t most = (size_t)(width < TP_HELP_WIDTH_MIN ? TP_HELP_WIDTH_MIN : width);
  const char *line = lua_tostring(L, -1);
  while (*line != '\0') {
    size_t length = strcspn(line, "\n");
    check(length <= most);
    line += length + (line[length] == '\n');
  }
}

static void check_line(lua_State *L, const tp_line *line, int width) {
  const tp_exposure names = {0};
  tp_module missing;
  tp_error error = {.code = TP_OK};
  const tp_method *method = methods;
  while (method->name && strcmp(method->name, line->command) != 0)
    method++;
  if (!method->name) {
    check(!tp_line_unknown(line, tables, TP_ON_TASK_POOL, &error));
    check(error.code == TP_NOT_FOUND);
  } else if (line->help) {
    tp_help_push_command(L, method, width);
    check_width(L, width);
  } else if (tp_parse_arguments(L, &names, method, line->arguments, &missing, &error)) {
    check_slots(L, method);
  } else {
    check(lua_gettop(L) == 1 && error.message[0] != '\0');
    check(error.code == TP_INVALID_ARGUMENT || error.code == TP_NOT_FOUND);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tp_line line;
  lua_State *L = luaL_newstate();
  int width = size > 0 && data[0] > 0 ? data[0] : 80;
  check(L != NULL);
  lua_pushliteral(L, "the pool");
  tp_cursor cursor = {.text = (const char *)data, .length = size, .is_words = width % 2 == 1};
  check(tp_cursor_command_end(&cursor) <= size);
  tp_line_split(&line, cursor);
  check(line.arguments.at <= size);
  check_line(L, &line, width);
  lua_settop(L, 0);
  tp_help_push_all(L, "TaskPool-0", tables, TP_ON_ALL, width);
  check_width(L, width);
  lua_close(L);
  return 0;
}
