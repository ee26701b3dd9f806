-- SPDX-License-Identifier: MIT
-- gather and timeout: results, an error that cancels the others, time that is over, futures.
local taskpool = require "taskpool"
local function later(value, seconds)
  return function()
    taskpool.sleep(seconds or 0.0005)
    return value
  end
end

arm()
local a, b = taskpool.gather(later(1), later(2))
check(a == 1 and b == 2, "gather returns what each returned")
local pool = taskpool.TaskPool { size = 2 }
check(taskpool.gather(pool:submit_nowait(later(3)), later(4)) == 3, "gather takes futures")
check(not pcall(taskpool.gather, later(1, 1), error), "an error ends the gather")
check(taskpool.timeout(5, later(5)) == 5, "timeout returns the results")
check(not pcall(taskpool.timeout, 0.001, later(1, 1)), "timeout ends what takes too long")
check(not pcall(taskpool.timeout, 0.001, taskpool.gather, later(1, 1), later(2, 1)), "also a gather")
pool:gather_and_close()
