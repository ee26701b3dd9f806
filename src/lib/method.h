/* SPDX-License-Identifier: MIT
 *
 * A method of a pool, called from C through its record in binding/method.c: names, defaults, checks
 * and errors are those of Lua. */
#ifndef TP_LIB_METHOD_H
#define TP_LIB_METHOD_H

#include "taskpool.h"
#include <lua.h>

enum { TP_METHOD_ARGUMENTS = 2, TP_METHOD_OPTIONS = 16 };

/* A call of a method. Start from {.pool, .name}; the rest may be zero. */
typedef struct tp_method_call {
  tp_pool *pool;
  const char *name;                        /* of the method */
  tp_value arguments[TP_METHOD_ARGUMENTS]; /* the ones by position … */
  size_t count;                            /* … are so many */
  const tp_items *items;                   /* the last one, where that is an iterable */
  const tp_value *rest;                    /* a list of further ones */
  tp_pair options[TP_METHOD_OPTIONS];      /* the ones by name */
  size_t option_count;                     /* so many */
  tp_end_fn end_callback, cancel_callback; /* two options that are functions; NULL: not given */
  void *context;                           /* for these */
} tp_method_call;

/* A size as Lua has it. */
tp_value tp_method_to_size(uint64_t size);

/* Add an option; the last two only one that is not NULL. */
void tp_method_add_option(tp_method_call *call, const char *name, tp_value value);
void tp_method_add_text(tp_method_call *call, const char *name, const char *text);
void tp_method_add_value(tp_method_call *call, const char *name, const tp_value *value);

/* Adds the options (NULL: none) that are not the defaults. False: InvalidArgument, their size is
 * wrong. */
bool tp_method_add_options(tp_method_call *call, const tp_call_options *options, tp_error *error);

/* Calls a method that does not wait. `take` (NULL: nothing) gets the results, which are the `count`
 * values on top of L; what it raises is the error of the call. */
typedef void (*tp_method_take)(void *context, lua_State *L, int count);
bool tp_method_call_now(const tp_method_call *call, tp_method_take take, void *context,
                        tp_error *error);

/* Starts a method that waits, and has `done` (may be NULL) told of its end. */
bool tp_method_start(const tp_method_call *call, tp_done_fn done, void *context, tp_error *error);

/* Submits a call; see tp_pool_submit. */
tp_future *tp_method_submit(const tp_method_call *call, bool waits, tp_done_fn done, void *context,
                            tp_error *error);

/* Calls a Lua function with a light userdata in the state of a host, protected. */
bool tp_method_protect(tp_host *host, lua_CFunction function, void *argument, tp_error *error);

/* Pushes the table of a call's options. */
void tp_method_push_options(lua_State *L, const tp_method_call *call);

/* The host of a pool. */
tp_host *tp_method_host(const tp_pool *pool);

#endif
