/* SPDX-License-Identifier: MIT
 *
 * The smallest host in C: a pool with work, and a socket by which it can be steered.
 *
 *     embed-minimal [SOCKET]     then, meanwhile: taskpool control unix SOCKET num-running */
#include <stdio.h>
#include <taskpool.h>

int main(int argc, char **argv) {
  char address[256];
  snprintf(address, sizeof address, "unix:%s", argc > 1 ? argv[1] : "./minimal.sock");

  tp_error error;
  tp_host *host = tp_host_create(NULL, &error);
  tp_pool *pool = host ? tp_pool_create(host, NULL, &error) : NULL;
  tp_value second = tp_integer(1);
  tp_call_options options;
  tp_call_options_init(&options);
  options.num = 3;

  bool ok = pool && tp_pool_apply(pool, "taskpool.sleep", &second, 1, &options, &error) &&
            tp_host_serve(host, NULL, address, NULL, &error) && tp_host_drain(host, 10, &error);
  if (ok)
    printf("%d tasks have ended\n", (int)tp_pool_num_ok(pool));
  else
    fprintf(stderr, "%s: %s\n", tp_code_name(error.code), error.message);
  tp_host_destroy(host);
  return ok ? 0 : 1;
}
