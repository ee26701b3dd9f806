/* SPDX-License-Identifier: MIT
 *
 * The one table of pool methods. From a record here come the Lua method or property, the control
 * command, its -h text, completion and the reference.
 *
 * To add a method: one record in method.c and one function in pool.c. */
#ifndef TP_BINDING_METHOD_H
#define TP_BINDING_METHOD_H

#include "binding/handle.h"
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* What a parameter takes, in Lua and at the prompt. */
typedef enum tp_param_type {
  TP_PARAM_FUNCTION, /* a Lua function, or its name "package.module.function" */
  TP_PARAM_ITERABLE, /* a list, an iterator function (Lua: also a triple or a coroutine); prompt: a
                        literal or a name */
  TP_PARAM_LIST,     /* a list table; prompt: a literal */
  TP_PARAM_TABLE,    /* a table with string keys; prompt: a literal */
  TP_PARAM_INTEGER,  /* an integer, with or without a sign */
  TP_PARAM_COUNT,    /* an integer >= 0 */
  TP_PARAM_SIZE,     /* an integer >= 0 or infinity (math.huge, inf) */
  TP_PARAM_NUMBER,   /* a number */
  TP_PARAM_SECONDS,  /* a number >= 0 */
  TP_PARAM_ID,       /* a task id, an integer >= 0 */
  TP_PARAM_NAME,     /* a string */
  TP_PARAM_POLICY,   /* a table with string keys, or the number for the first of them (policy.h) */
  TP_PARAM_TARGET,   /* a group by its name, a string, or a task by its id */
  TP_PARAM_FLAG,     /* a boolean; prompt: present or not */
  TP_PARAM_LINE,     /* a string; prompt: the rest of the line as it stands */
  TP_PARAM_TYPES,    /* how many types there are */
} tp_param_type;

/* How a parameter is given. */
typedef enum tp_param_kind {
  TP_PARAM_NONE = 0, /* the end of the list */
  TP_PARAM_REQUIRED, /* by position */
  TP_PARAM_OPTIONAL, /* by position, may be left out */
  TP_PARAM_REST,     /* by position, one or more; the last positional one */
  TP_PARAM_ANY,      /* the same, or none */
  TP_PARAM_TRAILING, /* Lua: by position, may be left out; prompt: as an option */
  TP_PARAM_OPTION,   /* Lua: a key of the options table; prompt: --name VALUE or -f VALUE */
} tp_param_kind;

/* What a parameter of type TP_PARAM_NAME is the name of. */
typedef enum tp_param_of {
  TP_PARAM_OF_ANYTHING, /* nothing that there is already */
  TP_PARAM_OF_GROUP,
  TP_PARAM_OF_POOL,
  TP_PARAM_OF_MODULE,
  TP_PARAM_OF_COMMAND,
} tp_param_of;

typedef struct tp_param {
  const char *name; /* the key in Lua; --name with - for _ at the prompt */
  char letter;      /* the short option at the prompt, 0 for none */
  tp_param_kind kind;
  tp_param_type type;
  tp_param_of of;       /* of a name: what has it */
  const char *value;    /* its placeholder in help, such as "NUM" */
  const char *fallback; /* the default as help shows it, NULL for none */
  const char *help;     /* one line */
  const char *choices;  /* of a name: all that there are, with blanks between them; or NULL */
} tp_param;

#define TP_PARAMS_MAX 16

/* What a command answers with. */
typedef enum tp_result {
  TP_RESULT_DEFAULT, /* what `fields` and `is_list` say: rows, a table, ids; else nothing */
  TP_RESULT_ANY,     /* what the called function has returned */
  TP_RESULT_TEXT,    /* a string */
  TP_RESULT_GROUP,   /* the name of a group */
  TP_RESULT_COUNT,   /* an integer of 0 or more */
  TP_RESULT_SIZE,    /* the same or infinity; nothing where it was set */
  TP_RESULT_BOOLEAN,
  TP_RESULT_ROWS,   /* a list of tables */
  TP_RESULT_STREAM, /* rows as they come, and in the end how many there were */
} tp_result;

typedef struct tp_method {
  const char *name; /* the Lua name; the command has - for _ */
  int on;           /* TP_ON_… */
  bool is_list;  /* it returns a tp_rows or nothing, of integers or, with `fields`, of tables: one
                    table for Lua, an answer made in slices for a control session */
  bool property; /* read as pool.name in Lua; set by assignment if it has an optional parameter */
  tp_role role;  /* the one that a control session needs; to show a property, TP_ROLE_READ does */
  tp_result result;               /* what it answers with */
  tp_param params[TP_PARAMS_MAX]; /* positional ones first; ends with TP_PARAM_NONE */
  const char *summary;            /* one line */
  const char *const *fields;      /* of the tables that it returns, in the order in which people see
                                     them, ended by NULL; NULL: it returns none. A string in place
                                     of a table is shown as it is, with its lines */
  /* The method itself. Stack: 1 the pool, then one slot a parameter in the order of `params` (nil
   * where it was not given); a REST parameter is always the last record and takes all slots from
   * its own up. Types have been checked and names resolved. Returns its results, raises error
   * tables, may wait. */
  lua_CFunction call;
} tp_method;

/* Whether a parameter is given as an option at the prompt. */
bool tp_method_is_option(const tp_param *param);

/* Whether it takes all positional arguments that are left. */
static inline bool tp_method_is_rest(const tp_param *param) {
  return param->kind == TP_PARAM_REST || param->kind == TP_PARAM_ANY;
}

/* What a type of parameter, and the way in which one is given, are called in schemas: "count",
 * "option". */
const char *tp_method_type_name(tp_param_type type);
const char *tp_method_kind_name(tp_param_kind kind);

/* What a method answers with: "count", "rows", "nothing". */
const char *tp_method_result_name(const tp_method *method);

/* All methods, ended by a record whose name is NULL, in the order of help. */
extern const tp_method tp_methods[];

/* Finds a method by its Lua name for pools of the kind `on` (TP_ON_TASK_POOL or TP_ON_SIMPLE_POOL).
 * NULL if there is none. */
const tp_method *tp_method_find(const char *name, int on);

/* The method whose name is closest to a word. */
typedef struct tp_closest {
  const char *text;        /* the word */
  size_t length;           /* its bytes */
  const tp_method *method; /* the closest so far; NULL: none is close */
  size_t distance;         /* how far that is */
} tp_closest;

/* Looks for a closer one among `methods` (ended by a record without a name) for pools of the kind
 * `on`. */
void tp_method_find_closest(tp_closest *closest, const tp_method *methods, int on);

#endif
