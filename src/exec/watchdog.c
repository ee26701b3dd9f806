/* SPDX-License-Identifier: MIT
 *
 * Tells of what is stuck; see watchdog.h. */
#include "exec/watchdog.h"
#include "exec/state.h"

#include <signal.h>
#include <stdio.h>

/* Notes what the coroutine is. */
static void note_subject(tp_exec_stuck *stuck, const tp_coro *coro) {
  const tp_group *group = coro && coro->is_task ? coro->as.task.group : NULL;
  snprintf(stuck->pool, sizeof stuck->pool, "%s", group ? group->pool->label : "");
  snprintf(stuck->group, sizeof stuck->group, "%s", group && group->name ? group->name : "");
  stuck->task = group ? (long long)coro->as.task.id : -1;
}

/* Notes where a resume is stuck. Nothing is allocated, and the coroutine has been inside a C
 * function for long, so its frames stand still. */
static void note_place(tp_exec_stuck *stuck, const tp_coro *coro, lua_State *L) {
  lua_Debug info;
  const char *source = "?";
  int line = 0;
  for (int level = 0; L && lua_getstack(L, level, &info); level++) {
    lua_getinfo(L, "Sl", &info);
    if (info.currentline > 0) {
      source = info.short_src;
      line = info.currentline;
      break;
    }
  }
  note_subject(stuck, coro);
  if (stuck->task >= 0)
    snprintf(stuck->place, sizeof stuck->place, "%.100s_Task-%lld at %.60s:%d", stuck->pool,
             stuck->task, source, line);
  else
    snprintf(stuck->place, sizeof stuck->place, "%.100s at %.60s:%d",
             coro ? coro->as.job.what : "the host", source, line);
}

void tp_watchdog_ring(tp_watchdog *dog, const tp_coro *coro, lua_State *running) {
  if (!dog->is_running || atomic_load(&dog->telling))
    return;
  note_place(&dog->stuck, coro, running);
  atomic_store(&dog->telling, true);
  sem_post(&dog->bell);
}

static void *watch(void *argument) {
  tp_watchdog *dog = argument;
  for (;;) {
    while (sem_wait(&dog->bell) != 0)
      ;
    if (atomic_load(&dog->ending))
      return NULL;
    dog->listener->stuck(dog->listener->context, &dog->stuck);
    atomic_store(&dog->telling, false);
  }
}

void tp_watchdog_start(tp_watchdog *dog, const tp_exec_listener *listener) {
  sigset_t all, before;
  dog->listener = listener;
  atomic_init(&dog->ending, false);
  atomic_init(&dog->telling, false);
  sem_init(&dog->bell, 0, 0);
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are for the thread that is watched */
  dog->is_running = pthread_create(&dog->thread, NULL, watch, dog) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void tp_watchdog_stop(tp_watchdog *dog) {
  if (!dog->is_running)
    return;
  atomic_store(&dog->ending, true);
  sem_post(&dog->bell);
  pthread_join(dog->thread, NULL);
  sem_destroy(&dog->bell);
  dog->is_running = false;
}
