-- SPDX-License-Identifier: MIT
local core = require "taskpool.core"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

--- Starts a task without a pool; what it raises is returned by the function that comes back.
local function start(fn)
  local outcome = {}
  local handle = core.start(fn)
  core.on_end(handle, function(ok, value)
    outcome.ended, outcome.ok, outcome.value = true, ok, value
  end)
  return handle, outcome
end

--- Lets all other tasks run until they wait.
local function settle()
  taskpool.sleep(1)
end

--- The message of the error that a call must raise, with that code.
local function raises(code, fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.are.equal(code, err.code)
  return err.message
end

describe("a queue", function()
  it("hands items out in the order in which they came", tasks.case(function()
    local queue = taskpool.Queue()
    for item = 1, 1000 do
      queue:put(item)
    end
    assert.are.equal(1000, queue:size())
    assert.are.equal(1000, #queue)
    for item = 1, 1000 do
      assert.are.equal(item, queue:get())
    end
    assert.is_true(queue:empty())
  end))

  it("keeps false as an item and refuses nil", tasks.case(function()
    local queue = taskpool.Queue()
    queue:put(false)
    assert.is_false(queue:get())
    raises("InvalidArgument", queue.put, queue, nil)
    raises("InvalidArgument", queue.put_nowait, queue, nil)
  end))

  it("refuses a size that makes no sense", tasks.case(function()
    for _, size in ipairs { 0, -1, 1.5, "3", {} } do
      raises("InvalidArgument", taskpool.Queue, size)
    end
    assert.is_false(taskpool.Queue(math.huge):full())
  end))

  it("gives its size when printed", tasks.case(function()
    local queue = taskpool.Queue(2)
    queue:put "x"
    assert.are.equal("Queue(1 of 2)", tostring(queue))
  end))

  it("raises NotAvailable from the calls that do not wait", tasks.case(function()
    local queue = taskpool.Queue(1)
    assert.are.equal("queue is empty", raises("NotAvailable", queue.get_nowait, queue))
    queue:put_nowait "a"
    assert.is_true(queue:full())
    assert.are.equal("queue is full", raises("NotAvailable", queue.put_nowait, queue, "b"))
    assert.are.equal("a", queue:get_nowait())
  end))

  it("works without waiting where no task runs", tasks.case(function()
    local queue = taskpool.Queue()
    queue:put_nowait(1)
    assert.are.equal(1, queue:get_nowait())
  end))

  it("works outside of tasks as long as nothing has to wait", function()
    local queue = taskpool.Queue(1)
    queue:put "a"
    assert.are.equal("a", queue:get())
    raises("InvalidArgument", queue.get, queue)
  end)

  it("serves waiting getters first come, first served", tasks.case(function()
    local queue, got = taskpool.Queue(), {}
    for name = 1, 3 do
      start(function()
        local item = queue:get()
        got[#got + 1] = { name, item }
      end)
    end
    settle()
    queue:put "a"
    queue:put "b"
    queue:put "c"
    -- no item is left for one who comes now, though none of the three has run yet
    raises("NotAvailable", queue.get_nowait, queue)
    settle()
    assert.are.same({ { 1, "a" }, { 2, "b" }, { 3, "c" } }, got)
  end))

  it("lets waiting putters in first come, first served", tasks.case(function()
    local queue = taskpool.Queue(1)
    queue:put(0)
    for item = 1, 3 do
      start(function()
        queue:put(item)
      end)
    end
    settle()
    assert.are.equal(1, queue:size())
    -- the free place is taken at once by the oldest putter, not by one who comes now
    assert.are.equal(0, queue:get())
    raises("NotAvailable", queue.put_nowait, queue, "late")
    for item = 1, 3 do
      assert.are.equal(item, queue:get())
    end
    assert.is_true(queue:empty())
  end))

  it("never holds more than its size", tasks.case(function()
    local queue, most = taskpool.Queue(3), 0
    for producer = 1, 5 do
      start(function()
        for item = 1, 20 do
          queue:put(producer * 100 + item)
          most = math.max(most, queue:size())
        end
      end)
    end
    local last, count = {}, 0
    for _ = 1, 100 do
      local item = queue:get()
      local producer = item // 100
      assert.is_true(item > (last[producer] or 0))
      last[producer], count = item, count + 1
    end
    assert.are.equal(3, most)
    assert.are.equal(100, count)
    assert.is_true(queue:empty())
  end))

  it("passes over getters that were cancelled", tasks.case(function()
    local queue = taskpool.Queue()
    local first, first_outcome = start(function()
      return queue:get()
    end)
    local _, second_outcome = start(function()
      return queue:get()
    end)
    settle()
    core.cancel(first)
    queue:put "item"
    settle()
    assert.are.equal("Cancelled", first_outcome.value.code)
    assert.are.equal("item", second_outcome.value)
    assert.is_true(queue:empty())
  end))

  it("passes over putters that were cancelled, and their items", tasks.case(function()
    local queue = taskpool.Queue(1)
    queue:put "first"
    local handle = start(function()
      queue:put "cancelled"
    end)
    start(function()
      queue:put "second"
    end)
    settle()
    core.cancel(handle)
    assert.are.equal("first", queue:get())
    assert.are.equal("second", queue:get())
    queue:item_processed()
    queue:item_processed()
    queue:join()
    assert.is_true(queue:empty())
  end))

  it("loses no item when its receiver is cancelled in the same moment", tasks.case(function()
    local queue, received = taskpool.Queue(), nil
    local handle, outcome = start(function()
      received = queue:get()
      taskpool.sleep(1)
    end)
    settle()
    queue:put "item"
    core.cancel(handle)
    settle()
    assert.are.equal("item", received)
    assert.are.equal("Cancelled", outcome.value.code)
  end))

  it("counts an item once when its putter is cancelled in the same moment", tasks.case(function()
    local queue, came_through = taskpool.Queue(1), false
    queue:put "first"
    local handle = start(function()
      queue:put "second"
      came_through = true
      taskpool.sleep(1)
    end)
    settle()
    assert.are.equal("first", queue:get())
    core.cancel(handle)
    settle()
    assert.is_true(came_through)
    assert.are.equal("second", queue:get_nowait())
    assert.is_true(queue:empty())
  end))

  it("gives nothing to a task that was cancelled before", tasks.case(function()
    local queue = taskpool.Queue()
    local got = false
    local handle, outcome
    handle, outcome = start(function()
      core.cancel(handle)
      got = queue:get()
    end)
    queue:put "item"
    settle()
    assert.is_false(got)
    assert.are.equal("Cancelled", outcome.value.code)
    assert.are.equal(1, queue:size())
  end))

  it("does not let cancelled waits pile up", tasks.case(function()
    local queue = taskpool.Queue()
    for _ = 1, 50 do
      local handles = {}
      for index = 1, 20 do
        handles[index] = start(function()
          queue:get()
        end)
      end
      settle()
      for _, handle in ipairs(handles) do
        core.cancel(handle)
      end
      settle()
    end
    local kept = 0
    for _ in pairs(queue.getters.tickets) do
      kept = kept + 1
    end
    assert.are.equal(0, #queue.getters)
    assert.is_true(kept <= 1)
  end))

  it("keeps the order of those who stay when many others leave", tasks.case(function()
    local queue, got, leaving = taskpool.Queue(), {}, {}
    for name = 1, 100 do
      local handle = start(function()
        local item = queue:get()
        got[#got + 1] = { name, item }
      end)
      if name % 10 ~= 0 then
        leaving[#leaving + 1] = handle
      end
    end
    settle()
    for _, handle in ipairs(leaving) do
      core.cancel(handle)
    end
    settle()
    assert.are.equal(10, #queue.getters)
    for item = 1, 10 do
      queue:put(item)
    end
    settle()
    for item = 1, 10 do
      assert.are.same({ item * 10, item }, got[item])
    end
  end))
end)

describe("joining a queue", function()
  it("waits until every item has been processed", tasks.case(function()
    local queue, joined = taskpool.Queue(), false
    queue:put "a"
    queue:put "b"
    start(function()
      queue:join()
      joined = true
    end)
    queue:get()
    queue:get()
    queue:item_processed()
    settle()
    assert.is_false(joined)
    queue:item_processed()
    settle()
    assert.is_true(joined)
  end))

  it("does not wait where nothing was put in", tasks.case(function()
    taskpool.Queue():join()
  end))

  it("counts items whose putter had to wait", tasks.case(function()
    local queue = taskpool.Queue(1)
    start(function()
      queue:put(1)
      queue:put(2)
    end)
    settle()
    queue:get()
    queue:item_processed()
    assert.are.equal(1, queue:size())
    queue:get()
    queue:item_processed()
    queue:join()
    raises("InvalidArgument", queue.item_processed, queue)
  end))
end)

describe("closing a queue", function()
  it("still hands out what is in it, then nil and the reason", tasks.case(function()
    local queue = taskpool.Queue()
    queue:put "a"
    queue:close()
    queue:close()
    assert.is_true(queue:closed())
    assert.are.equal("a", queue:get())
    assert.are.same({ nil, "queue is closed" }, { queue:get() })
    assert.are.same({ nil, "queue is closed" }, { queue:get_nowait() })
    assert.are.same({ nil, "queue is closed" }, { queue:take() })
  end))

  it("wakes tasks that wait to get", tasks.case(function()
    local queue = taskpool.Queue()
    local message
    start(function()
      message = select(2, queue:get())
    end)
    settle()
    queue:close()
    settle()
    assert.are.equal("queue is closed", message)
  end))

  it("makes every put fail, also one that waits", tasks.case(function()
    local queue = taskpool.Queue(1)
    queue:put "a"
    local _, outcome = start(function()
      queue:put "b"
    end)
    settle()
    queue:close()
    settle()
    assert.are.equal("NotAvailable: queue is closed", tostring(outcome.value))
    raises("NotAvailable", queue.put, queue, "c")
    raises("NotAvailable", queue.put_nowait, queue, "c")
    assert.are.equal("a", queue:get())
    assert.is_nil((queue:get()))
  end))

  it("ends an iteration over the items", tasks.case(function()
    local queue, got = taskpool.Queue(), {}
    start(function()
      for item = 1, 3 do
        queue:put(item)
        taskpool.sleep(1)
      end
      queue:close()
    end)
    for item in queue:items() do
      got[#got + 1] = item
    end
    assert.are.same({ 1, 2, 3 }, got)
  end))
end)

describe("an item taken as a handle", function()
  it("is processed at the end of the scope", tasks.case(function()
    local queue = taskpool.Queue()
    queue:put "a"
    do
      local item <close> = queue:take()
      assert.are.equal("a", item.value)
    end
    queue:join()
    assert.is_true(queue:empty())
  end))

  it("goes back to the front when its task is cancelled", tasks.case(function()
    local queue = taskpool.Queue()
    for item = 1, 3 do
      queue:put(item)
    end
    local handle = start(function()
      local item <close> = queue:take()
      taskpool.sleep(60)
      error(item)
    end)
    settle()
    core.cancel(handle)
    settle()
    assert.are.equal(3, queue:size())
    for item = 1, 3 do
      assert.are.equal(item, queue:get())
      queue:item_processed()
    end
    queue:join()
  end))

  it("goes straight to a worker that waits when its task is cancelled", tasks.case(function()
    local queue, got = taskpool.Queue(), nil
    queue:put "a"
    local handle = start(function()
      local item <close> = queue:take()
      taskpool.sleep(60)
      error(item)
    end)
    settle()
    start(function()
      local item <close> = queue:take()
      got = item.value
    end)
    settle()
    core.cancel(handle)
    settle()
    assert.are.equal("a", got)
    queue:join()
  end))

  it("does not let a join end while it goes back", tasks.case(function()
    local queue, joined = taskpool.Queue(), false
    queue:put "a"
    local handle = start(function()
      local item <close> = queue:take()
      taskpool.sleep(60)
      error(item)
    end)
    start(function()
      queue:join()
      joined = true
    end)
    settle()
    core.cancel(handle)
    settle()
    assert.is_false(joined)
    queue:get()
    queue:item_processed()
    settle()
    assert.is_true(joined)
  end))

  it("may come back to a queue that is full or closed meanwhile", tasks.case(function()
    local queue = taskpool.Queue(1)
    queue:put "a"
    local handle = start(function()
      local item <close> = queue:take()
      taskpool.sleep(60)
      error(item)
    end)
    settle()
    queue:put "b"
    queue:close()
    core.cancel(handle)
    settle()
    assert.are.equal("a", queue:get())
    assert.are.equal("b", queue:get())
    assert.is_nil((queue:get()))
  end))

  it("is not tried again when an error of its own ends the scope", tasks.case(function()
    local queue = taskpool.Queue()
    queue:put "poison"
    local _, outcome = start(function()
      local item <close> = queue:take()
      error(item.value, 0)
    end)
    settle()
    assert.are.equal("poison", outcome.value)
    assert.is_true(queue:empty())
    queue:join()
  end))
end)
