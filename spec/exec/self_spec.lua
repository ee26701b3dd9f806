-- SPDX-License-Identifier: MIT
-- What a task is told of itself: taskpool.task().
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

local REMOTE <const> = "spec.support.remote."

---A worker, or a callback, that notes what it is told.
local function noting(seen)
  return function()
    seen[#seen + 1] = taskpool.task()
  end
end

---The arguments that each of some tasks is told of.
local function args_of(seen)
  local args = {}
  for index, task in ipairs(seen) do
    args[index] = task.args
  end
  return args
end

describe("task", function()
  it("tells a task its id, its group, its pool, its number, its arguments and its try", tasks.case(function()
    local seen = {}
    local pool = tasks.TaskPool { name = "crew", size = 1 }
    pool:apply(noting(seen), { args = { 1, nil, "x", n = 3 }, num = 2, group_name = "first" })
    pool:map(noting(seen), { "a", "b" }, { group_name = "second" })
    pool:gather_and_close()
    table.sort(seen, function(a, b)
      return a.id < b.id
    end)
    local by_group = { first = {}, second = {} }
    for id, task in ipairs(seen) do
      assert.are.equal(id - 1, task.id)
      assert.are.equal("TaskPool-crew", task.pool)
      assert.are.equal(1, task.try)
      table.insert(by_group[task.group], { task.number, task.args })
    end
    local same = { 1, nil, "x", n = 3 }
    assert.are.same({
      first = { { 0, same }, { 1, same } },
      second = { { 0, { "a", n = 1 } }, { 1, { "b", n = 1 } } },
    }, by_group)
  end))

  it("is nil where no task runs", tasks.case(function()
    assert.is_nil(taskpool.task())
    local inside = "unset"
    taskpool.gather(function()
      inside = taskpool.task()
    end)
    assert.is_nil(inside)
  end))

  it("has the arguments of every kind of call", tasks.case(function()
    local seen = {}
    local pool = tasks.TaskPool()
    local note = noting(seen)
    local function named(_, second)
      assert.are.equal(2, second)
      note()
    end
    pool:starmap(note, { { 1, 2 }, {}, { n = 2, "x" } })
    pool:doublestarmap(named, { { second = 2 } })
    pool:submit(note, { "s" })
    pool:gather_and_close()
    local simple = tasks.SimpleTaskPool(note, { args = { "again" } })
    simple:start(2)
    simple:gather_and_close()
    local args = args_of(seen)
    table.sort(args, function(a, b)
      return a.n < b.n or a.n == b.n and tostring(a[1]) .. tostring(a[2]) < tostring(b[1]) .. tostring(b[2])
    end)
    assert.are.same({
      { n = 0 },
      { "again", n = 1 },
      { "again", n = 1 },
      { "s", n = 1 },
      { 1, 2, n = 2 },
      { nil, 2, n = 2 },
      { "x", nil, n = 2 },
    }, args)
  end))

  it("has the values of an iterator, also when the worker has changed its parameters", tasks.case(function()
    local seen, ended = {}, {}
    local function worker(key)
      assert.is_truthy(key)
      key = nil
      taskpool.sleep(1)
      seen[#seen + 1] = taskpool.task()
      return key
    end
    local pool = tasks.TaskPool { size = 2 }
    local step, map, first = pairs { a = 1 }
    local group = pool:map(worker, step, map, first, { end_callback = noting(ended) })
    pool:map(worker, ("x y z"):gmatch "%a", { num_concurrent = 2, retries = 1 })
    pool:wait(group)
    assert.are.same({ { "a", 1, n = 2 } }, args_of(ended))
    pool:starmap(worker, coroutine.wrap(function()
      coroutine.yield { 7, 8 }
    end))
    pool:gather_and_close()
    assert.are.same({ { "a", 1, n = 2 }, { "x", n = 1 }, { "y", n = 1 }, { "z", n = 1 }, { 7, 8, n = 2 } },
      args_of(seen))
  end))

  it("has the values of an iterator in tasks that take over each other's coroutine", tasks.live_case(function()
    local pool, wrong = tasks.TaskPool { size = 1 }, 0
    local function worker(...)
      local args = taskpool.task().args
      if args.n ~= select("#", ...) or args[1] ~= ... or args[args.n] ~= select(-1, ...) then
        wrong = wrong + 1
      end
    end
    local count = 0
    pool:map(worker, function()
      count = count + 1
      if count <= 300 then
        return table.unpack({ count, count + 1, count + 2, count + 3, count + 4, count + 5 }, 1, count % 7 + 1)
      end
    end)
    pool:map(worker, { 1, 2, 3 })
    pool:gather_and_close()
    assert.are.equal(0, wrong)
  end))

  it("refuses more values of an iterator than a call takes", tasks.case(function(log)
    local pool = tasks.TaskPool()
    local values = setmetatable({}, { __index = function() return 1 end })
    local once = { 10000, 10001 }
    pool:map(function(...)
      assert(select("#", ...) == 10000)
    end, function()
      local count = table.remove(once, 1)
      if count then
        return table.unpack(values, 1, count)
      end
    end)
    pool:gather_and_close { return_exceptions = true }
    log:expect "a call takes at most 10000 arguments, not 10001"
  end))

  it("tells callbacks of their task", tasks.case(function(log)
    local ended, cancelled = {}, {}
    local pool = tasks.TaskPool { size = 3 }
    local options = { end_callback = noting(ended), cancel_callback = noting(cancelled), num_concurrent = 3 }
    pool:map(error, { "one" }, options)
    local seconds = { 10, 20 }
    local group = pool:map(taskpool.sleep, function()
      return table.remove(seconds, 1)
    end, options)
    tasks.settle()
    pool:cancel(1)
    pool:cancel_group(group)
    pool:gather_and_close { return_exceptions = true }
    log:expect "one"
    assert.are.same({ { "one", n = 1 }, { 10, n = 1 }, { 20, n = 1 } }, args_of(ended))
    assert.are.same({ 0, 1 }, { cancelled[1].number, cancelled[2].number })
  end))

  it("tells the callbacks of a task that had to be killed", tasks.case(function(log)
    local ended = {}
    local pool = tasks.TaskPool { cancel_grace = 1 }
    local function worker()
      taskpool.shield(60, taskpool.sleep, 60)
    end
    local step, map, first = pairs { only = "me" }
    pool:map(worker, step, map, first, { end_callback = noting(ended) })
    tasks.settle()
    pool:cancel_all()
    pool:gather_and_close { return_exceptions = true }
    log:expect "it did not end after its cancel by cancel_all"
    assert.are.same({ { "only", "me", n = 2 } }, args_of(ended))
  end))

  it("counts the tries", tasks.case(function()
    local tries = {}
    local pool = tasks.TaskPool()
    pool:map(function(name)
      local task = taskpool.task()
      tries[#tries + 1] = task.try
      assert.are.same({ name, n = 1 }, task.args)
      if task.try < 3 then
        error "again"
      end
    end, ("a"):gmatch ".", { retries = 5 })
    pool:gather_and_close()
    assert.are.same({ 1, 2, 3 }, tries)
  end))

  it("knows the task from its own coroutines, however deep the call", tasks.case(function()
    local deep
    local function descend(depth)
      if depth == 0 then
        deep = taskpool.task()
        return
      end
      descend(depth - 1)
      return nil
    end
    local pool = tasks.TaskPool()
    pool:map(function()
      coroutine.wrap(descend)(1000)
    end, ("v"):gmatch ".")
    pool:gather_and_close()
    assert.are.same({ "v", n = 1 }, deep.args)
  end))

  it("has the element that is no list of arguments, in the callback of the task that it fails", tasks.case(function(log)
    local ended = {}
    local pool = tasks.TaskPool()
    pool:starmap(print, { 5 }, { end_callback = noting(ended) })
    pool:doublestarmap(print, { "x" }, { end_callback = noting(ended) })
    pool:gather_and_close { return_exceptions = true }
    log:expect_all "must be a table"
    assert.are.same({ { 5, n = 1 }, { "x", n = 1 } }, args_of(ended))
  end))

  it("is told in threads too", tasks.live_case(function()
    local told = {}
    local pool = tasks.TaskPool { name = "far", executor = "thread", threads = 1 }
    local options = {
      group_name = "there",
      retries = 1,
      end_callback = function(id, ok, task)
        assert.is_true(ok, task)
        told[id + 1] = task
      end,
    }
    pool:starmap(REMOTE .. "tell_task", { { "a", nil, 3, n = 3 }, { { deep = 1 } } }, options)
    pool:wait "there"
    local alone = pool:submit(REMOTE .. "tell_task")
    pool:gather_and_close()
    local function expected(id, args)
      return { id = id, number = id, group = "there", pool = "TaskPool-far", try = 1, args = args }
    end
    assert.are.same({ expected(0, { "a", nil, 3, n = 3 }), expected(1, { { deep = 1 }, n = 1 }) }, told)
    assert.are.same({ id = 2, number = 0, pool = "TaskPool-far", try = 1, args = { n = 0 } }, alone)
  end))

  it("is told to what a task calls in a thread, and is nil in what others call there", tasks.live_case(function()
    assert.is_nil(taskpool.blocking(REMOTE .. "tell_task"))
    local pool = tasks.TaskPool()
    local task = pool:submit(function()
      return taskpool.blocking(REMOTE .. "tell_task", "b")
    end, { "a" })
    pool:gather_and_close()
    assert.are.same({ id = 0, number = 0, pool = tostring(pool), try = 1, args = { "b", n = 1 } }, task)
  end))
end)
