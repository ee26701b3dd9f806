/* SPDX-License-Identifier: MIT
 *
 * Typed results: C pushes items into a pool of Lua tasks, and gets what they return.
 *
 *     embed-results     prints the squares of 1 to 5, and an error */
#include <stdio.h>
#include <taskpool.h>

static const char functions[] = "local taskpool = require 'taskpool'\n"
                                "taskpool.expose('square', function(n)\n"
                                "  taskpool.sleep(0.01)\n"
                                "  return n * n, {n = n, text = ('%d squared'):format(n)}\n"
                                "end)\n";

static void on_result(void *context, const tp_error *error, const tp_value *results, size_t count) {
  int *open = context;
  --*open;
  if (error)
    printf("%s: %s\n", tp_code_name(error->code), error->message);
  else if (count == 2)
    printf("%s is %lld\n", tp_value_get(&results[1], "text")->as.string,
           (long long)results[0].as.integer);
}

int main(void) {
  tp_error error;
  tp_host *host = tp_host_create(NULL, &error);
  tp_pool *pool = host ? tp_pool_create(host, NULL, &error) : NULL;
  bool ok = pool && tp_host_run_text(host, functions, "=functions", &error);

  const tp_value items[] = {tp_integer(1), tp_integer(2), tp_integer(3),
                            tp_integer(4), tp_integer(5), tp_string("six")};
  int open = sizeof items / sizeof items[0];
  for (size_t i = 0; ok && i < sizeof items / sizeof items[0]; i++)
    ok = tp_pool_submit(pool, "square", &items[i], 1, NULL, on_result, &open, &error) != NULL;
  ok = ok && tp_host_run(host, &error);
  tp_host_destroy(host);
  if (!ok)
    fprintf(stderr, "%s: %s\n", tp_code_name(error.code), error.message);
  return ok && open == 0 ? 0 : 1;
}
