/* SPDX-License-Identifier: MIT
 *
 * What could stand at the end of a line; see complete.h.
 *
 * How it works. The words before the last one are gone through as parse.h reads them, without
 * looking at values: that tells which parameters are given, and which one comes next. */
#include "command/complete.h"
#include "binding/candidates.h"
#include "command/cursor.h"
#include "command/spelling.h"
#include "value/functions.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* The completion of one line. */
typedef struct completer {
  lua_State *L;            /* where the rows are pushed */
  const tp_complete *from; /* where candidates come from */
  tp_pool *pool;           /* the one of the line, or of the session; NULL: there is none */
  tp_cursor word;          /* the word that is looked at, up to its length */
  size_t next;             /* where the next one begins */
  const tp_method *method; /* the command */
  unsigned given;          /* its options so far, a bit each */
  int pending;             /* the option whose value comes next; -1: none */
  int positional;          /* how many positional arguments there are so far */
  bool only_values;        /* after "--": no more options */
} completer;

/* ---- words ---- */

/* Goes on to the next word. False: it is the last one, perhaps empty. */
static bool next_word(completer *c, size_t length) {
  tp_cursor at = {.text = c->word.text, .length = length, .at = c->next};
  tp_cursor_skip_blanks(&at);
  c->next = tp_cursor_argument_end(&at);
  c->word = (tp_cursor){.text = at.text, .length = c->next, .at = at.at};
  return c->next < length;
}

static size_t word_length(const completer *c) {
  return c->word.length - c->word.at;
}

static bool is_word(const completer *c, const char *text) {
  return tp_cursor_is(&c->word, c->word.length, text);
}

/* Whether the word begins with `text`. */
static bool has_beginning(const completer *c, const char *text) {
  size_t length = strlen(text);
  return word_length(c) >= length && memcmp(c->word.text + c->word.at, text, length) == 0;
}

/* A minus that belongs neither to a number nor to nothing. */
static bool is_option(const completer *c) {
  char next = tp_cursor_peek(&c->word, 1);
  return !c->only_values && tp_cursor_peek(&c->word, 0) == '-' && next != '.' &&
         !isdigit((unsigned char)next);
}

/* Pushes the rows, for the values that stand after the first `head` bytes of the word. A word with
 * a blank in it cannot be replaced as one. */
static tp_candidates *push_candidates(const completer *c, size_t head) {
  const char *word = c->word.text + c->word.at;
  size_t length = word_length(c);
  for (size_t i = 0; i < word_length(c); i++)
    if (isspace((unsigned char)word[i]))
      length = (size_t)-1;
  return tp_candidates_push(c->L, word, length, head);
}

/* ---- parameters ---- */

/* The option that the word names; -1: none, or several. `*end` is where its name ends. */
static int find_option(const completer *c, size_t *end) {
  const char *word = c->word.text + c->word.at;
  size_t length = word_length(c);
  bool is_long = length > 1 && word[1] == '-';
  const char *equals = is_long ? memchr(word, '=', length) : NULL;
  int found = -1;
  *end = !is_long ? 2 : equals ? (size_t)(equals - word) : length;
  for (int i = 0; c->method->params[i].kind != TP_PARAM_NONE && length > 1; i++) {
    const tp_param *param = &c->method->params[i];
    if (!tp_method_is_option(param))
      continue;
    if (is_long ? tp_spelling_equal(param->name, word + 2, *end - 2) : param->letter == word[1])
      return i;
    if (is_long && tp_spelling_begins(param->name, word + 2, *end - 2))
      found = i;
  }
  return found;
}

/* The positional parameter that comes next; NULL: there are no more. */
static const tp_param *next_positional(const completer *c) {
  int place = 0;
  for (const tp_param *param = c->method->params; param->kind != TP_PARAM_NONE; param++) {
    if (tp_method_is_option(param))
      continue;
    if (place++ == c->positional || tp_method_is_rest(param))
      return param;
  }
  return NULL;
}

/* Goes over a word that is complete. */
static void pass_word(completer *c) {
  size_t end;
  if (c->pending >= 0) {
    c->pending = -1;
  } else if (!c->only_values && is_word(c, "--")) {
    c->only_values = true;
  } else if (!is_option(c)) {
    c->positional++;
  } else {
    int index = find_option(c, &end);
    if (index < 0)
      return;
    c->given |= 1u << index;
    if (end >= word_length(c) && c->method->params[index].type != TP_PARAM_FLAG)
      c->pending = index;
  }
}

/* ---- candidates ---- */

static bool add_function(void *of, const char *name, const char *what) {
  return tp_candidates_add(of, name, what);
}

static void add_functions(const completer *c, tp_candidates *of, bool modules) {
  (modules ? tp_functions_visit_modules : tp_functions_visit_all)(
      c->L, c->from->names, tp_candidates_typed(of), add_function, of);
}

static void add_pools(const completer *c, tp_candidates *of) {
  tp_pool *pool;
  for (size_t i = 0; (pool = c->from->pool_at(c->from->pools, i)); i++) {
    char help[64];
    const char *dash = strchr(pool->label, '-');
    snprintf(help, sizeof help, "%llu running", (unsigned long long)pool->running);
    tp_candidates_add(of, pool->label, help);
    if (*tp_candidates_typed(of) && dash && c->from->find_pool(c->from->pools, dash + 1) == pool)
      tp_candidates_add(of, dash + 1, help);
  }
}

static void add_choices(tp_candidates *of, const tp_param *param) {
  const char *choice = param->choices;
  while (*choice) {
    char word[TP_SPELLING_SIZE];
    size_t length = strcspn(choice, " ");
    snprintf(word, sizeof word, "%.*s", (int)length, choice);
    tp_candidates_add(of, word, param->help);
    choice += length + (choice[length] == ' ');
  }
}

/* Adds the commands that the line's pool and the session's role have. */
static void add_commands(const completer *c, tp_candidates *of) {
  char name[TP_SPELLING_SIZE];
  int on = c->pool ? c->pool->kind : TP_ON_ALL;
  const char *typed = tp_candidates_typed(of);
  for (const tp_method *const *table = c->from->tables; *table; table++)
    for (const tp_method *m = *table; m->name; m++)
      if ((m->on & on) && m->role <= c->from->role &&
          tp_spelling_begins(m->name, typed, strlen(typed)))
        tp_candidates_add_fitting(of, tp_spelling_command(m->name, name), m->summary);
}

static void add_named(const completer *c, tp_candidates *of, const tp_param *param) {
  if (param->choices)
    add_choices(of, param);
  else if (param->of == TP_PARAM_OF_GROUP && c->pool)
    tp_candidates_add_groups(of, c->pool);
  else if (param->of == TP_PARAM_OF_POOL)
    add_pools(c, of);
  else if (param->of == TP_PARAM_OF_MODULE)
    add_functions(c, of, true);
  else if (param->of == TP_PARAM_OF_COMMAND)
    add_commands(c, of);
}

/* Pushes the values that the parameter could have, after the first `head` bytes of the word. */
static void push_values(const completer *c, const tp_param *param, size_t head) {
  tp_candidates *of = push_candidates(c, head);
  bool is_target = param->type == TP_PARAM_TARGET;
  if (param->type == TP_PARAM_FUNCTION || param->type == TP_PARAM_ITERABLE)
    add_functions(c, of, false);
  if (param->type == TP_PARAM_NAME)
    add_named(c, of, param);
  if (is_target && c->pool)
    tp_candidates_add_groups(of, c->pool);
  if ((is_target || param->type == TP_PARAM_ID) && c->pool)
    tp_candidates_add_tasks(of, c->pool);
}

/* Pushes the options that are not given yet. */
static void push_options(const completer *c) {
  char name[TP_SPELLING_SIZE], option[TP_SPELLING_SIZE + 2];
  tp_candidates *of = push_candidates(c, 0);
  const char *typed = c->word.text + c->word.at;
  size_t length = word_length(c), skip = length < 2 ? length : 2;
  for (int i = 0; c->method->params[i].kind != TP_PARAM_NONE; i++) {
    const tp_param *param = &c->method->params[i];
    if (!tp_method_is_option(param) || (c->given & 1u << i) || memcmp(typed, "--", skip) != 0 ||
        !tp_spelling_begins(param->name, typed + skip, length - skip))
      continue;
    snprintf(option, sizeof option, "--%s", tp_spelling_command(param->name, name));
    tp_candidates_add_fitting(of, option, param->help);
  }
}

/* Pushes the candidates for the last word, which is an option or a part of one. */
static void push_option(const completer *c) {
  size_t end;
  int index = find_option(c, &end);
  if (index < 0 || end >= word_length(c))
    push_options(c);
  else
    push_values(c, &c->method->params[index], end + (c->word.text[c->word.at + end] == '='));
}

/* Pushes the candidates for the last word after a command. */
static void push_argument(const completer *c) {
  const tp_param *param = c->pending >= 0 ? &c->method->params[c->pending] : next_positional(c);
  if (c->pending < 0 && is_option(c) && word_length(c) > 0)
    push_option(c);
  else if (param)
    push_values(c, param, 0);
  else
    push_options(c);
}

/* ---- the line ---- */

/* The record of the command that the word is. */
static const tp_method *find_method(const completer *c) {
  int on = c->pool ? c->pool->kind : TP_ON_ALL;
  for (const tp_method *const *table = c->from->tables; *table; table++)
    for (const tp_method *m = *table; m->name; m++)
      if ((m->on & on) && tp_spelling_equal(m->name, c->word.text + c->word.at, word_length(c)))
        return m;
  return NULL;
}

/* Takes the word from its byte `from` on as the name of the line's pool, perhaps in quotes. */
static void set_pool(completer *c, size_t from) {
  char name[TP_SPELLING_SIZE];
  const char *text = c->word.text + c->word.at + from;
  size_t length = word_length(c) - from;
  bool is_quoted = length > 1 && (*text == '"' || *text == '\'');
  snprintf(name, sizeof name, "%.*s", (int)(is_quoted ? length - 2 : length), text + is_quoted);
  tp_pool *pool = c->from->find_pool(c->from->pools, name);
  c->pool = pool ? pool : c->pool;
}

#define POOL_OPTION "--pool"

/* Goes over "--pool NAME" or "--pool=NAME". False: the line ends there, and its candidates are
 * pushed. */
static bool pass_pool(completer *c, size_t length) {
  static const tp_param pool = {.name = "pool", .type = TP_PARAM_NAME, .of = TP_PARAM_OF_POOL};
  size_t head = sizeof POOL_OPTION - 1;
  bool is_attached = has_beginning(c, POOL_OPTION "=");
  if (is_attached)
    head++;
  else if (!next_word(c, length)) {
    push_values(c, &pool, 0);
    return false;
  }
  if (is_attached && c->next == length) {
    push_values(c, &pool, head);
    return false;
  }
  set_pool(c, is_attached ? head : 0);
  return true;
}

/* Pushes the candidates for a last word that is the command. */
static void push_command(const completer *c) {
  tp_candidates *of = push_candidates(c, 0);
  add_commands(c, of);
  if (word_length(c) > 0 && word_length(c) < sizeof POOL_OPTION &&
      memcmp(POOL_OPTION, c->word.text + c->word.at, word_length(c)) == 0)
    tp_candidates_add_fitting(of, POOL_OPTION, "send this command to another pool");
}

static void push(completer *c, size_t length) {
  bool more = next_word(c, length);
  if ((more && is_word(c, POOL_OPTION)) || has_beginning(c, POOL_OPTION "=")) {
    if (!pass_pool(c, length))
      return;
    more = next_word(c, length);
  }
  if (!more) {
    push_command(c);
    return;
  }
  c->method = find_method(c);
  while (c->method && next_word(c, length))
    pass_word(c);
  if (c->method)
    push_argument(c);
  else
    tp_candidates_push(c->L, "", 0, 0);
}

void tp_complete_push(lua_State *L, const tp_complete *from, const char *line, size_t length) {
  completer c = {.L = L, .from = from, .pool = from->pool, .word = {.text = line}, .pending = -1};
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  push(&c, length);
}
