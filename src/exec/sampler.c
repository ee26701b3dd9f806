/* SPDX-License-Identifier: MIT
 *
 * Takes samples of the Lua code that runs; see sampler.h. */
#define _GNU_SOURCE /* SIGEV_THREAD_ID */
#include "exec/sampler.h"
#include "base/fail.h"
#include "base/seconds.h"
#include "exec/state.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Frames of a stack that are told apart; the outer ones of a deeper stack are left out. */
enum { FRAMES_MAX = 64, TEXT_SIZE = 8192 };

/* ---- a stack in words ---- */

/* The text of a stack that is being put together. */
typedef struct text {
  char bytes[TEXT_SIZE]; /* ends with a zero byte */
  size_t length;         /* before it */
} text;

/* Adds a frame; what would end it, or the line, is replaced. */
static void add_frame(text *to, const char *frame) {
  if (to->length > 0 && to->length + 1 < sizeof to->bytes)
    to->bytes[to->length++] = ';';
  for (; *frame && to->length + 1 < sizeof to->bytes; frame++) {
    unsigned char byte = (unsigned char)*frame;
    to->bytes[to->length++] = (char)(byte < ' ' ? '_' : byte == ';' ? ':' : byte);
  }
  to->bytes[to->length] = '\0';
}

/* What a function is called. NULL: a C function of ours, which is left out. */
static const char *name_of(const lua_Debug *info) {
  if (*info->what == 'm')
    return "main";
  if (*info->what == 'C')
    return info->name;
  return info->name ? info->name : "function";
}

/* Adds the function of a level as "function@file:line", by the line where it begins. */
static void add_level(text *to, const lua_Debug *info) {
  char frame[256];
  const char *name = name_of(info);
  if (!name)
    return;
  if (*info->what == 'C')
    snprintf(frame, sizeof frame, "%.100s@[C]", name);
  else
    snprintf(frame, sizeof frame, "%.100s@%s:%d", name, info->short_src, info->linedefined);
  add_frame(to, frame);
}

/* Adds the calls of a thread, the outermost first. */
static void add_thread(text *to, lua_State *L) {
  lua_Debug levels[FRAMES_MAX];
  int count = 0;
  while (count < FRAMES_MAX && lua_getstack(L, count, &levels[count]))
    lua_getinfo(L, "nSl", &levels[count++]);
  if (count == FRAMES_MAX)
    add_frame(to, "...");
  while (count > 0)
    add_level(to, &levels[--count]);
}

/* Writes the innermost line of Lua code: "file:line function". */
static void write_line(char *line, size_t size, lua_State *L) {
  lua_Debug info;
  for (int level = 0; level < FRAMES_MAX && lua_getstack(L, level, &info); level++) {
    lua_getinfo(L, "nSl", &info);
    if (info.currentline <= 0)
      continue;
    snprintf(line, size, "%s:%d %.100s", info.short_src, info.currentline, name_of(&info));
    return;
  }
  snprintf(line, size, "[C]:0 ?");
}

/* Who runs: the pool of the task, or what the other coroutine is called. */
static const char *root_of(const tp_coro *coro) {
  if (!coro)
    return "the host";
  return coro->is_task ? coro->as.task.group->pool->label : coro->as.job.what;
}

static bool is_wanted(const tp_sampler *sampler, const tp_coro *coro) {
  return !sampler->pool || (coro && coro->is_task && coro->as.task.group->pool == sampler->pool);
}

/* ---- the hook ---- */

void tp_sampler_take(tp_exec *exec, lua_State *L) {
  tp_sampler *sampler = &exec->sampler;
  const tp_coro *coro = exec->context.coro;
  if (sampler->thread != L || !sampler->profile)
    return;
  uint64_t count = (uint64_t)sampler->signals;
  sampler->signals = 0;
  sampler->thread = NULL;
  if (!is_wanted(sampler, coro))
    return;
  text stack = {.length = 0};
  char line[256];
  add_frame(&stack, root_of(coro));
  if (coro && coro->L != L)
    add_thread(&stack, coro->L);
  add_thread(&stack, L);
  write_line(line, sizeof line, L);
  tp_profile_add(sampler->profile, stack.bytes, line, count);
}

static void on_hook(lua_State *L, lua_Debug *info) {
  (void)info;
  lua_sethook(L, NULL, 0, 0);
  tp_sampler_take(tp_state_exec_of(L), L);
}

/* ---- the signal ---- */

/* What the signal's handler calls. A hook that is there already, that of preemption, takes the
 * sample too; one of the user's is left alone. */
static void tick(tp_signal_target *target) {
  tp_sampler *sampler = (tp_sampler *)target;
  lua_State *L = sampler->exec->context.thread;
  if (sampler->thread != L)
    sampler->signals = 0;
  sampler->thread = L;
  if (!L || !sampler->profile)
    return;
  sampler->signals++;
  if (!lua_gethook(L))
    lua_sethook(L, on_hook, LUA_MASKCOUNT, 1);
}

/* ---- start and stop ---- */

/* Makes the timer, which signals this thread. */
static bool make_timer(tp_sampler *sampler, double interval) {
  uint64_t nanoseconds = tp_seconds_to_nanoseconds(interval);
  const struct timespec every = {.tv_sec = (time_t)(nanoseconds / 1000000000),
                                 .tv_nsec = (long)(nanoseconds % 1000000000)};
  const struct itimerspec when = {.it_value = every, .it_interval = every};
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                           .sigev_signo = sampler->exec->preemption.signal.number};
  event.sigev_value.sival_ptr = &sampler->target;
  event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
  return timer_create(CLOCK_MONOTONIC, &event, &sampler->timer) == 0 &&
         timer_settime(sampler->timer, 0, &when, NULL) == 0;
}

bool tp_sampler_start(tp_exec *exec, tp_profile *profile, const tp_pool *pool, double interval,
                      tp_error *error) {
  tp_sampler *sampler = &exec->sampler;
  if (sampler->profile)
    return tp_fail(error, TP_NOT_AVAILABLE, "another profile is being taken; try again later");
  if (!exec->preemption.signal.number && !tp_signal_take(&exec->preemption.signal, 0, error))
    return false;
  sampler->target.come = tick;
  sampler->exec = exec;
  sampler->pool = pool;
  sampler->thread = NULL;
  if (!make_timer(sampler, interval))
    return tp_fail(error, TP_NOT_AVAILABLE, "the system has no timer for a profile");
  sampler->profile = profile;
  return true;
}

void tp_sampler_close(tp_exec *exec) {
  tp_sampler *sampler = &exec->sampler;
  if (!sampler->exec)
    return;
  tp_sampler_stop(exec, sampler->profile);
  tp_signal_drop_pending(&exec->preemption.signal);
}

void tp_sampler_stop(tp_exec *exec, const tp_profile *profile) {
  tp_sampler *sampler = &exec->sampler;
  if (!profile || sampler->profile != profile)
    return;
  timer_delete(sampler->timer);
  sampler->profile = NULL;
  sampler->thread = NULL;
}
