---SPDX-License-Identifier: MIT
---
---A line of waiting tasks, first come first served. Queue, Event and Semaphore are built on it.
---
---A task that waits holds a *ticket* with the wake id of its park. The waker takes the oldest ticket out of
---the line and wakes it with values. A wake that succeeded is final: if the task is cancelled at the same
---moment, the values still come out of its wait. So a task that hands something over by `wake_one` knows
---whether it was taken.
---
---A task that is cancelled while it waits leaves a hole in the line. Holes are skipped, and are removed as
---soon as there are more of them than tickets, so each costs constant time and space.
local core = require "taskpool.core"

---@class taskpool.Waiters
---@field private tickets table<integer, taskpool.Ticket> those from `first` to `last`
---@field private first integer index of the oldest ticket
---@field private last integer index of the newest ticket; first - 1 when nobody waits
---@field private holes integer how many of them belong to tasks that left
local Waiters = {}
Waiters.__index = Waiters

---@class taskpool.Ticket
---@field id integer|nil the wake id; nil once the ticket was called or given up
---@field line taskpool.Waiters
---@field value any what the waiting task brought with it, for the one who wakes it
local Ticket = {}

---@return taskpool.Waiters
function Waiters.new()
  return setmetatable({ tickets = {}, first = 1, last = 0, holes = 0 }, Waiters)
end

---Moves the live tickets together, in their order.
---@param self taskpool.Waiters
local function close_up(self)
  local live, count = {}, 0
  for index = self.first, self.last do
    local ticket = self.tickets[index]
    if ticket.id then
      count = count + 1
      live[count] = ticket
    end
  end
  self.tickets, self.first, self.last, self.holes = live, 1, count, 0
end

---Runs when the wait is over, in whatever way. A ticket that was not called is a hole from now on.
function Ticket.__close(ticket)
  if ticket.id then
    ticket.id = nil
    local line = ticket.line
    line.holes = line.holes + 1
    if line.holes > #line then
      close_up(line)
    end
  end
end

---The number of tasks that wait.
---@return integer
function Waiters:__len()
  return self.last - self.first + 1 - self.holes
end

---Waits at the end of the line. Returns the values given by the waker.
---@param value? any kept in the ticket, for the waker
---@return any ...
function Waiters:wait(value)
  local ticket <close> = setmetatable({ id = core.waiter(), line = self, value = value }, Ticket)
  self.last = self.last + 1
  self.tickets[self.last] = ticket
  return core.park()
end

---Takes the oldest ticket out of the line; nil when the line is empty.
---@param self taskpool.Waiters
---@return taskpool.Ticket|nil
local function take_first(self)
  if self.first > self.last then
    self.first, self.last = 1, 0
    return nil
  end
  local ticket = self.tickets[self.first]
  self.tickets[self.first] = nil
  self.first = self.first + 1
  return ticket
end

---Wakes the task that has waited longest with the values given. Tasks that were cancelled meanwhile
---are passed over. Returns its ticket, nil when nobody waits.
---@param ... any
---@return taskpool.Ticket|nil
function Waiters:wake_one(...)
  for ticket in take_first, self do
    local id = ticket.id
    ticket.id = nil
    if not id then
      self.holes = self.holes - 1
    elseif core.wake(id, ...) then
      return ticket
    end
  end
  return nil
end

---Wakes all that wait now with the values given.
---@param ... any
function Waiters:wake_all(...)
  while self:wake_one(...) do end
end

return Waiters
