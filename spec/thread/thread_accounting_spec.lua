-- SPDX-License-Identifier: MIT
-- The books of a pool of threads under random use (T22): started = running + cancelled + ended + flushed after every
-- operation, never more at a time than the size allows, each task's end callback and each future once.
--
-- TP_OPS in the environment says how many operations there are, TP_SEED repeats their order; what the threads make of
-- them differs from run to run.
local core = require "taskpool.core"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

local REMOTE <const> = "spec.support.remote."
local OPS <const> = tonumber(os.getenv "TP_OPS") or tasks.scaled(10000)
local SEED <const> = tonumber(os.getenv "TP_SEED") or os.time()
local random = math.random

---What is known of a pool from outside of it.
---@class ThreadBooks
---@field pool taskpool.TaskPool
---@field started integer records "Started"
---@field ended integer records "Ended"
---@field flushed integer of those that ended, how many the pool has forgotten
---@field ends table<integer, true> tasks whose end callback has run
---@field cancels table<integer, true> the same of the cancel callback
---@field futures taskpool.Future[] of the calls submitted
---@field done integer how many of them are
---@field violations string[]
---@field handler taskpool.LogHandler that of the log before
local Books = {}
Books.__index = Books

---@return ThreadBooks
local function open()
  local self = setmetatable({ started = 0, ended = 0, flushed = 0, ends = {}, cancels = {}, futures = {},
    done = 0, violations = {} }, Books)
  self.pool = tasks.TaskPool { size = 8, queue_limit = 8, executor = "thread", threads = 2, cancel_grace = 0.05,
    retries = { n = 2, backoff = 0.001 } }
  self.handler = taskpool.log.handler
  taskpool.log.handler = function(level, message)
    if message:find "^Started" then
      self.started = self.started + 1
      self:check_size()
    elseif message:find "^Ended" then
      self.ended = self.ended + 1
    elseif level == "error" and not message:find "on purpose" and not message:find "not yet" then
      self:complain(message)
    end
  end
  return self
end

function Books:__close()
  taskpool.log.handler = self.handler
end

---@param text string
function Books:complain(text)
  local pool = self.pool
  local counts = ("started %d, running %d, cancelled %d, ended %d (%d), flushed %d, size %s"):format(self.started,
    pool.num_running, pool.num_cancelled, pool.num_ended, self.ended, self.flushed, pool.pool_size)
  self.violations[#self.violations + 1] = text .. ": " .. counts
end

function Books:check_size()
  local pool = self.pool
  if pool.num_running + pool.num_cancelled > pool.pool_size then
    self:complain "more than the size"
  end
end

---What is wrong with the pool's counts; nil: nothing.
---@return string?
function Books:fault()
  local pool = self.pool
  local running, cancelled, ended = pool.num_running, pool.num_cancelled, pool.num_ended
  if self.started ~= running + cancelled + ended + self.flushed then
    return "the sum is wrong"
  elseif ended + self.flushed ~= self.ended then
    return "ended is wrong"
  elseif running < 0 or cancelled < 0 or ended < 0 or pool.num_waiting < 0 then
    return "a count is below 0"
  end
end

---Compares the pool's counts with the books, again where the end of a slice has come in between.
---@param operation string the last one
function Books:check(operation)
  local fault = self:fault() and self:fault() and self:fault()
  if fault then
    self:complain(fault .. " after " .. operation)
  end
end

---Worker functions, and what makes an argument of each.
local WORK <const> = {
  { "echo", random },
  { "sleep", function() return random() / 300 end },
  { "sleep", function() return 1000 end },
  { "spin", function() return random(3000) end },
  { "fail", function() return "on purpose" end },
  { "succeed_at", function() return random(3) end },
  { "ignore_cancel", function() return random() / 100 end },
  { "block", function() return random(3) / 1000 end },
}
if tasks.can_interrupt then
  WORK[#WORK + 1] = { "swallow", random }
end

---@param books ThreadBooks
local function options_of(books)
  local function once(list, what)
    return function(id)
      if list[id] then
        books:complain("a second " .. what)
      end
      list[id] = true
      if random(3) == 1 then
        taskpool.sleep(random() / 1000)
      end
    end
  end
  return {
    num_concurrent = random(8),
    weight = random(6),
    end_callback = once(books.ends, "end callback"),
    cancel_callback = once(books.cancels, "cancel callback"),
    timeout = random(2) == 1 and random() / 200 or nil,
  }
end

local operations = {}

function operations.apply(books)
  local work, options = WORK[random(#WORK)], options_of(books)
  options.num, options.num_concurrent, options.args = random(0, 4), nil, { work[2]() }
  books.pool:apply(REMOTE .. work[1], options)
end

function operations.map(books)
  local work, left = WORK[random(#WORK)], random(0, 8)
  books.pool:map(REMOTE .. work[1], function()
    left = left - 1
    if random(6) == 1 then
      taskpool.sleep(random() / 1000)
    end
    return left >= 0 and work[2]() or nil
  end, options_of(books))
end

function operations.submit(books)
  local work = WORK[random(#WORK)]
  local future, told = books.pool:submit_nowait(REMOTE .. work[1], { work[2]() }, { timeout = random() / 50 }), 0
  books.futures[#books.futures + 1] = future
  core.on_end(future, function()
    told, books.done = told + 1, books.done + 1
    if told > 1 then
      books:complain "a future was done twice"
    end
  end)
end

function operations.cancel_future(books)
  local future = books.futures[random(math.max(1, #books.futures - 8), math.max(1, #books.futures))]
  if future then
    future:cancel()
  end
end

function operations.cancel(books)
  local id = books.started - random(16)
  books.pool:cancel(id, { grace = random(4) == 1 and 0 or nil })
end

function operations.cancel_group(books)
  local names = {}
  for _, group in ipairs(books.pool:groups()) do
    names[#names + 1] = group.name
  end
  books.pool:cancel_group(names[random(#names)], { msg = "by lot" })
end

function operations.cancel_all(books)
  books.pool:cancel_all()
end

function operations.resize(books)
  books.pool.pool_size = random(0, 12)
end

function operations.scale(books)
  books.pool:scale(random(-4, 4), { hard = random(2) == 1 })
end

function operations.pass()
  taskpool.sleep(random() / 500)
end

---Forgets what has ended; what ends meanwhile stays.
function operations.flush(books)
  books.pool:flush { return_exceptions = true }
  local ended
  repeat
    ended = books.ended
    books.flushed = ended - books.pool.num_ended
  until ended == books.ended
end

---How often each comes up.
local MIX <const> = {}
for name, share in pairs {
  apply = 4, map = 4, submit = 4, cancel_future = 2, cancel = 6, cancel_group = 2, resize = 1, scale = 1, pass = 6,
  flush = 2,
} do
  for _ = 1, share do
    MIX[#MIX + 1] = name
  end
end
table.sort(MIX)
MIX[#MIX + 1] = "cancel_all"

describe("the accounting of a pool of threads", function()
  it("never goes wrong (T22)", tasks.live_case(function(log)
    math.randomseed(SEED)
    local books <close> = open()
    local pool = books.pool
    for _ = 1, OPS do
      local name = MIX[random(#MIX)]
      pcall(operations[name], books)
      books:check(name)
      if pool.num_waiting > 200 then
        pool:cancel_all()
      end
    end
    pool.pool_size = 8
    pool:cancel_all()
    pool:gather_and_close { return_exceptions = true }
    books.flushed = books.ended
    books:check "gather_and_close"
    local called = 0
    for _ in pairs(books.ends) do
      called = called + 1
    end
    print(("thread-accounting: ops=%d started=%d end_cb=%d futures=%d done=%d violations=%d"):format(OPS,
      books.started, called, #books.futures, books.done, #books.violations))
    assert(#books.violations == 0, ("seed %d: %s"):format(SEED, books.violations[1]))
    assert.are.equal(#books.futures, books.done)
    assert.are.equal(books.started, books.ended)
    assert.is_true(books.started > OPS / 5)
    collectgarbage()
    log:expect_all ""
  end))
end)
