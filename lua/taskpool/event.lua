---Something that happens, and tasks that wait for it.
---
---    local ready = taskpool.Event()
---    ready:wait()                                  in some tasks
---    ready:set()                                   in another: all of them go on
---
---SPDX-License-Identifier: MIT
local core = require "taskpool.core"
local Waiters = require "taskpool.waiters"

---@class taskpool.Event
---@field private happened boolean
---@field private waiters taskpool.Waiters
local Event = { __name = "taskpool.Event" }
Event.__index = Event

---Makes an event that has not happened.
---@return taskpool.Event
function Event.new()
  return setmetatable({ happened = false, waiters = Waiters.new() }, Event)
end

---Whether it has happened.
---@return boolean
function Event:is_set()
  return self.happened
end

---Says that it has happened: all tasks that wait for it go on, and later ones do not wait. Those that wait
---now go on even if it is cleared before their turn comes.
function Event:set()
  self.happened = true
  self.waiters:wake_all()
end

---Resets it: tasks wait for it again.
function Event:clear()
  self.happened = false
end

---Waits until it has happened; not at all if it has.
---@async
function Event:wait()
  core.checkpoint()
  if not self.happened then
    self.waiters:wait()
  end
end

function Event:__tostring()
  return self.happened and "Event(set)" or "Event(clear)"
end

return Event
