/* SPDX-License-Identifier: MIT
 *
 * The history file; see history.h.
 *
 * How it works: lines are appended as they are entered, so several clients share the file and a
 * client that is killed loses nothing.
 *
 * To keep one more command with a secret out: its name in `secrets`. */
#include "client/history.h"
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Commands whose arguments nobody else may read. */
static const char *const secrets[] = {"auth"};

bool tp_history_keeps(const char *line) {
  line += strspn(line, " \t");
  for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
    if (strncmp(line, secrets[i], strlen(secrets[i])) == 0)
      return false;
  return true;
}

/* Writes the path of the file to `path`. */
static bool find_path(char *path, size_t size) {
  const char *state = getenv("XDG_STATE_HOME");
  const char *below = "";
  if (!state || state[0] != '/') {
    state = getenv("HOME");
    below = "/.local/state";
  }
  if (!state || state[0] != '/')
    return false;
  int length = snprintf(path, size, "%s%s/taskpool/history", state, below);
  return length > 0 && (size_t)length < size;
}

/* Makes the directories above the file. One that cannot be made shows when the file is opened. */
static void make_parents(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(path, 0700);
    *slash = '/';
  }
}

/* True for a regular file, which only this user may read then. A pipe would make the prompt wait.
 */
static bool secure(int fd) {
  struct stat found;
  return fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && fchmod(fd, 0600) == 0;
}

FILE *tp_history_open(void) {
  char path[PATH_MAX];
  if (!find_path(path, sizeof path))
    return NULL;
  make_parents(path);
  int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
  if (fd < 0)
    return NULL;
  FILE *file = secure(fd) ? fdopen(fd, "a+") : NULL;
  if (!file)
    close(fd);
  else
    rewind(file);
  return file;
}
