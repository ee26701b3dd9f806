-- SPDX-License-Identifier: MIT
-- A TaskPool: any functions, at most three tasks at a time.
--
--     taskpool run examples/task_pool.lua
--
-- Two tasks of `work` begin. The four of `other_work` share the one place that is left. When there is more room, two of
-- them run at a time. The log on stderr tells which task starts and ends when. The script takes 17 seconds.
local taskpool = require "taskpool"

taskpool.log.level = "debug"

local function work(start, stop, step)
  for number = start, stop - 1, step do
    taskpool.sleep(1)
    print("work with", number)
  end
end

local function other_work(from, to)
  for number = from, to - 1 do
    taskpool.sleep(0.5)
    print("other_work with", number)
  end
end

local function main()
  local pool = taskpool.TaskPool { size = 3 }
  pool:apply(work, { kwargs = { start = 100, stop = 200, step = 10 }, num = 2 }) -- tasks 0 and 1
  taskpool.sleep(1.5)
  local ranges = { { 0, 10 }, { 10, 20 }, { 20, 30 }, { 30, 40 } }
  pool:starmap(other_work, ranges, { num_concurrent = 2 }) -- tasks 2 to 5, as room permits
  pool:gather_and_close()
end

taskpool.run(main)
