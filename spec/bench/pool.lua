-- SPDX-License-Identifier: MIT
--
-- Ours: pool:map over COUNT elements.
--
--   taskpool run pool.lua trivial|yield|sleep list|iterator LIMIT COUNT     prints tasks a second

local taskpool = require "taskpool"
local uv = require "luv"

local workers = {
  trivial = function(x) return x end,
  yield = function(x) taskpool.yield() return x end,
  sleep = function(x) taskpool.sleep(0.001) return x end,
}

local iterables = {
  list = function(count)
    local list = {}
    for i = 1, count do list[i] = i end
    return list
  end,
  iterator = function(count)
    local at = 0
    return function()
      at = at + 1
      return at <= count and at or nil
    end
  end,
}

local function seconds(worker, iterable, limit)
  local pool = taskpool.TaskPool{}
  collectgarbage()
  local start = uv.hrtime()
  pool:map(worker, iterable, {num_concurrent = limit})
  pool:gather_and_close()
  return (uv.hrtime() - start) / 1e9
end

taskpool.run(function()
  local worker, make = workers[arg[1]], iterables[arg[2]]
  local limit, count = math.tointeger(arg[3]), math.tointeger(arg[4])
  seconds(worker, make(count // 10), limit)
  print(("%.0f"):format(count / seconds(worker, make(count), limit)))
end)
