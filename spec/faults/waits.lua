-- SPDX-License-Identifier: MIT
-- Waits of other kinds: queue, event, semaphore, a callback of luv, a group, inner coroutines, a scaled pool.
local taskpool = require "taskpool"
local uv = require "luv"

---What luv allocates to call back is protected by nobody, so the one for Lua is a callback without that.
---And an fs function that libuv refuses for lack of memory returns a request all the same, which
---crashes when it is cancelled.
local function wait_for_luv()
  if failing == "uv" then
    taskpool.await(uv.getaddrinfo, "127.0.0.1", nil, {})
  else
    taskpool.await(uv.fs_access, "/", "r")
  end
  local path = socket_path()
  local pipe = uv.new_pipe(false)
  pipe:bind(path)
  pipe:close()
  os.remove(path)
end

arm(true) -- where one fails, those that wait for it are left
local queue, event, semaphore = taskpool.Queue(2), taskpool.Event(), taskpool.Semaphore(1)
local pool = taskpool.TaskPool { autoscale = { min = 1, max = 4, interval = 0.001 } }
local got = 0
local names = {
  pool:apply(function()
    for i = 1, 4 do
      queue:put(i)
    end
    queue:close()
    event:set()
  end),
  pool:apply(function()
    for item in queue:items() do
      got = got + item
    end
  end),
  pool:apply(function()
    event:wait()
    semaphore:acquire()
    taskpool.sleep(0)
    semaphore:release()
  end, { num = 2 }),
  pool:apply(function()
    wait_for_luv()
    local inner = coroutine.wrap(function()
      taskpool.sleep(0)
      coroutine.yield(1)
    end)
    inner()
  end),
}
pool:wait(table.unpack(names))
pool:gather_and_close()
check(got == 10, "each item is taken once")
