-- SPDX-License-Identifier: MIT
--
-- Ours: tasks in threads.
--
--   taskpool run threads.lua trivial|spin THREADS COUNT     prints tasks a second
--   taskpool run threads.lua processes NUMBER COUNT         prints the same for so many processes of stock Lua, each
--                                                           with its part of COUNT, which share nothing
--   taskpool run threads.lua cross THREADS COUNT            prints microseconds of one call at a time, and bytes of
--                                                           resident memory for a task that waits in a thread

local here = arg[0]:match("^(.*)/") or "."
package.path = here .. "/?.lua;" .. package.path

local taskpool = require "taskpool"
local uv = require "luv"

local mode, threads, count = arg[1], math.tointeger(arg[2]), math.tointeger(arg[3])

local function seconds_of(work)
  local start = uv.hrtime()
  work()
  return (uv.hrtime() - start) / 1e9
end

local function new_pool()
  return taskpool.TaskPool{executor = "thread", threads = threads}
end

local function map(name, number)
  local pool, at = new_pool(), 0
  pool:map("remote." .. name, function()
    at = at + 1
    return at <= number and at or nil
  end, {num_concurrent = 500})
  pool:gather_and_close()
end

local function processes()
  local script = ("package.path = %q local spin = require 'remote'.spin for _ = 1, %d do spin() end"):format(
    package.path, count // threads)
  local left, done = threads, taskpool.Event()
  for _ = 1, threads do
    uv.spawn("lua5.4", {args = {"-e", script}, stdio = {nil, nil, 2}}, function()
      left = left - 1
      if left == 0 then done:set() end
    end)
  end
  done:wait()
end

local function resident()
  return uv.resident_set_memory()
end

---Has `count` tasks wait in the threads at the same time, and returns the memory that each takes.
local function memory()
  local pool = new_pool()
  collectgarbage()
  local before = resident()
  pool:apply("remote.sleep", {args = {3600}, num = count})
  repeat taskpool.sleep(0.05) until pool.num_waiting == 0
  taskpool.sleep(0.5)
  local each = (resident() - before) / count
  pool:cancel_all()
  pool:gather_and_close()
  return each
end

taskpool.run(function()
  if mode == "cross" then
    taskpool.blocking "remote.trivial"
    local rounds = 20000
    print(("%.2f"):format(1e6 / rounds * seconds_of(function()
      for i = 1, rounds do taskpool.blocking("remote.trivial", i, "word", i) end
    end)))
    print(("%.0f"):format(memory()))
    return
  end
  local work = mode == "processes" and processes or function() map(mode, count) end
  print(("%.0f"):format(count / seconds_of(work)))
end)
