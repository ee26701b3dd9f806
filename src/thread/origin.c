/* SPDX-License-Identifier: MIT
 *
 * The task that a call in a thread is a part of; see origin.h.
 *
 * The names are copied, because a call that was killed may run on in its thread when its group is
 * gone. The arguments are unpacked anew for those who ask for them. */
#include "thread/origin.h"
#include "exec/exec.h"
#include "thread/handler.h"

#include <lauxlib.h>
#include <string.h>

/* What is known of the task that the running call in a thread is a part of. */
static bool read_call(const tp_exec *exec, tp_origin_facts *facts) {
  const tp_request *request = tp_handler_current(exec);
  if (!request || !request->origin.tries)
    return false;
  const char *group = request->bytes.data + request->origin.names;
  *facts = (tp_origin_facts){.id = request->origin.id,
                             .number = request->origin.number,
                             .group = *group ? group : NULL,
                             .pool = group + strlen(group) + 1,
                             .tries = request->origin.tries};
  return true;
}

bool tp_origin_read(const tp_exec *exec, tp_origin_facts *facts) {
  const tp_task *task = tp_exec_current_task(exec);
  if (!task)
    return read_call(exec, facts);
  *facts = (tp_origin_facts){.id = task->id,
                             .number = task->number,
                             .group = task->group->name,
                             .pool = task->group->pool->label,
                             .tries = task->tries};
  return true;
}

bool tp_origin_write(tp_request *request) {
  tp_origin_facts facts;
  tp_bytes *bytes = &request->bytes;
  request->origin = (tp_origin){.names = bytes->length};
  if (!tp_origin_read(request->set->exec, &facts))
    return true;
  const char *group = facts.group ? facts.group : "";
  request->origin.tries = facts.tries;
  request->origin.id = facts.id;
  request->origin.number = facts.number;
  return tp_bytes_append(bytes, group, strlen(group) + 1) &&
         tp_bytes_append(bytes, facts.pool, strlen(facts.pool) + 1);
}

void tp_origin_push_arguments(lua_State *L, const tp_exec *exec) {
  const tp_request *request = tp_handler_current(exec);
  lua_newtable(L);
  int list = lua_gettop(L);
  int count = tp_pack_push(L, request->bytes.data, request->origin.names);
  lua_pushinteger(L, count);
  lua_setfield(L, list, "n");
  for (int i = count; i > 0; i--)
    lua_rawseti(L, list, i);
}
