-- SPDX-License-Identifier: MIT
-- The books of a pool under random use (T22). After every operation
--
--     started = running + cancelled + ended + flushed
--     no count is below 0, and none grew that should not have
--     never more run than the limit allows when one starts
--     every future is done once, and not before its call has ended (T26)
--     as many tries were told as were counted
--     a pool that scales itself is within its bounds, one with a rate starts no more than that allows
--
-- What was started and what has ended is counted by the records of the log; TP_OPS in the environment says how many
-- operations there are, TP_SEED repeats a run.
local core = require "taskpool.core"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

local OPS <const> = tonumber(os.getenv "TP_OPS") or tasks.scaled(200000)
local SEED <const> = tonumber(os.getenv "TP_SEED") or os.time()
local random = math.random

---What is known of a pool from outside of it.
---@class Books
---@field pool taskpool.TaskPool
---@field started integer records "Started"
---@field ended integer records "Ended"
---@field retried integer records "Retrying"
---@field opened number when
---@field bounds table|nil of the pool's size
---@field rate table|nil of its starts
---@field flushed integer of those that ended, how many the pool has forgotten
---@field futures taskpool.Future[] of the calls submitted
---@field done integer how many of them are
---@field violations string[]
---@field handler taskpool.LogHandler that of the log before
local Books = {}
Books.__index = Books

---@param options table of the pool
---@return Books
local function open(options)
  local self = setmetatable({ started = 0, ended = 0, retried = 0, flushed = 0, futures = {},
    done = 0, violations = {}, opened = taskpool.now(), bounds = options.autoscale, rate = options.rate }, Books)
  self.pool = tasks.TaskPool(options)
  self.handler = taskpool.log.handler
  taskpool.log.handler = function(_, message)
    if message:find("^Started") then
      self.started = self.started + 1
      self:check_limit()
    elseif message:find("^Ended") then
      self.ended = self.ended + 1
    elseif message:find("^Retrying") then
      self.retried = self.retried + 1
    end
  end
  return self
end

---Reads the log no longer.
function Books:close()
  taskpool.log.handler = self.handler
end

Books.__close = Books.close

---@param text string
function Books:complain(text)
  local pool = self.pool
  local counts = ("started %d, running %d, cancelled %d, ended %d (%d), flushed %d, size %s"):format(self.started,
    pool.num_running, pool.num_cancelled, pool.num_ended, self.ended, self.flushed, pool.pool_size)
  self.violations[#self.violations + 1] = text .. ": " .. counts
end

function Books:check_limit()
  local pool = self.pool
  if pool.num_running + pool.num_cancelled > pool.pool_size then
    self:complain "more than the limit"
  end
  local rate = self.rate
  if rate and self.started > rate.burst + rate.n / rate.per * (taskpool.now() - self.opened + 0.01) then
    self:complain "more than the rate"
  end
end

---Compares the pool's counts with the books.
---@param operation string the last one
function Books:check(operation)
  local pool = self.pool
  local running, cancelled, ended = pool.num_running, pool.num_cancelled, pool.num_ended
  if self.started ~= running + cancelled + ended + self.flushed then
    self:complain("the sum is wrong after " .. operation)
  elseif ended + self.flushed ~= self.ended then
    self:complain("ended is wrong after " .. operation)
  elseif running < 0 or cancelled < 0 or ended < 0 or pool.num_waiting < 0 or running > self.started then
    self:complain("a count is out of range after " .. operation)
  elseif pool.is_full ~= (running + cancelled >= pool.pool_size) then
    self:complain("is_full is wrong after " .. operation)
  elseif pool.num_retried ~= self.retried then
    self:complain("num_retried is wrong after " .. operation)
  elseif self.bounds and (pool.pool_size < self.bounds.min or pool.pool_size > self.bounds.max) then
    self:complain("the size is out of its bounds after " .. operation)
  end
end

---How much shorter than they say things take: under the real clock one has to wait for them.
local haste = 1

---Sleeps that long at most.
local function nap(seconds)
  taskpool.sleep(random() * seconds / haste)
end

---How a task goes on; some take their time, some fail, some clean up, some must be killed.
local WAYS <const> = {
  function() end,
  taskpool.yield,
  function()
    nap(0.1)
  end,
  function()
    taskpool.yield()
    error "on purpose"
  end,
  function()
    pcall(nap, 1)
    taskpool.yield()
  end,
  function()
    local _ <close> = tasks.at_end(function()
      taskpool.yield()
    end)
    nap(1)
  end,
  function() -- does not give in: has to be killed, if it is cancelled
    while not taskpool.catch_cancel(nap, 1) do end
    taskpool.yield()
  end,
  function()
    local _ <close> = tasks.at_end(function()
      taskpool.shield(1, nap, 0.5)
    end)
    nap(1)
  end,
  function() -- fails until it was tried often enough
    nap(0.05)
    if taskpool.tries() <= random(3) then
      error "on purpose"
    end
  end,
  function()
    if random(50) == 1 then -- takes longer than a slice
      local ends = os.clock() + 0.015
      while os.clock() < ends do end
    end
  end,
}

local function work(way)
  return WAYS[way or random(#WAYS)]()
end

---Adds retries, a time limit or a rate, now and then.
local function spice(options, may_rate)
  if random(4) == 1 then
    options.retries = { n = random(0, 3), backoff = random() / 20 / haste, jitter = random() }
  end
  if random(8) == 1 then
    options.timeout = random() / 2 / haste
  end
  if may_rate and random(6) == 1 then
    options.rate = { n = random(100), per = 1 / haste, burst = random(4) }
  end
  return options
end

---Options of a new group, some with callbacks that wait or fail.
local function group_options()
  local options = spice({ num_concurrent = random(5), weight = random(6) }, true)
  if random(2) == 1 then
    options.end_callback = function()
      work()
    end
  end
  if random(2) == 1 then
    options.cancel_callback = function()
      work()
    end
  end
  return options
end

-- The operations by name; each may be refused.
local operations = {}

function operations.apply(books)
  local options = group_options()
  options.num, options.num_concurrent, options.args = random(0, 4), nil, { random(#WAYS) }
  books.pool:apply(work, options)
end

function operations.map(books)
  local list = {}
  for index = 1, random(0, 6) do
    list[index] = random(#WAYS)
  end
  books.pool:map(work, list, group_options())
end

function operations.map_iterator(books)
  local left, fails = random(0, 6), random(20) == 1
  books.pool:map(work, function()
    left = left - 1
    if random(4) == 1 then
      taskpool.yield()
    end
    if left > 0 then
      return random(#WAYS)
    elseif fails then
      error "on purpose"
    end
  end, group_options())
end

---@param books Books
---@param future taskpool.Future
local function watch(books, future)
  local told = 0
  books.futures[#books.futures + 1] = future
  core.on_end(future, function()
    told, books.done = told + 1, books.done + 1
    if told > 1 then
      books:complain "a future was done twice"
    end
  end)
end

function operations.submit_nowait(books)
  watch(books, books.pool:submit_nowait(work, { random(#WAYS) }, spice { weight = random(6) }))
end

---Each in a task of its own, which is cancelled now and then.
function operations.submit(books)
  local future = core.start(books.pool.submit, books.pool, work, { random(#WAYS) },
    spice { weight = random(6) })
  watch(books, future)
end

function operations.cancel_future(books)
  books.futures[random(math.max(1, #books.futures - 20), #books.futures)]:cancel()
end

function operations.weigh_future(books)
  books.futures[random(math.max(1, #books.futures - 20), #books.futures)]:set_weight(random(6))
end

---Gathers some, which cancels the others when one fails, and breaks an as_completed off.
function operations.gather(books)
  local some = table.move(books.futures, math.max(1, #books.futures - random(4)), #books.futures, 1, {})
  watch(books, core.start(taskpool.gather, table.unpack(some)))
  watch(books, core.start(taskpool.timeout, random() / 10 / haste, taskpool.as_completed(some)))
end

function operations.scale(books)
  books.pool:scale(random(-4, 4), { hard = random(2) == 1 })
end

function operations.look(books)
  books.pool:groups { all = random(2) == 1 }
  books.pool:tasks()
  books.pool:status()
  books.pool:task(random(0, books.started))
end

---Each in a task of its own.
function operations.wait(books)
  watch(books, core.start(books.pool.wait, books.pool, random(0, books.started), { timeout = random() / haste }))
end

function operations.pause(books)
  if books.pool.paused or random(10) == 1 then
    books.pool:pause { toggle = true }
  end
end

function operations.cancel(books)
  local newest = books.started
  books.pool:cancel(random(math.max(0, newest - 40), newest), random(math.max(0, newest - 10), newest))
end

function operations.cancel_group(books)
  books.pool:cancel_group(("%s-work-group-%d"):format(random(2) == 1 and "map" or "apply", random(0, 20)))
end

function operations.cancel_all(books)
  if random(30) == 1 then
    books.pool:cancel_all()
  end
end

function operations.resize(books)
  books.pool.pool_size = random(10) == 1 and math.huge or random(0, 12)
end

function operations.lock(books)
  books.pool:lock()
end

function operations.unlock(books)
  books.pool:unlock()
end

function operations.flush(books)
  local before = books.ended
  local ended, kept
  books.pool:flush { return_exceptions = true }
  repeat -- again if others ran between the two counts
    ended, kept = books.ended, books.pool.num_ended
    books.flushed = ended - kept
  until books.ended == ended
  if kept > ended - before then -- others may have ended since it began
    books:complain "a flush has not forgotten what had ended"
  end
end

function operations.yield()
  taskpool.yield()
end

function operations.sleep()
  nap(0.1)
end

---Names of operations, each as often as it is to be taken.
local MIX <const> = {}
for name, weight in pairs {
  apply = 4, map = 4, map_iterator = 4, submit = 3, submit_nowait = 5, cancel = 4, cancel_future = 2, weigh_future = 2,
  gather = 1, scale = 2, look = 2, wait = 2, cancel_group = 2, cancel_all = 1, resize = 2,
  lock = 1, unlock = 3, pause = 2, flush = 1, yield = 6, sleep = 4,
} do
  for _ = 1, weight do
    MIX[#MIX + 1] = name
  end
end
table.sort(MIX)

---Compares. With preemption others may run in the middle of that; what they have caused is not there again.
local function check(books, name)
  local before = #books.violations
  books:check(name)
  for _ = 1, haste > 1 and 5 or 0 do
    if #books.violations == before then break end
    books.violations[#books.violations] = nil
    books:check(name)
  end
end

---Waits until everything has ended.
local function finish(books)
  local pool = books.pool
  if pool.pool_size < 5 then
    pool:scale(5 - pool.pool_size)
  end
  pool:gather_and_close { return_exceptions = true }
  books.flushed = books.ended
  check(books, "gather_and_close")
  for _ = 1, 60 do -- those that were locked out are done too
    taskpool.sleep(books.done < #books.futures and 1 or 0)
  end
  if books.done < #books.futures then
    books:complain "a future is not done"
  end
end

---So many operations on a pool with these options.
---@return fun(log: Log)
local function run(ops, options)
  return function(log)
    math.randomseed(SEED)
    local books <close> = open(options)
    for _ = 1, ops do
      local name = MIX[random(#MIX)]
      pcall(operations[name], books)
      check(books, name)
      if books.pool.num_waiting > 500 then -- closer to an empty pool there is more to go wrong
        books.pool:cancel_all()
      end
    end
    finish(books)
    print(("accounting: ops=%d futures=%d done=%d tries=%d violations=%d"):format(ops, #books.futures, books.done,
      books.retried, #books.violations))
    assert.are.equal(#books.futures, books.done)
    assert(#books.violations == 0, ("seed %d: %s"):format(SEED, books.violations[1]))
    collectgarbage()
    collectgarbage()
    log:expect_all "nobody has awaited" -- of calls whose submitter was cancelled
    assert.are.equal(books.started, books.ended)
    assert.is_true(books.started > ops / 10)
    assert.is_true(books.retried > ops / 1000)
  end
end

describe("the books of a pool (T22)", function()
  local SCALED <const> = { autoscale = { min = 2, max = 9, interval = 0.05 }, order = "lifo", queue_limit = 3,
    rate = { n = 100, per = 1, burst = 10 }, retries = { n = 1, backoff = 0.01, jitter = 1 }, cancel_grace = 0.5 }

  after_each(function()
    haste = 1
    core.preempt(true)
  end)

  it("agree after every one of many random operations", function()
    core.preempt(false) -- others must not run in the middle of a check
    tasks.case(run(OPS, { size = 5, order = "priority", queue_limit = 8 }))()
  end)

  it("agree for a pool that scales itself, with a rate, and whose tasks are tried again", function()
    core.preempt(false)
    tasks.case(run(OPS // 2, SCALED))()
  end)

  it("agree under the real clock, with preemption", function()
    haste = 50
    tasks.live_case(run(OPS // 20, { size = 5, order = "priority", queue_limit = 8 }))()
  end)
end)
