-- SPDX-License-Identifier: MIT
-- Where a task may wait: below pcall, in coroutines of its own, in iterators, metamethods and <close> handlers.
local core = require "taskpool.core"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local at_end, raises = tasks.at_end, tasks.raises

describe("a wait", function()
  ---Runs `body` in a task beside one that counts seconds, and returns how many it counted meanwhile.
  local function seconds_of(body)
    local pool, seconds, results = tasks.TaskPool(), 0, nil
    pool:apply(function()
      repeat
        taskpool.sleep(1)
        seconds = seconds + 1
      until results
    end)
    taskpool.sleep(0.5)
    pool:apply(function()
      results = table.pack(body())
    end)
    pool:gather_and_close()
    return seconds, results
  end

  it("works below pcall and xpcall, with their results and errors", tasks.case(function()
    local seconds, results = seconds_of(function()
      local first = table.pack(pcall(function(...)
        taskpool.sleep(1)
        return ...
      end, 1, nil, 3))
      local second = table.pack(xpcall(function(...)
        taskpool.sleep(1)
        error(... .. "!", 0)
      end, function(message)
        return message .. " handled"
      end, "x"))
      return first, second
    end)
    assert.are.equal(3, seconds)
    assert.are.same({ n = 4, true, 1, nil, 3 }, results[1])
    assert.are.same({ n = 2, false, "x! handled" }, results[2])
  end))

  it("in inner coroutines leaves their own yields alone, at any depth", tasks.case(function()
    local seconds, results = seconds_of(function()
      local function produce(depth)
        return coroutine.wrap(function(...)
          assert.are.same({ "first", depth }, { ... })
          for item = 1, 2 do
            taskpool.sleep(0.5)
            if depth > 1 then
              produce(depth - 1)("first", depth - 1)
            end
            assert.are.equal("again", coroutine.yield(item, depth))
          end
          return "end"
        end)
      end
      local next_item, list = produce(3), {}
      list[1] = table.pack(next_item("first", 3))
      list[2] = table.pack(next_item "again")
      list[3] = table.pack(next_item "again")
      return list
    end)
    assert.are.same({ { n = 2, 1, 3 }, { n = 2, 2, 3 }, { n = 1, "end" } }, results[1])
    assert.are.equal(4, seconds) -- seven naps of half a second
  end))

  it("works in iterators, metamethods, and handlers of <close>", tasks.case(function()
    local seconds, results = seconds_of(function()
      local object = setmetatable({}, { __index = function(_, key)
        taskpool.sleep(1)
        return key
      end })
      local sum = 0
      for item in function()
        taskpool.sleep(1)
        return sum < 3 and 1 or nil
      end do
        sum = sum + item
      end
      do
        local _ <close> = at_end(function()
          taskpool.sleep(1)
        end)
      end
      return sum, object.key
    end)
    assert.are.equal(7, seconds)
    assert.are.same({ n = 2, 3, "key" }, results)
  end))

  it("is refused inside of C functions that cannot be left, and nothing breaks", tasks.case(function()
    local seconds = seconds_of(function()
      for _, call in ipairs {
        function()
          table.sort({ 3, 2, 1 }, function(a, b)
            taskpool.sleep(1)
            return a < b
          end)
        end,
        function()
          string.gsub("abc", ".", function()
            taskpool.yield()
          end)
        end,
        function()
          coroutine.wrap(function()
            table.sort({ 3, 2, 1 }, function()
              coroutine.wrap(taskpool.sleep)(1)
            end)
          end)()
        end,
      } do
        assert.matches("cannot wait here", raises("InvalidArgument", call).message)
      end
      taskpool.sleep(1)
    end)
    assert.are.equal(2, seconds)
  end))

  it("is refused outside of tasks", function()
    for _, wait in ipairs { taskpool.sleep, taskpool.yield, core.park, core.waiter } do
      assert.matches("outside of a task", raises("InvalidArgument", wait, 1).message)
    end
    local pool = taskpool.TaskPool()
    pool:lock()
    pool:gather_and_close() -- nothing to wait for
  end)

  it("in a coroutine keeps the others from resuming and closing it", tasks.case(function()
    local REFUSED <const> = "cannot resume non-suspended coroutine"
    local pool, got, inner, wrapped = tasks.TaskPool(), {}, nil, nil
    pool:apply(function()
      got.own = coroutine.running()
      wrapped = coroutine.wrap(function()
        inner = coroutine.create(function()
          for _ = 1, 2 do
            table.insert(got, table.pack(taskpool.sleep(1)))
          end
          got.yielded = coroutine.yield "yielded"
          return "returned"
        end)
        table.insert(got, table.pack(coroutine.resume(inner)))
        taskpool.sleep(1)
      end)
      wrapped()
    end)
    taskpool.sleep(0.5)
    for _ = 1, 2 do
      for _, thread in ipairs { inner, got.own } do
        assert.are.equal("normal", coroutine.status(thread))
        assert.are.same({ false, REFUSED }, { coroutine.resume(thread, "wrong") })
        assert.matches("cannot close a normal coroutine", select(2, pcall(coroutine.close, thread)))
      end
      assert.matches(REFUSED, select(2, pcall(wrapped, "wrong")), 1, true)
      taskpool.sleep(1)
    end
    assert.are.same({ { n = 0 }, { n = 0 }, { n = 2, true, "yielded" } }, { got[1], got[2], got[3] })
    assert.are.equal("suspended", coroutine.status(inner)) -- the task waits elsewhere now
    assert.are.same({ true, "returned" }, { coroutine.resume(inner, "mine") })
    assert.are.equal("mine", got.yielded)
    pool:gather_and_close()
    assert.are.equal("dead", coroutine.status(got.own))
    assert.are.same({ false, "cannot resume dead coroutine" }, { coroutine.resume(got.own) })
  end))

  it("that has not begun is not to be begun by others either", tasks.case(function()
    local pool, own, ran = tasks.TaskPool { size = 1 }, nil, 0
    pool:apply(function()
      own = coroutine.running()
    end)
    tasks.settle()
    pool:apply(function(value) -- reuses the thread
      ran = ran + value
    end, { args = { 1 } })
    taskpool.yield()
    for _ = 1, 3 do
      coroutine.resume(own, "wrong")
      pcall(coroutine.close, own)
      taskpool.yield()
    end
    pool:gather_and_close()
    assert.are.equal(1, ran)
  end))

  it("is not coroutine.yield, which lets the others run", tasks.case(function()
    local order = {}
    local pool = tasks.TaskPool()
    for _, name in ipairs { "a", "b" } do
      pool:apply(function()
        for step = 1, 2 do
          order[#order + 1] = name .. step
          assert.are.equal(0, select("#", coroutine.yield("dropped", step)))
        end
      end)
    end
    pool:gather_and_close()
    assert.are.same({ "a1", "b1", "a2", "b2" }, order)
  end))
end)
