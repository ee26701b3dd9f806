---SPDX-License-Identifier: MIT
---
---Futures in the order in which they are done.
local core = require "taskpool.core"
local argument = require "taskpool.argument"

---One iteration over futures.
---@class taskpool.Completion
---@field futures table<integer, taskpool.Future|nil> by position; nil once it was handed out
---@field is_done table<integer, true|nil> by position
---@field order integer[] the positions of those that are done, in that order
---@field count integer how many there are
---@field handed_out integer how many were handed out
---@field first integer no position before this one is waited for
---@field share_pool boolean they are all calls of one pool
---@field waiters integer[] the wake ids of those who wait for the next one
---@field waiting table [1] whether memory was missing to note an end; [2] one of `waiters`, or false
local Completion = {}
Completion.__index = Completion

---Wakes all that wait; they look again.
function Completion:wake()
  for index = 1, #self.waiters do
    core.wake(self.waiters[index])
  end
  for index = #self.waiters, 1, -1 do
    self.waiters[index] = nil
  end
end

---Notes that the future at `index` is done.
---@param index integer
function Completion:ended(index)
  self.order[#self.order + 1] = index
  self.is_done[index] = true
  self:wake()
  return false -- its error is not seen by that
end

---A future without which no other one can be waited for, so that a deadlock is noticed: the last one, or any
---where all are calls of the same pool.
---@return taskpool.Future?
function Completion:needed()
  while self.is_done[self.first] do
    self.first = self.first + 1
  end
  if self.share_pool or self.handed_out == self.count - 1 then
    return self.futures[self.first]
  end
end

---Waits until a future is done that was not handed out.
---@async
function Completion:wait()
  while self.handed_out == #self.order and self.handed_out < self.count do
    if self.waiting[1] then
      self:wake()
      error(core.error("NoMemory", "as_completed: no memory for how a call ended"), 0)
    end
    local wake_id = core.waiter()
    self.waiters[#self.waiters + 1] = wake_id
    self.waiting[2] = wake_id
    core.park(self:needed())
  end
end

---The next one that is done, with its index; nil after the last one.
---@async
---@return taskpool.Future?
---@return integer?
function Completion:next()
  self:wait()
  if self.handed_out == self.count then
    return
  end
  self.handed_out = self.handed_out + 1
  local index = self.order[self.handed_out]
  local future = self.futures[index]
  self.futures[index] = nil
  return future, index
end

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
  local count = #futures
  for index = 1, count do
    if getmetatable(futures[index]) ~= "taskpool.Future" then
      argument.refuse("as_completed: element %d must be a future, not %s", index, argument.describe(futures[index]))
    end
  end
  local completion = setmetatable({
    futures = table.move(futures, 1, count, 1, {}),
    is_done = {},
    order = {},
    count = count,
    handed_out = 0,
    first = 1,
    share_pool = core.share_pool(futures),
    waiters = {},
    waiting = { false, false },
  }, Completion)
  for index = 1, count do
    core.on_end(futures[index], function()
      return completion:ended(index)
    end, completion.waiting)
  end
  return function()
    return completion:next()
  end
end

return as_completed
