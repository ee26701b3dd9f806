-- SPDX-License-Identifier: MIT
-- A SimpleTaskPool: one function, in as many tasks as you start. Tasks are started and stopped while others run.
--
--     taskpool run examples/simple_pool.lua
--
-- The log on stderr tells what the pool does. The script takes five seconds.
local taskpool = require "taskpool"

taskpool.log.level = "debug"

local function count_to(limit)
  for step = 0, limit - 1 do
    taskpool.sleep(1)
    print("did", step)
  end
end

local function main()
  local pool = taskpool.SimpleTaskPool(count_to, { args = { 5 } }) -- nothing runs yet
  pool:start(3) -- tasks 0, 1 and 2
  taskpool.sleep(1.5)
  pool:start(1) -- task 3
  taskpool.sleep(1.5)
  pool:stop(2) -- cancels the two newest: 3 and 2
  pool:gather_and_close() -- 0 and 1 count on to the end
end

taskpool.run(main)
