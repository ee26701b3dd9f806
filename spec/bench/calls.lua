-- SPDX-License-Identifier: MIT
--
-- Ours: what a call of the API costs by itself.
--
--   taskpool run calls.lua COUNT     prints microseconds of: apply of a new closure, apply of the same function, making
--                                    and closing a pool, mapping nothing on a new pool

local taskpool = require "taskpool"
local uv = require "luv"

---Prints the median of five rounds of `count` calls, in microseconds a call. What the calls have begun is worked off
---between the rounds.
---@param count integer
---@param call fun(pool: taskpool.TaskPool)
local function measure(count, call)
  local rounds = {}
  for round = 1, 5 do
    local pool = taskpool.TaskPool{}
    collectgarbage()
    local start = uv.hrtime()
    for _ = 1, count do call(pool) end
    rounds[round] = (uv.hrtime() - start) / 1000 / count
    pool:gather_and_close()
  end
  table.sort(rounds)
  print(("%.2f"):format(rounds[3]))
end

local function work() end

local empty = {}

taskpool.run(function()
  local count = math.tointeger(arg[1])
  measure(count, function(pool) pool:apply(function() return pool end) end)
  measure(count, function(pool) pool:apply(work) end)
  measure(count, function() taskpool.TaskPool{}:gather_and_close() end)
  measure(count, function()
    local pool = taskpool.TaskPool{}
    pool:map(work, empty)
    pool:gather_and_close()
  end)
end)
