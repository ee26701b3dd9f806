-- SPDX-License-Identifier: MIT
-- What a task is called with: apply, map, starmap, doublestarmap; arguments by position and by name; functions by
-- name; what is refused.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local workers = require "spec.support.workers"
local raises = tasks.raises

---A worker with three parameters, and the list of its calls, each with n.
local function recorder()
  local calls = {}
  return function(a, b, c, ...)
    calls[#calls + 1] = table.pack(a, b, c, ...)
  end, calls
end

---Lets `call(pool, work)` add work, waits for it, and returns the calls of `work`.
local function calls_of(call)
  local pool = tasks.TaskPool()
  local work, calls = recorder()
  call(pool, work)
  pool:gather_and_close()
  return calls
end

describe("apply", function()
  it("calls the function once without arguments, if nothing else is said", tasks.case(function()
    local count = 0
    local pool = tasks.TaskPool()
    pool:apply(function(...)
      count = count + 1
      assert.are.equal(0, select("#", ...))
    end)
    pool:gather_and_close()
    assert.are.equal(1, count)
  end))

  it("calls it with the same arguments num times", tasks.case(function()
    local shared = {}
    local calls = calls_of(function(pool, work)
      pool:apply(work, { args = { 1, shared }, num = 3 })
    end)
    assert.are.equal(3, #calls)
    for _, call in ipairs(calls) do
      assert.are.same({ n = 3, 1, {} }, call)
      assert.are.equal(shared, call[2])
    end
  end))

  it("keeps nil arguments, where the list says how long it is", tasks.case(function()
    local calls = calls_of(function(pool, work)
      pool:apply(work, { args = { nil, 2, nil, nil, n = 4 } })
    end)
    assert.are.same({ { n = 4, nil, 2 } }, calls)
  end))

  it("is not changed by what becomes of the tables given to it", tasks.case(function()
    local calls = calls_of(function(pool, work)
      local options = { args = { 1, 2 }, num = 2 }
      pool:apply(work, options)
      options.args[1], options.num = "changed", 5
    end)
    assert.are.same({ { n = 3, 1, 2 }, { n = 3, 1, 2 } }, calls)
  end))

  it("binds arguments by name to the parameters", tasks.case(function()
    local calls = calls_of(function(pool, work)
      pool:apply(work, { kwargs = { c = 3, a = 1 } })
      pool:apply(work, { args = { 1 }, kwargs = { b = false } })
      pool:apply(work, { args = { 1 }, kwargs = {} })
    end)
    assert.are.same({ { n = 3, 1, nil, 3 }, { n = 3, 1, false }, { n = 3, 1 } }, calls)
  end))

  it("starts nothing for num = 0, and the group ends", tasks.case(function()
    local calls = calls_of(function(pool, work)
      pool:apply(work, { num = 0 })
    end)
    assert.are.same({}, calls)
  end))

  it("refuses names that are no parameters, values given twice, functions without names", tasks.case(function()
    local work = recorder()
    local stripped = load(string.dump(work, true), "stripped", "b")
    local WRONG <const> = {
      { "arguments_spec.*no parameter 'd'", work, { kwargs = { d = 1 } } },
      { "'a' of .*arguments_spec.*twice", work, { args = { 1 }, kwargs = { a = 1 } } },
      { "debug information.*'a'", stripped, { kwargs = { a = 1 } } },
      { "C function", print, { kwargs = { a = 1 } } },
      { "string keys", work, { kwargs = { 1 } } },
    }
    local pool = tasks.TaskPool()
    for _, case in ipairs(WRONG) do
      local err = raises("InvalidArgument", pool.apply, pool, case[2], case[3])
      assert.matches(case[1], err.message)
    end
    assert.are.equal(0, pool.num_waiting)
  end))
end)

describe("map", function()
  it("calls the function once for each element", tasks.case(function()
    local calls = calls_of(function(pool, work)
      pool:map(work, { "x", { 1, 2 }, false })
    end)
    assert.are.same({ { n = 3, "x" }, { n = 3, { 1, 2 } }, { n = 3, false } }, calls)
  end))

  it("runs one at a time, or as many as num_concurrent says", tasks.case(function()
    local pool, running, most = tasks.TaskPool(), 0, {}
    for _, limit in ipairs { false, 1, 2, 5, math.huge } do
      local index = #most + 1
      most[index] = 0
      pool:map(function()
        running = running + 1
        most[index] = math.max(most[index], running)
        taskpool.sleep(1)
        running = running - 1
      end, { 1, 2, 3, 4, 5, 6 }, { num_concurrent = limit or nil })
      taskpool.sleep(10)
    end
    assert.are.same({ 1, 1, 2, 5, 6 }, most)
  end))
end)

describe("starmap", function()
  it("unpacks each element, with its nils where it says how long it is", tasks.case(function()
    local calls = calls_of(function(pool, work)
      pool:starmap(work, { { 1, 2 }, {}, { n = 3, [3] = "c" }, table.pack(nil, nil, nil, nil) })
    end)
    assert.are.same({ { n = 3, 1, 2 }, { n = 3 }, { n = 3, nil, nil, "c" }, { n = 4 } }, calls)
  end))

  it("fails the task of an element that is no list, and no other", tasks.case(function(log)
    local pool = tasks.TaskPool()
    local work, calls = recorder()
    pool:starmap(work, { { 1 }, 2, { 3 } }, { group_name = "g" })
    local err = raises("InvalidArgument", pool.gather_and_close, pool)
    assert.matches("element 2 of g", err.message)
    assert.are.same({ { n = 3, 1 }, { n = 3, 3 } }, calls)
    assert.matches("Task%-1 of group 'g'", log:expect "element 2")
  end))
end)

describe("doublestarmap", function()
  it("binds each element by name", tasks.case(function()
    local calls = calls_of(function(pool, work)
      pool:doublestarmap(work, { { a = 1, b = 2 }, { c = 3 }, {} })
    end)
    assert.are.same({ { n = 3, 1, 2 }, { n = 3, nil, nil, 3 }, { n = 3 } }, calls)
  end))

  it("fails the task of an element that does not fit, and no other", tasks.case(function(log)
    local pool = tasks.TaskPool()
    local work, calls = recorder()
    pool:doublestarmap(work, { { a = 1 }, { d = 2 }, 3, { a = 4 } })
    local err = raises("InvalidArgument", pool.gather_and_close, pool)
    assert.matches("no parameter 'd'.*2 errors", err.message)
    assert.are.same({ { n = 3, 1 }, { n = 3, 4 } }, calls)
    log:expect "no parameter 'd'"
    log:expect "element 3"
  end))
end)

describe("a function given by its name", function()
  before_each(function()
    workers.calls = {}
  end)

  it("is found in its module, also below tables", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:apply("spec.support.workers.note", { args = { 1 } })
    pool:map("spec.support.workers.nested.deeper.note", { 2 })
    pool:gather_and_close()
    table.sort(workers.calls, function(a, b)
      return a[1] < b[1]
    end)
    assert.are.same({ { n = 1, 1 }, { n = 1, 2 } }, workers.calls)
  end))

  it("may serve as a callback, and with arguments by name", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:apply("spec.support.workers.double", {
      kwargs = { number = 21 },
      end_callback = "spec.support.workers.note",
    })
    pool:gather_and_close()
    assert.are.same({ { n = 3, 0, true, 42 } }, workers.calls)
  end))

  it("is refused where there is none, and it is said which", tasks.case(function()
    local pool = tasks.TaskPool()
    local WRONG <const> = {
      { "NotFound", "spec.support.workers.nothing" }, { "NotFound", "nowhere.work" },
      { "InvalidArgument", "spec.support.workers.items" }, { "NotFound", "nothing" },
      { "NotFound", "spec.support.workers.items.x.y" },
    }
    for _, case in ipairs(WRONG) do
      local err = raises(case[1], pool.apply, pool, case[2])
      assert.matches(case[2], err.message, 1, true)
    end
    for _, wrong in ipairs { "", ".", "a..b", "../secrets.work", "a b" } do
      assert.is_false(pcall(pool.apply, pool, wrong), wrong)
    end
    assert.are.equal(0, pool.num_waiting)
  end))
end)

describe("arguments of a wrong kind", function()
  -- The method, its arguments, and what the error must name beside the method.
  local WRONG <const> = {
    { "apply", {}, "func" }, { "apply", { 5 }, "func" }, { "apply", { {} }, "func" },
    { "apply", { print, 5 }, "too many" }, { "apply", { print, {}, {} }, "too many" },
    { "apply", { print, { args = 5 } }, "args" }, { "apply", { print, { kwargs = "x" } }, "kwargs" },
    { "apply", { print, { num = -1 } }, "num" }, { "apply", { print, { num = 1.5 } }, "num" },
    { "apply", { print, { num = "2" } }, "num" }, { "apply", { print, { group_name = 7 } }, "group_name" },
    { "apply", { print, { end_callback = 7 } }, "end_callback" },
    { "apply", { print, { cancel_callback = {} } }, "cancel_callback" },
    { "apply", { print, { nums = 2 } }, "nums" }, { "apply", { print, { "args" } }, "options" },
    { "map", {}, "func" }, { "map", { print }, "iterable" }, { "map", { print, 5 }, "iterable" },
    { "map", { print, "items" }, "iterable" },
    { "map", { print, {}, { num_concurrent = 0 } }, "num_concurrent" },
    { "map", { print, {}, { num_concurrent = -3 } }, "num_concurrent" },
    { "map", { print, {}, { num = 3 } }, "'num'" },
    { "starmap", { print, {}, { num_concurrent = {} } }, "num_concurrent" },
    { "doublestarmap", { print, true }, "iterable" },
    { "lock", { 1 }, "too many" }, { "flush", { { return_exceptions = 1 } }, "return_exceptions" },
    { "gather_and_close", { { exceptions = true } }, "exceptions" },
  }

  for _, case in ipairs(WRONG) do
    local method, arguments, named = table.unpack(case)
    local count = #arguments
    local shown = {}
    for i = 1, count do
      shown[i] = type(arguments[i])
    end
    it(("are refused by %s(%s): %s"):format(method, table.concat(shown, ", "), named), tasks.case(function()
      local pool = tasks.TaskPool()
      local err = raises("InvalidArgument", pool[method], pool, table.unpack(arguments, 1, count))
      assert.matches("^" .. method, err.message)
      assert.matches(named, err.message, 1, true)
      assert.are.equal(0, pool.num_waiting)
      assert.is_false(pool.is_locked)
    end))
  end
end)
