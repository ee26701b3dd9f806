/* SPDX-License-Identifier: MIT
 *
 * Help texts: see help.h.
 *
 * How it works. A page is filled word by word: a word that does not fit its line goes to the next
 * one, below the page's indent; a word longer than a line is cut into pieces. */
#include "command/help.h"
#include "base/utf8.h"
#include "command/spelling.h"
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#define HELP_OPTION "-h, --help"

enum {
  MARGIN = 2, /* before the entries of a list */
  GAP = 2,    /* between the two columns of a list */
  UNDER = 4,  /* where the text of an entry begins if it is below its term */
};

/* A text that is being laid out. Until it is complete, nothing else may be pushed on the Lua stack.
 */
typedef struct page {
  luaL_Buffer text; /* what has been laid out */
  int width;        /* of a line, in characters */
  int column;       /* characters in the line so far */
  int indent;       /* where the line's text begins, also after a wrap */
} page;

/* ---- the page ---- */

static void open_page(page *p, lua_State *L, int width) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  luaL_buffinit(L, &p->text);
  p->width = width <= 0                  ? TP_HELP_WIDTH_DEFAULT
             : width < TP_HELP_WIDTH_MIN ? TP_HELP_WIDTH_MIN
             : width > TP_HELP_WIDTH_MAX ? TP_HELP_WIDTH_MAX
                                         : width;
  p->column = p->indent = 0;
}

/* Fills the line with blanks up to `column`. */
static void pad(page *p, int column) {
  for (; p->column < column; p->column++)
    luaL_addchar(&p->text, ' ');
}

/* Ends the line; the next one begins at `indent`. */
static void break_line(page *p, int indent) {
  luaL_addchar(&p->text, '\n');
  p->column = 0;
  p->indent = indent;
}

/* Goes on at `column` and wraps there: on this line if it has not got that far, else on the next.
 */
static void go_to(page *p, int column) {
  if (p->column + GAP > column && p->column > 0)
    break_line(p, column);
  p->indent = column;
}

/* Adds the word, cut where a line is full. */
static void add_cut(page *p, const char *word, size_t length) {
  for (size_t i = 0; i < length; i++) {
    bool begins = tp_utf8_begins(word[i]);
    if (begins && p->column == p->width) {
      break_line(p, p->indent);
      pad(p, p->indent);
    }
    luaL_addchar(&p->text, word[i]);
    p->column += begins;
  }
}

static void add_word(page *p, const char *word, size_t length) {
  bool first = p->column <= p->indent;
  if (!first && p->column + 1 + tp_utf8_count(word, length) > p->width) {
    break_line(p, p->indent);
    first = true;
  }
  pad(p, p->indent);
  if (!first)
    add_cut(p, " ", 1);
  add_cut(p, word, length);
}

/* Adds a text that is not broken if it fits a line. */
static void add_term(page *p, const char *term) {
  add_word(p, term, strlen(term));
}

/* Adds the words of a text; NULL adds nothing. */
static void add_words(page *p, const char *text) {
  while (text && *text != '\0') {
    size_t length = strcspn(text, " ");
    if (length > 0)
      add_word(p, text, length);
    text += length + (text[length] == ' ');
  }
}

/* Adds the words of a text on one line if they fit one. */
static void add_together(page *p, const char *text) {
  if (text && p->indent + (int)strlen(text) <= p->width)
    add_term(p, text);
  else
    add_words(p, text);
}

/* ---- all commands ---- */

static int longest_command(const tp_method *methods, int on, int longest) {
  for (const tp_method *m = methods; m->name; m++) {
    int length = (int)strlen(m->name);
    longest = (m->on & on) && length > longest ? length : longest;
  }
  return longest;
}

static void add_commands(page *p, const tp_method *methods, int on, int column) {
  char name[TP_SPELLING_SIZE];
  for (const tp_method *m = methods; m->name; m++) {
    if (!(m->on & on))
      continue;
    break_line(p, MARGIN);
    add_term(p, tp_spelling_command(m->name, name));
    go_to(p, column);
    add_words(p, m->summary);
  }
}

void tp_help_push_all(lua_State *L, const char *pool, const tp_method *const *tables, int on,
                      int width) {
  page p;
  open_page(&p, L, width);
  int longest = 0;
  for (const tp_method *const *table = tables; *table; table++)
    longest = longest_command(*table, on, longest);
  int column = MARGIN + longest + GAP;
  column = column < p.width / 2 ? column : UNDER;
  p.indent = MARGIN;
  add_cut(&p, "usage:", 6);
  add_words(&p, "COMMAND [ARGUMENT ...] [OPTION ...]");
  break_line(&p, 0);
  break_line(&p, 0);
  add_words(&p, "Commands of");
  add_words(&p, pool);
  add_cut(&p, ":", 1);
  for (const tp_method *const *table = tables; *table; table++)
    add_commands(&p, *table, on, column);
  break_line(&p, 0);
  break_line(&p, 0);
  add_words(&p, "COMMAND -h shows what a command takes.");
  luaL_pushresult(&p.text);
}

/* ---- one command ---- */

/* Adds the options of the method, or all other parameters, as the usage line shows them. */
static void add_params(page *p, const tp_method *method, bool options) {
  char text[TP_SPELLING_SIZE];
  for (const tp_param *param = method->params; param->kind != TP_PARAM_NONE; param++) {
    if (tp_method_is_option(param) == options)
      add_term(p, tp_spelling_usage(param, text));
  }
}

static void add_usage(page *p, const tp_method *method) {
  char text[TP_SPELLING_SIZE];
  add_cut(p, "usage:", 6);
  p->indent = p->column + 1;
  add_term(p, tp_spelling_command(method->name, text));
  if (p->column < p->width / 3)
    p->indent = p->column + 1;
  add_params(p, method, false);
  add_params(p, method, true);
  add_term(p, "[-h]");
}

/* Writes the entry of an option in the list: "-n, --num-concurrent NUM". */
static const char *spell_option(const tp_param *param, char out[2 * TP_SPELLING_SIZE]) {
  char name[TP_SPELLING_SIZE], value[TP_SPELLING_SIZE], letter[8] = "";
  if (param->letter)
    snprintf(letter, sizeof letter, "-%c, ", param->letter);
  tp_spelling_value(param, value);
  snprintf(out, 2 * TP_SPELLING_SIZE, "%s--%.80s%s%.80s", letter,
           tp_spelling_command(param->name, name), value[0] ? " " : "", value);
  return out;
}

/* The term of a parameter in the lists. */
static const char *spell_term(const tp_param *param, char out[2 * TP_SPELLING_SIZE]) {
  return tp_method_is_option(param) ? spell_option(param, out) : tp_spelling_value(param, out);
}

/* Where the texts of the lists begin: after the longest term, or below the terms if the lines are
 * too short for two columns. */
static int text_column(const page *p, const tp_method *method) {
  char term[2 * TP_SPELLING_SIZE];
  int longest = (int)strlen(HELP_OPTION);
  for (const tp_param *param = method->params; param->kind != TP_PARAM_NONE; param++) {
    int length = (int)strlen(spell_term(param, term));
    longest = length > longest ? length : longest;
  }
  int column = MARGIN + longest + GAP;
  return column <= p->width * 2 / 5 ? column : UNDER;
}

/* How values of a type are written at the prompt, if the name does not say it. */
static const char *const notations[TP_PARAM_TYPES] = {
    [TP_PARAM_ITERABLE] = "(a literal or a dotted name)",
    [TP_PARAM_LIST] = "(such as [1, 'a'])",
    [TP_PARAM_TABLE] = "(such as {x = 1, y = 'a'})",
};

static void add_entry(page *p, int column, const char *term, const char *help) {
  break_line(p, MARGIN);
  add_words(p, term);
  go_to(p, column);
  add_words(p, help);
}

/* An entry of the list of arguments or options. */
static void add_param(page *p, int column, const tp_param *param) {
  char text[2 * TP_SPELLING_SIZE];
  add_entry(p, column, spell_term(param, text), param->help);
  add_together(p, notations[param->type]);
  if (param->fallback && param->type != TP_PARAM_FLAG) {
    snprintf(text, sizeof text, "(default: %.80s)", param->fallback);
    add_together(p, text);
  }
}

static void add_title(page *p, const char *title) {
  break_line(p, 0);
  break_line(p, 0);
  add_words(p, title);
}

static void add_arguments(page *p, const tp_method *method, int column) {
  bool titled = false;
  for (const tp_param *param = method->params; param->kind != TP_PARAM_NONE; param++) {
    if (tp_method_is_option(param))
      continue;
    if (!titled)
      add_title(p, "arguments:");
    titled = true;
    add_param(p, column, param);
  }
}

static void add_options(page *p, const tp_method *method, int column) {
  add_title(p, "options:");
  for (const tp_param *param = method->params; param->kind != TP_PARAM_NONE; param++) {
    if (tp_method_is_option(param))
      add_param(p, column, param);
  }
  add_entry(p, column, HELP_OPTION, "show this help");
}

void tp_help_push_command(lua_State *L, const tp_method *method, int width) {
  page p;
  open_page(&p, L, width);
  add_usage(&p, method);
  break_line(&p, 0);
  break_line(&p, 0);
  add_words(&p, method->summary);
  int column = text_column(&p, method);
  add_arguments(&p, method, column);
  add_options(&p, method, column);
  luaL_pushresult(&p.text);
}
