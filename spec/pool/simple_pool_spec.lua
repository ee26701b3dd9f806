-- SPDX-License-Identifier: MIT
-- Pools that run one function with one set of arguments: start, stop, stop_all, func_name.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local workers = require "spec.support.workers"
local members, raises, settle = tasks.members, tasks.raises, tasks.settle

---Takes that many seconds.
local function nap(seconds)
  taskpool.sleep(seconds)
end

describe("a simple pool", function()
  it("knows the name of its function", tasks.case(function()
    assert.are.equal("nap", taskpool.SimpleTaskPool(nap).func_name)
    assert.are.equal("double", taskpool.SimpleTaskPool("spec.support.workers.double").func_name)
    assert.are.equal("note", taskpool.SimpleTaskPool(workers.note).func_name)
  end))

  it("calls it with its arguments, those by name bound to its parameters", tasks.case(function()
    local calls = {}
    local function work(a, b, c)
      calls[#calls + 1] = { a, b, c }
    end
    local pool = tasks.SimpleTaskPool(work, { args = { 1 }, kwargs = { c = 3, b = 2 } })
    pool:start(2)
    pool:gather_and_close()
    assert.are.same({ { 1, 2, 3 }, { 1, 2, 3 } }, calls)
  end))

  it("refuses what it could not call, when it is made", tasks.case(function()
    local function work(a)
      return a
    end
    local WRONG <const> = {
      { "InvalidArgument", "func", nil }, { "InvalidArgument", "func", 5 },
      { "NotFound", "nowhere.work", "nowhere.work" },
      { "InvalidArgument", "'b'", work, { kwargs = { b = 1 } } },
      { "InvalidArgument", "'a'.*twice", work, { args = { 1 }, kwargs = { a = 1 } } },
      { "InvalidArgument", "args", work, { args = 1 } },
      { "InvalidArgument", "end_callback", work, { end_callback = 1 } },
      { "InvalidArgument", "arg'", work, { arg = {} } },
      { "InvalidArgument", "size", work, { size = -1 } },
    }
    for _, case in ipairs(WRONG) do
      local err = raises(case[1], taskpool.SimpleTaskPool, case[3], case[4])
      assert.matches(case[2], err.message)
    end
  end))

  it("has the methods of its own kind only", tasks.case(function()
    local pool = tasks.SimpleTaskPool(nap)
    for _, name in ipairs { "apply", "map", "starmap", "doublestarmap" } do
      raises("InvalidArgument", function() return pool[name] end)
      raises("InvalidArgument", taskpool.TaskPool()[name], pool, nap, {})
    end
    raises("InvalidArgument", pool.start, taskpool.TaskPool(), 1)
  end))
end)

describe("starting", function()
  it("adds tasks in a group that it names", tasks.case(function()
    local pool = tasks.SimpleTaskPool(nap, { args = { 60 } })
    assert.are.equal("start-group-0", pool:start(2))
    assert.are.equal("start-group-1", pool:start(1))
    assert.are.equal(0, pool.num_running)
    assert.are.equal(3, pool.num_waiting)
    settle()
    assert.are.same({ 0, 2 }, members(pool:get_group_ids "start-group-0"))
    assert.are.same({ 1 }, members(pool:get_group_ids "start-group-1"))
    pool:cancel_group "start-group-0"
    assert.are.equal("start-group-0", pool:start(1))
    pool:cancel_all()
  end))

  it("keeps to the size of the pool", tasks.case(function()
    local pool = tasks.SimpleTaskPool(nap, { args = { 1 }, size = 2 })
    pool:start(5)
    settle()
    assert.are.equal(2, pool.num_running)
    assert.are.equal(3, pool.num_waiting)
    assert.is_true(pool.is_full)
  end))

  it("wants a number of tasks, which may be 0", tasks.case(function()
    local pool = tasks.SimpleTaskPool(nap, { args = { 1 } })
    for _, wrong in ipairs { -1, 1.5, "2", true } do
      local err = raises("InvalidArgument", pool.start, pool, wrong)
      assert.matches("^start.*num", err.message)
    end
    raises("InvalidArgument", pool.start, pool)
    raises("InvalidArgument", pool.start, pool, 1, 2)
    assert.are.equal(0, pool.num_waiting)
    pool:start(0)
    pool:gather_and_close()
  end))

  it("is refused by a pool that is locked or closed", tasks.case(function()
    local pool = tasks.SimpleTaskPool(nap, { args = { 1 } })
    pool:lock()
    raises("PoolIsLocked", pool.start, pool, 1)
    pool:gather_and_close()
    raises("PoolIsClosed", pool.start, pool, 1)
  end))
end)

describe("stopping", function()
  it("cancels the newest running tasks, and returns their ids in that order", tasks.case(function()
    local pool = tasks.SimpleTaskPool(nap, { args = { 60 }, size = 4 })
    pool:start(6)
    settle()
    assert.are.same({ 3, 2 }, pool:stop(2))
    assert.are.equal(2, pool.num_cancelled)
    assert.are.same({ 1 }, pool:stop(1)) -- not one of those that are cancelled already
    settle()
    assert.are.equal(3, pool.num_running) -- 0, and the two that waited
    assert.are.same({ 5, 4, 0 }, pool:stop(100))
    assert.are.same({}, pool:stop(1))
  end))

  it("cancels nothing for 0, and wants a number", tasks.case(function()
    local pool = tasks.SimpleTaskPool(nap, { args = { 1 } })
    pool:start(1)
    settle()
    assert.are.same({}, pool:stop(0))
    for _, wrong in ipairs { -1, 1.5, "2", true } do
      local err = raises("InvalidArgument", pool.stop, pool, wrong)
      assert.matches("^stop.*num", err.message)
    end
    assert.are.equal(1, pool.num_running)
  end))

  it("all cancels whatever runs", tasks.case(function()
    local pool = tasks.SimpleTaskPool(nap, { args = { 60 }, size = 3 })
    pool:start(4)
    settle()
    assert.are.same({ 2, 1, 0 }, pool:stop_all())
    settle()
    assert.are.equal(1, pool.num_running) -- the one that waited; its group goes on
    assert.are.same({ 3 }, pool:stop_all())
    pool:gather_and_close()
  end))

  it("tells the callbacks of the pool", tasks.case(function()
    local told = {}
    local pool = tasks.SimpleTaskPool(nap, {
      args = { 60 },
      cancel_callback = function(id, ok, err)
        told[#told + 1] = { "cancelled", id, ok, err.code, err.who }
      end,
      end_callback = function(id, ok, err)
        told[#told + 1] = { "ended", id, ok, err.code, err.who }
      end,
    })
    pool:start(1)
    settle()
    pool:stop(1)
    settle()
    assert.are.same({
      { "cancelled", 0, false, "Cancelled", "stop" },
      { "ended", 0, false, "Cancelled", "stop" },
    }, told)
  end))
end)
