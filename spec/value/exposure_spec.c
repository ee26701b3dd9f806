/* SPDX-License-Identifier: MIT
 *
 * What a control session may name: patterns against names, scripts by any path, and that all memory
 * comes back. */
#include "value/exposure.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(condition)                                                                          \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);               \
      exit(1);                                                                                     \
    }                                                                                              \
  } while (0)

static void matches_patterns(void) {
  tp_exposure names = {.directory = NULL};
  tp_error error;
  EXPECT(tp_exposure_look(&names, "a.b") == TP_EXPOSED_NOT);
  EXPECT(tp_exposure_add(&names, "a.*", &error) && tp_exposure_add(&names, "c.d", &error));
  EXPECT(tp_exposure_look(&names, "a.b") == TP_EXPOSED_BELOW);
  EXPECT(tp_exposure_look(&names, "a.b.c") == TP_EXPOSED_BELOW);
  EXPECT(tp_exposure_look(&names, "a") == TP_EXPOSED_NOT);
  EXPECT(tp_exposure_look(&names, "ab.c") == TP_EXPOSED_NOT);
  EXPECT(tp_exposure_look(&names, "c.d") == TP_EXPOSED_IN_FULL);
  EXPECT(tp_exposure_look(&names, "c.d.e") == TP_EXPOSED_NOT);
  EXPECT(tp_exposure_reach_into(&names, "c") && tp_exposure_reach_into(&names, "a"));
  EXPECT(!tp_exposure_reach_into(&names, "b"));
  tp_exposure_clear(&names);
}

static void refuses_the_standard_library(void) {
  static const char *const wrong[] = {"os.*", "string.rep", "_G.x", "package", "io.*",
                                      "",     "*",          "a..b", ".a",      "1a"};
  char directory[] = "/";
  tp_exposure names = {.directory = directory};
  tp_error error;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    EXPECT(!tp_exposure_add(&names, wrong[i], &error) && error.code == TP_INVALID_ARGUMENT);
  EXPECT(names.count == 0);
  EXPECT(tp_exposure_look(&names, "any.thing") == TP_EXPOSED_BELOW);
  EXPECT(tp_exposure_look(&names, "os.time") == TP_EXPOSED_NOT);
  EXPECT(tp_exposure_look(&names, "_G.os.time") == TP_EXPOSED_NOT);
  EXPECT(tp_exposure_look(&names, "oss.time") == TP_EXPOSED_BELOW);
}

/* The bytes that malloc has given out. */
static size_t bytes_in_use(void) {
  return mallinfo2().uordblks;
}

static void gives_its_memory_back(void) {
  size_t before = 0;
  for (int round = 0; round < 1000; round++) {
    char name[64];
    tp_exposure names = {.directory = strdup("somewhere")};
    for (int i = 0; i < 20; i++) {
      snprintf(name, sizeof name, "a_package_with_a_name.module_%d.*", i);
      EXPECT(tp_exposure_add(&names, name, NULL));
    }
    EXPECT(tp_exposure_add_script(&names, "/proc/self/exe"));
    EXPECT(tp_exposure_is_script(&names, "/proc/self/exe"));
    EXPECT(!tp_exposure_is_script(&names, "/dev/null"));
    EXPECT(!tp_exposure_is_script(&names, "/nowhere/at/all"));
    tp_exposure_clear(&names);
    EXPECT(names.count == 0 && names.script_count == 0);
    if (round == 10)
      before = bytes_in_use();
  }
  size_t after = bytes_in_use();
  printf("names: rounds=1000 leaked=%zu\n", after > before ? after - before : 0);
  EXPECT(after <= before + 4096);
}

int main(void) {
  matches_patterns();
  refuses_the_standard_library();
  gives_its_memory_back();
  return 0;
}
