---Runs several things at once and waits for all of them.
---
---SPDX-License-Identifier: MIT
local core = require "taskpool.core"
local argument = require "taskpool.argument"

local OTHER_FAILED <const> = "another one in the same gather failed"

---The coroutines of one gather.
---@class taskpool.Gathering
---@field count integer how many there are
---@field left integer how many have not ended
---@field wake_id integer the caller's wait
---@field futures table<integer, taskpool.Future|nil> by position; nil once it has ended
---@field results table<integer, any> by position
---@field failed boolean whether one has raised
---@field failure any what the first of those raised
local Gathering = {}
Gathering.__index = Gathering

---Cancels all that have not ended.
---@param message string
function Gathering:cancel(message)
  for index = 1, self.count do
    local future = self.futures[index]
    if future then
      core.cancel(future, message)
    end
  end
end

---Runs when the caller is through with it. Some have not ended only if the caller was cancelled.
function Gathering:__close()
  self.failed = true
  self:cancel("the task that gathers was cancelled")
end

---Takes down how the coroutine at `index` ended.
---@param index integer
---@param ok boolean
---@param value any its first result, or its error
function Gathering:ended(index, ok, value)
  self.futures[index] = nil
  self.left = self.left - 1
  if ok then
    self.results[index] = value
  elseif not self.failed then
    self.failed, self.failure = true, value
    self:cancel(OTHER_FAILED)
  end
  if self.left == 0 then
    core.wake(self.wake_id)
  end
end

---Starts what stands at `index`: a function, or the `await` of an object. A future has been started.
---@param index integer
---@param target function|{ await: function }
function Gathering:start(index, target)
  local future
  if type(target) == "function" then
    future = core.start(target)
  elseif getmetatable(target) == "taskpool.Future" then
    future = target
  else
    future = core.start(target.await, target)
  end
  self.futures[index] = future
  core.on_end(future, function(ok, value)
    self:ended(index, ok, value)
  end)
end

---@param index integer
---@param target any
local function check(index, target)
  if type(target) == "function" then
    return
  end
  local ok, await = pcall(function()
    return target.await
  end)
  if not ok or type(await) ~= "function" then
    argument.refuse("gather: argument %d must be a function or something with :await(), not %s",
      index, argument.describe(target))
  end
end

---Runs each argument, a function or an object with `:await()`, in a coroutine of its own, waits until
---all have ended, and returns the first result of each, in the order of the arguments. The call that a
---future stands for runs already; it is cancelled with the others.
---
---The first error cancels the others; when they have ended too, it is raised here. A caller that is
---cancelled while it waits cancels them all.
---@async
---@param ... function|{ await: function }
---@return any ... one value an argument
local function gather(...)
  local count = select("#", ...)
  for index = 1, count do
    check(index, (select(index, ...)))
  end
  core.checkpoint()
  if count == 0 then
    return
  end
  local gathering <close> = setmetatable({
    count = count,
    left = count,
    wake_id = core.waiter(),
    futures = {},
    results = {},
    failed = false,
  }, Gathering)
  for index = 1, count do
    gathering:start(index, (select(index, ...)))
  end
  if gathering.failed then -- a future that was done already; the others were started after it
    gathering:cancel(OTHER_FAILED)
  end
  if gathering.left > 0 then
    core.park()
  end
  if gathering.failed then
    error(gathering.failure, 0)
  end
  return table.unpack(gathering.results, 1, count)
end

return gather
