-- SPDX-License-Identifier: MIT
-- apply, map, starmap and doublestarmap, in pools with and without a size, with callbacks, flush and status.
local taskpool = require "taskpool"
local ran = 0
local function work(a, b)
  ran = ran + 1
  taskpool.sleep(0)
  return a, b
end
local ended = 0
local options = { num_concurrent = 2, end_callback = function() ended = ended + 1 end }

arm()
for _, size in ipairs { 2, math.huge } do
  local pool = taskpool.TaskPool { size = size < math.huge and size or nil }
  pool:apply(work, { args = { 1, 2 }, num = 3 })
  local name = pool:map(work, { 1, 2, 3, 4, 5 }, options)
  pool:starmap(work, { { 1, 2 }, { 3, 4 } }, { num_concurrent = 2, timeout = 5 })
  pool:doublestarmap(work, { { a = 1, b = 2 }, { b = 1 } }, { rate = 1000, retries = 1 })
  taskpool.sleep(0.001)
  pool:get_group_ids(name)
  pool:groups()
  pool:tasks()
  tostring(pool:status())
  pool:flush()
  pool:gather_and_close()
end
local simple <const> = taskpool.SimpleTaskPool(work, { args = { 1 }, size = 2 })
simple:start(3)
simple:gather_and_close()
check(ran >= 2 * 12 + 3 and ended == 10, "every task runs, and each callback once")
