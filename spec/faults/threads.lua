-- SPDX-License-Identifier: MIT
-- A pool with two threads: map, submitted calls, errors, a cancel, a task that swallows its cancel.
local taskpool = require "taskpool"

arm()
local pool = taskpool.TaskPool { executor = "thread", threads = 2, size = 8, cancel_grace = 0.01 }
pool:map("spec.support.remote.echo", { 1, { 2, "text" }, 3 }, { num_concurrent = 3 })
local future = pool:submit_nowait("spec.support.remote.subtract", { 5, 3 })
pool:submit_nowait("spec.support.remote.sleep", { 1 })
pool:apply("spec.support.remote.swallow")
check(future:await() == 2, "a thread returns its results")
taskpool.sleep(0.005)
pool:cancel_all()
pool:gather_and_close { return_exceptions = true }
