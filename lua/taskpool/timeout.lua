---SPDX-License-Identifier: MIT
---
---A time limit for a part of a task.
local core = require "taskpool.core"
local argument = require "taskpool.argument"

---Runs `fn(...)` in a coroutine of its own for at most `seconds`, and returns its results. When the time is
---over, the coroutine is cancelled with TimedOut; once it has ended, that is raised here, where pcall may
---catch it. An error of `fn` is raised as it is. A caller that is cancelled cancels it too. With `math.huge`
---there is no limit, and `fn` is called by the caller itself.
---@async
---@param seconds number
---@param fn function
---@param ... any
---@return any ...
local function timeout(seconds, fn, ...)
  if type(seconds) ~= "number" or seconds ~= seconds or seconds < 0 then
    argument.refuse("timeout: seconds must be a number from 0 on, not %s", argument.describe(seconds))
  end
  core.checkpoint()
  local wake_id = core.waiter()
  if seconds == math.huge and type(fn) == "function" then
    return fn(...)
  end
  local waiting = { false, wake_id }
  local results, call, clock
  local _ <close> = setmetatable({}, {
    __close = function()
      if clock then
        core.cancel(clock)
      end
      if call then
        core.cancel(call, "the task that waits for it was cancelled")
      end
    end,
  })
  call = core.start(fn, ...)
  clock = core.start(function()
    core.sleep(seconds)
    core.cancel(call, ("the time limit of %g seconds is over"):format(seconds), true)
  end)
  core.on_end(call, function(...)
    results = table.pack(...)
    core.cancel(clock)
    core.wake(wake_id)
  end, waiting)
  core.on_end(clock, function(ok)
    if not ok then -- nothing else would end the call
      core.wake(wake_id)
    end
  end, waiting)
  core.park()
  if not results then
    error(core.error("NoMemory", "timeout: no memory for the end of a call"), 0)
  end
  if not results[1] then
    call:await() -- raises its error
  end
  return table.unpack(results, 2, results.n)
end

return timeout
