/* SPDX-License-Identifier: MIT
 *
 * Spellings at the prompt: see spelling.h. */
#include "command/spelling.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *tp_spelling_command(const char *name, char out[TP_SPELLING_SIZE]) {
  size_t i = 0;
  for (; i < TP_SPELLING_SIZE - 1 && name[i] != '\0'; i++)
    out[i] = name[i] == '_' ? '-' : name[i];
  out[i] = '\0';
  return out;
}

const char *tp_spelling_value(const tp_param *param, char out[TP_SPELLING_SIZE]) {
  size_t i = 0;
  const char *value = param->value ? param->value : param->name;
  if (param->type == TP_PARAM_FLAG)
    value = "";
  for (; i < TP_SPELLING_SIZE - 1 && value[i] != '\0'; i++)
    out[i] = (char)(param->value ? value[i] : toupper((unsigned char)value[i]));
  out[i] = '\0';
  return out;
}

/* Writes "-n", or "--name" where there is no letter. */
static void spell_short(const tp_param *param, char out[TP_SPELLING_SIZE]) {
  char name[TP_SPELLING_SIZE];
  if (param->letter)
    snprintf(out, TP_SPELLING_SIZE, "-%c", param->letter);
  else
    snprintf(out, TP_SPELLING_SIZE, "--%.80s", tp_spelling_command(param->name, name));
}

const char *tp_spelling_param(const tp_param *param, char out[TP_SPELLING_SIZE]) {
  char name[TP_SPELLING_SIZE];
  if (!tp_method_is_option(param))
    return tp_spelling_value(param, out);
  tp_spelling_command(param->name, name);
  if (param->letter)
    snprintf(out, TP_SPELLING_SIZE, "-%c/--%.80s", param->letter, name);
  else
    snprintf(out, TP_SPELLING_SIZE, "--%.80s", name);
  return out;
}

const char *tp_spelling_usage(const tp_param *param, char out[TP_SPELLING_SIZE]) {
  char value[TP_SPELLING_SIZE], option[TP_SPELLING_SIZE];
  tp_spelling_value(param, value);
  spell_short(param, option);
  switch (param->kind) {
  case TP_PARAM_OPTIONAL:
    snprintf(out, TP_SPELLING_SIZE, "[%.80s]", value);
    break;
  case TP_PARAM_ANY:
    snprintf(out, TP_SPELLING_SIZE, "[%.80s ...]", value);
    break;
  case TP_PARAM_REST:
    snprintf(out, TP_SPELLING_SIZE, "%.80s ...", value);
    break;
  case TP_PARAM_TRAILING:
  case TP_PARAM_OPTION:
    snprintf(out, TP_SPELLING_SIZE, value[0] ? "[%.45s %.45s]" : "[%.45s%.45s]", option, value);
    break;
  default:
    snprintf(out, TP_SPELLING_SIZE, "%s", value);
  }
  return out;
}

bool tp_spelling_begins(const char *name, const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    bool is_same = name[i] == text[i] || (name[i] == '_' && text[i] == '-');
    if (!is_same || name[i] == '\0')
      return false;
  }
  return true;
}

bool tp_spelling_equal(const char *name, const char *text, size_t length) {
  return strlen(name) == length && tp_spelling_begins(name, text, length);
}
