-- SPDX-License-Identifier: MIT
--
-- Ours: how long one task waits for its turn while others take all they can get.
--
--   taskpool run fairness.lua COUNT     prints the largest gap between COUNT turns of it, milliseconds: beside 1000
--                                       tasks that only yield, and beside 4 endless loops

local taskpool = require "taskpool"
local uv = require "luv"

local function largest_gap(count, others, work)
  local pool, ticker = taskpool.TaskPool{}, taskpool.TaskPool{}
  local largest = 0
  pool:apply(work, {num = others})
  ticker:apply(function()
    taskpool.sleep(0.1)
    local last = uv.hrtime()
    for _ = 1, count do
      taskpool.yield()
      local now = uv.hrtime()
      largest, last = math.max(largest, now - last), now
    end
  end)
  ticker:gather_and_close()
  pool:cancel_all()
  pool:gather_and_close{return_exceptions = true}
  return largest / 1e6
end

taskpool.run(function()
  local count = math.tointeger(arg[1])
  local function yields()
    while true do taskpool.yield() end
  end
  local function loops()
    while true do end
  end
  print(("%.3f"):format(largest_gap(count, 1000, yields)))
  print(("%.3f"):format(largest_gap(count // 100, 4, loops)))
end)
