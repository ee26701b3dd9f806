-- SPDX-License-Identifier: MIT
--
-- Ours: for how long commands of the control port hold the loop of a host with COUNT tasks asleep.
--
--   taskpool run answers.lua COUNT SOCKET COMMAND…     prints milliseconds of the processor between two turns of the
--                                                      loop, the most while each command runs; of several tries the
--                                                      least, because the system takes time, too

local taskpool = require "taskpool"
local uv = require "luv"

local count, socket = math.tointeger(arg[1]), arg[2]

-- The most seconds between two turns since `begun`.
local longest, last = 0, 0

---Watches each turn of the loop from now on.
local function watch()
  local idle = uv.new_idle()
  idle:start(function()
    local now = os.clock()
    longest = math.max(longest, now - last)
    last = now
  end)
end

local TRIES <const> = 3

---Runs a client with this command to its end; its answer is not looked at. Returns the most milliseconds of a turn.
local function ask(command)
  local ended = taskpool.Event()
  uv.spawn("taskpool", {args = {"control", "unix", socket, command}}, function() ended:set() end)
  longest, last = 0, os.clock()
  ended:wait()
  return longest * 1000
end

taskpool.run(function()
  local pool = taskpool.TaskPool{}
  local asleep = 0
  pool:apply(function()
    asleep = asleep + 1
    taskpool.sleep(3600)
  end, {num = count, group_name = "work"})
  while asleep < count do taskpool.yield() end
  collectgarbage()
  taskpool.control.serve{pool, unix = socket}
  watch()
  for i = 3, #arg do
    local least = math.huge
    for _ = 1, TRIES do least = math.min(least, ask(arg[i])) end
    print(("%.3f"):format(least))
  end
  os.exit(true)
end)
