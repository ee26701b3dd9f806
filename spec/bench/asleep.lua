-- SPDX-License-Identifier: MIT
--
-- Ours: COUNT tasks asleep at once, then all of them cancelled.
--
--   taskpool run asleep.lua COUNT     prints resident bytes a task, seconds until all of them sleep, seconds from
--                                     cancel_all to the last end

local taskpool = require "taskpool"
local uv = require "luv"

---Resident memory of this process in bytes, after a full collection.
local function resident()
  collectgarbage()
  return uv.resident_set_memory()
end

---@param start number as uv.hrtime tells it
local function seconds_since(start)
  return (uv.hrtime() - start) / 1e9
end

taskpool.run(function()
  local count = math.tointeger(arg[1])
  local pool = taskpool.TaskPool{}
  local asleep = 0
  local before = resident()
  local start = uv.hrtime()
  pool:apply(function()
    asleep = asleep + 1
    taskpool.sleep(3600)
  end, {num = count})
  while asleep < count do taskpool.yield() end
  taskpool.yield()
  local made = seconds_since(start)
  print(("%.0f"):format((resident() - before) / count))
  print(("%.3f"):format(made))

  start = uv.hrtime()
  pool:cancel_all()
  pool:gather_and_close{return_exceptions = true}
  print(("%.3f"):format(seconds_since(start)))
end)
