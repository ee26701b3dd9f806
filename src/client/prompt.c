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
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PROMPT "> "

static const char *cut_newline(char *line, size_t length) {
  if (length > 0 && line[length - 1] == '\n')
    line[length - 1] = '\0';
  return line;
}

#ifdef TP_HAVE_LIBEDIT

#include "client/history.h"
#include <histedit.h>
#include <unistd.h>

enum { HISTORY_MAX = 1000 }; /* lines in memory; the file may hold twice as many */

struct tp_prompt {
  EditLine *editor; /* never NULL in a prompt that was created */
  History *history; /* lines in memory; never NULL either */
  FILE *file;       /* the same lines, for the next session; NULL: they are not kept */
  char *line;       /* the line read last, NULL before the first */
};

static char *prompt_text(EditLine *editor) {
  (void)editor;
  return (char *)(uintptr_t)PROMPT; /* libedit does not write to it */
}

/* Drops what has been typed, as a shell does on ^C. */
static unsigned char clear_line(EditLine *editor, int key) {
  (void)key;
  const LineInfoW *line = el_wline(editor);
  el_cursor(editor, (int)(line->lastchar - line->cursor));
  line = el_wline(editor);
  el_deletestr(editor, (int)(line->lastchar - line->buffer));
  return CC_REFRESH;
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
};

static void bind_keys(EditLine *editor) {
  el_set(editor, EL_SETTY, "-d", "-intr", NULL); /* ^C is a key while a line is edited */
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    el_wset(editor, EL_ADDFN, keys[i].name, keys[i].help, keys[i].press);
    el_wset(editor, EL_BIND, keys[i].stroke, keys[i].name, NULL);
  }
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

tp_prompt *tp_prompt_create(FILE *in, FILE *out, FILE *err) {
  tp_prompt *prompt = calloc(1, sizeof *prompt);
  if (!prompt)
    return NULL;
  prompt->editor = el_init("taskpool", in, out, err);
  if (!prompt->editor || !open_history(prompt)) {
    tp_prompt_destroy(prompt);
    return NULL;
  }
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
  free(prompt->line);
  free(prompt);
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

const char *tp_prompt_read(tp_prompt *prompt) {
  int length = 0;
  el_set(prompt->editor, EL_PREP_TERM, 1); /* before the prompt is seen, for a ^C typed at once */
  const char *edited = el_gets(prompt->editor, &length);
  free(prompt->line);
  prompt->line = edited && length > 0 ? strdup(edited) : NULL;
  if (!prompt->line)
    return NULL;
  const char *line = cut_newline(prompt->line, strlen(prompt->line));
  remember(prompt, line);
  return line;
}

#else

struct tp_prompt {
  FILE *in, *out; /* the terminal */
  char *line;     /* the line read last; grows with getline */
  size_t size;    /* bytes allocated for it */
};

tp_prompt *tp_prompt_create(FILE *in, FILE *out, FILE *err) {
  (void)err;
  tp_prompt *prompt = calloc(1, sizeof *prompt);
  if (prompt)
    *prompt = (tp_prompt){.in = in, .out = out};
  return prompt;
}

void tp_prompt_destroy(tp_prompt *prompt) {
  if (!prompt)
    return;
  free(prompt->line);
  free(prompt);
}

const char *tp_prompt_read(tp_prompt *prompt) {
  fputs(PROMPT, prompt->out);
  fflush(prompt->out);
  ssize_t length = getline(&prompt->line, &prompt->size, prompt->in);
  return length >= 0 ? cut_newline(prompt->line, (size_t)length) : NULL;
}

#endif
