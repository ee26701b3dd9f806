/* SPDX-License-Identifier: MIT
 *
 * `watch`; see watch.h. */
#include "client/watch.h"
#include "base/fail.h"
#include "client/sigint.h"
#include "client/style.h"
#include <stdlib.h>
#include <string.h>

#define USAGE "watch [-n SECONDS] COMMAND: SECONDS is a number from 0.1 to 86400"
#define PERIOD 2 /* seconds, if there is no -n */

/* What is to be watched. */
typedef struct watch {
  double seconds;  /* between two answers */
  tp_span command; /* to be sent */
} watch;

/* Reads what stands after `watch`. */
static bool read_words(watch *of, tp_span rest) {
  char number[32] = "";
  char *end = number;
  *of = (watch){.seconds = PERIOD, .command = rest};
  if (rest.length > 2 && strncmp(rest.bytes, "-n", 2) == 0) {
    tp_span after = {.bytes = rest.bytes + 2, .length = rest.length - 2};
    after = tp_span_trim(after, " \t");
    size_t length = 0;
    while (length < after.length && length + 1 < sizeof number && after.bytes[length] != ' ')
      length++;
    memcpy(number, after.bytes, length);
    of->seconds = strtod(number, &end);
    after.bytes += length;
    after.length -= length;
    of->command = tp_span_trim(after, " \t");
  }
  return *end == '\0' && of->seconds >= 0.1 && of->seconds <= 86400 && of->command.length > 0;
}

/* Begins a new screen, or separates two answers. */
static void begin(const tp_exchange *exchange, const watch *of, bool is_first) {
  FILE *out = exchange->show.out;
  if (exchange->show.json)
    return;
  if (tp_style_is_terminal(out))
    fprintf(out, "\x1b[H\x1b[2JEvery %g s: %.*s\n\n", of->seconds, (int)of->command.length,
            of->command.bytes);
  else if (!is_first)
    fputc('\n', out);
}

/* Waits for the next turn. False: ^C was pressed. */
static bool pause_for(const tp_exchange *exchange, double seconds) {
  tp_sigint sigint;
  tp_sigint_open(&sigint, exchange->show.interactive);
  tp_sigint_cause cause = tp_sigint_wait(&sigint, -1, (int)(seconds * 1000));
  tp_sigint_close(&sigint);
  return cause != TP_SIGINT_SIGNAL;
}

bool tp_watch_run(tp_exchange *exchange, tp_span rest) {
  watch of;
  tp_error error;
  if (!read_words(&of, rest)) {
    tp_fail(&error, TP_INVALID_ARGUMENT, "%s", USAGE);
    tp_exchange_fail(exchange, &error);
    return true;
  }
  tp_exchange_outcome outcome;
  bool is_first = true;
  do {
    begin(exchange, &of, is_first);
    outcome = tp_exchange_send(exchange, of.command, -1);
    is_first = false;
  } while (outcome == TP_EXCHANGE_OK && pause_for(exchange, of.seconds));
  return outcome != TP_EXCHANGE_LOST;
}
