/* SPDX-License-Identifier: MIT
 *
 * The control client: sends commands to a control server and shows what it answers.
 *
 * How it works: it connects, says how wide its terminal is and asks for framed answers. If the
 * greeting is a JSON object, answers are framed (mode 2). Any other greeting is the name of a pool,
 * from a server that has only plain answers (mode 1, such as asyncio-taskpool); its errors cannot
 * be told from results. Then one loop serves every input: it takes a line, sends it, waits for the
 * answer however long that takes, and shows it.
 *
 * Output: answers go to `out`, errors to `err` as "CODE: message". Notices go to `out` at a prompt,
 * else to `err`; with a single command there are none. What goes to a terminal is escaped.
 *
 * To give one more code an exit code of its own: a row in `result_of`. */
#include "base/fail.h"
#include "base/span.h"
#include "base/standard.h"
#include "client/connection.h"
#include "client/escape.h"
#include "client/prompt.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
  GREETING_MS = 10 * 1000, /* a control server greets at once; another may never do so */
  NOTICE_MS = 3 * 1000,    /* after so long a wait a person is told how to leave */
  DEFAULT_WIDTH = 80,      /* if there is no terminal */
};

#define BLANKS " \t\r\n"

/* Shown for the parts of a failure that a server leaves out. */
#define NO_CODE "Failed"
#define NO_MESSAGE "the server does not say why"

typedef struct client {
  tp_connection connection; /* to the server */
  FILE *in, *out, *err;     /* never NULL */
  double timeout;           /* see tp_client_options */
  bool interactive;         /* a person types at a terminal and reads there */
  tp_prompt *prompt;        /* set while `interactive` lines are read */
  char *line;               /* the line read last from `in`; grows with getline */
  size_t line_size;         /* bytes allocated for it */
  bool framed;              /* the server answers in mode 2 */
  tp_client_result result;  /* the worst of all answers so far */
} client;

/* ---- showing ---- */

static bool is_terminal(FILE *file) {
  int fd = fileno(file);
  return fd >= 0 && isatty(fd);
}

static void put(FILE *file, const char *bytes, size_t length) {
  if (is_terminal(file))
    tp_escape_write(file, bytes, length);
  else
    fwrite(bytes, 1, length, file);
}

/* Shows the text of an answer or an error, with one line end. */
static void put_line(FILE *file, const char *bytes, size_t length) {
  tp_span text = tp_span_trim_end((tp_span){.bytes = bytes, .length = length}, "\r\n");
  put(file, text.bytes, text.length);
  fputc('\n', file);
  fflush(file);
}

/* A line that is neither an answer nor an error. */
static void notify(const client *self, const char *text) {
  fprintf(self->interactive ? self->out : self->err, "%s\n", text);
}

/* The results are numbered by severity: the worst is kept. */
static void worsen(client *self, tp_client_result result) {
  if (result > self->result)
    self->result = result;
}

static void report(const client *self, const char *code, const char *message) {
  put(self->err, code, strlen(code));
  fputs(": ", self->err);
  put_line(self->err, message, strlen(message));
}

/* The results of failures of the client itself; all others are TP_CLIENT_NO_CONNECTION. */
static const struct {
  tp_code code;
  tp_client_result result;
} result_of[] = {
    {.code = TP_INVALID_ARGUMENT, .result = TP_CLIENT_USAGE},
    {.code = TP_DENIED, .result = TP_CLIENT_DENIED},
};

/* Reports a failure of the client itself; always false. */
static bool fail(client *self, const tp_error *error) {
  tp_client_result result = TP_CLIENT_NO_CONNECTION;
  for (size_t i = 0; i < sizeof result_of / sizeof result_of[0]; i++)
    if (result_of[i].code == error->code)
      result = result_of[i].result;
  report(self, tp_code_name(error->code), error->message);
  worsen(self, result);
  return false;
}

/* ---- answers ---- */

/* The JSON object that `bytes` are, or NULL. */
static json_t *parse_object(tp_span bytes) {
  json_t *object = json_loadb(bytes.bytes, bytes.length, JSON_ALLOW_NUL, NULL);
  if (json_is_object(object))
    return object;
  json_decref(object);
  return NULL;
}

static const char *string_in(const json_t *object, const char *key, const char *fallback) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : fallback;
}

static bool is_failure(const json_t *answer) {
  return json_is_false(json_object_get(answer, "ok"));
}

static bool is_denial(const char *code) {
  return strcmp(code, tp_code_name(TP_DENIED)) == 0;
}

static void show_failure(client *self, const json_t *answer) {
  const char *code = string_in(answer, "code", NO_CODE);
  report(self, code, string_in(answer, "message", NO_MESSAGE));
  worsen(self, is_denial(code) ? TP_CLIENT_DENIED : TP_CLIENT_FAILED);
}

static void show_answer(client *self, const json_t *answer) {
  const json_t *text = json_object_get(answer, "text");
  if (is_failure(answer))
    show_failure(self, answer);
  else if (json_is_string(text))
    put_line(self->out, json_string_value(text), json_string_length(text));
}

/* Reads the next framed answer. Events, which a session may have asked for, come in between and are
 * not shown here. NULL: the connection cannot be used any more. */
static json_t *receive_answer(client *self, tp_error *error) {
  for (;;) {
    tp_span line;
    if (!tp_connection_read_line(&self->connection, &line, error))
      return NULL;
    json_t *answer = parse_object(line);
    if (answer && !json_object_get(answer, "event"))
      return answer;
    if (!answer) {
      tp_fail(error, TP_IO_ERROR, "the server at %s sent a line that is not an answer",
              self->connection.address);
      return NULL;
    }
    json_decref(answer);
  }
}

static bool take_framed(client *self, tp_error *error) {
  json_t *answer = receive_answer(self, error);
  if (!answer)
    return false;
  show_answer(self, answer);
  json_decref(answer);
  return true;
}

static bool take_plain(client *self, tp_error *error) {
  tp_span answer;
  if (!tp_connection_read_burst(&self->connection, &answer, error))
    return false;
  put_line(self->out, answer.bytes, answer.length);
  return true;
}

static bool take_answer(client *self, tp_error *error) {
  return (self->framed ? take_framed : take_plain)(self, error);
}

/* The server has closed the connection, as `error` says; its last answer may say why. Always false.
 */
static bool take_last_answer(client *self, const tp_error *error) {
  tp_error silent;
  if (!take_answer(self, &silent))
    fail(self, error);
  return false;
}

/* Sends a command and shows its answer. False: no more commands can be sent. */
static bool ask(client *self, const char *command, size_t length) {
  tp_error error;
  tp_connection_start_clock(&self->connection);
  if (!tp_connection_send(&self->connection, command, length, &error))
    return take_last_answer(self, &error);
  if (self->interactive && !tp_connection_wait(&self->connection, NOTICE_MS))
    notify(self, "(waiting for the answer; ^C leaves without it)");
  if (!take_answer(self, &error))
    return fail(self, &error);
  if (!ferror(self->out))
    return true;
  tp_fail(&error, TP_IO_ERROR, "nobody reads the answers any more");
  return fail(self, &error);
}

/* ---- the first lines of a session ---- */

static int terminal_width(const client *self) {
  struct winsize size;
  int fd = fileno(self->out);
  bool known = fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : DEFAULT_WIDTH;
}

static bool send_hello(client *self, tp_error *error) {
  char hello[80];
  int length = snprintf(hello, sizeof hello, "{\"terminal_width\": %d, \"reply\": \"json\"}",
                        terminal_width(self));
  return tp_connection_send(&self->connection, hello, (size_t)length, error);
}

static void welcome(const client *self, const char *name, size_t length) {
  FILE *to = self->interactive ? self->out : self->err;
  fputs("Connected to ", to);
  put_line(to, name, length);
  notify(self, "-h lists the commands, exit leaves.");
}

/* The greeting says that the server does not serve this client; always false. */
static bool refuse(const client *self, const json_t *greeting, tp_error *error) {
  const char *code = string_in(greeting, "code", NO_CODE);
  return tp_fail(error, is_denial(code) ? TP_DENIED : TP_NOT_AVAILABLE,
                 "the server at %s refuses: %s: %s", self->connection.address, code,
                 string_in(greeting, "message", NO_MESSAGE));
}

/* Reads the greeting, which tells how the answers will come. */
static bool read_greeting(client *self, bool quiet, tp_error *error) {
  tp_span line;
  if (!self->connection.deadline && !tp_connection_wait(&self->connection, GREETING_MS))
    return tp_fail(error, TP_TIMED_OUT, "%s does not greet within %d s; is it a control server?",
                   self->connection.address, GREETING_MS / 1000);
  if (!tp_connection_read_line(&self->connection, &line, error))
    return false;
  json_t *greeting = parse_object(line);
  self->framed = greeting != NULL;
  const char *name = string_in(greeting, "text", "a server without a name");
  bool welcomed = !is_failure(greeting) || refuse(self, greeting, error);
  if (welcomed && !quiet)
    welcome(self, greeting ? name : line.bytes, greeting ? strlen(name) : line.length);
  json_decref(greeting);
  return welcomed;
}

static bool begin(client *self, const char *address, bool quiet) {
  tp_error error;
  return (tp_connection_open(&self->connection, address, self->timeout, &error) &&
          send_hello(self, &error) && read_greeting(self, quiet, &error)) ||
         fail(self, &error);
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

static bool is_exit(tp_span line) {
  return tp_span_is(line, "exit");
}

/* Sends line after line. True: the input has ended; false: the connection. */
static bool converse(client *self) {
  for (;;) {
    tp_span line = next_line(self);
    if (!line.bytes) {
      if (self->interactive)
        fputc('\n', self->out); /* ^D leaves the cursor after the prompt */
      return true;
    }
    line = tp_span_trim(line, BLANKS);
    if (is_exit(line))
      return true;
    if (line.length > 0 && !ask(self, line.bytes, line.length))
      return false;
  }
}

static bool open_prompt(client *self) {
  self->prompt = tp_prompt_create(self->in, self->out, self->err);
  return self->prompt ||
         fail(self, &(tp_error){.code = TP_NO_MEMORY, .message = "no memory for a prompt"});
}

static void run_session(client *self, const char *address) {
  self->interactive = is_terminal(self->in) && is_terminal(self->out);
  if (!begin(self, address, false) || (self->interactive && !open_prompt(self)))
    return;
  if (converse(self) && self->interactive)
    notify(self, "Disconnected from control server.");
}

static void run_command(client *self, const char *address, const char *command) {
  tp_span line = tp_span_trim(tp_span_of(command), BLANKS);
  if (line.length == 0 || memchr(line.bytes, '\n', line.length)) {
    fail(self, &(tp_error){.code = TP_INVALID_ARGUMENT,
                           .message = "a command is one line, which is not empty"});
    return;
  }
  if (begin(self, address, true) && !is_exit(line))
    ask(self, line.bytes, line.length);
}

tp_client_result tp_client_run(const tp_client_options *options) {
  if (!options)
    return TP_CLIENT_USAGE;
  client self = {
      .connection = {.fd = -1},
      .in = options->in ? options->in : stdin,
      .out = options->out ? options->out : stdout,
      .err = options->err ? options->err : stderr,
      .timeout = options->timeout,
  };
  tp_standard_open();
  if (!(options->timeout >= 0))
    fail(&self, &(tp_error){.code = TP_INVALID_ARGUMENT,
                            .message = "timeout must be a number of seconds, 0 or more"});
  else if (!options->address)
    fail(&self, &(tp_error){.code = TP_INVALID_ARGUMENT, .message = "an address is needed"});
  else if (options->command)
    run_command(&self, options->address, options->command);
  else
    run_session(&self, options->address);
  tp_connection_close(&self.connection);
  tp_prompt_destroy(self.prompt);
  free(self.line);
  fflush(self.out);
  return self.result;
}
