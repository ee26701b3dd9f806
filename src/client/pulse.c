/* SPDX-License-Identifier: MIT
 *
 * What a host does; see pulse.h. */
#include "client/pulse.h"

/* Replaces what is known by the answer to a command. */
static bool ask(tp_exchange *exchange, json_t **known, const char *const *words) {
  json_t *value = tp_exchange_ask_aside(exchange, words);
  if (!value)
    return false;
  json_decref(*known);
  *known = value;
  return true;
}

bool tp_pulse_take(tp_pulse *pulse, tp_exchange *exchange) {
  static const char *const status[] = {"status", NULL};
  static const char *const pools[] = {"pools", "-l", NULL};
  static const char *const groups[] = {"groups", NULL};
  static const char *const tasks[] = {"tasks", "-l", "1000", NULL};
  if (!ask(exchange, &pulse->status, status) || !ask(exchange, &pulse->pools, pools) ||
      !ask(exchange, &pulse->groups, groups) || !ask(exchange, &pulse->tasks, tasks))
    return false;
  tp_plot_add(&pulse->speed, json_number_value(json_object_get(pulse->status, "ended_per_s")));
  tp_plot_add(&pulse->latency, json_number_value(json_object_get(pulse->status, "latency_p99_ms")));
  return true;
}

void tp_pulse_clear(tp_pulse *pulse) {
  json_decref(pulse->status);
  json_decref(pulse->pools);
  json_decref(pulse->groups);
  json_decref(pulse->tasks);
  *pulse = (tp_pulse){0};
}
