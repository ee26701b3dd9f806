/* SPDX-License-Identifier: MIT
 *
 * Literals: see literal.h.
 *
 * How it works. The loop in read_literal reads the next thing: a bracket that opens, one that
 * closes, or a scalar. The latter two finish a value, and after_value looks at what follows it: ':'
 * or '=' make it the key of the next value; a comma or the closing bracket put it into the table of
 * the innermost open bracket.
 *
 * The Lua stack holds, from the outermost bracket to the innermost, its table and, while the value
 * for it is read, a key; at the end of a step the value just finished is on top. */
#include "value/literal.h"
#include "base/fail.h"
#include "base/utf8.h"
#include "value/list.h"
#include "value/text.h"
#include <ctype.h>
#include <lauxlib.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* The longest number that is read; 64 bits need 20 digits, an exact float some 40. */
#define NUMBER_SIZE 200

/* How the value just finished was written. Decides whether it can be a key. */
typedef enum value_form {
  FORM_PLAIN, /* a scalar: a key before ':' */
  FORM_NAME,  /* a bare word: only a key before '=' */
  FORM_BOXED, /* [v]: a list of one, or before '=' the key v */
  FORM_TABLE, /* any other list or table: never a key */
} value_form;

/* An open bracket. */
typedef struct frame {
  char close;        /* the bracket that closes it */
  size_t at;         /* where it was opened */
  int table;         /* stack slot of its table */
  lua_Integer count; /* list items so far */
  bool nils;         /* one of them was nil */
  bool commas;       /* a comma was seen: (1,) is a list */
  bool keyed;        /* a key waits for its value in the slot after the table */
  size_t key_at;     /* where that key was written */
} frame;

/* One reading. */
typedef struct parser {
  lua_State *L;
  const char *text;               /* what is read */
  size_t length;                  /* its bytes */
  size_t at;                      /* the next byte */
  size_t value_at;                /* where the value just finished began */
  value_form form;                /* how it was written */
  size_t nodes;                   /* values so far */
  int depth;                      /* how many brackets are open */
  frame frames[TP_LITERAL_DEPTH]; /* these, the innermost last */
  tp_error *error;
} parser;

/* A word that is a value. */
typedef struct constant {
  const char *word;
  enum { CONSTANT_NIL, CONSTANT_TRUE, CONSTANT_FALSE } value;
} constant;

static const constant constants[] = {
    {.word = "nil", .value = CONSTANT_NIL},     {.word = "None", .value = CONSTANT_NIL},
    {.word = "null", .value = CONSTANT_NIL},    {.word = "true", .value = CONSTANT_TRUE},
    {.word = "True", .value = CONSTANT_TRUE},   {.word = "false", .value = CONSTANT_FALSE},
    {.word = "False", .value = CONSTANT_FALSE},
};

/* Escapes of one letter: what is written, what it means. */
static const char escapes[][2] = {
    {'n', '\n'}, {'t', '\t'}, {'r', '\r'},  {'a', '\a'},  {'b', '\b'}, {'f', '\f'},
    {'v', '\v'}, {'/', '/'},  {'\\', '\\'}, {'\'', '\''}, {'"', '"'},
};

/* ---- the text ---- */

/* The byte `offset` after the next one; NUL past the end. */
static char peek(const parser *p, size_t offset) {
  return p->at + offset < p->length ? p->text[p->at + offset] : '\0';
}

static bool at_end(const parser *p) {
  return p->at >= p->length;
}

static void skip_blanks(parser *p) {
  while (!at_end(p) && isspace((unsigned char)p->text[p->at]))
    p->at++;
}

static bool is_word_byte(char c) {
  return c == '_' || isalnum((unsigned char)c);
}

static unsigned column(size_t at) {
  return (unsigned)at + 1;
}

/* Copies the text from `from` to `to` into `out`, cut and without control bytes. */
static const char *excerpt(const parser *p, size_t from, size_t to, char out[32]) {
  size_t length = to - from < 28 ? to - from : 24;
  for (size_t i = 0; i < length; i++)
    out[i] = isprint((unsigned char)p->text[from + i]) ? p->text[from + i] : '?';
  strcpy(out + length, to - from < 28 ? "" : "...");
  return out;
}

/* Fails at the place `at` because of the text from there to `to`; `what` holds one %s for it. */
#define FAIL_TEXT(p, from, to, what)                                                               \
  tp_fail_at((p)->error, column(from), TP_INVALID_ARGUMENT, what " at column %u",                  \
             excerpt(p, from, to, (char[32]){0}), column(from))

#define FAIL(p, place, what)                                                                       \
  tp_fail_at((p)->error, column(place), TP_INVALID_ARGUMENT, what " at column %u", column(place))

/* ---- numbers ---- */

static bool number_starts(char c) {
  return isdigit((unsigned char)c) || c == '-' || c == '+' || c == '.';
}

/* Where the number at `p->at` ends: also what cannot be part of one, so that 12abc and 1.2.3 are
 * bad as a whole. */
static size_t number_end(const parser *p) {
  size_t end = p->at + 1;
  while (end < p->length) {
    char c = p->text[end], before = p->text[end - 1];
    bool sign = (c == '-' || c == '+') && (before == 'e' || before == 'E');
    if (!sign && !is_word_byte(c) && c != '.')
      break;
    end++;
  }
  return end;
}

/* Value of the digit `c`, 16 if it is not one. */
static unsigned digit_value(char c) {
  static const char digits[] = "0123456789abcdef";
  const char *found = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));
  return found ? (unsigned)(found - digits) : 16;
}

/* What a text is as an integer. */
typedef enum integer_result { INTEGER_NO, INTEGER_TOO_BIG, INTEGER_YES } integer_result;

static integer_result to_integer(const char *text, lua_Integer *value) {
  bool negative = *text == '-';
  uint64_t limit = (uint64_t)INT64_MAX + negative, sum = 0;
  integer_result result = INTEGER_YES;
  text += *text == '-' || *text == '+';
  unsigned base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
  text += base == 16 ? 2 : 0;
  if (*text == '\0')
    return INTEGER_NO;
  for (; *text != '\0'; text++) {
    unsigned digit = digit_value(*text);
    if (digit >= base)
      return INTEGER_NO;
    if (sum > (limit - digit) / base)
      result = INTEGER_TOO_BIG;
    sum = sum * base + digit;
  }
  *value = (lua_Integer)(negative ? 0 - sum : sum);
  return result;
}

/* Pushes the float that `text` is; false if it is not a decimal float. */
static bool push_float(lua_State *L, const char *text) {
  text += *text == '+'; /* Lua reads a minus only */
  if (strspn(text, "+-.0123456789eE") != strlen(text) || lua_stringtonumber(L, text) == 0)
    return false;
  return true;
}

static bool read_number(parser *p) {
  char text[NUMBER_SIZE + 1];
  size_t from = p->at, end = number_end(p);
  lua_Integer integer;
  if (end - from > NUMBER_SIZE)
    return FAIL_TEXT(p, from, end, "the number %s is too long");
  memcpy(text, p->text + from, end - from);
  text[end - from] = '\0';
  p->at = end;
  switch (to_integer(text, &integer)) {
  case INTEGER_YES:
    lua_pushinteger(p->L, integer);
    return true;
  case INTEGER_TOO_BIG:
    return FAIL_TEXT(p, from, end, "the number %s does not fit 64 bits");
  case INTEGER_NO:
    break;
  }
  if (!push_float(p->L, text))
    return FAIL_TEXT(p, from, end, "'%s' is not a number");
  if (isfinite(lua_tonumber(p->L, -1)))
    return true;
  lua_pop(p->L, 1);
  return FAIL_TEXT(p, from, end, "the number %s is too large");
}

/* ---- strings ---- */

/* Reads up to `most` digits of `base` at `p->at` into `*value`; returns how many there were. A
 * value too large for any use stays so, whatever digits follow. */
static unsigned read_digits(parser *p, unsigned base, unsigned most, unsigned *value) {
  unsigned count = 0;
  for (*value = 0; count < most && digit_value(peek(p, 0)) < base; count++, p->at++) {
    if (*value <= 0x10FFFF)
      *value = *value * base + digit_value(peek(p, 0));
  }
  return count;
}

static bool is_surrogate(unsigned code) {
  return code >= 0xD800 && code <= 0xDFFF;
}

/* Reads the second half \uDC00..\uDFFF of a pair. */
static bool read_low_half(parser *p, unsigned *code) {
  unsigned low;
  if (peek(p, 0) != '\\' || peek(p, 1) != 'u')
    return false;
  p->at += 2;
  if (read_digits(p, 16, 4, &low) != 4 || low < 0xDC00 || low > 0xDFFF)
    return false;
  *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
  return true;
}

/* Reads what follows \u: {X...}, XXXX, or a pair of halves. */
static bool read_code(parser *p, unsigned *code) {
  if (peek(p, 0) == '{') {
    p->at++;
    bool some = read_digits(p, 16, 100, code) > 0;
    bool closed = peek(p, 0) == '}';
    p->at++;
    return some && closed && *code <= 0x10FFFF && !is_surrogate(*code);
  }
  if (read_digits(p, 16, 4, code) != 4)
    return false;
  return !is_surrogate(*code) || (*code < 0xDC00 && read_low_half(p, code));
}

/* Decodes the escape whose backslash is at `p->at` to `*out`, which moves. */
static bool read_escape(parser *p, char **out) {
  size_t from = p->at++;
  unsigned value;
  char letter = peek(p, 0);
  for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
    if (escapes[i][0] == letter) {
      *(*out)++ = escapes[i][1];
      p->at++;
      return true;
    }
  }
  if (isdigit((unsigned char)letter)) {
    if (read_digits(p, 10, 3, &value) == 0 || value > 255)
      return FAIL_TEXT(p, from, p->at, "the escape %s is beyond \\255");
    *(*out)++ = (char)value;
    return true;
  }
  p->at++;
  if (letter == 'x') {
    if (read_digits(p, 16, 2, &value) != 2)
      return FAIL(p, from, "\\x takes two hexadecimal digits");
    *(*out)++ = (char)value;
    return true;
  }
  if (letter != 'u')
    return FAIL_TEXT(p, from, from + 2, "unknown escape %s");
  if (!read_code(p, &value))
    return FAIL(p, from, "\\u needs a character, as in \\u00e9, \\ud83d\\ude00, \\u{e9},");
  *out += tp_utf8_encode(value, *out);
  return true;
}

/* Where the quote is that closes the string at `p->at`; 0 if there is none. */
static size_t find_quote(parser *p) {
  char quote = p->text[p->at];
  for (size_t i = p->at + 1; i < p->length; i++) {
    char c = p->text[i];
    if (c == quote)
      return i;
    if (c == '\0' || c == '\n')
      return FAIL(p, i, "a line break or NUL in a string must be escaped");
    i += c == '\\'; /* what is escaped cannot close it */
  }
  return FAIL(p, p->at, "no quote closes the string");
}

/* No escape is shorter than what it means, so the text between the quotes is room enough. */
static bool read_string(parser *p) {
  luaL_Buffer buffer;
  size_t end = find_quote(p);
  int top = lua_gettop(p->L);
  if (end == 0)
    return false;
  char *start = luaL_buffinitsize(p->L, &buffer, end - p->at), *out = start;
  p->at++;
  while (p->at < end) {
    if (p->text[p->at] != '\\') {
      *out++ = p->text[p->at++];
    } else if (!read_escape(p, &out)) {
      lua_settop(p->L, top);
      return false;
    }
  }
  luaL_pushresultsize(&buffer, (size_t)(out - start));
  p->at = end + 1;
  return true;
}

/* ---- words ---- */

static const constant *find_constant(const char *word, size_t length) {
  for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
    if (strlen(constants[i].word) == length && memcmp(constants[i].word, word, length) == 0)
      return &constants[i];
  }
  return NULL;
}

/* True if the word that has just been read is a key: {x = 1}. */
static bool is_key_name(parser *p) {
  skip_blanks(p);
  return p->depth > 0 && p->frames[p->depth - 1].close == '}' && !p->frames[p->depth - 1].keyed &&
         peek(p, 0) == '=';
}

static bool read_word(parser *p) {
  size_t from = p->at, end = from;
  while (end < p->length && is_word_byte(p->text[end]))
    end++;
  p->at = end;
  const constant *found = find_constant(p->text + from, end - from);
  bool is_key = is_key_name(p);
  p->at = is_key ? p->at : end;
  if (found && is_key)
    return FAIL_TEXT(p, from, end, "%s cannot be the name of a key");
  if (is_key) {
    lua_pushlstring(p->L, p->text + from, end - from);
    p->form = FORM_NAME;
    return true;
  }
  if (!found)
    return FAIL_TEXT(p, from, end, "'%s' is not a literal (a string must be in quotes)");
  if (found->value == CONSTANT_NIL)
    lua_pushnil(p->L);
  else
    lua_pushboolean(p->L, found->value == CONSTANT_TRUE);
  return true;
}

/* ---- brackets ---- */

static frame *innermost(parser *p) {
  return p->depth > 0 ? &p->frames[p->depth - 1] : NULL;
}

static char closing(char open) {
  return open == '[' ? ']' : open == '(' ? ')' : open == '{' ? '}' : '\0';
}

static bool open_bracket(parser *p, char close) {
  if (p->depth == TP_LITERAL_DEPTH)
    return tp_fail_at(p->error, column(p->at), TP_INVALID_ARGUMENT,
                      "brackets are more than %d deep at column %u", TP_LITERAL_DEPTH,
                      column(p->at));
  lua_newtable(p->L);
  p->frames[p->depth++] = (frame){.close = close, .at = p->at, .table = lua_gettop(p->L)};
  p->at++;
  return true;
}

/* The innermost bracket's value is complete; its table is on top. */
static void close_bracket(parser *p) {
  const frame *f = &p->frames[--p->depth];
  bool single = f->count == 1 && !f->commas;
  p->at++;
  p->value_at = f->at;
  p->form = single && f->close == ']' ? FORM_BOXED : FORM_TABLE;
  if (single && f->close == ')') {
    lua_rawgeti(p->L, f->table, 1);
    lua_replace(p->L, f->table);
    p->form = lua_istable(p->L, -1) ? FORM_TABLE : FORM_PLAIN;
  } else if (f->nils) {
    tp_list_mark(p->L, f->table, f->count);
  }
}

/* ---- keys and items ---- */

/* True if the table of `f` holds nothing yet under the key on top of the stack. */
static bool is_new_key(parser *p, const frame *f, size_t place) {
  lua_pushvalue(p->L, -1);
  bool is_new = lua_rawget(p->L, f->table) == LUA_TNIL;
  lua_pop(p->L, 1);
  if (is_new)
    return true;
  char key[32];
  size_t length;
  tp_text_push(p->L, -1);
  const char *text = lua_tolstring(p->L, -1, &length);
  parser shown = {.text = text};
  excerpt(&shown, 0, length, key);
  lua_pop(p->L, 1);
  return tp_fail_at(p->error, column(place), TP_INVALID_ARGUMENT,
                    "the key '%s' is given twice at column %u", key, column(place));
}

/* The value on top becomes a key, because `sign` follows it. */
static bool make_key(parser *p, frame *f, char sign) {
  if (f->close != '}')
    return FAIL_TEXT(p, p->at, p->at + 1, "'%s' makes a key, which is allowed only in { },");
  if (f->keyed)
    return FAIL_TEXT(p, p->at, p->at + 1, "'%s' follows a value that has its key already");
  if (sign == '=' && p->form == FORM_PLAIN)
    return FAIL(p, p->value_at, "expected a bare word or a key in [ ] before '='");
  if (sign == '=' && p->form == FORM_BOXED) {
    lua_rawgeti(p->L, -1, 1);
    lua_replace(p->L, -2);
  }
  if (lua_isnil(p->L, -1))
    return FAIL(p, p->value_at, "nil (None, null) cannot be a key");
  if (lua_istable(p->L, -1))
    return FAIL(p, p->value_at, "a list or table cannot be a key");
  if (!is_new_key(p, f, p->value_at))
    return false;
  f->keyed = true;
  f->key_at = p->value_at;
  p->at++;
  return true;
}

/* Puts the value on top into the table of `f`, under its key or as the next item of the list. */
static bool store(parser *p, frame *f) {
  if (f->keyed) {
    lua_rawset(p->L, f->table);
    f->keyed = false;
    return true;
  }
  f->count++;
  if (lua_isnil(p->L, -1)) {
    f->nils = true;
  } else {
    lua_pushinteger(p->L, f->count);
    if (!is_new_key(p, f, p->value_at))
      return false;
    lua_pop(p->L, 1);
  }
  lua_rawseti(p->L, f->table, f->count);
  return true;
}

/* Fails because of what is found in place of a comma or the closing bracket of `f`. */
static bool fail_after_value(parser *p, const frame *f) {
  char c = peek(p, 0);
  const char open = f->close == ']' ? '[' : f->close == ')' ? '(' : '{';
  if (at_end(p))
    return tp_fail_at(p->error, column(f->at), TP_INVALID_ARGUMENT,
                      "no '%c' closes the '%c' at column %u", f->close, open, column(f->at));
  if (c == ']' || c == ')' || c == '}')
    return tp_fail_at(p->error, column(p->at), TP_INVALID_ARGUMENT,
                      "'%c' does not close the '%c' of column %u at column %u", c, open,
                      column(f->at), column(p->at));
  return tp_fail_at(p->error, column(p->at), TP_INVALID_ARGUMENT,
                    "a comma or '%c' is missing at column %u", f->close, column(p->at));
}

/* A value in a bracket is complete: reads what follows it, and stores it or makes it a key. */
static bool after_value(parser *p) {
  frame *f = innermost(p);
  skip_blanks(p);
  char c = peek(p, 0);
  if (c == ':' || c == '=')
    return make_key(p, f, c);
  if (c == ',' || (c == ';' && f->close == '}')) {
    f->commas = true;
    p->at++;
    return store(p, f);
  }
  return c == f->close ? store(p, f) : fail_after_value(p, f);
}

/* ---- the loop ---- */

/* Fails because of what is found in place of a value. */
static bool fail_value(parser *p) {
  const frame *f = innermost(p);
  char c = peek(p, 0);
  if (at_end(p) && f)
    return fail_after_value(p, f);
  if (at_end(p))
    return FAIL(p, p->at, "a value is missing");
  if (f && f->keyed)
    return FAIL(p, p->at, "a key has no value");
  if (f && (c == ']' || c == ')' || c == '}'))
    return fail_after_value(p, f);
  return FAIL_TEXT(p, p->at, p->at + 1, "a value is missing before '%s'");
}

/* Pushes the string, number or constant at `p->at`. */
static bool read_scalar(parser *p) {
  char c = peek(p, 0);
  p->value_at = p->at;
  p->form = FORM_PLAIN;
  if (c == '"' || c == '\'')
    return read_string(p);
  if (number_starts(c))
    return read_number(p);
  if (c == '_' || isalpha((unsigned char)c))
    return read_word(p);
  return fail_value(p);
}

static bool read_literal(parser *p) {
  do {
    skip_blanks(p);
    const frame *f = innermost(p);
    char close = closing(peek(p, 0));
    if (f && !f->keyed && peek(p, 0) == f->close) {
      close_bracket(p);
    } else if (++p->nodes > TP_LITERAL_NODES) {
      return tp_fail_at(p->error, column(p->at), TP_INVALID_ARGUMENT,
                        "more than %d values at column %u", TP_LITERAL_NODES, column(p->at));
    } else if (close != '\0') {
      if (!open_bracket(p, close))
        return false;
      continue;
    } else if (!read_scalar(p)) {
      return false;
    }
    if (p->depth > 0 && !after_value(p))
      return false;
  } while (p->depth > 0);
  return true;
}

bool tp_literal_read_at(lua_State *L, const char *text, size_t length, size_t *at,
                        tp_error *error) {
  parser p = {.L = L, .text = text, .length = length, .at = *at, .error = error};
  int top = lua_gettop(L);
  luaL_checkstack(L, 2 * TP_LITERAL_DEPTH + LUA_MINSTACK, "out of memory");
  if (!read_literal(&p)) {
    lua_settop(L, top);
    return false;
  }
  *at = p.at;
  return true;
}

bool tp_literal_read(lua_State *L, const char *text, size_t length, size_t *used, tp_error *error) {
  size_t at = 0;
  if (!tp_literal_read_at(L, text, length, &at, error))
    return false;
  *used = at;
  return true;
}
