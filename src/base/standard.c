/* SPDX-License-Identifier: MIT
 *
 * Standard input, output and error; see standard.h. */
#include "base/standard.h"

#include <fcntl.h>
#include <unistd.h>

void tp_standard_open(void) {
  int number;
  do
    number = open("/dev/null", O_RDWR); /* gets the lowest number that is free */
  while (number >= STDIN_FILENO && number <= STDERR_FILENO);
  if (number >= 0)
    close(number);
}
