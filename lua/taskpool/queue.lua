---SPDX-License-Identifier: MIT
---
---A queue between tasks: some put items in, others get them out, first in, first out.
---
---    local queue = taskpool.Queue(10)              at most 10 items wait in it
---    queue:put(item)                               waits while it is full
---    local item = queue:get()                      waits while it is empty
---
---A worker that may be cancelled takes items as handles. At the end of the scope the item counts as
---processed. If a cancel ends the scope, the item goes back to the front of the queue for the next worker.
---(After any other error it does not, because it would fail the next worker too.)
---
---    while true do
---      local item <close> = queue:take()
---      work_on(item.value)
---    end
---
---`join` waits until every item that was put in has been processed. After `close` nothing can be put in. The
---items that are left can still be taken out; then `get` returns nil, so that `for item in queue:items()`
---ends.
---
---How it works. An item is handed directly to the task that waits for it, and so is a free place; no other
---task can come first. Hence two invariants: tasks wait to get only while the queue is empty, and to put only
---while it is full. A hand-over is final (see waiters.lua), so no item is lost when its receiver is cancelled
---in the same moment: it gets the item, and its next wait raises.
local core = require "taskpool.core"
local argument = require "taskpool.argument"
local Waiters = require "taskpool.waiters"

local CLOSED <const> = "queue is closed"

---@class taskpool.Queue
---@field private held table<integer, any> those from `first` to `last`
---@field private first integer index of the oldest item; may go below 1 when items come back
---@field private last integer index of the newest item; first - 1 when it is empty
---@field private maxsize number how many items may wait
---@field private unfinished integer items put in and not yet processed
---@field private is_closed boolean
---@field private getters taskpool.Waiters tasks that wait for an item
---@field private putters taskpool.Waiters tasks that wait for a place; the ticket holds the item
---@field private joiners taskpool.Waiters tasks that wait until all is processed
---@operator len: integer
local Queue = { __name = "taskpool.Queue" }
Queue.__index = Queue

---@class taskpool.QueueItem
---@field value any the item
---@field private queue taskpool.Queue
local QueueItem = { __name = "taskpool.QueueItem" }

---@param message string
local function not_available(message)
  error(core.error("NotAvailable", message), 0)
end

---Makes a queue.
---@param maxsize? integer how many items may wait in it, at least 1; default: any number
---@return taskpool.Queue
function Queue.new(maxsize)
  if maxsize ~= nil and maxsize ~= math.huge then
    argument.check_count("Queue", "maxsize", 1, maxsize)
  end
  return setmetatable({
    held = {},
    first = 1,
    last = 0,
    maxsize = maxsize or math.huge,
    unfinished = 0,
    is_closed = false,
    getters = Waiters.new(),
    putters = Waiters.new(),
    joiners = Waiters.new(),
  }, Queue)
end

---The number of items that wait in the queue; also `#queue`.
---@return integer
function Queue:size()
  return self.last - self.first + 1
end

Queue.__len = Queue.size

---Whether no item waits in the queue.
---@return boolean
function Queue:empty()
  return self:size() == 0
end

---Whether the queue has no place left.
---@return boolean
function Queue:full()
  return self:size() >= self.maxsize
end

---Whether `close` has been called.
---@return boolean
function Queue:closed()
  return self.is_closed
end

---Gives an item to the task that waits longest for one, or else to the end of the queue.
---@param self taskpool.Queue
local function accept(self, item)
  self.unfinished = self.unfinished + 1
  if not self.getters:wake_one(item) then
    self.last = self.last + 1
    self.held[self.last] = item
  end
end

---Gives an item back: to the task that waits longest for one, or else to the front. The queue may be
---over its size then, until the next `get`.
---@param self taskpool.Queue
local function put_back(self, item)
  self.unfinished = self.unfinished + 1
  if not self.getters:wake_one(item) then
    self.first = self.first - 1
    self.held[self.first] = item
  end
end

---Takes the oldest item out, and lets the task that waits longest for its place put its item in.
---@param self taskpool.Queue
local function pull(self)
  local item = self.held[self.first]
  self.held[self.first] = nil
  self.first = self.first + 1
  while not self:full() do
    local ticket = self.putters:wake_one(true)
    if not ticket then
      break
    end
    accept(self, ticket.value)
  end
  return item
end

---What `put` and `put_nowait` refuse alike.
---@param self taskpool.Queue
local function check_put(self, item)
  if item == nil then
    argument.refuse("put: an item must not be nil")
  elseif self.is_closed then
    not_available(CLOSED)
  end
end

---Puts an item in; waits while the queue is full. A closed queue raises NotAvailable, also where it is
---closed during the wait.
---@async
---@param item any anything but nil
function Queue:put(item)
  check_put(self, item)
  core.checkpoint()
  if not self:full() then
    accept(self, item)
  elseif not self.putters:wait(item) then
    not_available(CLOSED)
  end
end

---Puts an item in without waiting. Raises NotAvailable when the queue is full or closed.
---@param item any anything but nil
function Queue:put_nowait(item)
  check_put(self, item)
  if self:full() then
    not_available("queue is full")
  end
  accept(self, item)
end

---Takes the oldest item out; waits while there is none. Returns nil and a message when the queue is
---closed and nothing is left in it.
---@async
---@return any item
---@return string|nil message
function Queue:get()
  core.checkpoint()
  if not self:empty() then
    return pull(self)
  elseif self.is_closed then
    return nil, CLOSED
  end
  local item, message = self.getters:wait() -- not a tail call, so that lists of tasks name this function
  return item, message
end

---Takes the oldest item out without waiting. Raises NotAvailable when there is none; returns nil and a
---message when the queue is closed and nothing is left in it.
---@return any item
---@return string|nil message
function Queue:get_nowait()
  if not self:empty() then
    return pull(self)
  elseif self.is_closed then
    return nil, CLOSED
  end
  return not_available("queue is empty")
end

---An iterator over the items, until the queue is closed and empty: `for item in queue:items() do`.
---Each item still needs its `item_processed`, if a task joins the queue.
---@return async fun(): any
function Queue:items()
  return function()
    return (self:get())
  end
end

---Takes the oldest item out as a handle for a `<close>` variable; waits while there is none. The end
---of the scope calls `item_processed`; if the scope is left by a cancel, the item goes back to the
---front. Returns nil and a message when the queue is closed and nothing is left in it.
---@async
---@return taskpool.QueueItem|nil item its `value` is the item
---@return string|nil message
function Queue:take()
  local value, message = self:get()
  if value == nil then
    return nil, message
  end
  return setmetatable({ value = value, queue = self }, QueueItem)
end

---@param failure any the error that ends the scope
function QueueItem:__close(failure)
  if type(failure) == "table" and failure.code == "Cancelled" then
    put_back(self.queue, self.value)
  end
  self.queue:item_processed()
end

---Says that one item that was taken out has been processed.
function Queue:item_processed()
  if self.unfinished == 0 then
    argument.refuse("item_processed: called more often than items were put in")
  end
  self.unfinished = self.unfinished - 1
  if self.unfinished == 0 then
    self.joiners:wake_all()
  end
end

---Waits until every item that was put in has been processed.
---@async
function Queue:join()
  core.checkpoint()
  if self.unfinished > 0 then
    self.joiners:wait()
  end
end

---Closes the queue: `put` raises from now on, also in tasks that wait in it; what is in the queue can
---still be taken out. Calling it again does nothing.
function Queue:close()
  self.is_closed = true
  self.getters:wake_all(nil, CLOSED)
  self.putters:wake_all(false)
end

function Queue:__tostring()
  return ("Queue(%d of %s)"):format(self:size(), self.maxsize)
end

return Queue
