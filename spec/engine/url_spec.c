/* SPDX-License-Identifier: MIT
 *
 * The URLs of engines: what is read, and what is refused without a word of the password. */
#define _GNU_SOURCE
#include "engine/url.h"
#include "support/expect.h"

#include <unistd.h>

static tp_error error;
static tp_url url;

static void files_and_hosts_are_read(void) {
  EXPECT_OK(tp_url_read("sqlite:jobs.db", &url, &error));
  EXPECT(url.scheme == TP_URL_SQLITE && strcmp(url.path, "jobs.db") == 0);
  EXPECT_OK(tp_url_read("redis://example.org", &url, &error));
  EXPECT(url.scheme == TP_URL_REDIS && strcmp(url.host, "example.org") == 0);
  EXPECT(url.port == 6379 && url.database == 0 && !url.user[0] && !url.password[0]);
  EXPECT_OK(tp_url_read("redis://10.0.0.1:7000/12", &url, &error));
  EXPECT(strcmp(url.host, "10.0.0.1") == 0 && url.port == 7000 && url.database == 12);
  EXPECT_OK(tp_url_read("redis://h/", &url, &error));
  EXPECT(strcmp(url.host, "h") == 0 && url.database == 0);
  EXPECT_OK(tp_url_read("redis://[::1]:7000/1", &url, &error));
  EXPECT(strcmp(url.host, "::1") == 0 && url.port == 7000 && url.database == 1);
  EXPECT_OK(tp_url_read("redis://[::1]", &url, &error));
  EXPECT(strcmp(url.host, "::1") == 0 && url.port == 6379);
}

static void users_and_passwords_are_read(void) {
  EXPECT_OK(tp_url_read("redis://me:se%40%3a@cret@h:1", &url, &error));
  EXPECT(strcmp(url.user, "me") == 0 && strcmp(url.password, "se@:@cret") == 0);
  EXPECT(strcmp(url.host, "h") == 0 && url.port == 1);
  EXPECT_OK(tp_url_read("redis://only@h", &url, &error));
  EXPECT(url.user[0] == '\0' && strcmp(url.password, "only") == 0);
  EXPECT_OK(tp_url_read("redis+unix://me:x%2Fy@/run/redis.sock?db=4", &url, &error));
  EXPECT(strcmp(url.user, "me") == 0 && strcmp(url.password, "x/y") == 0 && url.database == 4);
  EXPECT(url.scheme == TP_URL_REDIS_UNIX && strcmp(url.path, "/run/redis.sock") == 0);
  EXPECT_OK(tp_url_read("redis+unix:/run/redis.sock", &url, &error));
  EXPECT(strcmp(url.path, "/run/redis.sock") == 0 && url.port == 0 && url.database == 0);
}

static void what_is_wrong_is_refused(void) {
  static const char *const wrong[] = {
      "",
      "jobs.db",
      "sqlite:",
      "sqlite::memory:",
      "http://secret@h",
      "redis://",
      "redis://secret@",
      "redis://secret@h:0",
      "redis://secret@h:65536",
      "redis://secret@h:12x",
      "redis://secret@h/x",
      "redis://secret@h/65536",
      "redis://secret@[::1",
      "redis://secret@[::1]x",
      "redis://secret%2@h",
      "redis://secret%zz@h",
      "redis://secret%00@h",
      "redis+unix:",
      "redis+unix://secret@",
      "redis+unix:/x?db=",
      "redis+unix:/x?secret=1",
  };
  for (size_t i = 0; i < COUNT(wrong); i++) {
    EXPECT_ERROR(tp_url_read(wrong[i], &url, &error), TP_INVALID_ARGUMENT, "URL");
    EXPECT(!strstr(error.message, "secret"));
  }
}

/* Begins a long text with something else. */
static void begin_with(char *text, const char *prefix) {
  for (; *prefix; prefix++)
    *text++ = *prefix;
}

static void long_words_are_refused(void) {
  static char text[2 * PATH_MAX];
  memset(text, 'x', sizeof text - 1);
  begin_with(text, "sqlite:");
  EXPECT_ERROR(tp_url_read(text, &url, &error), TP_INVALID_ARGUMENT, "path");
  begin_with(text, "redis://");
  EXPECT_ERROR(tp_url_read(text, &url, &error), TP_INVALID_ARGUMENT, "host");
  text[sizeof text - 3] = '@';
  EXPECT_ERROR(tp_url_read(text, &url, &error), TP_INVALID_ARGUMENT, "too long");
  begin_with(text, "redis+unix:/");
  EXPECT_ERROR(tp_url_read(text, &url, &error), TP_INVALID_ARGUMENT, "107");
}

static void passwords_are_read_from_files(void) {
  char path[] = "/tmp/taskpool-url-XXXXXX";
  int fd = mkstemp(path);
  EXPECT(fd >= 0 && write(fd, "from a file\r\nmore\n", 18) == 18);
  EXPECT_OK(tp_url_read("redis://me:old@h", &url, &error));
  EXPECT_OK(tp_url_read_password(&url, path, &error));
  EXPECT(strcmp(url.password, "from a file") == 0 && strcmp(url.user, "me") == 0);
  EXPECT(ftruncate(fd, 0) == 0);
  EXPECT_ERROR(tp_url_read_password(&url, path, &error), TP_INVALID_ARGUMENT, path);
  EXPECT(close(fd) == 0 && unlink(path) == 0);
  EXPECT_ERROR(tp_url_read_password(&url, path, &error), TP_IO_ERROR, path);
}

static const spec_case cases[] = {
    CASE(files_and_hosts_are_read),      CASE(users_and_passwords_are_read),
    CASE(what_is_wrong_is_refused),      CASE(long_words_are_refused),
    CASE(passwords_are_read_from_files),
};

int main(int argc, char **argv) {
  return run_cases("url", cases, COUNT(cases), argc, argv);
}
