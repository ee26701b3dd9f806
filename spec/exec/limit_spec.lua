-- SPDX-License-Identifier: MIT
-- Time limits, graces, and where a task is.
local core = require "taskpool.core"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local uv = require "luv"

---An end callback that notes the first result or the error of each task by its id.
local function noting(results)
  return function(id, ok, value)
    if ok then
      results[id] = value
    else
      results[id] = value.code
    end
  end
end

describe("taskpool.timeout", function()
  it("returns what the function returns in time", tasks.case(function()
    assert.are.same({ 3, nil, "x", n = 3 }, table.pack(taskpool.timeout(2, function(a, b)
      taskpool.sleep(1)
      return a + b, nil, "x"
    end, 1, 2)))
  end))

  it("raises TimedOut when the time is over, after the function has cleaned up", tasks.case(function()
    local began, cleaned = taskpool.now(), nil
    local ok, err = pcall(taskpool.timeout, 2, function()
      local _ <close> = tasks.at_end(function()
        cleaned = taskpool.now() - began
      end)
      taskpool.sleep(10)
    end)
    assert.is_false(ok)
    assert.are.equal("TimedOut", err.code)
    assert.are.equal(2, cleaned)
  end))

  it("raises what the function raises", tasks.case(function()
    local oops = {}
    local ok, err = pcall(taskpool.timeout, 2, error, oops)
    assert.is_false(ok)
    assert.are.equal(oops, err)
  end))

  it("ends with its caller", tasks.case(function()
    local ended
    local pool = tasks.TaskPool()
    pool:apply(taskpool.timeout, { args = { 10, function()
      local _ <close> = tasks.at_end(function()
        ended = true
      end)
      taskpool.sleep(5)
    end } })
    taskpool.sleep(1)
    pool:cancel_all()
    pool:gather_and_close()
    tasks.settle()
    assert.is_true(ended)
  end))
end)

describe("the timeout of a call", function()
  it("cancels each task that takes longer, and counts them", tasks.case(function()
    local results, pool = {}, tasks.TaskPool()
    pool:map(function(seconds)
      taskpool.sleep(seconds)
      return seconds
    end, { 1, 5, 2, 50 }, { num_concurrent = 4, timeout = 3, end_callback = noting(results) })
    pool:gather_and_close()
    assert.are.same({ [0] = 1, "TimedOut", 2, "TimedOut" }, results)
    assert.are.equal(2, pool.num_timed_out)
  end))

  it("begins when a task starts, not when the call is made", tasks.case(function()
    local results, pool = {}, tasks.TaskPool { size = 1 }
    pool:apply(taskpool.sleep, { args = { 2 }, num = 3, timeout = 3, end_callback = noting(results) })
    pool:gather_and_close()
    assert.are.equal(0, pool.num_timed_out)
  end))
end)

describe("the grace of a cancel", function()
  ---Cancels a task that shields itself for long; returns how long that took and the cancel error.
  local function end_shielded(options, cancel_options)
    local seen
    local pool = tasks.TaskPool(options)
    pool:apply(taskpool.shield, { args = { 100, taskpool.sleep, 100 }, end_callback = function(_, _, err)
      seen = err
    end })
    taskpool.sleep(1)
    local began = taskpool.now()
    pool:cancel_all(cancel_options)
    pool:gather_and_close()
    return taskpool.now() - began, seen
  end

  it("is 5 seconds, or that of the pool, or that of the call", tasks.case(function(log)
    assert.are.equal(5, (end_shielded()))
    assert.are.equal(2, (end_shielded { cancel_grace = 2 }))
    assert.are.equal(1, (end_shielded({ cancel_grace = 2 }, { grace = 1 })))
    assert.are.equal(3, log:expect_all "Killed")
  end))

  it("is that of the pool for a task that is out of time, too", tasks.case(function(log)
    local pool, began = tasks.TaskPool { cancel_grace = 2 }, taskpool.now()
    pool:apply(taskpool.shield, { args = { 100, taskpool.sleep, 100 }, timeout = 1 })
    pool:gather_and_close()
    assert.are.equal(3, taskpool.now() - began)
    log:expect "Killed"
  end))

  it("is told to the callbacks: who cancelled, whether the task was killed, how long it took",
    tasks.case(function(log)
      local _, err = end_shielded({ cancel_grace = 2 }, { msg = "enough" })
      assert.are.equal("enough", err.message)
      assert.are.equal("cancel_all", err.who)
      assert.is_true(err.killed)
      assert.are.equal(2, err.took)
      log:expect "Killed"
    end))
end)

describe("traceback", function()
  it("tells where a parked task is", tasks.case(function()
    local pool = tasks.TaskPool()
    local function inner()
      taskpool.sleep(1)
    end
    pool:apply(function()
      inner()
    end)
    tasks.settle()
    assert.matches("^sleep < inner at .*limit_spec%.lua:%d+ < function at .*limit_spec%.lua:%d+$", pool:traceback(0))
    pool:gather_and_close()
  end))

  it("knows no task that has ended", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:apply(function() end)
    tasks.settle()
    tasks.raises("AlreadyEnded", pool.traceback, pool, 0)
    tasks.raises("TaskNotFound", pool.traceback, pool, 7)
    pool:gather_and_close()
  end))
end)

describe("a cancelled await", function()
  it("closes the handle that the function has returned", tasks.case(function()
    local timer, pool = uv.new_timer(), tasks.TaskPool()
    pool:apply(function()
      taskpool.await(function(callback)
        timer:start(100000, 0, callback)
        return timer
      end)
    end)
    taskpool.yield()
    taskpool.yield()
    pool:cancel_all()
    pool:gather_and_close()
    assert.is_true(timer:is_closing())
  end))

  it("drops and counts a result that comes too late", tasks.case(function()
    local before, late = core.dropped_results(), nil
    local pool = tasks.TaskPool()
    pool:apply(function()
      taskpool.await(function(callback)
        late = callback
        return true
      end)
    end)
    taskpool.yield()
    taskpool.yield()
    pool:cancel_all()
    pool:gather_and_close()
    late(nil, "too late")
    assert.are.equal(before + 1, core.dropped_results())
  end))
end)
