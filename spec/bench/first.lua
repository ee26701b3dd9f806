-- SPDX-License-Identifier: MIT
--
-- Ours: the shortest script with a task.
--
--   taskpool run first.lua

local taskpool = require "taskpool"
local pool = taskpool.TaskPool{}
pool:apply(function() end)
pool:gather_and_close()
