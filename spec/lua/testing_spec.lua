-- SPDX-License-Identifier: MIT
local core = require "taskpool.core"
local taskpool = require "taskpool"
local testing = require "taskpool.testing"
local uv = require "luv"

---Runs pools of every kind of work at once and returns what happened, in order. `work()` is called in every step.
local function happenings(work)
  local seen = {}
  local function note(...)
    work()
    seen[#seen + 1] = table.concat({ ("%.2f"):format(taskpool.now()), ... }, " ")
  end
  testing.run(function()
    local callers, full = taskpool.TaskPool(), taskpool.TaskPool { size = 1, queue_limit = 1, order = "lifo" }
    local wide, events = taskpool.TaskPool { size = 3 }, taskpool.Event()
    for caller = 1, 6 do
      callers:apply(function()
        note("asks", caller)
        note("gets", full:submit(function()
          note("called by", caller)
          taskpool.sleep(1)
          return caller
        end))
        events:wait()
        note("released", caller)
      end)
    end
    wide:map(function(item)
      note("mapped", item)
      taskpool.yield()
      note("mapped on", item)
    end, coroutine.wrap(function()
      for item = 1, 8 do
        note("gives", item)
        coroutine.yield(item)
      end
    end), { num_concurrent = 2 })
    wide:apply(function()
      note "plain"
    end, { num = 20 })
    taskpool.sleep(3)
    events:set()
    callers:gather_and_close()
    full:gather_and_close()
    wide:gather_and_close()
  end)
  return seen
end

describe("a run under the virtual clock", function()
  it("takes hours in no time", function()
    local began = os.time()
    local elapsed = testing.run(function()
      local before = taskpool.now()
      for _ = 1, 1000 do
        taskpool.sleep(3600)
      end
      return taskpool.now() - before
    end)
    assert.are.equal(3600000, elapsed)
    assert.is_true(os.time() - began < 60)
  end)

  it("hands on arguments and results, with their holes", function()
    local results = table.pack(testing.run(function(...)
      return select("#", ...), ...
    end, 1, nil, 3, nil))
    assert.are.same({ n = 5, 4, 1, nil, 3, nil }, results)
  end)

  it("raises what its main function raises", function()
    local thrown = { "anything" }
    local ok, err = pcall(testing.run, error, thrown)
    assert.is_false(ok)
    assert.are.equal(thrown, err)
  end)

  it("wakes sleepers in the order of their times, equal ones in the order of their coming", function()
    local woken = {}
    testing.run(function()
      for index, seconds in ipairs { 3, 1, 2, 1, 3 } do
        core.start(function()
          taskpool.sleep(seconds)
          woken[#woken + 1] = index
        end)
      end
      taskpool.sleep(5)
    end)
    assert.are.same({ 2, 4, 3, 1, 5 }, woken)
  end)

  it("says when nothing can ever wake a task", function()
    local ok, err = pcall(testing.run, function()
      taskpool.Event():wait()
    end)
    assert.is_false(ok)
    assert.are.equal("Deadlock", err.code)
  end)

  it("does everything in the same order, however long each step really takes", function()
    local expected = happenings(function() end)
    assert.is_true(#expected > 60)
    for _, milliseconds in ipairs { 0.02, 0.1, 0.3, 1, 12 } do
      local step = 0
      assert.are.same(expected, happenings(function()
        step = step + 1
        local stop = uv.hrtime() + (step % 3 == 0 and milliseconds * 1e6 or 0)
        repeat until uv.hrtime() >= stop
      end), milliseconds)
    end
  end)

  it("gives the real clock back, also after an error", function()
    pcall(testing.run, error)
    local before = os.clock()
    taskpool.run(function()
      local began = taskpool.now()
      while taskpool.now() - began < 0.01 do
        taskpool.yield()
      end
    end)
    assert.is_true(os.clock() - before < 10)
  end)
end)

describe("a recorder", function()
  it("takes down log records and notes with their times", function()
    testing.run(function()
      local record <close> = testing.record()
      taskpool.log.debug("%d%%", 5)
      taskpool.sleep(1.5)
      record:note("note %s", "a")
      taskpool.log.error "100%"
      assert.are.same({ "0.0 5%", "1.5 note a", "1.5 100%" }, record:lines())
      assert.are.same({ time = 0, level = "debug", message = "5%" }, record[1])
      assert.are.equal("note", record[2].level)
      assert.are.equal(2, record:count "%")
    end)
  end)

  it("keeps what a record is about", function()
    testing.run(function()
      local record <close> = testing.record()
      local pool <close> = taskpool.TaskPool { name = "jobs" }
      local function fail(code)
        taskpool.log.info "begun"
        error(code and taskpool.error(code, "no") or "no")
      end
      pool:map(fail, { "Odd" }, { group_name = "work" })
      pool:apply(fail, { group_name = "rest" })
      pool:gather_and_close { return_exceptions = true }
      taskpool.log.info "outside"
      local about = {}
      for _, each in ipairs(record) do
        if each.level ~= "debug" then
          table.insert(about, { each.level, each.pool, each.group, each.task, each.error })
        end
      end
      assert.are.same({
        { "info", "TaskPool-jobs", nil, nil, nil },
        { "info", "TaskPool-jobs", "work", 0, nil },
        { "error", "TaskPool-jobs", "work", 0, "Odd" },
        { "info", "TaskPool-jobs", "rest", 1, nil },
        { "error", "TaskPool-jobs", "rest", 1, "ScriptError" },
        { "info" },
      }, about)
    end)
  end)

  it("leaves the log as it was", function()
    local level, seen = taskpool.log.level, nil
    local function handler(_, message)
      seen = message
    end
    taskpool.log.handler = handler
    testing.run(function()
      local _ <close> = testing.record()
      taskpool.log.error "recorded"
    end)
    assert.are.equal(level, taskpool.log.level)
    assert.are.equal(handler, taskpool.log.handler)
    assert.is_nil(seen)
    taskpool.log.handler = nil
  end)
end)

describe("the log", function()
  it("refuses settings that it does not have", function()
    for key, value in pairs { levels = "debug", handler = "x", debug = print, level = "loud" } do
      local ok, err = pcall(function()
        taskpool.log[key] = value
      end)
      assert.is_false(ok, key)
      assert.are.equal("InvalidArgument", err.code)
    end
  end)
end)
