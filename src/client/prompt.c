/* SPDX-License-Identifier: MIT
 *
 * The prompt of the client; see prompt.h.
 *
 * How it works: libedit reads and edits the line. Its history is filled from the history file, and
 * each new line is appended to both. ^C is taken from the terminal driver only while libedit edits,
 * and is bound to `clear_line`. A user's ~/.editrc is read, so vi keys can be had.
 *
 * To add a key: a function and a row in `keys`. Without libedit (TP_HAVE_LIBEDIT) lines are read
 * as the terminal gives them. */
#include "client/prompt.h"
#include "base/utf8.h"
#include "client/balance.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
  NAME_WIDTH = 40, /* columns of a name; a longer one is cut */
  TEXT_SIZE = 200, /* bytes of what is before a line */
};

/* What has been read of a command. */
typedef struct reading {
  tp_prompt_source source; /* see prompt.h */
  tp_balance command;      /* its lines so far */
  int lines;               /* how many */
  char text[TEXT_SIZE];    /* before the line that is read */
} reading;

/* Writes what is before the next line. */
static void begin_line(reading *of) {
  const char *name = of->source.name(of->source.context);
  size_t length = tp_utf8_fit(name, strlen(name), NAME_WIDTH);
  if (of->lines > 0)
    strcpy(of->text, ". ");
  else
    snprintf(of->text, sizeof of->text, "%.*s> ", (int)length, name);
}

/* Takes a line that was read. Whether the command has ended with it. */
static bool end_line(reading *of, const char *line) {
  size_t length = strcspn(line, "\n");
  bool is_comment = of->lines == 0 && line[strspn(line, " \t")] == '#';
  of->lines++;
  return !tp_balance_add(&of->command, line, length) || is_comment ||
         !tp_balance_is_open(&of->command);
}

static void begin_command(reading *of) {
  tp_balance_clear(&of->command);
  of->lines = 0;
}

static int indent_of(const reading *of) {
  return of->lines == 1 ? tp_utf8_width(of->text, strlen(of->text)) : -1;
}

#ifdef TP_HAVE_LIBEDIT

#include "client/history.h"
#include "client/style.h"
#include "client/tab.h"
#include <histedit.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { HISTORY_MAX = 1000 }; /* lines in memory; the file may hold twice as many */

struct tp_prompt {
  EditLine *editor; /* never NULL in a prompt that was created */
  History *history; /* lines in memory; never NULL either */
  FILE *file;       /* the same lines, for the next session; NULL: they are not kept */
  FILE *out;        /* the terminal */
  bool dropped;     /* ^C was pressed */
  reading reading;  /* the command that is read */
};

static tp_prompt *prompt_of(EditLine *editor) {
  tp_prompt *prompt = NULL;
  el_get(editor, EL_CLIENTDATA, &prompt);
  return prompt;
}

static char *prompt_text(EditLine *editor) {
  return prompt_of(editor)->reading.text;
}

/* ---- keys ---- */

/* Drops what has been typed, as a shell does on ^C. */
static unsigned char clear_line(EditLine *editor, int key) {
  tp_prompt *prompt = prompt_of(editor);
  (void)key;
  const LineInfoW *line = el_wline(editor);
  el_cursor(editor, (int)(line->lastchar - line->cursor));
  line = el_wline(editor);
  el_deletestr(editor, (int)(line->lastchar - line->buffer));
  if (prompt->reading.lines == 0)
    return CC_REFRESH;
  prompt->dropped = true; /* the lines before go too */
  return CC_NEWLINE;
}

/* Whether more has come already than a person types: a paste. */
static bool is_pasted(EditLine *editor) {
  int count = 0;
  FILE *in = NULL;
  el_get(editor, EL_GETFP, 0, &in);
  return in && ioctl(fileno(in), FIONREAD, &count) == 0 && count > 0;
}

/* What could stand in place of the last word before the cursor. */
static json_t *find_candidates(const tp_prompt *prompt, tp_span line) {
  const tp_prompt_source *source = &prompt->reading.source;
  return prompt->reading.lines == 0 ? source->complete(source->context, line.bytes, line.length)
                                    : NULL;
}

/* Completes the word before the cursor, or lists what it could become. */
static unsigned char complete_word(EditLine *editor, int key) {
  const tp_prompt *prompt = prompt_of(editor);
  const LineInfo *line = el_line(editor);
  tp_span before = {.bytes = line->buffer, .length = (size_t)(line->cursor - line->buffer)};
  (void)key;
  if (is_pasted(editor)) {
    el_insertstr(editor, " ");
    return CC_REFRESH;
  }
  json_t *candidates = find_candidates(prompt, before);
  tp_tab tab = tp_tab_find(candidates, before);
  bool several = json_array_size(candidates) > 1;
  if (tab.insert) {
    el_deletestr(editor, (int)tab.remove);
    el_insertstr(editor, tab.insert);
  } else if (several) {
    fputc('\n', prompt->out);
    tp_tab_list(prompt->out, candidates, tp_style_width(prompt->out));
  }
  unsigned char next = tab.insert ? CC_REFRESH : several ? CC_REDISPLAY : CC_REFRESH_BEEP;
  free(tab.insert);
  json_decref(candidates);
  return next;
}

/* A key and what it does. */
typedef struct key {
  const wchar_t *name;   /* for `bind -l` */
  const wchar_t *help;   /* the same */
  const wchar_t *stroke; /* in the notation of editrc(5) */
  unsigned char (*press)(EditLine *editor, int key);
} key;

static const key keys[] = {
    {.name = L"taskpool-clear-line",
     .help = L"Drop the line",
     .stroke = L"^C",
     .press = clear_line},
    {.name = L"taskpool-complete",
     .help = L"Complete the word",
     .stroke = L"^I",
     .press = complete_word},
};

static void bind_keys(EditLine *editor) {
  el_set(editor, EL_SETTY, "-d", "-intr", NULL); /* ^C is a key while a line is edited */
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    el_wset(editor, EL_ADDFN, keys[i].name, keys[i].help, keys[i].press);
    el_wset(editor, EL_BIND, keys[i].stroke, keys[i].name, NULL);
  }
}

/* ---- history ---- */

static const char *cut_newline(char *line, size_t length) {
  if (length > 0 && line[length - 1] == '\n')
    line[length - 1] = '\0';
  return line;
}

/* The file has grown to twice what is kept: writes it anew with the lines in memory. */
static void shorten_file(tp_prompt *prompt) {
  if (ftruncate(fileno(prompt->file), 0) != 0)
    return;
  HistEvent event;
  for (int found = history(prompt->history, &event, H_LAST); found >= 0;
       found = history(prompt->history, &event, H_PREV))
    fprintf(prompt->file, "%s\n", event.str);
  fflush(prompt->file);
}

static void load_history(tp_prompt *prompt) {
  char *line = NULL;
  size_t size = 0;
  ssize_t length;
  int count = 0;
  HistEvent event;
  while ((length = getline(&line, &size, prompt->file)) >= 0) {
    history(prompt->history, &event, H_ENTER, cut_newline(line, (size_t)length));
    count++;
  }
  free(line);
  clearerr(prompt->file);
  if (count > 2 * HISTORY_MAX)
    shorten_file(prompt);
}

static bool open_history(tp_prompt *prompt) {
  HistEvent event;
  prompt->history = history_init();
  if (!prompt->history)
    return false;
  history(prompt->history, &event, H_SETSIZE, HISTORY_MAX);
  history(prompt->history, &event, H_SETUNIQUE, 1);
  prompt->file = tp_history_open();
  if (prompt->file)
    load_history(prompt);
  return true;
}

static void remember(tp_prompt *prompt, const char *line) {
  if (line[strspn(line, " \t")] == '\0' || !tp_history_keeps(line))
    return;
  HistEvent event;
  bool again = history(prompt->history, &event, H_FIRST) >= 0 && strcmp(event.str, line) == 0;
  if (again)
    return;
  history(prompt->history, &event, H_ENTER, line);
  if (!prompt->file)
    return;
  fprintf(prompt->file, "%s\n", line);
  fflush(prompt->file);
}

/* ---- lifetime ---- */

tp_prompt *tp_prompt_create(FILE *in, FILE *out, FILE *err, const tp_prompt_source *source) {
  tp_prompt *prompt = calloc(1, sizeof *prompt);
  if (!prompt)
    return NULL;
  prompt->out = out;
  prompt->reading.source = *source;
  prompt->editor = el_init("taskpool", in, out, err);
  if (!prompt->editor || !open_history(prompt)) {
    tp_prompt_destroy(prompt);
    return NULL;
  }
  el_set(prompt->editor, EL_CLIENTDATA, prompt);
  el_set(prompt->editor, EL_PROMPT, prompt_text);
  el_set(prompt->editor, EL_EDITOR, "emacs");
  el_set(prompt->editor, EL_SIGNAL, 1); /* a resized or stopped terminal is drawn again */
  el_set(prompt->editor, EL_HIST, history, prompt->history);
  el_source(prompt->editor, NULL);
  bind_keys(prompt->editor);
  return prompt;
}

void tp_prompt_destroy(tp_prompt *prompt) {
  if (!prompt)
    return;
  if (prompt->editor)
    el_end(prompt->editor);
  if (prompt->history)
    history_end(prompt->history);
  if (prompt->file)
    fclose(prompt->file);
  tp_balance_clear(&prompt->reading.command);
  free(prompt);
}

/* Reads a line; NULL at the end of input. */
static const char *read_line(tp_prompt *prompt) {
  int length = 0;
  begin_line(&prompt->reading);
  el_set(prompt->editor, EL_PREP_TERM, 1); /* before the prompt is seen, for a ^C typed at once */
  const char *line = el_gets(prompt->editor, &length);
  return line && length > 0 ? line : prompt->dropped ? "" : NULL;
}

const char *tp_prompt_read(tp_prompt *prompt) {
  reading *of = &prompt->reading;
  bool whole = false;
  begin_command(of);
  while (!whole) {
    prompt->dropped = false;
    const char *line = read_line(prompt);
    if (!line)
      return NULL;
    whole = end_line(of, line);
    if (prompt->dropped) { /* and the cursor is still behind what was typed */
      fputc('\n', prompt->out);
      begin_command(of);
      whole = false;
    }
  }
  if (of->command.text.data)
    remember(prompt, of->command.text.data);
  return of->command.text.data;
}

#else

struct tp_prompt {
  FILE *in, *out;  /* the terminal */
  char *line;      /* the line read last; grows with getline */
  size_t size;     /* bytes allocated for it */
  reading reading; /* the command that is read */
};

tp_prompt *tp_prompt_create(FILE *in, FILE *out, FILE *err, const tp_prompt_source *source) {
  (void)err;
  tp_prompt *prompt = calloc(1, sizeof *prompt);
  if (prompt)
    *prompt = (tp_prompt){.in = in, .out = out, .reading.source = *source};
  return prompt;
}

void tp_prompt_destroy(tp_prompt *prompt) {
  if (!prompt)
    return;
  tp_balance_clear(&prompt->reading.command);
  free(prompt->line);
  free(prompt);
}

const char *tp_prompt_read(tp_prompt *prompt) {
  bool whole = false;
  begin_command(&prompt->reading);
  while (!whole) {
    begin_line(&prompt->reading);
    fputs(prompt->reading.text, prompt->out);
    fflush(prompt->out);
    if (getline(&prompt->line, &prompt->size, prompt->in) < 0)
      return NULL;
    whole = end_line(&prompt->reading, prompt->line);
  }
  return prompt->reading.command.text.data;
}

#endif

int tp_prompt_indent(const tp_prompt *prompt) {
  return indent_of(&prompt->reading);
}
