-- SPDX-License-Identifier: MIT
-- Submitted calls and their futures: a bounded queue, weights, several that wait, and a cancel.
local taskpool = require "taskpool"
local function echo(...)
  taskpool.sleep(0.0005)
  return ...
end

arm()
local pool = taskpool.TaskPool { size = 1, order = "priority", queue_limit = 2 }
local futures = {}
for i = 1, 3 do
  futures[i] = pool:submit_nowait(echo, { i, "text" }, { weight = 4 - i })
end
check(not pcall(pool.submit_nowait, pool, echo), "a full queue refuses")
futures[1]:cancel()
local count = 0
for future in taskpool.as_completed(futures) do
  pcall(future.await, future)
  count = count + 1
end
check(count == 3, "each future is done once")
local a, b = pool:submit(echo, { 1, nil })
check(a == 1 and b == nil, "the results come back")
pool:gather_and_close()
