-- SPDX-License-Identifier: MIT
-- How many tasks may start in how much time, of a pool and of a group.
local hosts = require "spec.support.host"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local uv = require "luv"

---A worker that notes when it began, in seconds after the making of the worker, and then sleeps so long.
local function noting(times, seconds)
  local began = taskpool.now()
  return function()
    times[#times + 1] = tonumber(("%.6f"):format(taskpool.now() - began))
    taskpool.sleep(seconds or 0)
  end
end

---The times at which `num` tasks of a pool with these options begin.
local function times_in(pool_options, num, seconds)
  local times, pool = {}, tasks.TaskPool(pool_options)
  pool:apply(noting(times, seconds), { num = num })
  pool:gather_and_close()
  return times
end

describe("the rate of a pool", function()
  it("lets n tasks start in so many seconds, evenly", tasks.case(function()
    assert.are.same({ 0, 0.1, 0.2, 0.3 }, times_in({ rate = { n = 10, per = 1 } }, 4))
    assert.are.same({ 0, 0.5, 1, 1.5 }, times_in({ rate = 2 }, 4))
    assert.are.same({ 0, 20, 40 }, times_in({ rate = { n = 3, per = 60 } }, 3))
  end))

  it("lets as many start at once as burst says", tasks.case(function()
    assert.are.same({ 0, 0, 0, 0.1, 0.2 }, times_in({ rate = { n = 10, burst = 3 } }, 5))
  end))

  it("has a burst again only when enough time has passed", tasks.case(function()
    local times, pool = {}, tasks.TaskPool { rate = { n = 1, burst = 3 } }
    local worker = noting(times)
    for _, wait in ipairs { 1, 2, 10 } do
      pool:apply(worker, { num = 4 })
      taskpool.sleep(4)
      assert.are.equal(0, pool.num_waiting)
      taskpool.sleep(wait)
    end
    pool:gather_and_close()
    assert.are.same({ 0, 0, 0, 1, 5, 5, 5, 6, 11, 11, 11, 12 }, times)
  end))

  it("counts all groups and all kinds of calls together", tasks.case(function()
    local times, pool = {}, tasks.TaskPool { rate = 1 }
    local worker = noting(times)
    pool:apply(worker, { num = 2 })
    pool:map(worker, { 1, 2 }, { num_concurrent = 2 })
    pool:starmap(worker, { {}, {} }, { num_concurrent = 2 })
    pool:doublestarmap(worker, { {}, {} }, { num_concurrent = 2 })
    pool:submit_nowait(worker)
    pool:submit(worker)
    pool:gather_and_close()
    assert.are.same({ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, times)
    local simple_times = {}
    local simple = tasks.SimpleTaskPool(noting(simple_times), { rate = 1 })
    simple:start(2)
    simple:start(1)
    simple:gather_and_close()
    assert.are.same({ 0, 1, 2 }, simple_times)
  end))

  it("is a limit beside the pool's size", tasks.case(function()
    assert.are.same({ 0, 0.1, 0.5, 0.6, 1 }, times_in({ size = 2, rate = 10 }, 5, 0.5))
  end))

  it("goes on when the size is changed", tasks.case(function()
    local times, pool = {}, tasks.TaskPool { size = 0, rate = 1 }
    pool:apply(noting(times), { num = 5 })
    taskpool.sleep(3)
    pool.pool_size = 10
    taskpool.sleep(1.5)
    pool.pool_size = 0
    taskpool.sleep(5)
    pool.pool_size = 1
    pool:gather_and_close()
    assert.are.same({ 3, 4, 9.5, 10.5, 11.5 }, times)
  end))

  it("is no reason for a pool to grow", tasks.case(function()
    local times, pool = {}, tasks.TaskPool { rate = 1, autoscale = { max = 8 } }
    pool:apply(noting(times), { num = 5, rate = 1 })
    pool:map(noting(times), { 1, 2, 3 }, { num_concurrent = 3, rate = { n = 1, per = 2 } })
    taskpool.sleep(4.5)
    assert.are.equal(1, pool.pool_size)
    pool:gather_and_close()
    assert.are.same({ 0, 1, 2, 3, 4, 5, 6, 7 }, times)
  end))

  it("lets the order decide who gets the token", tasks.case(function()
    local names, pool = {}, tasks.TaskPool { rate = 1, order = "priority" }
    local function worker(name)
      names[#names + 1] = ("%s at %g"):format(name, taskpool.now())
    end
    pool:map(worker, { "c", "c" }, { weight = 3, num_concurrent = 2, group_name = "c" })
    pool:map(worker, { "b", "b" }, { weight = 2, num_concurrent = 2 })
    taskpool.sleep(1.5)
    pool:map(worker, { "a" }, { weight = 1 })
    pool:set_weight("c", 1.5)
    pool:gather_and_close()
    assert.are.same({ "b at 0", "b at 1", "a at 2", "c at 3", "c at 4" }, names)
  end))

  it("makes calls wait, which queue_limit bounds", tasks.case(function()
    for limit = 0, 2 do
      for _, size in ipairs { 100, math.huge } do
        local times, pool = {}, tasks.TaskPool { rate = { n = 1, burst = 2 }, queue_limit = limit, size = size }
        local callers, worker = tasks.TaskPool(), noting(times)
        for _ = 1, 2 + limit do
          pool:submit_nowait(worker)
        end
        assert.matches("^NotAvailable: the queue of", tostring(select(2, pcall(pool.submit_nowait, pool, worker))))
        callers:apply(pool.submit, { args = { pool, worker }, num = 4 - limit })
        callers:gather_and_close()
        pool:gather_and_close()
        assert.are.same({ 0, 0, 1, 2, 3, 4 }, times)
      end
    end
  end))

  it("goes on while the pool is locked or paused", tasks.case(function()
    local times, pool = {}, tasks.TaskPool { rate = 1 }
    local worker = noting(times)
    pool:apply(worker, { num = 2 })
    pool:pause()
    taskpool.sleep(2.5)
    assert.are.same({ 0, 1 }, times)
    pool:resume()
    pool:apply(worker, { num = 2 })
    pool:lock()
    taskpool.sleep(5)
    assert.are.same({ 0, 1, 2.5, 3.5 }, times)
    pool:gather_and_close()
  end))
end)

describe("the rate of a group", function()
  it("is an option of apply, map, starmap and doublestarmap", tasks.case(function()
    for method, iterable in pairs { map = { 1, 2, 3 }, starmap = { {}, {}, {} }, doublestarmap = { {}, {}, {} } } do
      local times, pool = {}, tasks.TaskPool()
      pool[method](pool, noting(times), iterable, { num_concurrent = 3, rate = { n = 2, burst = 2 } })
      pool:gather_and_close()
      assert.are.same({ 0, 0, 0.5 }, times)
    end
    local times, pool = {}, tasks.TaskPool()
    pool:apply(noting(times), { num = 3, rate = { n = 1, per = 2 } })
    pool:gather_and_close()
    assert.are.same({ 0, 2, 4 }, times)
  end))

  it("is a limit beside num_concurrent", tasks.case(function()
    local times, pool = {}, tasks.TaskPool()
    pool:map(noting(times, 2.5), { 1, 2, 3, 4 }, { num_concurrent = 2, rate = 1 })
    pool:gather_and_close()
    assert.are.same({ 0, 1, 2.5, 3.5 }, times)
  end))

  it("leaves the places to the other groups meanwhile", tasks.case(function()
    local slow, fast, pool = {}, {}, tasks.TaskPool { size = 1 }
    pool:map(noting(slow), { 1, 2, 3 }, { rate = 1 })
    pool:map(noting(fast, 0.25), { 1, 2, 3, 4, 5 })
    pool:gather_and_close()
    assert.are.same({ 0, 1, 2 }, slow)
    assert.are.same({ 0, 0.25, 0.5, 0.75, 1 }, fast)
  end))

  it("asks an iterator for an element only when its task may start", tasks.case(function()
    local asked, times, pool = {}, {}, tasks.TaskPool()
    local count = 0
    pool:map(noting(times), function()
      asked[#asked + 1] = taskpool.now()
      count = count + 1
      taskpool.sleep(count == 2 and 5 or 0)
      return count <= 3 and count or nil
    end, { num_concurrent = 9, rate = { n = 1, per = 2 } })
    pool:gather_and_close()
    assert.are.same({ 0, 2, 9, 11 }, asked)
    assert.are.same({ 0, 7, 9 }, times)
  end))

  it("counts together with the pool's", tasks.case(function()
    local a, b, pool = {}, {}, tasks.TaskPool { rate = { n = 4, burst = 2 } }
    pool:map(noting(a), { 1, 2, 3 }, { num_concurrent = 3, rate = 1 })
    pool:map(noting(b), { 1, 2, 3, 4, 5 }, { num_concurrent = 5 })
    pool:gather_and_close()
    assert.are.same({ 0, 1.25, 2.25 }, a) -- at 1 the pool's token goes to the group that was there first
    assert.are.same({ 0, 0.25, 0.5, 0.75, 1 }, b)
  end))

  it("ends with a cancel, for a group that rests", tasks.case(function()
    local times, pool = {}, tasks.TaskPool()
    pool:map(noting(times), { 1, 2, 3 }, { num_concurrent = 3, group_name = "slow", rate = { n = 1, per = 60 } })
    pool:map(noting(times), { 1, 2, 3 }, { num_concurrent = 3, rate = { n = 1, per = 2 } })
    taskpool.sleep(1)
    pool:cancel_group "slow"
    local waiting = pool.num_waiting
    local began = taskpool.now()
    pool:gather_and_close()
    assert.are.equal(2, waiting)
    assert.are.equal(3, taskpool.now() - began)
    assert.are.same({ 0, 0, 2, 4 }, times)
  end))

  it("leaves no timer behind when the last one that rests is cancelled", tasks.case(function()
    local times, pool = {}, tasks.TaskPool { rate = { n = 1, per = 1000 } }
    pool:apply(noting(times), { num = 5 })
    tasks.settle()
    pool:cancel_all()
    pool:gather_and_close()
    assert.is_true(taskpool.now() < 1)
    assert.are.same({ 0 }, times)
  end))

  it("holds for many groups at once", tasks.case(function()
    local starts, pool = {}, tasks.TaskPool()
    for i = 1, 300 do
      pool:apply(function()
        starts[i] = (starts[i] or 0) + 1
      end, { num = 3, rate = { n = 1, per = i } })
    end
    taskpool.sleep(150.5)
    for i = 1, 300 do
      assert.are.equal(math.min(3, 1 + 150 // i), starts[i])
    end
    pool:gather_and_close()
    assert.are.equal(600, taskpool.now())
  end))
end)

describe("a rate", function()
  it("is not used up by tries after the first one", tasks.case(function()
    local times, tries, pool = {}, 0, tasks.TaskPool { rate = 1 }
    local note = noting(times)
    pool:apply(function()
      tries = tries + 1
      note()
      if tries < 3 then
        error("again", 0)
      end
    end, { retries = { n = 5, backoff = 0.25 } })
    pool:apply(note)
    pool:gather_and_close()
    assert.are.same({ 0, 0.25, 0.75, 1 }, times)
  end))

  it("is the same under the real clock, and neither spins nor deadlocks", function()
    local times = {}
    local cpu = os.clock()
    taskpool.run(function()
      local pool = taskpool.TaskPool { rate = { n = 20, per = 1 } }
      pool:apply(noting(times), { num = 9 })
    end)
    assert.is_true(os.clock() - cpu < 0.2)
    for i, time in ipairs(times) do
      assert.is_true(time >= (i - 1) * 0.05 - 1e-6, ("start %d at %g"):format(i, time))
    end
    assert.are.equal(9, #times)
    assert.is_falsy(uv.loop_alive())
  end)

  it("is reached under the real clock, whose timers count in milliseconds", function()
    local began, count = uv.hrtime(), 0
    taskpool.run(function()
      local pool = taskpool.TaskPool { rate = 5000 }
      pool:apply(function()
        count = count + 1
      end, { num = 1000 })
    end)
    local seconds = (uv.hrtime() - began) / 1e9
    assert.are.equal(1000, count)
    assert.is_true(seconds >= 999 / 5000 - 0.011, ("%g s"):format(seconds))
    print(("rate: asked=5000/s reached=%.0f/s"):format(count / seconds))
  end)

  it("goes on from one clock to another", function()
    local pool
    taskpool.run(function()
      pool = taskpool.TaskPool { rate = { n = 1, per = 5 } }
      pool:submit(function() end)
    end)
    local testing = require "taskpool.testing"
    testing.run(function()
      pool:submit(function() end)
      assert.is_true(taskpool.now() > 4 and taskpool.now() <= 5)
      pool:gather_and_close()
    end)
  end)

  it("refuses what it does not know", tasks.case(function()
    local pool = tasks.TaskPool()
    local function refused(text, rate)
      local err = tasks.raises("InvalidArgument", pool.map, pool, print, {}, { rate = rate })
      assert.are.equal("map: " .. text, err.message)
    end
    refused("'rate' must be a number or a table, not boolean", true)
    refused("rate: 'n' is missing", { per = 1 })
    refused("rate: 'n' must be an integer from 1 to 1000000000, not 0", 0)
    refused("rate: 'n' must be an integer from 1 to 1000000000, not 0.5", { n = 0.5 })
    refused("rate: 'per' must be a number from 1e-06 to 1000000000, not 0", { n = 1, per = 0 })
    refused("rate: 'burst' must be an integer from 1 to 1000000000, not 0", { n = 1, burst = 0 })
    refused("rate has no option 'bust'", { n = 1, bust = 2 })
    tasks.raises("InvalidArgument", taskpool.TaskPool, { rate = "10" })
    tasks.raises("InvalidArgument", taskpool.SimpleTaskPool, print, { rate = { n = 1, x = 1 } })
  end))

  it("is read at the prompt", function()
    local host <close> = hosts.start([[
      taskpool.TaskPool { name = "jobs" }
    ]], { ["jobs.lua"] = [[return { work = function() end }]] })
    local wire <close> = host:greet()
    wire:ask "map jobs.work [1, 2, 3] -n 3 --rate {n=1,per=3600,burst=2}"
    wire:ask "apply jobs.work -n 2 --rate 1000"
    repeat
      uv.sleep(1)
    until wire:ask "num-ended" == "4"
    assert.are.equal("1", wire:ask "num-waiting")
    assert.are.equal("InvalidArgument: apply: rate has no option 'm'", wire:ask "apply jobs.work --rate {n=1,m=1}")
    wire:ask "cancel-all"
    assert.are.equal("0", wire:ask "num-waiting")
  end)
end)
