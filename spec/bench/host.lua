-- SPDX-License-Identifier: MIT
--
-- Ours: a host with a control server, for control.c. Prints "ready" when it listens; runs until it is killed.
--
--   taskpool run host.lua PATH idle|saturated|loops|followed

local taskpool = require "taskpool"

taskpool.run(function()
  local pool = taskpool.TaskPool{}
  local server <close> = assert(taskpool.control.serve{pool, unix = arg[1]})
  if arg[2] == "saturated" then
    pool:map(function() taskpool.yield() end, function() return true end, {num_concurrent = 100})
  end
  if arg[2] == "followed" then
    local function nap() taskpool.sleep(0.005 + math.random() / 100) end
    pool:map(nap, function() return true end, {num_concurrent = 10})
  end
  if arg[2] == "loops" then
    pool:apply(function() while true do end end, {num = 4})
  end
  io.stdout:write("ready\n")
  io.stdout:flush()
  server:wait()
end)
