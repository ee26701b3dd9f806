-- SPDX-License-Identifier: MIT
-- A pool as a whole: its name, its size, its lock, its counts.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local raises, settle = tasks.raises, tasks.settle

---Takes that many seconds.
local function nap(seconds)
  taskpool.sleep(seconds)
end

---The counts of a pool as "running cancelled ended waiting".
local function counts(pool)
  return ("%d %d %d %d"):format(pool.num_running, pool.num_cancelled, pool.num_ended, pool.num_waiting)
end

describe("the log of an error", function()
  it("has its own traceback, whatever fails while its <close> variables wait", tasks.case(function(log)
    local pool = tasks.TaskPool()
    local function slow()
      local _ <close> = tasks.at_end(function() taskpool.sleep(2) end)
      error "slow"
    end
    local function quick()
      taskpool.sleep(1)
      error "quick"
    end
    pool:apply(slow)
    pool:apply(quick)
    pool:gather_and_close { return_exceptions = true }
    local line = debug.getinfo(slow, "S").linedefined
    assert.matches(("slow\n  stack traceback:\n    .*<.*pool_spec.lua:%d>"):format(line), log:expect "slow")
    log:expect "quick\n  stack traceback:\n    "
  end))
end)

describe("a new pool", function()
  it("prints as its class and its name, its tasks after it", tasks.case(function(log)
    local pool = tasks.TaskPool { name = "jobs" }
    local simple = tasks.SimpleTaskPool(nap, { name = "naps", args = { 1 } })
    assert.are.equal("TaskPool-jobs", tostring(pool))
    assert.are.equal("SimpleTaskPool-naps", tostring(simple))
    assert.are.equal(1, log:count "TaskPool-jobs initialized")
    pool:apply(nap, { args = { 1 } })
    settle()
    assert.are.equal(1, log:count "Started TaskPool-jobs_Task-0")
  end))

  it("is called by an index that runs over all pools of the host, if it has no name", tasks.case(function()
    local indexes = {}
    for place, make in ipairs { tasks.TaskPool, tasks.SimpleTaskPool, tasks.TaskPool } do
      local pool = make == tasks.TaskPool and make() or make(nap)
      indexes[place] = math.tointeger(tostring(pool):match "^%a+Pool%-(%d+)$")
    end
    assert.are.same({ indexes[1], indexes[1] + 1, indexes[1] + 2 }, indexes)
  end))

  it("is empty, open and without a limit", tasks.case(function()
    local pool = tasks.TaskPool()
    assert.are.equal("0 0 0 0", counts(pool))
    assert.are.equal(math.huge, pool.pool_size)
    assert.is_false(pool.is_locked)
    assert.is_false(pool.is_full)
  end))

  it("refuses options that it does not know, and wrong values, by their names", tasks.case(function()
    local WRONG <const> = {
      { { size = -1 }, "size" }, { { size = 1.5 }, "size" }, { { size = "3" }, "size" },
      { { size = -math.huge }, "size" }, { { size = 0 / 0 }, "size" }, { { name = 5 }, "name" },
      { { sizes = 3 }, "sizes" }, { { 3 }, "options" }, { 3, "options" },
    }
    for _, case in ipairs(WRONG) do
      local err = raises("InvalidArgument", taskpool.TaskPool, case[1])
      assert.matches("^TaskPool.*" .. case[2], err.message)
    end
  end))

  it("has no properties but its own, and lets only its size be set", tasks.case(function()
    local pool = tasks.TaskPool()
    for _, name in ipairs { "num_running", "is_locked", "lock", "unheard_of" } do
      local err = raises("InvalidArgument", function()
        pool[name] = 1
      end)
      assert.matches(name, err.message)
    end
    raises("InvalidArgument", pool.lock, {})
  end))

  it("raises where it is asked for what it has not, and says what comes close", tasks.case(function()
    local pool, simple = tasks.TaskPool { name = "p" }, tasks.SimpleTaskPool(nap, { name = "s" })
    local function get(of, name)
      return raises("InvalidArgument", function() return of[name] end).message
    end
    local function set(of, name)
      return raises("InvalidArgument", function() of[name] = 1 end).message
    end
    for _, try in ipairs { get, set } do
      assert.are.equal("TaskPool-p has no method or property 'num_runing'; did you mean 'num_running'?",
        try(pool, "num_runing"))
      assert.are.equal("TaskPool-p has no method or property 'gather'; did you mean 'gather_and_close'?",
        try(pool, "gather"))
      assert.are.equal("TaskPool-p has no method or property 'xyzzy'", try(pool, "xyzzy"))
      assert.are.equal("TaskPool-p has no 'stop_all'; a SimpleTaskPool has it", try(pool, "stop_all"))
      assert.are.equal("SimpleTaskPool-s has no 'map'; a TaskPool has it", try(simple, "map"))
      assert.are.equal("TaskPool-p has methods and properties; its keys are their names, not a number", try(pool, 1))
    end
  end))

  it("says whether it is closed", tasks.case(function()
    local pool = tasks.TaskPool()
    assert.is_false(pool.is_closed)
    pool:gather_and_close()
    assert.is_true(pool.is_closed)
  end))
end)

describe("the size of a pool", function()
  it("goes by both names, in the options and as a property", tasks.case(function()
    for _, option in ipairs { "size", "pool_size" } do
      for _, pool in ipairs { tasks.TaskPool { [option] = 3 }, tasks.SimpleTaskPool(nap, { [option] = 3 }) } do
        assert.are.equal(3, pool.size)
        assert.are.equal(3, pool.pool_size)
        pool.size = 5
        assert.are.equal(5, pool.pool_size)
        pool.pool_size = math.huge
        assert.are.equal(math.huge, pool.size)
      end
    end
    local both = { size = 1, pool_size = 1 }
    assert.matches("^TaskPool: .*one of them", raises("InvalidArgument", taskpool.TaskPool, both).message)
    assert.matches("^SimpleTaskPool: ", raises("InvalidArgument", taskpool.SimpleTaskPool, nap, both).message)
  end))

  it("is the limit itself, whatever runs", tasks.case(function()
    local pool = tasks.TaskPool { size = 3 }
    pool:apply(nap, { args = { 1 }, num = 2 })
    settle()
    assert.are.equal(3, pool.pool_size)
    assert.is_false(pool.is_full)
    pool:apply(nap, { args = { 1 }, num = 2 })
    settle()
    assert.are.equal(3, pool.pool_size)
    assert.is_true(pool.is_full)
    assert.are.equal("3 0 0 1", counts(pool))
  end))

  it("starts waiting tasks at once when it is raised", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    pool:apply(nap, { args = { 1 }, num = 5 })
    settle()
    assert.are.equal("1 0 0 4", counts(pool))
    pool.pool_size = 3
    assert.are.equal("1 0 0 4", counts(pool)) -- deferred, as every start
    settle()
    assert.are.equal("3 0 0 2", counts(pool))
    pool.pool_size = math.huge
    settle()
    assert.are.equal("5 0 0 0", counts(pool))
  end))

  it("cancels nothing when it is lowered, and lets no more run than it says", tasks.case(function()
    local pool = tasks.TaskPool { size = 6 }
    pool:map(nap, { 6, 5, 4, 3, 2, 1, 1, 1, 1 }, { num_concurrent = 9 })
    settle()
    assert.are.equal("6 0 0 3", counts(pool))
    pool.pool_size = 3
    local running = {}
    for second = 1, 6 do
      taskpool.sleep(1)
      running[second] = pool.num_running
    end
    assert.are.same({ 5, 4, 3, 3, 3, 0 }, running)
    pool:gather_and_close()
  end))

  it("may be 0: nothing starts then", tasks.case(function()
    local pool = tasks.TaskPool { size = 0 }
    assert.is_true(pool.is_full)
    pool:apply(nap, { args = { 1 } })
    taskpool.sleep(10)
    assert.are.equal("0 0 0 1", counts(pool))
    pool.pool_size = 1
    settle()
    assert.are.equal("1 0 0 0", counts(pool))
  end))

  it("is never negative, nor anything but a whole number", tasks.case(function()
    local pool = tasks.TaskPool { size = 2 }
    for _, wrong in ipairs { -1, 0.5, "2", true, -math.huge } do
      local err = raises("InvalidArgument", function()
        pool.pool_size = wrong
      end)
      assert.matches("pool_size.*size", err.message)
    end
    assert.are.equal(2, pool.pool_size)
  end))

  it("counts a cancelled task that is not through with its end", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    pool:apply(nap, { args = { 9 }, cancel_callback = function()
      taskpool.sleep(1)
    end })
    pool:apply(nap, { args = { 9 } })
    settle()
    pool:cancel(0)
    settle()
    assert.are.equal("0 1 0 1", counts(pool))
    taskpool.sleep(1)
    assert.are.equal("1 0 1 0", counts(pool))
  end))
end)

describe("a locked pool", function()
  it("refuses new work and goes on with what it has", tasks.case(function(log)
    local pool = tasks.TaskPool { size = 1 }
    pool:map(nap, { 1, 1, 1 })
    pool:lock()
    pool:lock()
    assert.is_true(pool.is_locked)
    local err = raises("PoolIsLocked", pool.apply, pool, nap)
    assert.matches(tostring(pool), err.message, 1, true)
    raises("PoolIsLocked", pool.map, pool, nap, { 1 })
    taskpool.sleep(3.5)
    assert.are.equal("0 0 3 0", counts(pool))
    pool:unlock()
    pool:unlock()
    assert.is_false(pool.is_locked)
    pool:apply(nap, { args = { 1 } })
    assert.are.equal(1, log:count(tostring(pool) .. " is locked!"))
    assert.are.equal(1, log:count(tostring(pool) .. " was unlocked."))
  end))
end)

describe("the counts of a pool", function()
  it("follow its tasks from waiting to flushed", tasks.case(function()
    local pool = tasks.TaskPool { size = 2 }
    pool:apply(nap, { args = { 1 }, num = 3, cancel_callback = function()
      taskpool.sleep(1)
    end })
    assert.are.equal("0 0 0 3", counts(pool))
    settle()
    assert.are.equal("2 0 0 1", counts(pool))
    pool:cancel(0)
    assert.are.equal("1 1 0 1", counts(pool))
    taskpool.sleep(1.5)
    assert.are.equal("1 0 2 0", counts(pool))
    taskpool.sleep(2)
    assert.are.equal("0 0 3 0", counts(pool))
    pool:flush()
    assert.are.equal("0 0 0 0", counts(pool))
  end))
end)
