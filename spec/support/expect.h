/* SPDX-License-Identifier: MIT
 *
 * What C specs expect: each of these prints file and line of what does not hold, and ends the
 * program with 1. */
#ifndef SPEC_EXPECT_H
#define SPEC_EXPECT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <taskpool.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define EXPECT(condition) expect(condition, #condition, __FILE__, __LINE__)

static inline void expect(bool holds, const char *what, const char *file, int line) {
  if (holds)
    return;
  fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
  exit(1); /* NOLINT(concurrency-mt-unsafe): what other threads do is of no interest any more */
}

#define EXPECT_OK(call) expect_ok(call, &(error), #call, __FILE__, __LINE__)

static inline void expect_ok(bool ok, const tp_error *error, const char *what, const char *file,
                             int line) {
  if (!ok)
    fprintf(stderr, "%s: %s\n", tp_code_name(error->code), error->message);
  expect(ok, what, file, line);
}

#define EXPECT_ERROR(call, wanted, text)                                                           \
  expect_error(call, &(error), wanted, text, #call, __FILE__, __LINE__)

/* It failed, with that code and that text in the message. */
static inline void expect_error(bool ok, const tp_error *error, tp_code wanted, const char *text,
                                const char *what, const char *file, int line) {
  if (!ok && (error->code != wanted || !strstr(error->message, text)))
    fprintf(stderr, "%s and '%s' wanted, not %s: %s\n", tp_code_name(wanted), text,
            tp_code_name(error->code), error->message);
  expect(!ok && error->code == wanted && strstr(error->message, text) != NULL, what, file, line);
}

/* One function of a spec, with its name. */
typedef struct spec_case {
  const char *name;
  void (*run)(void);
} spec_case;

#define CASE(function)                                                                             \
  { #function, function }

/* Runs the cases whose names have the first argument in them, or all; for main(). */
static inline int run_cases(const char *spec, const spec_case *cases, size_t count, int argc,
                            char **argv) {
  size_t run_count = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (size_t i = 0; i < count; i++) {
    if (argc > 1 && !strstr(cases[i].name, argv[1]))
      continue;
    if (argc > 1)
      printf("%s\n", cases[i].name);
    cases[i].run();
    run_count++;
  }
  printf("%s: cases=%zu ok\n", spec, run_count);
  return 0;
}

#endif
