---Runs several functions concurrently and waits for all of them.
---
---SPDX-License-Identifier: MIT
local core = require "taskpool.core"
local argument = require "taskpool.argument"

---After so many steps of a long gather the other tasks have their turn.
local STRIDE <const> = 500

---The coroutines of one gather.
---@class taskpool.Gathering
---@field count integer how many there are
---@field left integer how many have not ended
---@field waiting table [1] whether memory was missing to note an end; [2] the caller's wait, or false
---@field futures table<integer, taskpool.Future|nil> by position; nil once it has ended
---@field results table<integer, any> by position
---@field failed taskpool.Future|nil the first that has raised
local Gathering = {}
Gathering.__index = Gathering

---Calls `step(index)` for all positions, and lets the other tasks run in between.
---@async
---@param step fun(index: integer)
function Gathering:each(step)
  for index = 1, self.count do
    step(index)
    if index % STRIDE == 0 then
      core.yield()
    end
  end
end

---Cancels the coroutine at `index`, if it has not ended.
---@param index integer
---@param message string
function Gathering:cancel(index, message)
  local future = self.futures[index]
  if future then
    core.cancel(future, message)
  end
end

---Runs at the end of the gather. Some coroutines have not ended then only if the caller was cancelled.
function Gathering:__close()
  for index = 1, self.left > 0 and self.count or 0 do
    self:cancel(index, "the task that gathers was cancelled")
  end
end

---Wakes the caller, if it waits.
function Gathering:wake()
  local wake_id = self.waiting[2]
  if wake_id then
    core.wake(wake_id) -- where this fails, the id is still there for another try
    self.waiting[2] = false
  end
end

---Notes how the coroutine at `index` ended.
---@param index integer
---@param ok boolean
---@param value any its first result
function Gathering:ended(index, ok, value)
  local is_first_failure = not ok and not self.failed
  if ok then
    self.results[index] = value
  elseif is_first_failure then
    self.failed = self.futures[index]
  end
  self.futures[index] = nil
  self.left = self.left - 1
  if self.left == 0 or is_first_failure then
    self:wake()
  end
end

---Starts a function or the `await` of an object. A future has been started.
---@param target function|{ await: function }
---@return taskpool.Future
local function start(target)
  if type(target) == "function" then
    return core.start(target)
  elseif getmetatable(target) == "taskpool.Future" then
    return target
  end
  return core.start(target.await, target)
end

---Waits until `is_over()`, which an end may make true.
---@async
---@param is_over fun(): boolean
function Gathering:wait(is_over)
  while not is_over() do
    if self.waiting[1] then
      error(core.error("NoMemory", "gather: no memory for how a call ended"), 0)
    end
    self.waiting[2] = core.waiter()
    core.park(self.futures)
  end
end

---Whether it is a function, or something with :await().
---@param target any
---@return boolean
local function can_run(target)
  if type(target) == "function" then
    return true
  end
  local ok, await = pcall(function()
    return target.await
  end)
  return ok and type(await) == "function"
end

---Runs all targets; see below.
---@async
---@param targets (function|{ await: function })[]
---@param count integer
---@param what string what a target is in messages
---@return any[] results by position
local function run(targets, count, what)
  core.checkpoint()
  local gathering <close> = setmetatable({
    count = count,
    left = 0,
    waiting = { false, false },
    futures = {},
    results = {},
  }, Gathering)
  gathering:each(function(index)
    if not can_run(targets[index]) then
      argument.refuse("gather: %s %d must be a function or something with :await(), not %s", what, index,
        argument.describe(targets[index]))
    end
  end)
  gathering.left = count
  gathering:each(function(index)
    local future = start(targets[index])
    gathering.futures[index] = future
    core.on_end(future, function(ok, value)
      gathering:ended(index, ok, value)
    end, gathering.waiting)
  end)
  gathering:wait(function()
    return gathering.left == 0 or gathering.failed
  end)
  if not gathering.failed then
    return gathering.results
  end
  gathering:each(function(index)
    gathering:cancel(index, "another one in the same gather failed")
  end)
  gathering:wait(function()
    return gathering.left == 0
  end)
  return gathering.failed:await()
end

---Runs each argument, a function or an object with `:await()`, in a coroutine of its own, waits until all
---have ended, and returns the first result of each, in the order of the arguments. With one list of them it
---returns the list of the results. A future stands for a call that runs already; it is cancelled with the
---others.
---
---The first error cancels the others; when they have ended too, it is raised here. A caller that is
---cancelled while it waits cancels them all.
---@async
---@param ... function|{ await: function }|(function|{ await: function })[]
---@return any ... one value an argument, or the list of them
local function gather(...)
  local first, count = ..., select("#", ...)
  if count == 1 and type(first) == "table" and not can_run(first) then
    return run(first, #first, "element")
  end
  return table.unpack(run({ ... }, count, "argument"), 1, count)
end

return gather
