-- SPDX-License-Identifier: MIT
-- Where a group's arguments come from: iterables of every kind, taken lazily, fairly, and only from the loop.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local settle = tasks.settle

---Maps a worker over the iterable (one, or the three values of a generic for) and returns what it was called
---with, each call a list.
local function elements_of(...)
  local pool, elements = tasks.TaskPool(), {}
  pool:map(function(...)
    elements[#elements + 1] = { ... }
  end, ...)
  pool:gather_and_close()
  return elements
end

---An iterator over 1 … last that notes in `log.pulled` how far it is.
local function counter(last, log)
  log.pulled = 0
  return function()
    if log.pulled < last then
      log.pulled = log.pulled + 1
      return log.pulled
    end
  end
end

describe("an iterable", function()
  it("is a list", tasks.case(function()
    assert.are.same({ { "a" }, { "b" } }, elements_of { "a", "b" })
    assert.are.same({}, elements_of {})
  end))

  it("is a list with nils that says how long it is", tasks.case(function()
    assert.are.same({ {}, { 2 }, {} }, elements_of { nil, 2, nil, n = 3 })
    assert.are.same({ { "a" } }, elements_of { "a", "b", n = 1 })
    assert.are.same({}, elements_of { "a", n = 0 })
  end))

  it("is a function, called until it returns nil", tasks.case(function()
    local log = {}
    assert.are.same({ { 1 }, { 2 }, { 3 } }, elements_of(counter(3, log)))
    assert.are.same({}, elements_of(function() end))
    local values = { false, 0, "" }
    assert.are.same({ { false }, { 0 }, { "" } }, elements_of(function()
      return table.remove(values, 1)
    end))
  end))

  it("is what a generic for takes", tasks.case(function()
    local seen = {}
    for _, pair in ipairs(elements_of(pairs { a = 1, b = 2 })) do
      seen[pair[1]] = pair[2]
    end
    assert.are.same({ a = 1, b = 2 }, seen)
    assert.are.same({ { 1, "x" }, { 2, "y" } }, elements_of(ipairs { "x", "y" }))
    assert.are.same({ { "k" }, { "l" } }, elements_of(("k l"):gmatch "%a"))
  end))

  it("may be followed by options, whatever it is", tasks.case(function()
    local pool, running = tasks.TaskPool(), 0
    local function work()
      running = running + 1
      taskpool.sleep(1)
    end
    local step, state, control = pairs { 1, 2, 3 }
    pool:map(work, step, state, control, { num_concurrent = 3 })
    pool:map(work, counter(3, {}), { num_concurrent = 3 })
    pool:map(work, coroutine.create(counter(1, {})), { num_concurrent = 3 })
    settle()
    assert.are.equal(7, running)
  end))

  it("is a coroutine", tasks.case(function()
    assert.are.same({ { 1 }, { 2, 3 }, { "last" } }, elements_of(coroutine.create(function()
      coroutine.yield(1)
      coroutine.yield(2, 3)
      return "last"
    end)))
    assert.are.same({}, elements_of(coroutine.create(function() end)))
    local dead = coroutine.create(function() end)
    coroutine.resume(dead)
    assert.are.same({}, elements_of(dead))
  end))

  it("may wait for its next element", tasks.case(function()
    local queue, began, times = taskpool.Queue(), taskpool.now(), {}
    local pool = tasks.TaskPool()
    local function note(name)
      times[#times + 1] = ("%s at %.0f"):format(name, taskpool.now() - began)
    end
    pool:map(note, queue:items(), { num_concurrent = 5 })
    pool:map(note, coroutine.create(function()
      for second = 2, 4, 2 do
        taskpool.sleep(2)
        coroutine.yield("from a coroutine " .. second)
      end
    end))
    for second = 1, 3, 2 do
      taskpool.sleep(second == 1 and 1 or 2)
      queue:put("from a queue " .. second)
    end
    queue:close()
    pool:gather_and_close()
    assert.are.same({
      "from a queue 1 at 1", "from a coroutine 2 at 2", "from a queue 3 at 3", "from a coroutine 4 at 4",
    }, times)
  end))
end)

describe("a feed", function()
  it("is not touched before the caller gives up control", tasks.case(function()
    local pool, log, ran = tasks.TaskPool(), {}, 0
    pool:map(function()
      ran = ran + 1
    end, counter(2, log), { num_concurrent = 2 })
    pool:apply(function()
      ran = ran + 1
    end)
    assert.are.equal(0, log.pulled)
    assert.are.equal(0, ran)
    taskpool.yield()
    assert.are.equal(2, log.pulled)
  end))

  it("is never further ahead than there is room in the group", tasks.case(function()
    local pool, log, most = tasks.TaskPool(), {}, 0
    local next_number = counter(100, log)
    pool:map(function()
      taskpool.sleep(1)
    end, function()
      most = math.max(most, pool.num_running)
      return next_number()
    end, { num_concurrent = 3 })
    for second = 1, 10 do
      taskpool.sleep(second == 1 and 0.5 or 1)
      assert.are.equal(3 * second, log.pulled)
    end
    assert.are.equal(2, most) -- there was room whenever it was asked
    pool:cancel_all()
  end))

  it("is never further ahead than there is room in the pool", tasks.case(function()
    local pool, log = tasks.TaskPool { size = 2 }, {}
    pool:map(taskpool.sleep, counter(100, log), { num_concurrent = 50 })
    taskpool.sleep(0.5)
    assert.are.equal(2, log.pulled) -- naps of 1, 2, 3 … seconds
    taskpool.sleep(1)
    assert.are.equal(3, log.pulled)
    pool.pool_size = 4
    settle()
    assert.are.equal(5, log.pulled)
    pool.pool_size = 1
    taskpool.sleep(3)
    assert.are.equal(5, log.pulled)
    pool:cancel_all()
  end))

  it("keeps an element for which the room has gone while it was awaited", tasks.case(function()
    local pool, queue, done = tasks.TaskPool { size = 1 }, taskpool.Queue(), {}
    pool:map(function(item)
      done[#done + 1] = item
    end, queue:items(), { num_concurrent = 9 })
    settle()
    pool.pool_size = 0
    queue:put "a"
    queue:put "b"
    settle()
    assert.are.same({}, done)
    assert.are.equal(1, pool.num_waiting)
    assert.are.equal(1, queue:size()) -- not asked for
    pool.pool_size = 1
    settle()
    assert.are.same({ "a", "b" }, done)
    queue:close()
  end))

  it("of one group does not keep another one from the room", tasks.case(function()
    local pool, started = tasks.TaskPool { size = 2 }, {}
    local function work(name)
      started[#started + 1] = name
      taskpool.sleep(1)
    end
    for _, group in ipairs { "a", "b", "c" } do
      pool:map(work, { group .. 1, group .. 2, group .. 3 }, { num_concurrent = 9 })
    end
    pool:gather_and_close()
    assert.are.same({ "a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3" }, started)
  end))

  it("that waits does not hold room", tasks.case(function()
    local pool, queue, done = tasks.TaskPool { size = 1 }, taskpool.Queue(), 0
    pool:map(print, queue:items(), { num_concurrent = 9 })
    pool:apply(function()
      done = done + 1
    end, { num = 3 })
    settle()
    assert.are.equal(3, done)
    queue:close()
  end))
end)
