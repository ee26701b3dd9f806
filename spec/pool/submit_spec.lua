-- SPDX-License-Identifier: MIT
--
-- Calls that are submitted: futures, the order in which they get a place, the bounds of the queue.
local core = require "taskpool.core"
local program = require "spec.support.program"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local testing = require "taskpool.testing"

local function add(a, b)
  taskpool.sleep(1)
  return a + b
end

local function fail(message)
  taskpool.sleep(1)
  error(message, 0)
end

--- A function that notes its argument down after a second.
local function noting(into)
  return function(what)
    taskpool.sleep(1)
    into[#into + 1] = what
    return what
  end
end

--- What a call raised, as text.
local function failure(...)
  local ok, err = pcall(...)
  assert.is_false(ok)
  return tostring(err)
end

--- Submits a call of `f` for each element, all with nowait.
local function submit_all(pool, f, elements, options)
  local futures = {}
  for i, element in ipairs(elements) do
    futures[i] = pool:submit_nowait(f, { element }, options and options[i])
  end
  return futures
end

describe("submit", function()
  it("waits for the call and returns all its results", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    local began = taskpool.now()
    assert.are.equal(3, pool:submit(add, { 1, 2 }))
    assert.are.equal(7, pool:submit(add, nil, { kwargs = { a = 3, b = 4 } }))
    assert.are.equal(2, taskpool.now() - began)
    assert.are.same({ n = 3, nil, 2, nil }, table.pack(pool:submit(function() return nil, 2, nil end)))
    assert.are.equal(0, select("#", pool:submit(function() end)))
    pool:gather_and_close()
  end))

  it("raises the error of the call, which is neither logged nor gathered", tasks.case(function()
    local pool = tasks.TaskPool()
    assert.are.equal("oops", failure(pool.submit, pool, fail, { "oops" }))
    local mine = { code = "Mine" }
    local ok, err = pcall(pool.submit, pool, error, { mine })
    assert.is_false(ok)
    assert.are.equal(mine, err)
    pool:gather_and_close()
  end))

  it("cancels the call when the task that waits for it is cancelled", tasks.case(function()
    local pool, outer = tasks.TaskPool(), tasks.TaskPool()
    outer:apply(pool.submit, { args = { pool, taskpool.sleep, { 3600 } } })
    taskpool.sleep(1)
    assert.are.equal(1, pool.num_running)
    outer:cancel_all()
    taskpool.sleep(1)
    assert.are.equal(0, pool.num_running)
    assert.is_true(taskpool.now() < 100)
    outer:gather_and_close()
    pool:gather_and_close()
  end))

  it("refuses what it cannot make sense of", tasks.case(function()
    local pool = tasks.TaskPool()
    local simple = tasks.SimpleTaskPool(add)
    assert.matches("options come after it", failure(pool.submit, pool, add, { weight = 1 }))
    assert.matches("'weight' must be a number", failure(pool.submit, pool, add, {}, { weight = "1" }))
    assert.matches("'weight' must not be nan", failure(pool.submit, pool, add, {}, { weight = 0 / 0 }))
    assert.matches("'group_name' must not hold a zero byte", failure(pool.submit, pool, add, {},
      { group_name = "a\0b" }))
    assert.matches("'target' must not hold a zero byte", failure(pool.wait, pool, "a\0b"))
    assert.matches("'order' must be fifo, lifo or priority", failure(taskpool.TaskPool, { order = "random" }))
    assert.matches("TaskGroupNotFound", failure(pool.set_weight, pool, "nobody", 1))
    pool:lock()
    assert.matches("PoolIsLocked", failure(pool.submit, pool, add, { 1, 2 }))
    assert.matches("PoolIsLocked", failure(pool.submit_nowait, pool, add, { 1, 2 }))
    pool:gather_and_close()
    assert.matches("PoolIsClosed", failure(pool.submit, pool, add, { 1, 2 }))
    simple:gather_and_close()
  end))

  it("runs a call only so long as its timeout says", tasks.case(function()
    local pool = tasks.TaskPool()
    assert.matches("^TimedOut", failure(pool.submit, pool, taskpool.sleep, { 60 }, { timeout = 5 }))
    assert.are.equal(1, pool.num_timed_out)
    pool:gather_and_close()
  end))

  it("leaves nothing behind: neither a group nor, after a flush, an id", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:submit(add, { 1, 2 }, { group_name = "mine" })
    assert.matches("TaskGroupNotFound", failure(pool.get_group_ids, pool, "mine"))
    assert.matches("AlreadyEnded", failure(pool.cancel, pool, 0))
    assert.are.equal(1, pool.num_ended)
    pool:flush()
    assert.matches("TaskNotFound", failure(pool.cancel, pool, 0))
    assert.are.equal(0, pool.num_ended)
    pool:gather_and_close()
  end))
end)

describe("a call that is not waited for and has a name", function()
  it("is waited for by it, also when it has ended, and until a flush", tasks.case(function()
    local pool = tasks.TaskPool()
    local sum = pool:submit_nowait(add, { 1, 2 }, { group_name = "sum" })
    pool:wait "sum"
    assert.is_true(sum:done())
    pool:wait "sum"
    assert.are.same({ group = "sum", id = 0, state = "ended" }, pool:task "sum")
    assert.matches("^TaskGroupAlreadyExists", failure(pool.submit_nowait, pool, add, {}, { group_name = "sum" }))
    pool:flush()
    assert.matches("^TaskGroupNotFound", failure(pool.wait, pool, "sum"))
    pool:gather_and_close()
  end))

  it("fails the wait when it has failed, and its future as before", tasks.case(function()
    local pool = tasks.TaskPool()
    local future = pool:submit_nowait(fail, { "oops" }, { group_name = "bad" })
    for _ = 1, 2 do -- before its end, and after that
      assert.are.equal("TaskFailed: 1 of 1 tasks of group 'bad' failed, the first with: oops",
        failure(pool.wait, pool, "bad"))
    end
    pool:wait("bad", { return_exceptions = true })
    assert.matches("^oops", failure(future.await, future))
    pool:gather_and_close()
  end))

  it("is no failure that nobody has seen once a wait or a look has told of it", tasks.case(function(log)
    for _, look in ipairs {
      function(pool) failure(pool.wait, pool, "bad") end,
      function(pool) failure(pool.wait, pool, 0) end,
      function(pool) pool:task "bad" end,
    } do
      local pool = tasks.TaskPool()
      pool:submit_nowait(fail, { "oops" }, { group_name = "bad" })
      taskpool.sleep(2)
      collectgarbage()
      look(pool)
      pool:flush()
      collectgarbage()
      assert.are.equal(0, log:count "oops")
      pool:gather_and_close()
    end
  end))

  it("is one where nobody looks", tasks.case(function(log)
    local pool = tasks.TaskPool()
    pool:submit_nowait(fail, { "oops" }, { group_name = "bad" })
    taskpool.sleep(2)
    pool:flush()
    collectgarbage()
    collectgarbage()
    log:expect "oops"
    pool:gather_and_close()
  end))

  it("is cancelled by it", tasks.case(function()
    local pool = tasks.TaskPool()
    local future = pool:submit_nowait(add, { 1, 2 }, { group_name = "sum" })
    pool:cancel "sum"
    assert.matches("^Cancelled", failure(future.await, future))
    assert.matches("^TaskGroupNotFound", failure(pool.wait, pool, "sum"))
    pool:gather_and_close()
  end))
end)

describe("a future", function()
  it("is awaited by many, before and after it is done", tasks.case(function()
    local pool, waiters = tasks.TaskPool(), tasks.TaskPool()
    local future = pool:submit_nowait(add, { 1, 2 })
    local sums = {}
    waiters:apply(function()
      local sum = future:await()
      sums[#sums + 1] = sum
    end, { num = 100 })
    assert.is_false(future:done())
    assert.are.equal(3, future:await())
    assert.is_true(future:done())
    taskpool.sleep(0)
    assert.are.equal(100, #sums)
    assert.are.equal(3, future:await())
    waiters:gather_and_close()
    pool:gather_and_close()
  end))

  it("forgets those who were cancelled while they waited", tasks.case(function()
    local pool = tasks.TaskPool()
    local future = pool:submit_nowait(taskpool.sleep, { 10 })
    for _ = 1, 1000 do
      assert.matches("^TimedOut", failure(taskpool.timeout, 0.001, future.await, future))
    end
    assert.is_false(future:done())
    future:await()
    pool:gather_and_close()
  end))

  it("is awaited for so many seconds at most, and goes on", tasks.case(function()
    local pool = tasks.TaskPool()
    local future = pool:submit_nowait(add, { 1, 2 })
    tasks.raises("TimedOut", future.await, future, 0)
    tasks.raises("TimedOut", future.await, future, 0.5)
    tasks.raises("InvalidArgument", future.await, future, -1)
    assert.are.equal(3, future:await(0.75))
    assert.are.equal(3, future:await(0))
    pool:gather_and_close()
  end))

  it("names the method that refuses its arguments", tasks.case(function()
    local pool = tasks.TaskPool()
    for _, method in ipairs { "submit", "submit_nowait" } do
      for _, wrong in ipairs { { { a = 1 } }, { {}, { retries = -1 } }, { {}, { executor = "fork" } } } do
        local err = tasks.raises("InvalidArgument", pool[method], pool, add, table.unpack(wrong))
        assert.matches("^" .. method .. "[: ]", err.message)
      end
    end
    pool:gather_and_close()
  end))

  it("raises its error in each who awaits it", tasks.case(function()
    local pool = tasks.TaskPool()
    local future = pool:submit_nowait(fail, { "oops" })
    assert.are.equal("oops", failure(future.await, future))
    assert.are.equal("oops", failure(future.await, future))
    assert.are.equal("Future: failed", tostring(future))
    pool:gather_and_close()
  end))

  it("has its error logged when nobody was ever given it", tasks.case(function(log)
    local pool = tasks.TaskPool()
    pool:submit_nowait(fail, { "lost" })
    taskpool.sleep(2)
    collectgarbage()
    collectgarbage()
    log:expect "nobody has awaited: lost"
    pool:gather_and_close()
  end))

  it("can be cancelled before its call starts, which then never does", tasks.case(function()
    local pool, done = tasks.TaskPool { size = 1 }, {}
    local note = noting(done)
    local first, second, third = table.unpack(submit_all(pool, note, { "a", "b", "c" }))
    assert.are.equal(3, pool.num_waiting)
    assert.is_true(second:cancel { msg = "not this one" })
    assert.is_true(second:done())
    assert.are.equal(2, pool.num_waiting)
    assert.are.equal("Cancelled: not this one", failure(second.await, second))
    assert.are.equal("c", third:await())
    assert.are.same({ "a", "c" }, done)
    assert.is_false(first:cancel())
    assert.are.equal("Future: done Future: cancelled", tostring(first) .. " " .. tostring(second))
    pool:gather_and_close()
  end))

  it("can be cancelled while its call runs, whose cleanup comes first", tasks.case(function()
    local pool, events = tasks.TaskPool(), {}
    local future = pool:submit_nowait(function()
      local _ <close> = setmetatable({}, { __close = function() events[#events + 1] = "closed" end })
      taskpool.sleep(3600)
    end)
    taskpool.sleep(1)
    assert.is_true(future:cancel())
    assert.is_false(future:done())
    assert.matches("^Cancelled", failure(future.await, future))
    assert.are.same({ "closed" }, events)
    pool:gather_and_close()
  end))

  it("is what gather waits for, and what it cancels", tasks.case(function()
    local pool = tasks.TaskPool()
    local one, two = pool:submit_nowait(add, { 1, 1 }), pool:submit_nowait(add, { 2, 2 })
    assert.are.same({ 2, 4, 5 }, { taskpool.gather(one, two, function() return 5 end) })
    assert.are.same({ 4, 2 }, { taskpool.gather(two, one) })
    local long, bad = pool:submit_nowait(taskpool.sleep, { 3600 }), pool:submit_nowait(fail, { "oops" })
    assert.are.equal("oops", failure(taskpool.gather, long, bad))
    assert.are.equal("Future: cancelled", tostring(long))
    long = pool:submit_nowait(taskpool.sleep, { 3600 })
    assert.are.equal("oops", failure(taskpool.gather, bad, long))
    assert.are.equal("Future: cancelled", tostring(long))
    pool:gather_and_close()
  end))

  it("comes out of as_completed when it is done, with its index", tasks.case(function()
    local pool, order = tasks.TaskPool(), {}
    local early = pool:submit_nowait(taskpool.sleep, { 0 })
    early:await()
    local futures = submit_all(pool, taskpool.sleep, { 3, 1, 2 })
    futures[4] = early
    futures[5] = pool:submit_nowait(fail, { "oops" })
    for future, index in taskpool.as_completed(futures) do
      assert.are.equal(futures[index], future)
      assert.is_true(future:done())
      pcall(future.await, future)
      order[#order + 1] = index
    end
    assert.are.same({ 4, 2, 5, 3, 1 }, order)
    assert.is_nil(taskpool.as_completed {}())
    assert.matches("element 1 must be a future", failure(taskpool.as_completed, { 1 }))
    pool:gather_and_close()
  end))

  it("is not lost by an as_completed that somebody has stopped waiting for", tasks.case(function()
    local pool = tasks.TaskPool()
    local next_one = taskpool.as_completed(submit_all(pool, taskpool.sleep, { 3, 1, 2 }))
    assert.matches("^TimedOut", failure(taskpool.timeout, 0.5, next_one))
    local order = {}
    for _, index in next_one do
      order[#order + 1] = index
    end
    assert.are.same({ 2, 3, 1 }, order)
    pool:gather_and_close()
  end))

  it("has its error logged when as_completed has handed it out, and nobody awaited it", tasks.case(function(log)
    local pool = tasks.TaskPool()
    for _ in taskpool.as_completed { pool:submit_nowait(fail, { "oops" }) } do end
    collectgarbage()
    collectgarbage()
    log:expect "nobody has awaited: oops"
    pool:gather_and_close()
  end))

  it("is cancelled by a listener while cancel_all is at it", tasks.case(function()
    for _, cancel in ipairs { function(pool) pool:cancel_all() end, function(pool) pool:cancel_group "first" end } do
      local pool = tasks.TaskPool { size = 0 }
      local futures = { pool:submit_nowait(add, { 1, 1 }, { group_name = "first" }),
        table.unpack(submit_all(pool, fail, { 1, 2, 3, 4 })) }
      core.on_end(futures[1], function()
        for _, future in ipairs(futures) do
          core.cancel(future)
        end
      end)
      cancel(pool)
      for _, future in ipairs(futures) do
        assert.are.equal("Future: cancelled", tostring(future))
      end
      pool:gather_and_close()
    end
  end))

  it("fails with its call when the host's pool is cancelled", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    local futures = submit_all(pool, taskpool.sleep, { 60, 60, 60 })
    taskpool.sleep(1)
    pool:cancel_all { msg = "all of you" }
    for _, future in ipairs(futures) do
      assert.are.equal("Cancelled: all of you", failure(future.await, future))
    end
    assert.are.equal(0, pool.num_waiting)
    pool:gather_and_close()
  end))
end)

describe("order", function()
  --- The order in which calls of these weights get their places.
  local function run(order, weights, change)
    local pool, done = tasks.TaskPool { size = 1, order = order }, {}
    local options = {}
    for i, weight in ipairs(weights) do
      options[i] = { weight = weight }
    end
    local elements = {}
    for i = 1, #weights do
      elements[i] = i
    end
    local futures = submit_all(pool, noting(done), elements, options)
    if change then
      change(pool, futures)
    end
    pool:gather_and_close()
    return done
  end

  it("fifo takes each in its turn, whatever it weighs", tasks.case(function()
    assert.are.same({ 1, 2, 3, 4 }, run("fifo", { 9, 1, 5, 2 }))
    assert.are.same({ 1, 2, 3, 4 }, run(nil, { 9, 1, 5, 2 }))
  end))

  it("lifo takes the newest", tasks.case(function()
    assert.are.same({ 4, 3, 2, 1 }, run("lifo", { 9, 1, 5, 2 }))
  end))

  it("priority takes the smallest weight, equals in their turn", tasks.case(function()
    assert.are.same({ 2, 4, 3, 5, 1 }, run("priority", { 9, 1, 5, 1, 5 }))
    assert.are.same({ 2, 1, 3 }, run("priority", { 4, -0.5, 4 }))
  end))

  it("follows a weight that changes while the call waits", tasks.case(function()
    assert.are.same({ 3, 2, 1 }, run("priority", { 1, 2, 3 }, function(_, futures)
      assert.is_true(futures[3]:set_weight(0))
      assert.is_true(futures[1]:set_weight(10))
      assert.is_true(futures[1]:set_weight(9))
    end))
  end))

  it("lets groups take part with a weight of their own, which can be changed by name", tasks.case(function()
    local pool, done = tasks.TaskPool { size = 1, order = "priority" }, {}
    local note = noting(done)
    pool:map(note, { "m1", "m2", "m3" }, { group_name = "m", weight = 5, num_concurrent = 9 })
    pool:apply(note, { args = { "a" }, num = 2, weight = 3 })
    local call = pool:submit_nowait(note, { "s" }, { weight = 4 })
    taskpool.sleep(2.5)
    pool:set_weight("m", 1)
    assert.are.same({ "a", "a" }, done)
    pool:gather_and_close()
    assert.are.same({ "a", "a", "s", "m1", "m2", "m3" }, done)
    assert.is_false(call:set_weight(1))
  end))

  it("is told by a property", tasks.case(function()
    for _, order in ipairs { "fifo", "lifo", "priority" } do
      local pool = tasks.TaskPool { order = order, queue_limit = 7 }
      assert.are.equal(order, pool.order)
      assert.are.equal(7, pool.queue_limit)
      pool:gather_and_close()
    end
  end))
end)

describe("queue_limit", function()
  it("bounds what waits beyond the free places", tasks.case(function()
    local pool, done = tasks.TaskPool { size = 2, queue_limit = 3 }, {}
    local note = noting(done)
    submit_all(pool, note, { 1, 2, 3, 4, 5 })
    assert.matches("^NotAvailable: the queue of TaskPool%-%d+ is full %(5 calls wait%)",
      failure(pool.submit_nowait, pool, note, { 6 }))
    taskpool.sleep(1.5)
    submit_all(pool, note, { 7, 8 })
    assert.matches("^NotAvailable", failure(pool.submit_nowait, pool, note, { 9 }))
    pool:gather_and_close()
    assert.are.same({ 1, 2, 3, 4, 5, 7, 8 }, done)
  end))

  it("makes submit wait for a place, in the order of asking", tasks.case(function()
    local pool, callers, done = tasks.TaskPool { size = 1, queue_limit = 1, order = "lifo" }, tasks.TaskPool(), {}
    local note = noting(done)
    for i = 1, 6 do
      callers:apply(pool.submit, { args = { pool, note, { i } } })
    end
    taskpool.sleep(0.5)
    assert.are.equal(5, pool.num_waiting)
    assert.matches("^NotAvailable", failure(pool.submit_nowait, pool, note, { 7 }))
    callers:gather_and_close()
    -- 1 and 2 had places, then one was let in whenever one ended, and is newer than those inside
    assert.are.same({ 2, 3, 4, 5, 6, 1 }, done)
    pool:gather_and_close()
  end))

  it("counts neither what was cancelled nor what has started", tasks.case(function()
    local pool = tasks.TaskPool { size = 1, queue_limit = 1 }
    local futures = submit_all(pool, taskpool.sleep, { 1, 1 })
    futures[2]:cancel()
    pool:submit_nowait(taskpool.sleep, { 1 })
    assert.matches("^NotAvailable", failure(pool.submit_nowait, pool, taskpool.sleep, { 1 }))
    pool.pool_size = 2
    pool:submit_nowait(taskpool.sleep, { 1 })
    pool:gather_and_close()
  end))

  it("of 0 takes only what a place is free for", tasks.case(function()
    local pool = tasks.TaskPool { size = 1, queue_limit = 0 }
    pool:submit_nowait(taskpool.sleep, { 1 })
    assert.matches("^NotAvailable", failure(pool.submit_nowait, pool, taskpool.sleep, { 1 }))
    pool:gather_and_close()
  end))
end)

describe("pause", function()
  it("stops taking new work until the pool is resumed", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:map(taskpool.sleep, { 1, 1, 1 })
    assert.is_true(pool:pause())
    assert.is_true(pool.paused)
    assert.matches("^NotAvailable: TaskPool%-%d+ is paused", failure(pool.submit_nowait, pool, add, { 1, 2 }))
    assert.matches("^NotAvailable", failure(pool.map, pool, add, { 1 }))
    taskpool.sleep(5)
    assert.are.equal(3, pool.num_ended)
    assert.is_false(pool:resume())
    assert.are.equal(3, pool:submit(add, { 1, 2 }))
    pool:gather_and_close()
    assert.matches("^PoolIsClosed", failure(pool.pause, pool))
    assert.matches("^PoolIsClosed", failure(pool.resume, pool))
  end))

  it("means what it says once or twice, and toggles on demand", tasks.case(function()
    local pool = tasks.TaskPool()
    assert.is_false(pool:resume())
    for _ = 1, 2 do
      assert.is_true(pool:pause())
      assert.is_true(pool.paused)
    end
    for _ = 1, 2 do
      assert.is_false(pool:resume())
      assert.is_false(pool.paused)
    end
    for _, paused in ipairs { true, false, true } do
      assert.are.equal(paused, pool:pause { toggle = true })
      assert.are.equal(paused, pool.paused)
    end
    assert.is_true(pool:pause { toggle = false })
  end))

  it("holds submit, which goes on when the pool does", tasks.case(function()
    local pool, callers = tasks.TaskPool(), tasks.TaskPool()
    pool:pause()
    local sum
    callers:apply(function() sum = pool:submit(add, { 1, 2 }) end)
    taskpool.sleep(10)
    assert.are.equal(0, pool.num_running)
    assert.are.equal(1, pool.num_waiting)
    pool:resume()
    taskpool.sleep(2)
    assert.are.equal(3, sum)
    callers:gather_and_close()
    pool:gather_and_close()
  end))

  it("is over when the pool is gathered, so that nobody waits for ever", tasks.case(function()
    local pool, callers = tasks.TaskPool(), tasks.TaskPool()
    pool:pause()
    local sum
    callers:apply(function() sum = pool:submit(add, { 1, 2 }) end)
    taskpool.sleep(1)
    pool:gather_and_close()
    assert.are.equal(3, sum)
    callers:gather_and_close()
  end))

  it("is there for simple pools too", tasks.case(function()
    local pool = tasks.SimpleTaskPool(add, { args = { 1, 2 } })
    pool:pause()
    assert.matches("^NotAvailable", failure(pool.start, pool, 1))
    pool:resume()
    pool:start(1)
    pool:gather_and_close()
  end))
end)

it("forgets a hundred thousand calls that have ended", function() testing.run(function()
  local pool = taskpool.TaskPool { size = 100, order = "priority" }
  local started, random = 0, 1
  local function work() started = started + 1 end
  local before
  for round = 1, 100 do
    local last
    for _ = 1, 1000 do
      random = random * 16807 % 2147483647
      last = pool:submit_nowait(work, nil, { weight = random % 10 })
    end
    last:await()
    tasks.settle()
    collectgarbage()
    collectgarbage()
    before = round == 10 and collectgarbage "count" or before
  end
  local grown = collectgarbage "count" - before
  assert.is_true(grown < 100, grown .. " KiB more")
  pool:gather_and_close()
  assert.are.equal(100000, started)
end) end)

it("leaves a future that outlives its pool alone, in finalizers of a state that is closed", function()
  local done = program.start({ file = "lua5.4", "-e", [[
    local taskpool, future = require "taskpool", nil
    object = setmetatable({}, { __gc = function()
      print(future, future:done(), (future:cancel()), (future:set_weight(1)))
    end })
    future = taskpool.TaskPool { size = 1 }:submit_nowait(print)
  ]] }):finish()
  assert.are.equal("Future: cancelled\ttrue\tfalse\tfalse\n", done.out)
  assert.are.equal("", done.err)
end)

it("does not go on in a state that is closed by os.exit in a task", function()
  local done = program.start({ file = "lua5.4", "-e", [[
    local taskpool = require "taskpool"
    taskpool.run(function()
      local pool, waiters = taskpool.TaskPool { size = 0 }, taskpool.TaskPool()
      local one, two = pool:submit_nowait(print), pool:submit_nowait(print)
      waiters:apply(function()
        print(pcall(taskpool.gather, one, two))
      end)
      waiters:apply(one.await, { args = { one } })
      taskpool.yield()
      print "leaves"
      os.exit(true, true)
    end)
  ]] }):finish()
  assert.are.equal("leaves\n", done.out)
  assert.are.equal("", done.err)
  assert.are.equal(0, done.code)
end)
