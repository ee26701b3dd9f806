-- SPDX-License-Identifier: MIT
-- Groups: their names, the ids of their tasks, and cancelling by id, by group, and altogether.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local testing = require "taskpool.testing"
local members, raises, settle = tasks.members, tasks.raises, tasks.settle

---Takes that many seconds.
local function nap(seconds)
  taskpool.sleep(seconds)
end

describe("the name of a group", function()
  it("is made of method, function and the smallest free index", tasks.case(function()
    local pool = tasks.TaskPool()
    assert.are.equal("apply-nap-group-0", pool:apply(nap, { args = { 1 } }))
    assert.are.equal("apply-nap-group-1", pool:apply(nap, { args = { 9 } }))
    assert.are.equal("map-nap-group-0", pool:map(nap, { 1 }))
    assert.are.equal("starmap-nap-group-0", pool:starmap(nap, { { 1 } }))
    assert.are.equal("doublestarmap-nap-group-0", pool:doublestarmap(nap, { { seconds = 1 } }))
    assert.are.equal("map-double-group-0", pool:map("spec.support.workers.double", { 1 }))
    pool:cancel_group "apply-nap-group-0"
    assert.are.equal("apply-nap-group-0", pool:apply(nap, { args = { 1 } }))
    assert.are.equal("apply-nap-group-2", pool:apply(nap, { args = { 1 } }))
  end))

  it("is free again after one flush, if nothing of the group is left", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:apply(nap, { args = { 1 }, group_name = "short" })
    pool:apply(nap, { args = { 9 }, group_name = "long" })
    assert.are.equal("apply-nap-group-0", pool:apply(nap, { args = { 1 } }))
    taskpool.sleep(2)
    raises("TaskGroupAlreadyExists", pool.apply, pool, nap, { args = { 1 }, group_name = "short" })
    pool:flush()
    raises("TaskGroupNotFound", pool.cancel_group, pool, "short")
    assert.are.equal("short", pool:apply(nap, { args = { 1 }, group_name = "short" }))
    assert.are.equal("apply-nap-group-0", pool:apply(nap, { args = { 1 } }))
    raises("TaskGroupAlreadyExists", pool.apply, pool, nap, { args = { 1 }, group_name = "long" })
  end))

  it("tells where a function without a name was defined", tasks.case(function()
    local pool = tasks.TaskPool()
    local line = debug.getinfo(1, "l").currentline + 1
    assert.are.equal("apply-group_spec.lua:" .. line .. "-group-0", pool:apply(function() end))
    assert.are.equal("apply-anonymous-group-0", pool:apply(load "return 1"))
    assert.are.equal("group_spec.lua:" .. line + 2, taskpool.SimpleTaskPool(function() end).func_name)
  end))

  it("tells a function by its name in a module, also beside one without a name on the same line", tasks.case(function()
    local pool = tasks.TaskPool()
    local pair = { function() end, function() end }
    package.loaded["spec.pair"] = { second = pair[2] }
    local _ <close> = tasks.at_end(function()
      package.loaded["spec.pair"] = nil
    end)
    assert.matches("^apply%-group_spec.lua:%d+%-group%-0$", pool:apply(pair[1]))
    assert.are.equal("apply-second-group-0", pool:apply(pair[2]))
  end))

  it("passes over indexes that were taken by name", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:apply(nap, { args = { 1 }, group_name = "apply-nap-group-0" })
    pool:apply(nap, { args = { 1 }, group_name = "apply-nap-group-2" })
    assert.are.equal("apply-nap-group-1", pool:apply(nap, { args = { 1 } }))
    assert.are.equal("apply-nap-group-3", pool:apply(nap, { args = { 1 } }))
  end))

  it("can be chosen, and is returned", tasks.case(function()
    local pool = tasks.TaskPool()
    assert.are.equal("a", pool:apply(nap, { args = { 1 }, group_name = "a" }))
    assert.are.equal("b c", pool:map(nap, { 1 }, { group_name = "b c" }))
  end))

  it("is refused where the pool has it already", tasks.case(function()
    local pool, another = tasks.TaskPool(), tasks.TaskPool()
    pool:apply(nap, { args = { 1 }, group_name = "a" })
    local err = raises("TaskGroupAlreadyExists", pool.map, pool, nap, { 1 }, { group_name = "a" })
    assert.matches("'a'", err.message, 1, true)
    assert.are.equal(1, pool.num_waiting)
    another:apply(nap, { args = { 1 }, group_name = "a" })
    pool:cancel_group "a"
    pool:apply(nap, { args = { 1 }, group_name = "a" })
  end))

  it("must not be empty", tasks.case(function()
    local pool = tasks.TaskPool()
    raises("InvalidArgument", pool.apply, pool, nap, { group_name = "" })
    assert.are.equal(0, pool.num_waiting)
  end))
end)

describe("the ids of a group", function()
  it("count from 0 within the pool, in the order of starting", tasks.case(function(log)
    local pool = tasks.TaskPool { size = 2, name = "ids" }
    local seen = {}
    for _, name in ipairs { "a", "b" } do
      pool:map(nap, { 1, 1 }, { group_name = name, end_callback = function(id)
        seen[#seen + 1] = name .. id
      end })
    end
    pool:gather_and_close()
    assert.are.same({ "a0", "b1", "a2", "b3" }, seen)
    for id = 0, 3 do
      assert.are.equal(1, log:count("Started TaskPool-ids_Task-" .. id))
    end
  end))

  it("run as many tasks at a time as set_concurrency says", tasks.case(function()
    local pool = tasks.TaskPool()
    local group = pool:map(nap, { 1, 1, 1, 1, 1, 1, 1, 1 })
    settle()
    local function running_after(num)
      pool:set_concurrency(group, num)
      settle()
      return pool.num_running
    end
    assert.are.same({ 3, 3 }, { running_after(3), running_after(1) }) -- those that run go on
    taskpool.sleep(1)
    assert.are.equal(1, pool.num_running)
    assert.are.same({ 1, 4 }, { running_after(1), running_after(math.huge) - 1 })
    pool:gather_and_close()
    raises("TaskGroupNotFound", pool.set_concurrency, pool, "none", 1)
  end))

  it("keep a lower limit while they wait for room or a token", tasks.case(function()
    for _, options in ipairs { { size = 3 }, { rate = { n = 1, burst = 3 } } } do
      local pool = tasks.TaskPool(options)
      local group = pool:map(nap, { 60, 60, 60, 60 }, { num_concurrent = 4 })
      pool:apply(nap, { args = { 1 } })
      taskpool.sleep(0.5)
      assert.are.equal(3, pool.num_running)
      pool:set_concurrency(group, 1)
      taskpool.sleep(5) -- there is room and a token now
      assert.are.equal(2, pool.num_running)
      pool:set_concurrency(group, 3)
      taskpool.sleep(5)
      assert.are.equal(3, pool.num_running)
      for _, wrong in ipairs { 0, -1, 1.5, "2" } do
        raises("InvalidArgument", pool.set_concurrency, pool, group, wrong)
      end
      pool:cancel_all()
    end
  end))

  it("are a set of what was started and not flushed", tasks.case(function()
    local pool = tasks.TaskPool()
    local first = pool:map(nap, { 1, 60, 60 }, { num_concurrent = 2 })
    local second = pool:apply(nap, { args = { 1 } })
    assert.are.same({}, members(pool:get_group_ids(first)))
    settle()
    local ids = pool:get_group_ids(first)
    assert.are.same({ true, nil, true }, { ids[0], ids[1], ids[2] })
    taskpool.sleep(2)
    assert.are.same({ 0, 2, 3 }, members(pool:get_group_ids(first)))
    assert.are.same({ 0, 1, 2, 3 }, members(pool:get_group_ids(first, second)))
    pool:flush()
    assert.are.same({ 2, 3 }, members(pool:get_group_ids(first, first)))
    raises("TaskGroupNotFound", pool.get_group_ids, pool, second)
  end))

  it("are asked for by names that must exist", tasks.case(function()
    local pool = tasks.TaskPool()
    local group = pool:apply(nap, { args = { 1 } })
    local err = raises("TaskGroupNotFound", pool.get_group_ids, pool, group, "none")
    assert.matches("'none'", err.message, 1, true)
    raises("InvalidArgument", pool.get_group_ids, pool)
    raises("InvalidArgument", pool.get_group_ids, pool, 1)
  end))
end)

describe("cancelling tasks by their ids", function()
  ---A pool in which `count` tasks run, and the list of how they ended.
  local function start(count)
    local pool, ended = tasks.TaskPool(), {}
    pool:apply(nap, { args = { 60 }, num = count, group_name = "g", end_callback = function(id, ok, err)
      ended[#ended + 1] = id .. (ok and " well" or " " .. err.message)
    end })
    settle()
    return pool, ended
  end

  it("cancels these and no others", tasks.case(function()
    local pool, ended = start(4)
    pool:cancel(2, 0, 2, { msg = "enough" })
    settle()
    table.sort(ended)
    assert.are.same({ "0 enough", "2 enough" }, ended)
    assert.are.equal(2, pool.num_running)
  end))

  it("cancels none if one of them cannot be cancelled", tasks.case(function()
    local pool = start(3)
    pool:cancel(0)
    for id, code in pairs { [0] = "AlreadyCancelled", [3] = "TaskNotFound" } do
      local err = raises(code, pool.cancel, pool, 1, id, 2)
      assert.matches(tostring(id), err.message)
    end
    settle()
    raises("AlreadyEnded", pool.cancel, pool, 1, 0, 2)
    settle()
    assert.are.equal(2, pool.num_running)
    pool:flush()
    raises("TaskNotFound", pool.cancel, pool, 0)
  end))

  it("takes names of groups too", tasks.case(function()
    local pool = start(2)
    pool:apply(taskpool.sleep, { args = { 3600 }, num = 2, group_name = "two" })
    taskpool.sleep(0)
    raises("TaskGroupNotFound", pool.cancel, pool, "two", "none")
    assert.are.equal(4, pool.num_running)
    pool:cancel("two", 0, 2)
    taskpool.sleep(0)
    assert.are.equal(1, pool.num_running)
  end))

  describe("by what tasks are", function()
    local function other() taskpool.sleep(60) end

    ---A pool with two groups: tasks 0 and 1 are a second older than 2 and 3.
    local function make_pool()
      local pool = tasks.TaskPool()
      pool:apply(nap, { args = { 60 }, num = 2, group_name = "naps" })
      taskpool.sleep(1)
      pool:apply(other, { group_name = "others" })
      pool:apply(nap, { args = { 60 }, group_name = "late" })
      settle()
      return pool
    end

    it("cancels those for which all options hold, and returns their ids", tasks.case(function()
      for _, case in ipairs {
        { { group = "naps" }, { 0, 1 } },
        { { older = 1 }, { 0, 1 } },
        { { older = 1.5 }, {} },
        { { older = 0 }, { 0, 1, 2, 3 } },
        { { function_name = nap }, { 0, 1, 3 } },
        { { function_name = other, older = 0 }, { 2 } },
        { { function_name = other, older = 1 }, {} },
        { { function_name = print }, {} },
        { { state = "waiting" }, { 0, 1, 2, 3 } },
        { { state = "running", group = "late" }, { 3 } },
        { { state = "busy" }, {} },
      } do
        local pool, options, expected = make_pool(), case[1], case[2]
        options.dry_run = true
        assert.are.same(expected, members(pool:cancel(options)))
        assert.are.equal(4, pool.num_running)
        options.dry_run = false
        assert.are.same(expected, members(pool:cancel(options)))
        settle()
        assert.are.equal(4 - #expected, pool.num_running)
        assert.are.same({}, members(pool:cancel(options)))
        pool:cancel_all()
      end
    end))

    it("tells those that are busy from those that wait", tasks.case(function()
      local pool, found = tasks.TaskPool(), nil
      pool:apply(nap, { args = { 60 } })
      pool:apply(function()
        found = pool:cancel { state = "busy", dry_run = true }
      end)
      settle()
      assert.are.same({ 1 }, members(found))
      pool:cancel_all()
    end))

    it("takes either names or options", tasks.case(function()
      local pool = make_pool()
      raises("InvalidArgument", pool.cancel, pool)
      raises("InvalidArgument", pool.cancel, pool, { msg = "all?" })
      raises("InvalidArgument", pool.cancel, pool, 0, { older = 1 })
      raises("InvalidArgument", pool.cancel, pool, { state = "asleep" })
      raises("TaskGroupNotFound", pool.cancel, pool, { group = "none" })
      assert.are.equal(4, pool.num_running)
      assert.is_nil(pool:cancel(0, { dry_run = false }))
      pool:cancel_all()
    end))
  end)

  it("wants ids or names", tasks.case(function()
    local pool = start(1)
    raises("InvalidArgument", pool.cancel, pool)
    raises("InvalidArgument", pool.cancel, pool, { msg = "which?" })
    for _, wrong in ipairs { -1, 0.5, true } do
      local err = raises("InvalidArgument", pool.cancel, pool, wrong)
      assert.matches("^cancel.*target", err.message)
    end
    raises("TaskGroupNotFound", pool.cancel, pool, "0")
    raises("InvalidArgument", pool.cancel, pool, 0, { message = "misspelt" })
    assert.are.equal(1, pool.num_running)
  end))
end)

describe("cancelling a group", function()
  it("stops its feed, cancels its tasks, and forgets it", tasks.case(function()
    local pool, started = tasks.TaskPool { size = 3 }, {}
    local function work(name)
      started[#started + 1] = name
      taskpool.sleep(60)
    end
    pool:map(work, { "a1", "a2", "a3" }, { num_concurrent = 2, group_name = "a" })
    pool:map(work, { "b1", "b2" }, { num_concurrent = 2, group_name = "b" })
    settle()
    assert.are.same({ "a1", "b1", "a2" }, started)
    pool:cancel_group("a", { msg = "enough" })
    raises("TaskGroupNotFound", pool.get_group_ids, pool, "a")
    raises("TaskGroupNotFound", pool.cancel_group, pool, "a")
    taskpool.sleep(10)
    assert.are.same({ "a1", "b1", "a2", "b2" }, started)
    assert.are.equal(2, pool.num_running)
    assert.are.equal(0, pool.num_waiting)
  end))

  it("wants the name of one", tasks.case(function()
    local pool = tasks.TaskPool()
    local err = raises("TaskGroupNotFound", pool.cancel_group, pool, "none")
    assert.matches("'none'", err.message, 1, true)
    raises("InvalidArgument", pool.cancel_group, pool)
    raises("InvalidArgument", pool.cancel_group, pool, 1)
  end))

  it("lets another one have its room", tasks.case(function()
    local pool, done = tasks.TaskPool { size = 1 }, false
    pool:apply(nap, { args = { 60 }, num = 5, group_name = "greedy" })
    pool:apply(function()
      done = true
    end)
    settle()
    assert.is_false(done)
    pool:cancel_group "greedy"
    settle()
    assert.is_true(done)
  end))
end)

describe("cancelling all", function()
  it("cancels every group, and the pool goes on", tasks.case(function()
    local pool = tasks.TaskPool { size = 2 }
    for _ = 1, 3 do
      pool:map(nap, { 60, 60, 60 }, { num_concurrent = 2 })
    end
    settle()
    pool:cancel_all { msg = "enough" }
    assert.are.equal(2, pool.num_cancelled)
    settle()
    assert.are.equal(2, pool.num_ended)
    assert.are.equal(0, pool.num_running + pool.num_waiting + pool.num_cancelled)
    assert.are.equal("map-nap-group-0", pool:map(nap, { 1 }))
    pool:gather_and_close()
  end))

  it("of nothing is nothing", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:cancel_all()
    raises("InvalidArgument", pool.cancel_all, pool, { message = "misspelt" })
    pool:gather_and_close()
  end))
end)

describe("cancelling all groups", function()
  it("leaves alone what was cancelled before, and frees the names of all", tasks.case(function()
    local pool, reasons = tasks.TaskPool(), {}
    local function note(_, _, err)
      reasons[#reasons + 1] = err.message
    end
    for _, name in ipairs { "a", "b" } do
      pool:apply(nap, { args = { 60 }, group_name = name, cancel_callback = note })
    end
    pool:apply(nap, { args = { 1 }, group_name = "ended" })
    taskpool.sleep(2)
    pool:cancel_group("a", { msg = "first" })
    assert.are.equal(1, pool.num_cancelled)
    pool:cancel_all { msg = "second" }
    pool:cancel_all { msg = "third" }
    assert.are.equal(2, pool.num_cancelled)
    for _, name in ipairs { "a", "b", "ended" } do
      raises("TaskGroupNotFound", pool.get_group_ids, pool, name)
      pool:apply(nap, { args = { 1 }, group_name = name })
    end
    taskpool.sleep(2)
    table.sort(reasons)
    assert.are.same({ "first", "second" }, reasons)
    pool:cancel_all()
    pool:flush()
    assert.are.same({}, pool:groups { all = true })
  end))
end)

describe("the memory of names", function()
  ---Bytes of memory that the process has.
  local function resident()
    collectgarbage()
    collectgarbage()
    for line in io.lines "/proc/self/status" do
      local kilobytes = line:match "^VmRSS:%s*(%d+)"
      if kilobytes then
        return kilobytes * 1024
      end
    end
  end

  ---Plays some rounds to reach the usual size, then `count` rounds, which must not add `most` bytes to it.
  local function check_growth(round, count, most)
    if os.getenv "ASAN_OPTIONS" then
      return -- it holds freed memory back, and finds leaks by itself
    end
    taskpool.log.level = "none"
    round(count // 10)
    local before = resident()
    round(count)
    local grown = resident() - before
    taskpool.log.level = "warning"
    assert.is_true(grown < most, ("grown by %d KiB"):format(grown >> 10))
  end

  it("is given back by flushed and cancelled groups", function()
    local long = ("n"):rep(65536)
    check_growth(function(count)
      testing.run(function()
        for _ = 1, count do
          local pool <close> = taskpool.TaskPool()
          pool:apply(nap, { args = { 0 }, group_name = long })
          pool:apply(nap, { args = { 9 }, group_name = "9" .. long })
          taskpool.sleep(1)
          pool:cancel_group("9" .. long)
          pool:flush()
          pool:apply(nap, { args = { 0 }, group_name = long })
        end
      end)
    end, 500, 16 << 20)
  end)

  it("is given back by closed pools", function()
    local long = ("n"):rep(200)
    check_growth(function(count)
      testing.run(function()
        for _ = 1, count do
          taskpool.TaskPool({ name = long }):gather_and_close()
        end
      end)
    end, 40000, 4 << 20)
  end)
end)
