-- SPDX-License-Identifier: MIT
--
-- Ours: a call that is submitted to a pool whose order is by priority, while WAITING others wait.
--
--   taskpool run queue.lua WAITING COUNT     prints microseconds a submit_nowait, calls run a second when the queue is
--                                            worked off, resident bytes a waiting call

local taskpool = require "taskpool"
local uv = require "luv"

local function work() end

---Submits so many calls of random weights; returns seconds.
local function submit(pool, count)
  local start = uv.hrtime()
  for _ = 1, count do
    pool:submit_nowait(work, nil, {weight = math.random(1000)})
  end
  return (uv.hrtime() - start) / 1e9
end

taskpool.run(function()
  local waiting, count = math.tointeger(arg[1]), math.tointeger(arg[2])
  local pool = taskpool.TaskPool{size = 0, order = "priority"}
  collectgarbage()
  local before = uv.resident_set_memory()
  submit(pool, waiting)
  local bytes = (uv.resident_set_memory() - before) / waiting
  local rounds = {}
  for round = 1, 5 do rounds[round] = submit(pool, count // 5) end
  table.sort(rounds)
  print(("%.3f"):format(rounds[3] * 1e6 / (count // 5)))
  local start, total = uv.hrtime(), pool.num_waiting
  pool.pool_size = 100
  pool:gather_and_close()
  print(("%.0f"):format(total / (uv.hrtime() - start) * 1e9))
  print(("%.0f"):format(bytes))
end)
