-- SPDX-License-Identifier: MIT
-- Allocations fail from the making of the host on: libraries, modules, one task.
arm()
local taskpool = require "taskpool"
local pool = taskpool.TaskPool()
pool:apply(taskpool.sleep, { args = { 0 } })
pool:gather_and_close()
