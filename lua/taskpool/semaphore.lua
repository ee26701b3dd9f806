---SPDX-License-Identifier: MIT
---
---A number of permits. A task that acquires one waits while none is free. The task that waits longest is next.
---
---    local connections = taskpool.Semaphore(3)
---
---    do
---      local permit <close> = connections:acquire()
---      ...                                         at most three tasks are here at a time
---    end                                           given back, also by an error or a cancel
---
---The end of the permit's scope gives it back. To give it back elsewhere, do not keep it in a `<close>` variable, and
---call `release` once.
local core = require "taskpool.core"
local argument = require "taskpool.argument"
local Waiters = require "taskpool.waiters"

---@class taskpool.Semaphore
---@field private free integer permits that are free; 0 while tasks wait
---@field private bound integer all permits
---@field private permit taskpool.Permit permits are alike, so there is one object for all
---@field private waiters taskpool.Waiters
local Semaphore = { __name = "taskpool.Semaphore" }
Semaphore.__index = Semaphore

---@class taskpool.Permit
---@field private semaphore taskpool.Semaphore
local Permit = { __name = "taskpool.Permit" }

---Makes a semaphore.
---@param permits integer how many there are, at least 1
---@return taskpool.Semaphore
function Semaphore.new(permits)
  argument.check_count("Semaphore", "the number of permits", 1, permits)
  local self = setmetatable({
    free = permits,
    bound = permits,
    waiters = Waiters.new(),
  }, Semaphore)
  self.permit = setmetatable({ semaphore = self }, Permit)
  return self
end

---How many permits are free.
---@return integer
function Semaphore:value()
  return self.free
end

---Takes a permit if one is free; does not wait.
---@return taskpool.Permit|nil permit for a `<close>` variable; nil when none is free
function Semaphore:try_acquire()
  if self.free == 0 then
    return nil
  end
  self.free = self.free - 1
  return self.permit
end

---Takes a permit; waits while none is free.
---@async
---@return taskpool.Permit permit for a `<close>` variable
function Semaphore:acquire()
  core.checkpoint()
  if not self:try_acquire() then
    self.waiters:wait()
  end
  return self.permit
end

---Gives one permit back: to the task that waits longest, if any. Raises InvalidArgument if all are
---free already.
function Semaphore:release()
  if self.free == self.bound then
    argument.refuse("release: all %d permits are free already", self.bound)
  elseif not self.waiters:wake_one() then
    self.free = self.free + 1
  end
end

function Permit:__close()
  self.semaphore:release()
end

function Semaphore:__tostring()
  return ("Semaphore(%d of %d free)"):format(self.free, self.bound)
end

return Semaphore
