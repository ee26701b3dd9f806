/* SPDX-License-Identifier: MIT
 *
 * Answers: the results or the error of a command, in the form that the client has asked for.
 *
 * In text (wire mode 1) an answer is the result as text, "ok" for none, or "CODE: message", escaped
 * to one line; only help and tables have several. In JSON (mode 2) each answer is one line with an
 * object; where a line has several commands, each answer but the last has `"more": true`. Every
 * answer is added whole or not at all: what may raise is done first, and one that is
 * longer than the output takes is replaced by an error that says so. */
#ifndef TP_SERVER_ANSWER_H
#define TP_SERVER_ANSWER_H

#include "server/output.h"
#include "taskpool.h"
#include <lua.h>

/* The protocol that a framed greeting names. */
#define TP_ANSWER_PROTOCOL 3

typedef enum tp_answer_mode {
  TP_ANSWER_TEXT,      /* for people, and the clients of asyncio-taskpool */
  TP_ANSWER_JSON,      /* framed */
  TP_ANSWER_JSON_MORE, /* the same, and the next answer is to the same line */
} tp_answer_mode;

/* The columns of a table, for a client that lays it out itself. */
typedef struct tp_answer_columns {
  const char *const *fields; /* their names, ended by NULL */
  uint64_t right;            /* those that are set right: bit N for field N */
} tp_answer_columns;

/* Answers with the values from the stack slot `first` up to the top. */
void tp_answer_values(tp_output *output, tp_answer_mode mode, lua_State *L, int first);

/* The same where the text is the string on top, and the value a table or a list of such. */
void tp_answer_table(tp_output *output, tp_answer_mode mode, lua_State *L, int first,
                     const tp_answer_columns *columns);

/* Answers with the string at `index` as it is, with its line ends. */
void tp_answer_lines(tp_output *output, tp_answer_mode mode, lua_State *L, int index);

/* An answer that is a list and is made in parts: first its values, then its text, then its end. A
 * part that does not fit makes the end an error; False: so it will be, and the other parts may be
 * left out. The text is one of tp_text_push, or lines of such; `columns` are NULL if the items are
 * not tables. */
void tp_answer_begin_list(tp_output *output, tp_answer_mode mode);
bool tp_answer_add_item(tp_output *output, tp_answer_mode mode, lua_State *L, bool is_first);
void tp_answer_begin_text(tp_output *output, tp_answer_mode mode, const tp_answer_columns *columns);
bool tp_answer_add_text(tp_output *output, tp_answer_mode mode, const char *text, size_t length);
void tp_answer_end_list(tp_output *output, tp_answer_mode mode);

/* Adds one line of a stream: the item on top, which is the line itself, a string, or a table; as
 * text, those of its `fields` (ended by NULL) that are not nil. If it does not fit, the line says
 * that an item was dropped. */
void tp_answer_item(tp_output *output, tp_answer_mode mode, lua_State *L,
                    const char *const *fields);

/* Answers at the end of a stream that had `count` items. */
void tp_answer_end_stream(tp_output *output, tp_answer_mode mode, uint64_t count);

/* Answers with the error value at `index`. */
void tp_answer_error(tp_output *output, tp_answer_mode mode, lua_State *L, int index);

/* The same without Lua; never raises. The message must be one line of the server's own. */
void tp_answer_failure(tp_output *output, tp_answer_mode mode, const tp_error *error);

/* Answers the handshake with the name of the session's pool, and its role (NULL: none yet). */
void tp_answer_greeting(tp_output *output, tp_answer_mode mode, lua_State *L, const char *pool,
                        const char *role);

#endif
