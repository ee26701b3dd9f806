/* SPDX-License-Identifier: MIT
 *
 * The control client: sends commands to a control server and shows what it answers.
 *
 * How it works: it connects, says how wide its terminal is and asks for framed answers. Then one
 * loop serves every input: it takes a line, sends it, waits for the answer however long that takes,
 * and shows it. Some commands are the client's own: see `own`. At a prompt a connection that is
 * lost is made anew for the next command.
 *
 * To add a command of the client: a function and a row in `own`. */
#include "base/fail.h"
#include "base/span.h"
#include "base/standard.h"
#include "client/balance.h"
#include "client/exchange.h"
#include "client/follow.h"
#include "client/prompt.h"
#include "client/top.h"
#include "client/watch.h"
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

typedef struct client {
  tp_exchange exchange; /* with the server */
  FILE *in;             /* where commands come from */
  tp_prompt *prompt;    /* set while lines are read from a person */
  char *line;           /* the line read last from `in`; grows with getline */
  size_t line_size;     /* bytes allocated for it */
} client;

/* ---- commands ---- */

/* What comes after a command. */
typedef enum next {
  NEXT_LINE, /* the next one */
  NEXT_END,  /* nothing: the person or the input leaves */
  NEXT_LOST, /* nothing: no more commands can be sent */
} next;

/* What follows a command; at a prompt the next line does in any case. */
static next after(const client *self, bool goes_on) {
  return goes_on || self->prompt ? NEXT_LINE : NEXT_LOST;
}

/* Waits for the group that a command has answered with, if that went well. */
static tp_exchange_outcome follow(client *self, tp_exchange_outcome outcome) {
  const char *words[] = {"wait", NULL, NULL};
  char *group =
      outcome == TP_EXCHANGE_OK && self->exchange.value ? strdup(self->exchange.value) : NULL;
  words[1] = group;
  if (group)
    outcome = tp_exchange_send_words(&self->exchange, words);
  free(group);
  return outcome;
}

/* Sends a line. */
static next ask(client *self, tp_span line, int indent) {
  tp_exchange *exchange = &self->exchange;
  char *text = strndup(line.bytes, line.length);
  tp_exchange_outcome outcome = TP_EXCHANGE_FAILED;
  if (text && tp_follow_take(text))
    outcome = follow(self, tp_exchange_send(exchange, tp_span_of(text), indent));
  else
    outcome = tp_exchange_send(exchange, line, indent);
  free(text);
  return after(self, outcome != TP_EXCHANGE_LOST);
}

static next leave(client *self, tp_span rest) {
  (void)self, (void)rest;
  return NEXT_END;
}

static const char *help_of_own(tp_span name); /* NULL: it is not a command of the client */

/* `help COMMAND` is `COMMAND -h`. */
static next help(client *self, tp_span rest) {
  char line[1024];
  const char *text = help_of_own(rest);
  if (text) {
    tp_show_plain(&self->exchange.show, tp_span_of(text));
    return NEXT_LINE;
  }
  if (rest.length == 0 || rest.bytes[0] == '-')
    snprintf(line, sizeof line, "help %.*s", (int)rest.length, rest.bytes);
  else
    snprintf(line, sizeof line, "%.*s -h", (int)rest.length, rest.bytes);
  return ask(self, tp_span_trim(tp_span_of(line), BLANKS), -1);
}

static next watch(client *self, tp_span rest) {
  return after(self, tp_watch_run(&self->exchange, rest));
}

static next top(client *self, tp_span rest) {
  (void)rest;
  return after(self, tp_top_run(&self->exchange, self->in));
}

/* The commands of the client itself. */
static const struct {
  const char *name;
  const char *help;                        /* for completion; NULL: the server completes it */
  next (*run)(client *self, tp_span rest); /* `rest` is what stands after the name */
} own[] = {
    {.name = "exit", .run = leave},
    {.name = "quit", .help = "Leave this session.", .run = leave},
    {.name = "watch",
     .help = "Show a command's answer again and again: watch [-n SECONDS] COMMAND.",
     .run = watch},
    {.name = "top", .help = "Show the host on the whole screen.", .run = top},
    {.name = "help", .run = help},
    {.name = "?", .run = help},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *help_of_own(tp_span name) {
  for (size_t i = 0; i < COUNT(own); i++)
    if (tp_span_is(name, own[i].name))
      return own[i].help;
  return NULL;
}

/* The first word of a line. */
static tp_span first_word(tp_span line) {
  size_t length = 0;
  while (length < line.length && !strchr(BLANKS, line.bytes[length]))
    length++;
  return (tp_span){.bytes = line.bytes, .length = length};
}

static bool is_leaving(tp_span word) {
  return tp_span_is(word, "exit") || tp_span_is(word, "quit");
}

/* Runs a command, which `indent` columns are in front of on the screen; -1: it is not there. */
static next run_one(client *self, tp_span line, int indent) {
  tp_span word = first_word(line);
  if (line.length == 0)
    return NEXT_LINE;
  if (self->prompt && !is_leaving(word) && !tp_exchange_revive(&self->exchange))
    return NEXT_LINE;
  tp_span rest = {.bytes = line.bytes + word.length, .length = line.length - word.length};
  for (size_t i = 0; i < COUNT(own); i++)
    if (tp_span_is(word, own[i].name))
      return own[i].run(self, tp_span_trim(rest, BLANKS));
  return ask(self, line, indent);
}

/* Runs the commands of a line, which have ';' between them if the server takes that. After a loss
 * of the connection none of them follows. */
static next run_line(client *self, tp_span line, int indent) {
  const char *start = line.bytes;
  tp_span whole = tp_span_trim(line, BLANKS);
  next what = NEXT_LINE;
  if (whole.length > 0 && whole.bytes[0] == '#')
    return NEXT_LINE;
  while (what == NEXT_LINE && line.length > 0) {
    bool splits = self->exchange.link.protocol >= TP_LINK_WORDS;
    size_t end = splits ? tp_balance_command_end(line.bytes, line.length) : line.length;
    tp_span command = tp_span_trim((tp_span){.bytes = line.bytes, .length = end}, BLANKS);
    what = run_one(self, command, indent < 0 ? indent : indent + (int)(command.bytes - start));
    size_t used = end < line.length && self->exchange.is_open ? end + 1 : line.length;
    line.bytes += used;
    line.length -= used;
  }
  return what;
}

/* ---- where commands come from ---- */

/* The next line of input; its bytes are NULL at the end. */
static tp_span next_line(client *self) {
  if (self->prompt) {
    const char *line = tp_prompt_read(self->prompt);
    return line ? tp_span_of(line) : (tp_span){0};
  }
  ssize_t length = getline(&self->line, &self->line_size, self->in);
  return length >= 0 ? (tp_span){.bytes = self->line, .length = (size_t)length} : (tp_span){0};
}

/* Runs line after line. True: the input has ended; false: the connection. */
static bool converse(client *self) {
  for (;;) {
    tp_span line = next_line(self);
    if (!line.bytes) {
      if (self->prompt)
        fputc('\n', self->exchange.show.out); /* ^D leaves the cursor after the prompt */
      return true;
    }
    next what = run_line(self, line, self->prompt ? tp_prompt_indent(self->prompt) : -1);
    if (what != NEXT_LINE)
      return what == NEXT_END;
  }
}

static bool fail(client *self, tp_code code, const char *message) {
  tp_error error;
  tp_fail(&error, code, "%s", message);
  return tp_exchange_fail(&self->exchange, &error);
}

static const char *name_prompt(void *context) {
  const client *self = context;
  const char *pool = tp_exchange_pool(&self->exchange);
  return pool ? pool : "(not connected)";
}

/* Adds the commands of the client that begin as a line does. */
static void add_own(json_t *candidates, const char *line, size_t length) {
  for (size_t i = 0; i < COUNT(own); i++)
    if (own[i].help && strncmp(own[i].name, line, length) == 0)
      json_array_append_new(candidates,
                            json_pack("{s:s, s:s}", "word", own[i].name, "help", own[i].help));
}

static json_t *complete(void *context, const char *line, size_t length) {
  client *self = context;
  char *text = strndup(line, length);
  const char *words[] = {"complete", text, NULL};
  json_t *candidates = text ? tp_exchange_ask_aside(&self->exchange, words) : NULL;
  if (json_is_array(candidates))
    add_own(candidates, line, length);
  free(text);
  return candidates;
}

static bool open_prompt(client *self) {
  const tp_show *show = &self->exchange.show;
  tp_prompt_source source = {.context = self, .name = name_prompt, .complete = complete};
  self->prompt = tp_prompt_create(self->in, show->out, show->err, &source);
  return self->prompt || fail(self, TP_NO_MEMORY, "no memory for a prompt");
}

static void welcome(const client *self) {
  char line[512];
  snprintf(line, sizeof line, "Connected to %s", self->exchange.link.pool);
  tp_show_notice(&self->exchange.show, line);
  tp_show_notice(&self->exchange.show, "-h lists the commands, exit leaves.");
}

static void run_session(client *self) {
  bool interactive = self->exchange.show.interactive;
  welcome(self);
  if (interactive && !open_prompt(self))
    return;
  if (converse(self))
    tp_show_notice(&self->exchange.show, "Disconnected from control server.");
}

/* ---- one command ---- */

/* Whether the options name a command that can be sent. */
static bool check_command(const char *command) {
  tp_span line = tp_span_trim(tp_span_of(command), BLANKS);
  return line.length > 0 && !memchr(line.bytes, '\n', line.length);
}

static bool is_own(const char *word) {
  for (size_t i = 0; i < COUNT(own); i++)
    if (strcmp(own[i].name, word) == 0)
      return true;
  return false;
}

/* Runs the words of a command of the client as a line. */
static void run_own(client *self, const char *const *words) {
  char *line = tp_link_join(words, false);
  if (line)
    run_line(self, tp_span_of(line), -1);
  free(line);
}

/* Sends words, with --wait or without. */
static void send_words(client *self, const char *const *words) {
  size_t count = 0;
  while (words[count])
    count++;
  const char **copy = malloc((count + 1) * sizeof *copy);
  if (!copy) {
    fail(self, TP_NO_MEMORY, "no memory for a command");
    return;
  }
  memcpy(copy, words, (count + 1) * sizeof *copy);
  bool follows = tp_follow_take_word(copy);
  tp_exchange_outcome outcome = tp_exchange_send_words(&self->exchange, copy);
  if (follows)
    follow(self, outcome);
  free(copy);
}

static void run_command(client *self, const tp_client_options *options) {
  if (options->command)
    run_line(self, tp_span_of(options->command), -1);
  else if (is_own(options->words[0]))
    run_own(self, options->words);
  else
    send_words(self, options->words);
}

static bool check(client *self, const tp_client_options *options) {
  if (!(options->timeout >= 0))
    return fail(self, TP_INVALID_ARGUMENT, "timeout must be a number of seconds, 0 or more");
  if (!options->address)
    return fail(self, TP_INVALID_ARGUMENT, "an address is needed");
  if (options->command && !check_command(options->command))
    return fail(self, TP_INVALID_ARGUMENT, "a command is one line, which is not empty");
  if (!options->command && options->words && !options->words[0])
    return fail(self, TP_INVALID_ARGUMENT, "a command is one word or more");
  return true;
}

tp_client_result tp_client_run(const tp_client_options *options) {
  if (!options)
    return TP_CLIENT_USAGE;
  client self = {.in = options->in ? options->in : stdin};
  tp_standard_open();
  tp_exchange_prepare(&self.exchange, options);
  if (check(&self, options) && tp_exchange_connect(&self.exchange)) {
    if (options->command || options->words)
      run_command(&self, options);
    else
      run_session(&self);
  }
  tp_exchange_close(&self.exchange);
  tp_prompt_destroy(self.prompt);
  free(self.line);
  fflush(self.exchange.show.out);
  return self.exchange.result;
}
