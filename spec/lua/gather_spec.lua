-- SPDX-License-Identifier: MIT
local core = require "taskpool.core"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

--- A function that sleeps, notes down how it ended, and returns or raises.
local function sleeper(seconds, result, ends)
  return function()
    local _ <close> = setmetatable({}, {
      __close = function(_, err)
        ends[#ends + 1] = err and tostring(err.code or err) or result
      end,
    })
    taskpool.sleep(seconds)
    if type(result) == "table" then
      error(result, 0)
    end
    return result
  end
end

describe("gather", function()
  it("runs all at once and returns one result of each in the order of the arguments", tasks.case(function()
    local began, ends = taskpool.now(), {}
    local a, b, c, more = taskpool.gather(sleeper(3, "a", ends), sleeper(1, "b", ends), function()
      return "c", "not taken"
    end)
    assert.are.same({ "a", "b", "c" }, { a, b, c })
    assert.is_nil(more)
    assert.are.same({ "b", "a" }, ends)
    assert.are.equal(3, math.floor(taskpool.now() - began + 0.5))
  end))

  it("keeps nil results in their places", tasks.case(function()
    local function nothing() end
    local results = table.pack(taskpool.gather(nothing, function()
      return 2
    end, nothing))
    assert.are.same({ n = 3, [2] = 2 }, results)
  end))

  it("takes objects that can be awaited", tasks.case(function()
    local future = {
      await = function(self)
        taskpool.sleep(1)
        return self.value
      end,
      value = 42,
    }
    assert.are.equal(42, (taskpool.gather(future)))
  end))

  it("returns nothing for no arguments", tasks.case(function()
    assert.are.equal(0, select("#", taskpool.gather()))
  end))

  it("takes a list, and returns the list of results", tasks.case(function()
    local pool = taskpool.TaskPool()
    local function double(n)
      return 2 * n
    end
    local one, three = pool:submit_nowait(double, { 1 }), pool:submit_nowait(double, { 3 })
    assert.are.same({ 2, nil, 6 }, taskpool.gather { one, function() end, three })
    assert.are.same({}, taskpool.gather {})
    pool:gather_and_close()
  end))

  it("of many hands over in between", tasks.case(function()
    local turns, seen, calls = 0, nil, {}
    local other = core.start(function()
      while not seen do
        turns = turns + 1
        taskpool.yield()
      end
    end)
    for index = 1, 5000 do
      calls[index] = function()
        return index
      end
    end
    calls[5000] = function()
      seen = turns
    end
    taskpool.gather(calls)
    other:await()
    assert.is_true(seen >= 18, seen) -- nine times while it checks, nine times while it starts
  end))

  it("of ten times as many takes about ten times as long", tasks.case(function()
    local function seconds(count)
      local calls, began = {}, os.clock()
      for index = 1, count do
        calls[index] = taskpool.yield
      end
      taskpool.gather(table.unpack(calls))
      return os.clock() - began
    end
    local few, many = seconds(6000), seconds(60000)
    print(("gather: 6000 in %.3f s, 60000 in %.3f s, ratio %.1f"):format(few, many, many / few))
  end))

  it("is left by a cancel while it starts its calls", tasks.case(function()
    local began, calls = 0, {}
    for index = 1, 5000 do
      calls[index] = function()
        began = began + 1
        taskpool.sleep(60)
      end
    end
    local handle = core.start(taskpool.gather, calls)
    repeat
      taskpool.yield()
    until began > 0
    core.cancel(handle)
    tasks.raises("Cancelled", handle.await, handle)
    assert.is_true(began < 5000)
    taskpool.sleep(1)
  end))

  it("raises the first error after the others have been cancelled and have ended", tasks.case(function()
    local began, ends = taskpool.now(), {}
    local ok, err = pcall(taskpool.gather, sleeper(60, "a", ends),
      sleeper(1, taskpool.error("NotFound", "b"), ends), sleeper(1, "c", ends))
    assert.is_false(ok)
    assert.are.equal("NotFound: b", tostring(err))
    table.sort(ends)
    assert.are.same({ "Cancelled", "NotFound", "c" }, ends)
    assert.are.equal(1, math.floor(taskpool.now() - began + 0.5))
  end))

  it("raises an error value of any kind as it is", tasks.case(function()
    local ok, err = pcall(taskpool.gather, function()
      error(nil)
    end)
    assert.is_false(ok)
    assert.is_nil(err)
  end))

  it("cancels all when its caller is cancelled", tasks.case(function()
    local ends, outcome = {}, nil
    local handle = core.start(function()
      taskpool.gather(sleeper(60, "a", ends), sleeper(60, "b", ends))
    end)
    core.on_end(handle, function(_, err)
      outcome = err
    end)
    taskpool.sleep(1)
    core.cancel(handle)
    taskpool.sleep(1)
    assert.are.same({ "Cancelled", "Cancelled" }, ends)
    assert.are.equal("Cancelled", outcome.code)
  end))

  it("can stand inside another gather", tasks.case(function()
    local function pair(a, b)
      return function()
        return select("#", taskpool.gather(a, b))
      end
    end
    local ends = {}
    local inner = pair(sleeper(1, "a", ends), sleeper(2, "b", ends))
    assert.are.same({ 2, 2 }, { taskpool.gather(inner, inner) })
  end))

  it("refuses what it cannot run, before anything has started", tasks.case(function()
    local started = false
    tasks.raises("InvalidArgument", taskpool.gather, { io.stdout })
    for _, wrong in ipairs { 1, "name", {}, io.stdout, true } do
      local ok, err = pcall(taskpool.gather, function()
        started = true
      end, wrong)
      assert.is_false(ok)
      assert.are.equal("InvalidArgument", err.code)
      assert.is_truthy(err.message:find("argument 2", 1, true))
    end
    taskpool.sleep(1)
    assert.is_false(started)
  end))
end)
