/* SPDX-License-Identifier: MIT
 *
 * Words of the command line for our own Lua modules; see words.h. */
#include "program/words.h"
#include "base/bytes.h"
#include "base/fail.h"

#include <stdio.h>
#include <string.h>

static bool add(tp_bytes *text, const char *part) {
  return tp_bytes_append(text, part, strlen(part));
}

/* Adds a word as a Lua string; each byte is written as a number. */
static bool add_word(tp_bytes *text, const char *word) {
  bool ok = add(text, "\"");
  for (; ok && *word; word++) {
    char byte[5];
    snprintf(byte, sizeof byte, "\\%03d", (unsigned char)*word);
    ok = add(text, byte);
  }
  return ok && add(text, "\",");
}

bool tp_words_pass(tp_host *host, const char *function, const char *const *words, size_t count,
                   const char *name, tp_error *error) {
  tp_bytes text = {0};
  bool ok = add(&text, function) && add(&text, "{");
  for (size_t i = 0; ok && i < count; i++)
    ok = add_word(&text, words[i]);
  ok = ok && add(&text, "}") && tp_bytes_append(&text, "", 1);
  ok = ok ? tp_host_run_text(host, text.data, name, error)
          : tp_fail(error, TP_NO_MEMORY, "no memory for the options");
  tp_bytes_clear(&text);
  return ok;
}
