-- SPDX-License-Identifier: MIT
-- What an embedder does by the public header: pools, typed values, futures, workers in C, calls from outside.
local taskpool = require "taskpool"
taskpool.expose("echo", function(...)
  taskpool.sleep(0.0005)
  return ...
end)

arm()
use_header()
for _ = 1, 500 do
  if calls_are_done() then
    break
  end
  pcall(taskpool.sleep, 0.002)
end
check(calls_are_done(), "each callback is called")
