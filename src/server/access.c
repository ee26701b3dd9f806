/* SPDX-License-Identifier: MIT
 *
 * Who may use a server; see access.h. */
#define _GNU_SOURCE /* explicit_bzero, O_CLOEXEC */
#include "server/access.h"
#include "base/fail.h"
#include "base/span.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a file of tokens is at most. */
enum { FILE_MAX = 64 * 1024 };

/* ---- roles ---- */

static const char *const role_names[] = {
    [TP_ROLE_READ] = "read",
    [TP_ROLE_OPERATE] = "operate",
};

const char *tp_access_role_name(tp_role role) {
  return role == TP_ROLE_NONE ? NULL : role_names[role];
}

bool tp_access_read_role(const char *name, tp_role *role) {
  for (int i = TP_ROLE_READ; i <= TP_ROLE_OPERATE; i++) {
    if (strcmp(role_names[i], name) == 0) {
      *role = (tp_role)i;
      return true;
    }
  }
  return false;
}

/* ---- tokens ---- */

/* Writes the token filled up with NUL; what is longer stays empty. */
static void fill(char out[TP_TOKEN_MAX + 1], const char *token, size_t length) {
  memset(out, 0, TP_TOKEN_MAX + 1);
  if (length <= TP_TOKEN_MAX)
    memcpy(out, token, length);
}

/* Looks at every byte, wherever the first difference is. */
static bool is_same(const char *one, const char *other) {
  volatile unsigned char difference = 0;
  for (size_t i = 0; i <= TP_TOKEN_MAX; i++)
    difference |= (unsigned char)(one[i] ^ other[i]);
  return difference == 0;
}

tp_role tp_access_find(const tp_access *access, const char *token, size_t length) {
  char shown[TP_TOKEN_MAX + 1];
  tp_role role = TP_ROLE_NONE;
  fill(shown, token, length);
  for (size_t i = 0; i < access->count; i++)
    if (is_same(access->tokens[i].bytes, shown) && access->tokens[i].role > role)
      role = access->tokens[i].role;
  explicit_bzero(shown, sizeof shown);
  return access->count == 0 ? access->role : role < access->role ? role : access->role;
}

static bool is_good(tp_span token) {
  for (size_t i = 0; i < token.length; i++)
    if (token.bytes[i] <= ' ' || token.bytes[i] > '~')
      return false;
  return token.length >= TP_TOKEN_MIN && token.length <= TP_TOKEN_MAX;
}

/* Adds a token; `where` and `line` (0: none) say where it comes from. */
static bool add_token(tp_access *access, tp_role role, tp_span token, const char *where,
                      unsigned line, tp_error *error) {
  if (!is_good(token))
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   line > 0 ? "%s: line %u: a token has %d to %d visible ASCII characters"
                            : "%s: %.0ua token has %d to %d visible ASCII characters",
                   where, line, TP_TOKEN_MIN, TP_TOKEN_MAX);
  if (access->count == TP_ACCESS_MAX)
    return tp_fail(error, TP_INVALID_ARGUMENT, "%s: there are more than %d tokens", where,
                   TP_ACCESS_MAX);
  access->tokens[access->count].role = role;
  fill(access->tokens[access->count++].bytes, token.bytes, token.length);
  return true;
}

/* ---- the file ---- */

/* Takes the next part of `text`, up to a byte of `stops`. False: nothing is left. */
static bool next_part(tp_span *text, const char *stops, tp_span *part) {
  *part = (tp_span){.bytes = text->bytes};
  if (text->length == 0)
    return false;
  while (part->length < text->length && !strchr(stops, text->bytes[part->length]))
    part->length++;
  size_t used = part->length < text->length ? part->length + 1 : part->length;
  text->bytes += used;
  text->length -= used;
  return true;
}

/* Takes a line: "TOKEN", "read TOKEN" or "operate TOKEN". */
static bool read_line(tp_access *access, tp_span line, const char *path, unsigned number,
                      tp_error *error) {
  tp_role role = access->role;
  tp_span word, token = line = tp_span_trim(line, " \t\r");
  if (line.length == 0 || line.bytes[0] == '#')
    return true;
  next_part(&line, " \t", &word);
  if (line.length > 0) {
    if (tp_span_is(word, "read"))
      role = TP_ROLE_READ;
    else if (tp_span_is(word, "operate"))
      role = TP_ROLE_OPERATE;
    else
      return tp_fail(error, TP_INVALID_ARGUMENT,
                     "%s: line %u is not TOKEN, read TOKEN or operate TOKEN", path, number);
    token = tp_span_trim(line, " \t");
  }
  return add_token(access, role, token, path, number, error);
}

static bool read_lines(tp_access *access, tp_span text, const char *path, tp_error *error) {
  tp_span line;
  unsigned number = 0;
  while (next_part(&text, "\n", &line))
    if (!read_line(access, line, path, ++number, error))
      return false;
  return access->count > 0 || tp_fail(error, TP_INVALID_ARGUMENT, "there is no token in %s", path);
}

/* Whether nobody else can read or write the file. */
static bool check_file(int fd, const char *path, tp_error *error) {
  struct stat found;
  if (fstat(fd, &found) != 0)
    return tp_fail(error, TP_IO_ERROR, "cannot look at %s: %s", path, strerror(errno));
  if (!S_ISREG(found.st_mode))
    return tp_fail(error, TP_IO_ERROR, "%s is not a file", path);
  if (found.st_uid != geteuid() && found.st_uid != 0)
    return tp_fail(error, TP_DENIED, "%s, with tokens, belongs to another user", path);
  if (found.st_mode & (S_IRWXG | S_IRWXO))
    return tp_fail(error, TP_DENIED, "%s, with tokens, is open to other users: chmod 600 it", path);
  return true;
}

/* Reads the whole file, of at most FILE_MAX bytes. */
static bool read_all(int fd, const char *path, char bytes[FILE_MAX], size_t *length,
                     tp_error *error) {
  ssize_t count = 1;
  for (*length = 0; count > 0 && *length < FILE_MAX; *length += (size_t)count) {
    count = read(fd, bytes + *length, FILE_MAX - *length);
    if (count < 0 && errno == EINTR)
      count = 0;
    else if (count < 0)
      return tp_fail(error, TP_IO_ERROR, "cannot read %s: %s", path, strerror(errno));
  }
  return *length < FILE_MAX || tp_fail(error, TP_INVALID_ARGUMENT, "%s is too long", path);
}

static bool read_file(tp_access *access, const char *path, tp_error *error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0)
    return tp_fail(error, TP_IO_ERROR, "cannot open %s: %s", path, strerror(errno));
  size_t length = 0;
  bool done = false;
  char *bytes = malloc(FILE_MAX);
  if (bytes) {
    done = check_file(fd, path, error) && read_all(fd, path, bytes, &length, error) &&
           read_lines(access, (tp_span){bytes, length}, path, error);
    explicit_bzero(bytes, FILE_MAX);
  } else {
    tp_fail(error, TP_NO_MEMORY, "no memory for %s", path);
  }
  free(bytes);
  close(fd);
  return done;
}

/* ---- opening ---- */

static bool copy_uids(tp_access *access, const tp_serve_options *options, tp_error *error) {
  if (options->uid_count > TP_ACCESS_MAX)
    return tp_fail(error, TP_INVALID_ARGUMENT, "there are more than %d uids", TP_ACCESS_MAX);
  access->uids = calloc(options->uid_count + 1, sizeof *access->uids);
  if (!access->uids)
    return tp_fail(error, TP_NO_MEMORY, "no memory for uids");
  for (size_t i = 0; i < options->uid_count; i++)
    access->uids[i] = (uid_t)options->uids[i];
  access->uid_count = options->uid_count;
  return true;
}

static bool copy_tokens(tp_access *access, const tp_serve_options *options, tp_error *error) {
  if (!options->token && !options->token_file)
    return true;
  access->tokens = calloc(TP_ACCESS_MAX, sizeof *access->tokens);
  if (!access->tokens)
    return tp_fail(error, TP_NO_MEMORY, "no memory for tokens");
  return (!options->token || add_token(access, options->role, tp_span_of(options->token),
                                       "the option token", 0, error)) &&
         (!options->token_file || read_file(access, options->token_file, error));
}

bool tp_access_open(tp_access *access, const tp_serve_options *options, tp_error *error) {
  *access = (tp_access){.role = options->role};
  if (options->role != TP_ROLE_READ && options->role != TP_ROLE_OPERATE)
    return tp_fail(error, TP_INVALID_ARGUMENT, "the role of a server is read or operate");
  return copy_uids(access, options, error) && copy_tokens(access, options, error);
}

void tp_access_close(tp_access *access) {
  if (access->tokens)
    explicit_bzero(access->tokens, TP_ACCESS_MAX * sizeof *access->tokens);
  free(access->tokens);
  free(access->uids);
  *access = (tp_access){.role = TP_ROLE_NONE};
}

/* ---- asking ---- */

tp_role tp_access_start(const tp_access *access) {
  return access->count > 0 ? TP_ROLE_NONE : access->role;
}

bool tp_access_admits(const tp_access *access, uid_t uid) {
  for (size_t i = 0; i < access->uid_count; i++)
    if (access->uids[i] == uid)
      return true;
  return uid == geteuid() || uid == 0;
}
