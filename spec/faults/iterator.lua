-- SPDX-License-Identifier: MIT
-- Iterators: of a generic for, one that waits, a coroutine, and one whose group is cancelled meanwhile.
local taskpool = require "taskpool"
local sum = 0
local function add(n)
  sum = sum + n
end
local function upto(last, seconds)
  local n = 0
  return function()
    taskpool.sleep(seconds)
    n = n + 1
    return n <= last and n or nil
  end
end

arm()
local pool = taskpool.TaskPool { size = 2 }
pool:map(add, pairs { 1, 2, 3 })
pool:map(add, upto(4, 0), { num_concurrent = 2 })
pool:map(add, upto(4, 0.0005))
pool:map(add, coroutine.create(function()
  for n = 1, 3 do
    coroutine.yield(n)
  end
end))
local endless = pool:map(add, function()
  taskpool.sleep(1)
end)
taskpool.sleep(0.01)
pool:cancel_group(endless)
pool:gather_and_close()
check(sum == 6 + 10 + 10 + 6, "every element is given to a task once")
