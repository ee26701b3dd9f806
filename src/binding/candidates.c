/* SPDX-License-Identifier: MIT
 *
 * Words that could stand at a place of a command line; see candidates.h. */
#include "binding/candidates.h"
#include "base/bytes.h"
#include "binding/rows.h"
#include "pool/view.h"
#include "value/raise.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const tp_candidates_fields[] = {"word", "help", NULL};

enum {
  TYPED_SIZE = 256, /* what is typed of a word; nothing begins as a longer one */
  WORD_SIZE = 512,  /* a candidate with its quotes */
  STEPS = 64,       /* groups or tasks that one row looks at */
};

struct tp_candidates {
  tp_rows rows;
  tp_bytes words;            /* word and help by turns, each ended by a NUL */
  size_t next;               /* where the next row's word is in it */
  uint64_t count;            /* how many there are in it */
  char typed[TYPED_SIZE];    /* the word so far */
  size_t head;               /* how much of it stands before the value */
  char quote;                /* the one before the value; NUL: none */
  bool fails;                /* nothing can begin so */
  bool groups, tasks;        /* these are still to be walked */
  tp_view_groups group_walk; /* all zero: never opened */
  tp_view_tasks task_walk;   /* all zero: never opened */
};

/* ---- words ---- */

const char *tp_candidates_typed(const tp_candidates *of) {
  return of->typed + of->head + (of->quote != '\0');
}

/* Whether a word is read as a name where it is not in quotes. */
static bool is_plain(const char *word) {
  size_t digits = strspn(word, "0123456789");
  for (const char *byte = word; *byte; byte++)
    if (!isalnum((unsigned char)*byte) && !strchr("_-.:/", *byte))
      return false;
  return *word != '-' && word[digits] != '\0';
}

/* Writes the word in quotes, cut where it does not fit. */
static const char *write_quoted(char quote, const char *word, char out[WORD_SIZE]) {
  size_t length = 0;
  out[length++] = quote;
  for (; *word && length < WORD_SIZE - 6; word++) {
    unsigned char byte = (unsigned char)*word;
    if (byte < ' ' || byte == 0x7F || byte == '\\' || byte == (unsigned char)quote)
      length += (size_t)snprintf(out + length, 5, "\\x%02x", byte);
    else
      out[length++] = *word;
  }
  out[length++] = quote;
  out[length] = '\0';
  return out;
}

static bool begins(const tp_candidates *of, const char *word) {
  const char *typed = tp_candidates_typed(of);
  return !of->fails && strncmp(word, typed, strlen(typed)) == 0;
}

bool tp_candidates_add_fitting(tp_candidates *of, const char *word, const char *help) {
  tp_bytes *words = &of->words;
  if (!of->fails && of->count < TP_CANDIDATES_MAX && tp_bytes_append(words, of->typed, of->head)) {
    bool added = tp_bytes_append(words, word, strlen(word) + 1) &&
                 tp_bytes_append(words, help, strlen(help) + 1);
    of->count = added ? of->count + 1 : TP_CANDIDATES_MAX;
  }
  return of->count < TP_CANDIDATES_MAX;
}

bool tp_candidates_add(tp_candidates *of, const char *word, const char *help) {
  char quoted[WORD_SIZE];
  if (!begins(of, word))
    return of->count < TP_CANDIDATES_MAX;
  if (of->quote || !is_plain(word))
    word = write_quoted(of->quote ? of->quote : '"', word, quoted);
  return tp_candidates_add_fitting(of, word, help);
}

/* ---- rows ---- */

/* Pushes the next word as a row. */
static void push_row(lua_State *L, tp_candidates *of) {
  const char *word = of->words.data + of->next, *help = word + strlen(word) + 1;
  lua_createtable(L, 0, 2);
  lua_pushstring(L, word);
  lua_setfield(L, -2, tp_candidates_fields[0]);
  lua_pushstring(L, help);
  lua_setfield(L, -2, tp_candidates_fields[1]);
  of->next = (size_t)(help + strlen(help) + 1 - of->words.data);
}

static void add_group(tp_candidates *of, const tp_group *group) {
  char help[96];
  tp_view view = tp_view_group(group);
  snprintf(help, sizeof help, "%" PRIu64 " running, %s", view.running, view.why);
  tp_candidates_add(of, group->name, help);
}

static void take_group(tp_candidates *of) {
  const tp_group *group;
  switch (tp_view_next_group(&of->group_walk, &group)) {
  case TP_VIEW_FOUND:
    if (begins(of, group->name))
      add_group(of, group);
    break;
  case TP_VIEW_PASSED:
    break;
  default:
    of->groups = false;
  }
}

static void take_task(tp_candidates *of, lua_State *L) {
  tp_task *task;
  char id[32];
  switch (tp_view_next_task(&of->task_walk, &task)) {
  case TP_VIEW_FOUND:
    snprintf(id, sizeof id, "%" PRIu64, (uint64_t)task->id);
    if (!of->quote && begins(of, id))
      tp_candidates_add_fitting(of, id, task->group->name ? task->group->name : "a submitted call");
    break;
  case TP_VIEW_PASSED:
    break;
  case TP_VIEW_NO_MEMORY:
    tp_raise(L, TP_NO_MEMORY, "no memory for the list of tasks");
  default:
    of->tasks = false;
  }
}

static tp_rows_step next_word(tp_rows *rows, lua_State *L) {
  tp_candidates *of = (tp_candidates *)rows;
  for (int i = 0; i < STEPS && of->next == of->words.length; i++) {
    if (!of->groups && !of->tasks)
      return TP_ROWS_END;
    if (of->groups)
      take_group(of);
    else
      take_task(of, L);
  }
  if (of->next == of->words.length)
    return TP_ROWS_NONE;
  push_row(L, of);
  return TP_ROWS_FOUND;
}

static void close_candidates(tp_rows *rows) {
  tp_candidates *of = (tp_candidates *)rows;
  tp_bytes_clear(&of->words);
  tp_view_close_groups(&of->group_walk);
  tp_view_close_tasks(&of->task_walk);
}

/* ---- making them ---- */

tp_candidates *tp_candidates_push(lua_State *L, const char *typed, size_t length, size_t head) {
  const tp_rows rows = {.next = next_word, .close = close_candidates, .left = TP_CANDIDATES_MAX};
  tp_candidates *of = tp_rows_push(L, sizeof *of, &rows);
  of->fails = length >= TYPED_SIZE;
  if (of->fails)
    return of;
  memcpy(of->typed, typed, length);
  of->head = head;
  if (of->typed[head] == '"' || of->typed[head] == '\'')
    of->quote = of->typed[head];
  return of;
}

void tp_candidates_add_groups(tp_candidates *of, tp_pool *pool) {
  of->groups = true;
  tp_view_open_groups(&of->group_walk, pool, false);
}

void tp_candidates_add_tasks(tp_candidates *of, tp_pool *pool) {
  const tp_view_filter running = {.state = TP_TASK_RUNNING};
  of->tasks = true;
  tp_view_open_tasks(&of->task_walk, pool, &running);
}
