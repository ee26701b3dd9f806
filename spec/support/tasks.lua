-- SPDX-License-Identifier: MIT
--
-- Specs of task code: each case is a host's whole run, under the virtual clock, that must leave nothing.
--
--     it("does something", tasks.case(function(log)
--       local pool = tasks.TaskPool()
--       pool:apply(error, { args = { "oops" } })
--       pool:gather_and_close { return_exceptions = true }
--       log:expect "oops"
--     end))
--
-- The log is recorded (see taskpool.testing). At the end of a case nothing runs any more, no pool is left in
-- memory once it is closed, no handle on the loop is active, and every record of an error was expected.
local assert = require "luassert"
local taskpool = require "taskpool"
local testing = require "taskpool.testing"
local uv = require "luv"

local tasks = {}

---What a case gets: the records of the log so far.
---@class Log
---@field recorder taskpool.Recorder
---@field first integer where the records of this case begin
local Log = {}
Log.__index = Log

local LOUD <const> = { warning = true, error = true }

---The first warning or error with `text` in it that was not expected before; it must be there.
---@param text string taken as it is
---@return string message
function Log:expect(text)
  for index = 1, #self.recorder do
    local record = self.recorder[index]
    if LOUD[record.level] and not record.expected and record.message:find(text, 1, true) then
      record.expected = true
      return record.message
    end
  end
  error(("no error with %q was logged, but:\n%s"):format(text, self), 2)
end

---How many records have `text` in them.
---@param text string taken as it is
---@return integer
function Log:count(text)
  return self.recorder:count(text)
end

---Takes all warnings and errors as expected that have `text` in them; returns how many.
---@param text string taken as it is
---@return integer
function Log:expect_all(text)
  local count = 0
  for _, record in ipairs(self.recorder) do
    if LOUD[record.level] and not record.expected and record.message:find(text, 1, true) then
      record.expected, count = true, count + 1
    end
  end
  return count
end

function Log:__tostring()
  return table.concat(self.recorder:lines(), "\n")
end

---All pools that have been made in a case and are still in memory.
local pools = setmetatable({}, { __mode = "v" })

local function watch(pool)
  table.insert(pools, pool)
  return pool
end

---Makes a TaskPool that the end of the case asks after.
function tasks.TaskPool(options)
  return watch(taskpool.TaskPool(options))
end

---Makes a SimpleTaskPool that the end of the case asks after.
function tasks.SimpleTaskPool(func, options)
  return watch(taskpool.SimpleTaskPool(func, options))
end

---Nothing may be left of a case.
local function check_nothing_left(log)
  for _, pool in pairs(pools) do
    local where = tostring(pool)
    assert.are.equal(0, pool.num_running, where)
    assert.are.equal(0, pool.num_cancelled, where)
    assert.are.equal(0, pool.num_waiting, where)
  end
  testing.run(function()
    for _, pool in pairs(pools) do
      pcall(pool.gather_and_close, pool, { return_exceptions = true })
    end
  end)
  collectgarbage()
  collectgarbage()
  assert.is_nil(next(pools), "a closed pool is still in memory")
  assert.is_falsy(uv.loop_alive(), "a handle on the loop is active")
  for _, record in ipairs(log.recorder) do
    if LOUD[record.level] and not record.expected then
      error("not expected: " .. record.message, 0)
    end
  end
end

---Runs `body(log)` as a host's main task, and looks at what is left.
---@param body fun(log: Log)
---@param main fun(body: function, log: Log) runs it
local function run(body, main)
  local recorder <close> = testing.record()
  local log = setmetatable({ recorder = recorder }, Log)
  main(body, log)
  check_nothing_left(log)
end

---What `it` is given to run `body` so.
---@param body fun(log: Log)
---@return function
function tasks.case(body)
  return function()
    run(body, testing.run)
  end
end

---The same under the real clock, for what happens outside of the host.
---@param body fun(log: Log)
---@return function
function tasks.live_case(body)
  return function()
    run(body, taskpool.run)
  end
end

---Whether loops that never wait can be interrupted: ThreadSanitizer holds signals back until a call of the C
---library.
tasks.can_interrupt = not (os.getenv "SANITIZE" or ""):find "thread"

---How many rounds of something are to be played: fewer where a sanitizer makes each of them slow.
---@param rounds integer
---@return integer
function tasks.scaled(rounds)
  return os.getenv "ASAN_OPTIONS" and rounds // 10 or rounds
end

---Lets everything run that can run without time going on.
function tasks.settle()
  taskpool.sleep(1e-6)
end

---Calls a function that must raise an error with that code; returns the error.
---@param code string
---@param func function
---@return table error
function tasks.raises(code, func, ...)
  local ok, err = pcall(func, ...)
  assert.is_false(ok, "no error was raised")
  assert.are.equal("table", type(err), tostring(err))
  assert.are.equal(code, err.code, tostring(err))
  return err
end

---A value whose scope calls `func(error)` at its end, for a <close> variable.
---@param func fun(err: any)
function tasks.at_end(func)
  return setmetatable({}, {
    __close = function(_, err)
      func(err)
    end,
  })
end

---The members of a set, in order.
---@param set table<integer, true>
---@return integer[]
function tasks.members(set)
  local list = {}
  for member, is_in in pairs(set) do
    assert.is_true(is_in)
    list[#list + 1] = member
  end
  table.sort(list)
  return list
end

return tasks
