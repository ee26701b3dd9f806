-- SPDX-License-Identifier: MIT
--
-- Baseline: the scheduler that one would write by hand in pure Lua. A run queue, at most 100 tasks at a
-- time, an iterator of arguments, counts, and an error of a task caught and counted.
--
--   lua5.4 scheduler.lua trivial|yield reused|fresh COUNT     prints tasks a second

local uv = require "luv"

local LIMIT = 100
local yield = coroutine.yield

-- What a reused coroutine yields when its task has ended, to tell that from a wait.
local ENDED = {}

local workers = {
  trivial = function(x) return x end,
  yield = function(x) yield() return x end,
}

---Makes the function that runs one task to its end.
local function task_runner(counts, worker)
  return function(x)
    local ok = pcall(worker, x)
    counts.running = counts.running - 1
    counts.ended = counts.ended + 1
    if not ok then counts.failed = counts.failed + 1 end
  end
end

---Two functions: one that gives a coroutine for the next task, one that takes it back at the task's end.
local function new_each_time(run)
  return function() return coroutine.create(run) end, function() end
end

local function reused(run)
  local free, count = {}, 0
  local function body(x)
    while true do
      run(x)
      x = yield(ENDED)
    end
  end
  local function take()
    if count == 0 then return coroutine.create(body) end
    count = count - 1
    return free[count + 1]
  end
  local function give(thread)
    count = count + 1
    free[count] = thread
  end
  return take, give
end

---Runs worker(x) for each x of the iterator.
local function map(worker, iterator, make_threads)
  local counts = {started = 0, running = 0, ended = 0, failed = 0}
  local take, give = make_threads(task_runner(counts, worker))
  local queue, first, last = {}, 1, 0
  local more = true

  local function resume(thread, x)
    local _, state = coroutine.resume(thread, x)
    if state == ENDED or coroutine.status(thread) == "dead" then
      give(thread)
    else
      last = last + 1
      queue[last] = thread
    end
  end

  while more or first <= last do
    while more and counts.running < LIMIT do
      local x = iterator()
      if x == nil then
        more = false
      else
        counts.started, counts.running = counts.started + 1, counts.running + 1
        resume(take(), x)
      end
    end
    local snapshot = last
    while first <= snapshot do
      local thread = queue[first]
      queue[first] = nil
      first = first + 1
      resume(thread)
    end
  end
  return counts
end

local function numbers(count)
  local at = 0
  return function()
    at = at + 1
    return at <= count and at or nil
  end
end

local worker = workers[arg[1]]
local make_threads = arg[2] == "reused" and reused or new_each_time
local count = math.tointeger(arg[3])

map(worker, numbers(count // 10), make_threads)
local start = uv.hrtime()
assert(map(worker, numbers(count), make_threads).ended == count)
print(("%.0f"):format(count / (uv.hrtime() - start) * 1e9))
