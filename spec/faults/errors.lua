-- SPDX-License-Identifier: MIT
-- Tasks, callbacks and iterators that fail; tries; errors that are looked at, and some that are not.
local taskpool = require "taskpool"
taskpool.log.level = "debug"
taskpool.log.handler = function() end
local function fail(text)
  taskpool.sleep(0)
  error { text }
end

arm()
local pool = taskpool.TaskPool { size = 2, name = "errors" }
pool:map(fail, { "a", "b", "c" }, { num_concurrent = 3, end_callback = fail })
pool:apply(fail, { args = { "again" }, retries = { n = 2, backoff = 0.0001 } })
pool:map(print, function() error "no more" end)
pool:submit_nowait(fail, { "nobody looks" })
local ok = pcall(pool.submit, pool, fail, { "seen" })
check(not ok, "the error of a submitted call is raised")
check(not pcall(pool.gather_and_close, pool), "gather_and_close raises the first error")
