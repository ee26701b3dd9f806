---The end of a pool's scope: what `local pool <close> = taskpool.TaskPool {}` does.
---
---SPDX-License-Identifier: MIT
local core = require "taskpool.core"

---Cancels all tasks of a pool and has it closed when they have ended. Waits for that, also in a task that is
---being cancelled itself; one that is killed cannot wait.
---@param pool taskpool.Pool
local function abandon(pool)
  pool:lock()
  pool:cancel_all { msg = "the scope of the pool has ended" }
  core.on_end(core.start(pool.gather_and_close, pool, { return_exceptions = true }), function() end)
  pcall(core.shield, math.huge, pool.until_closed, pool)
end

---Gathers and closes the pool, which raises the first error of its tasks; cancels them all if an error or a
---cancel ends the scope, or comes while it waits for them.
---@param pool taskpool.Pool
---@param err any what ends the scope; nil: nothing
local function close(pool, err)
  if pool.is_closed then
    return
  end
  if err ~= nil then
    return abandon(pool)
  end
  local ok, failure = core.catch_cancel(pool.gather_and_close, pool)
  if not ok and not pool.is_closed then
    abandon(pool)
  end
  if not ok then
    error(failure, 0)
  end
end

return close
