-- SPDX-License-Identifier: MIT
-- The end of tasks and of pools: flush, gather_and_close, until_closed.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local at_end, raises, settle = tasks.at_end, tasks.raises, tasks.settle

---Takes that many seconds.
local function nap(seconds)
  taskpool.sleep(seconds)
end

---Raises its argument after a second.
local function fail(value)
  taskpool.sleep(1)
  error(value, 0)
end

---The counts of a pool as "running cancelled ended waiting".
local function counts(pool)
  return ("%d %d %d %d"):format(pool.num_running, pool.num_cancelled, pool.num_ended, pool.num_waiting)
end

describe("flushing a pool", function()
  it("lets other tasks run meanwhile, however many tasks there are", tasks.live_case(function()
    local pool, turns = tasks.TaskPool(), 0
    local count = 20000
    pool:apply(taskpool.sleep, { args = { 3600 }, num = count, group_name = "asleep" })
    pool:apply(function() end, { num = count, group_name = "ended" })
    repeat
      taskpool.yield()
    until pool.num_running == count and pool.num_ended == count
    local other = tasks.TaskPool()
    other:apply(function()
      while true do
        turns = turns + 1
        taskpool.yield()
      end
    end)
    taskpool.yield()
    local before = turns
    pool:flush()
    assert.is_true(turns > before)
    assert.are.equal(0, pool.num_ended)
    assert.are.equal(count, #tasks.members(pool:get_group_ids "asleep"))
    assert.are.equal(1, #pool:groups { all = true })
    for _, each in ipairs { pool, other } do
      each:cancel_all()
      each:gather_and_close { return_exceptions = true }
    end
  end))

  it("waits for the callbacks of what has ended, and for nothing else", tasks.case(function()
    local pool = tasks.TaskPool()
    local group = pool:map(nap, { 1, 60 }, { num_concurrent = 2, end_callback = function()
      taskpool.sleep(5)
    end })
    taskpool.sleep(2)
    local began = taskpool.now()
    pool:flush()
    assert.are.equal(4, math.floor(taskpool.now() - began + 0.5))
    assert.are.equal("1 0 0 0", counts(pool))
    assert.are.same({ 1 }, tasks.members(pool:get_group_ids(group)))
    raises("TaskNotFound", pool.cancel, pool, 0)
  end))

  it("raises the first error since the last time, once", tasks.case(function(log)
    local pool = tasks.TaskPool()
    pool:map(fail, { "a", "b" }, { num_concurrent = 2 })
    taskpool.sleep(2)
    local ok, err = pcall(pool.flush, pool)
    assert.is_false(ok)
    assert.matches("^a .*2 errors", err)
    pool:flush()
    pool:gather_and_close()
    assert.are.equal(2, log:expect_all "error in")
  end))

  it("keeps silent about errors where it is asked to", tasks.case(function(log)
    local pool = tasks.TaskPool()
    pool:apply(fail, { args = { "a" } })
    taskpool.sleep(2)
    pool:flush { return_exceptions = true }
    pool:gather_and_close()
    log:expect "a"
  end))
end)

describe("closing a pool", function()
  it("locks it, waits for everything, and forgets it", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    local group = pool:map(nap, { 1, 2 }, { end_callback = function()
      taskpool.sleep(3)
    end })
    local began = taskpool.now()
    pool:gather_and_close()
    assert.are.equal(6, math.floor(taskpool.now() - began + 0.5)) -- the next task does not wait for the callback
    assert.are.equal("0 0 0 0", counts(pool))
    assert.is_true(pool.is_locked)
    for _, method in ipairs { "apply", "map", "starmap", "doublestarmap" } do
      raises("PoolIsClosed", pool[method], pool, nap, method ~= "apply" and {} or nil)
    end
    raises("PoolIsClosed", pool.unlock, pool)
    raises("PoolIsClosed", pool.gather_and_close, pool)
    raises("TaskGroupNotFound", pool.get_group_ids, pool, group)
  end))

  it("raises the first error of a task, and says how many there were", tasks.case(function(log)
    local pool = tasks.TaskPool()
    pool:map(fail, { taskpool.error("NotFound", "a"), "b", "c" }, { num_concurrent = 1 })
    local err = raises("NotFound", pool.gather_and_close, pool)
    assert.matches("^a .*3 errors", err.message)
    assert.are.equal(3, log:expect_all "error in")
    assert.is_true(pool:until_closed())
  end))

  it("raises a single error as it is", tasks.case(function(log)
    local pool, thrown = tasks.TaskPool(), { "anything" }
    pool:apply(fail, { args = { thrown } })
    local ok, err = pcall(pool.gather_and_close, pool)
    assert.is_false(ok)
    assert.are.equal(thrown, err)
    log:expect "anything"
  end))

  it("raises nothing for errors where it is asked to, nor for cancelled tasks", tasks.case(function(log)
    local pool = tasks.TaskPool()
    pool:apply(fail, { args = { "a" } })
    pool:gather_and_close { return_exceptions = true }
    log:expect "a"
    local another = tasks.TaskPool()
    another:apply(nap, { args = { 1 } })
    settle()
    another:cancel_all()
    another:gather_and_close()
  end))

  it("wakes all who wait for it, those too who want to close it themselves", tasks.case(function()
    local pool, helpers, woken = tasks.TaskPool(), tasks.TaskPool(), {}
    pool:apply(nap, { args = { 5 } })
    for name, method in pairs { first = "until_closed", second = "until_closed", third = "gather_and_close" } do
      helpers:apply(function()
        woken[name] = pool[method](pool) or "returned"
      end)
    end
    taskpool.sleep(1)
    pool:gather_and_close()
    settle()
    assert.are.same({ first = true, second = true, third = "returned" }, woken)
    assert.is_true(pool:until_closed())
  end))

  it("is not for a task of the pool, which would wait for itself", tasks.case(function(log)
    local pool = tasks.TaskPool()
    for _, method in ipairs { "flush", "gather_and_close", "until_closed" } do
      pool:apply(function()
        local err = raises("InvalidArgument", pool[method], pool)
        assert.matches("^" .. method, err.message)
      end)
    end
    pool:gather_and_close()
    assert.are.equal(3, log:count "Ended")
  end))

  it("leaves the pool locked when the wait is cancelled, and can be done again", tasks.case(function()
    local pool, helpers, left = tasks.TaskPool(), tasks.TaskPool(), nil
    pool:apply(nap, { args = { 5 } })
    helpers:apply(function()
      local _ <close> = at_end(function(err)
        left = err
      end)
      pool:gather_and_close()
    end)
    taskpool.sleep(1)
    helpers:cancel_all()
    settle()
    assert.are.equal("Cancelled", left.code)
    assert.is_true(pool.is_locked)
    assert.are.equal("1 0 0 0", counts(pool))
    pool:gather_and_close()
  end))
end)
