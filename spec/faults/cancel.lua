-- SPDX-License-Identifier: MIT
-- Cancels of a task, a group and all, a time limit, a shield, and tasks that must be killed.
local taskpool = require "taskpool"
local function cleaned()
  local _ <close> = setmetatable({}, {
    __close = function()
      taskpool.shield(0.05, taskpool.sleep, 0.0005)
    end,
  })
  taskpool.sleep(1)
end
local function swallow()
  while true do
    pcall(taskpool.sleep, 1)
  end
end
local function catch()
  while true do
    taskpool.catch_cancel(taskpool.sleep, 1)
  end
end

arm()
local pool = taskpool.TaskPool { size = 20, cancel_grace = 0.002 }
local group = pool:apply(cleaned, { num = 3, cancel_callback = function() taskpool.sleep(0) end })
pool:apply(swallow, { num = 2 })
pool:apply(catch, { num = 2 })
pool:map(taskpool.sleep, { 1, 1 }, { num_concurrent = 2, timeout = 0.001 })
pool:apply(function()
  while true do end
end)
taskpool.sleep(0.005)
pool:cancel(0, { msg = "the first" })
pool:cancel_group(group)
taskpool.sleep(0.001)
pool:cancel_all()
pool:gather_and_close { return_exceptions = true }
check(pool.num_running == 0, "nothing runs any more")
