/* SPDX-License-Identifier: MIT
 *
 * Killing and reaping; see kill.h. */
#include "exec/kill.h"
#include "exec/call.h"
#include "exec/cancel.h"
#include "exec/closing.h"
#include "exec/drive.h"
#include "exec/preempt.h"
#include "exec/ready.h"
#include "exec/report.h"
#include "exec/run.h"
#include "exec/slot.h"
#include "exec/source.h"
#include "exec/state.h"
#include "pool/flow.h"

/* Calls a function that closes a coroutine's thread, as a part of that. Pushes its one result onto
 * the executor's L, or its error. */
static int close_thread(tp_coro *coro, lua_CFunction function) {
  tp_exec *exec = coro->exec;
  lua_State *L = exec->L;
  tp_context before = tp_state_enter(exec, coro, coro->L, exec->context.waitable);
  tp_preempt_begin_closing(exec);
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, coro);
  int status = lua_pcall(L, 1, 1, 0);
  tp_preempt_end_closing(exec);
  tp_state_leave(exec, before);
  return status;
}

/* Lua: closes the thread of a coroutine that is given up. Stack: the coroutine. Returns the error
 * that says so. */
static int l_give_up(lua_State *L) {
  tp_coro *coro = lua_touserdata(L, 1);
  tp_exec_cancel_push(L, NULL);
  lua_pushvalue(L, -1);
  if (lua_status(coro->L) == LUA_YIELD)
    tp_closing_kill(coro->exec, L, coro->L);
  lua_settop(L, 2);
  return 1;
}

/* Pushes onto the executor's L the error that has ended a thread, or, where it is still alive,
 * closes it and says why. Never raises. */
static lua_State *push_failure(tp_coro *coro) {
  lua_State *L = coro->exec->L;
  lua_checkstack(L, LUA_MINSTACK); /* a function of C has that many places anyway */
  if (lua_status(coro->L) > LUA_YIELD)
    lua_xmove(coro->L, L, 1);
  else
    close_thread(coro, l_give_up);
  return L;
}

/* Does what is left to do for a task whose thread has ended. Its error is on top of L. */
static void end_task(tp_coro *coro, lua_State *L) {
  tp_task *task = &coro->as.task;
  if (task->state == TP_TASK_NEW || task->state == TP_TASK_DONE)
    return;
  tp_pool *pool = task->group->pool;
  task->end = TP_END_FAILED;
  tp_run_count_error(task->group, L, true);
  tp_call_tell(task->group, L, false, 1);
  tp_flow_enter(pool, task, TP_TASK_DONE);
}

void tp_kill_reap(tp_coro *coro) {
  tp_exec *exec = coro->exec;
  tp_ready_count_begun(coro);
  lua_State *L = push_failure(coro);
  int top = lua_gettop(L);
  tp_context before = tp_state_enter(exec, NULL, exec->context.thread, exec->context.waitable);
  tp_report_tell(exec, coro, NULL, L, coro->is_task ? "a task's ending" : coro->as.job.what);
  if (exec->handover.taken == coro)
    exec->handover.taken = NULL;
  tp_call_recover(exec);
  if (coro->is_task)
    end_task(coro, L);
  else
    tp_drive_end_job(coro, L, false);
  tp_state_leave(exec, before);
  lua_settop(L, top - 1);
  tp_report_forget(coro, L);
  exec->slots.live--;
  tp_exec_cancel_clear(coro);
  tp_slot_free(coro);
}

/* Lua: closes the thread of a killed coroutine, and gives it a new one. Stack: the coroutine. */
static int l_kill(lua_State *L) {
  tp_coro *coro = lua_touserdata(L, 1);
  lua_State *fresh = lua_newthread(L);
  lua_pushcfunction(fresh, tp_drive_after_kill);
  lua_pushcfunction(fresh, tp_report_handler);
  lua_pushlightuserdata(fresh, coro);
  int kept = tp_source_move_kept(L, coro, fresh);
  tp_exec_cancel_push(L, coro->cancelling->reason);
  tp_closing_kill(coro->exec, L, coro->L);
  lua_pushvalue(L, 2);
  tp_slot_set_thread(coro, L);
  coro->nargs = (uint16_t)(TP_STACK_CORO + kept);
  return 0;
}

/* How often it is tried to kill a coroutine where there is no memory for it, a turn each time. */
enum { KILLS_MAX = 100 };

/* Kills a coroutine. False: no memory; to be tried again. */
static bool kill_off(tp_coro *coro) {
  coro->cancelling->killed = true;
  coro->cut = false;
  coro->cancelling->to_kill = close_thread(coro, l_kill) != LUA_OK;
  lua_pop(coro->exec->L, 1);
  return !coro->cancelling->to_kill;
}

bool tp_kill(tp_coro *coro) {
  bool is_lost = tp_exec_cancel_is_lost(coro);
  if (!is_lost && kill_off(coro))
    return true;
  if (!is_lost && ++coro->cancelling->kills < KILLS_MAX)
    tp_ready_add(coro, 0);
  else
    tp_kill_reap(coro);
  return false;
}
