/* SPDX-License-Identifier: MIT
 *
 * What the client shows; see show.h. */
#include "client/show.h"
#include "client/escape.h"
#include "client/layout.h"
#include "client/link.h"
#include "client/style.h"
#include "client/unit.h"
#include <stdlib.h>
#include <string.h>

/* Shown for the parts of a failure that a server leaves out. */
#define NO_CODE "Failed"
#define NO_MESSAGE "the server does not say why"

void tp_show_open(tp_show *show, const tp_client_options *options) {
  FILE *in = options->in ? options->in : stdin;
  *show = (tp_show){
      .out = options->out ? options->out : stdout,
      .err = options->err ? options->err : stderr,
      .json = options->json,
      .quiet = options->quiet,
  };
  bool is_command = options->command || options->words;
  show->interactive = !is_command && tp_style_is_terminal(in) && tp_style_is_terminal(show->out);
  show->color_out = tp_style_is_wanted(options->color, show->out);
  show->color_err = tp_style_is_wanted(options->color, show->err);
}

/* ---- lines ---- */

static void put(FILE *file, tp_span text) {
  if (tp_style_is_terminal(file))
    tp_escape_write(file, text.bytes, text.length);
  else
    fwrite(text.bytes, 1, text.length, file);
}

/* Writes a text, with one line end. */
static void put_line(FILE *file, tp_span text) {
  put(file, tp_span_trim_end(text, "\r\n"));
  fputc('\n', file);
  fflush(file);
}

static void put_error(const tp_show *show, const char *code, const char *message) {
  tp_style_kind style = show->color_err ? TP_STYLE_BAD : TP_STYLE_PLAIN;
  fputs(tp_style_begin(style), show->err);
  put(show->err, tp_span_of(code));
  fputs(tp_style_end(style), show->err);
  fputs(": ", show->err);
  put_line(show->err, tp_span_of(message));
}

void tp_show_error(const tp_show *show, const tp_error *error) {
  put_error(show, tp_code_name(error->code), error->message);
}

void tp_show_notice(const tp_show *show, const char *text) {
  if (!show->interactive || show->quiet)
    return;
  put_line(show->out, tp_span_of(text));
}

void tp_show_plain(const tp_show *show, tp_span text) {
  if (!show->quiet)
    put_line(show->out, text);
}

bool tp_show_is_read(const tp_show *show) {
  return !ferror(show->out);
}

/* ---- answers ---- */

static void show_failure(const tp_show *show, const json_t *answer,
                         const tp_show_command *command) {
  json_int_t column = json_integer_value(json_object_get(answer, "column"));
  if (column > 0 && command->line.bytes && tp_style_is_terminal(show->err))
    tp_caret_write(show->err, command->line, (size_t)column, &command->view);
  put_error(show, tp_link_text(answer, "code", NO_CODE),
            tp_link_text(answer, "message", NO_MESSAGE));
}

/* Lays a table out. False: its text must do. */
static bool show_table(const tp_show *show, const json_t *answer) {
  tp_bytes text = {0};
  bool done = tp_style_is_terminal(show->out)
                  ? tp_layout_in_columns(answer, tp_style_width(show->out), show->color_out, &text)
                  : tp_layout_with_tabs(answer, &text);
  if (done) /* its cells are harmless already, and styles must get through */
    fwrite(text.data, 1, text.length, show->out);
  fflush(show->out);
  tp_bytes_clear(&text);
  return done;
}

static void show_result(const tp_show *show, const json_t *answer) {
  const json_t *text = json_object_get(answer, "text");
  if (tp_layout_is_table(answer) && show_table(show, answer))
    return;
  if (json_is_string(text))
    put_line(show->out,
             (tp_span){.bytes = json_string_value(text), .length = json_string_length(text)});
}

void tp_show_answer(const tp_show *show, const json_t *answer, tp_span raw,
                    const tp_show_command *command) {
  if (show->json && !(show->quiet && !tp_link_is_failure(answer)))
    put_line(show->quiet ? show->err : show->out, raw);
  else if (tp_link_is_failure(answer))
    show_failure(show, answer, command);
  else if (!show->quiet)
    show_result(show, answer);
}

/* ---- events ---- */

/* Writes the fields of an event after its name: " key=value". */
static void put_fields(const tp_show *show, const json_t *event) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)event, key, value) {
    char *text = tp_unit_describe(value, "");
    if (text && strcmp(key, "event") != 0 && strcmp(key, "time") != 0) {
      fputc(' ', show->out);
      put(show->out, tp_span_of(key));
      fputc('=', show->out);
      put(show->out, tp_span_of(text));
    }
    free(text);
  }
  fputc('\n', show->out);
  fflush(show->out);
}

/* Writes when an event was, if it says so. */
static void put_time(const tp_show *show, const json_t *event) {
  const json_t *time = json_object_get(event, "time");
  char text[TP_UNIT_SIZE];
  if (!json_is_number(time))
    return;
  tp_unit_time(json_number_value(time), text);
  fprintf(show->out, "%s ", text);
}

void tp_show_event(const tp_show *show, const json_t *event, tp_span raw) {
  const char *text = tp_link_text(event, "text", NULL);
  if (show->quiet)
    return;
  if (show->json) {
    put_line(show->out, raw);
  } else if (text) {
    put_line(show->out, tp_span_of(text));
  } else {
    put_time(show, event);
    put(show->out, tp_span_of(tp_link_text(event, "event", "?")));
    put_fields(show, event);
  }
}
