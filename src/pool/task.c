/* SPDX-License-Identifier: MIT
 *
 * Tasks; see task.h. */
#include "pool/task.h"

const char *tp_task_state_name(tp_task_state state) {
  static const char *const names[] = {
      [TP_TASK_NEW] = "new",     [TP_TASK_RUNNING] = "running", [TP_TASK_CANCELLED] = "cancelled",
      [TP_TASK_ENDED] = "ended", [TP_TASK_DONE] = "done",
  };
  return names[state];
}

tp_task *tp_task_find(const tp_idmap *tasks, uint64_t id) {
  return (tp_task *)tp_idmap_find(tasks, id);
}
