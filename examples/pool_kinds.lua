-- SPDX-License-Identifier: MIT
-- The six pool classes of aio_parallel_tools are options of one class here: a fixed size or one that follows the work,
-- and one of three orders.
--
--     taskpool run examples/pool_kinds.lua
--
-- Each pool gets the same twelve calls at once. Prints in which order they began, and how many ran at a time at most.
local taskpool = require "taskpool"

local autoscale = { min = 1, max = 4, interval = 0.01 }

local kinds = {
  { "FixedFifo", { size = 2, order = "fifo" } },
  { "FixedLifo", { size = 2, order = "lifo" } },
  { "FixedPriority", { size = 2, order = "priority" } },
  { "AutoscaleFifo", { autoscale = autoscale, order = "fifo" } },
  { "AutoscaleLifo", { autoscale = autoscale, order = "lifo" } },
  { "AutoscalePriority", { autoscale = autoscale, order = "priority" } },
}

local function try(name, options)
  local pool = taskpool.TaskPool(options)
  local begun, most = {}, 0
  for number = 1, 12 do
    pool:submit_nowait(function()
      begun[#begun + 1] = number
      most = math.max(most, pool.num_running)
      taskpool.sleep(0.02)
    end, nil, { weight = number % 3 })
  end
  pool:gather_and_close()
  print(("%-18s at most %d: %s"):format(name, most, table.concat(begun, " ")))
end

taskpool.run(function()
  for _, kind in ipairs(kinds) do
    try(table.unpack(kind))
  end
end)
