---SPDX-License-Identifier: MIT
---
---Futures in the order in which they are done.
local core = require "taskpool.core"
local argument = require "taskpool.argument"
local Queue = require "taskpool.queue"

---Iterates over futures, each as soon as it is done, with its index in the list. Waits while none is.
---Leaving the loop early cancels nothing.
---
---    for future in taskpool.as_completed(futures) do
---      print(future:await())
---    end
---@async
---@param futures taskpool.Future[]
---@return fun(): taskpool.Future?, integer?
local function as_completed(futures)
  if type(futures) ~= "table" then
    argument.refuse("as_completed: expected a list of futures, not %s", argument.describe(futures))
  end
  local done, left = Queue.new(), #futures
  local pending, waiters = {}, {} -- futures by index; the wake ids of those who wait for the last one
  for index = 1, left do
    local future = futures[index]
    if getmetatable(future) ~= "taskpool.Future" then
      argument.refuse("as_completed: element %d must be a future, not %s", index, argument.describe(future))
    end
    local pair = { future, index }
    pending[index] = future
    core.on_end(future, function()
      left = left - 1
      pending[index] = nil
      done:put_nowait(pair)
      for i = #waiters, 1, -1 do
        core.wake(table.remove(waiters, i))
      end
      if left == 0 then
        done:close()
      end
      return false
    end)
  end
  if left == 0 then
    done:close()
  end
  return function()
    if left == 1 and done:empty() then -- whoever waits for one future is told if that can never be done
      waiters[#waiters + 1] = core.waiter()
      core.park(select(2, next(pending)))
    end
    local pair = done:get()
    if pair then
      return pair[1], pair[2]
    end
  end
end

return as_completed
