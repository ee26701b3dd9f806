-- SPDX-License-Identifier: MIT
-- The size of a pool: changed by hand, and by itself. (How it decides is in scale_spec.c.)
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local testing = require "taskpool.testing"

---A pool with that many tasks that take long, started.
local function busy_pool(size, count)
  local pool = tasks.TaskPool { size = size }
  pool:apply(taskpool.sleep, { args = { 100 }, num = count })
  tasks.settle()
  return pool
end

describe("scale", function()
  it("changes the size by so many and returns the new one", tasks.case(function()
    local pool = tasks.TaskPool { size = 3 }
    assert.are.equal(5, pool:scale(2))
    assert.are.equal(1, pool:scale(-4))
    assert.are.equal(1, pool:scale(0))
    assert.are.equal(1, pool.pool_size)
    assert.are.equal(0, pool:scale(-10))
  end))

  it("starts what waits for the new places", tasks.case(function()
    local pool <const> = busy_pool(2, 5)
    assert.are.equal(2, pool.num_running)
    pool:scale(2)
    tasks.settle()
    assert.are.equal(4, pool.num_running)
    pool:cancel_all()
    pool:gather_and_close()
  end))

  it("lets running tasks end, if it is soft", tasks.case(function()
    local pool <const> = busy_pool(4, 6)
    assert.are.equal(1, pool:scale(-3))
    tasks.settle()
    assert.are.equal(4, pool.num_running)
    taskpool.sleep(100)
    assert.are.equal(1, pool.num_running)
    pool:cancel_all()
    pool:gather_and_close()
  end))

  it("cancels the newest ones over the new size, if it is hard", tasks.case(function()
    local pool, cancelled = tasks.TaskPool { size = 4 }, {}
    pool:apply(taskpool.sleep, { args = { 100 }, num = 4, cancel_callback = function(id)
      table.insert(cancelled, id)
    end })
    tasks.settle()
    assert.are.equal(2, pool:scale(-2, { hard = true }))
    assert.are.equal(2, pool.num_running)
    tasks.settle()
    table.sort(cancelled)
    assert.are.same({ 2, 3 }, cancelled)
    assert.are.equal(2, pool:scale(0, { hard = true }))
    assert.are.equal(2, pool.num_running)
    pool:cancel_all()
    pool:gather_and_close()
  end))

  it("says what to do where there is no limit", tasks.case(function()
    local err = tasks.raises("InvalidArgument", tasks.TaskPool().scale, tasks.TaskPool(), 1)
    assert.matches("pool_size", err.message)
  end))

  it("takes a whole number", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    for _, wrong in ipairs { "1", 1.5, {} } do
      tasks.raises("InvalidArgument", pool.scale, pool, wrong)
    end
    tasks.raises("InvalidArgument", pool.scale, pool)
    assert.are.equal(math.maxinteger, pool:scale(math.maxinteger))
    assert.are.equal(0, pool:scale(math.mininteger))
  end))
end)

describe("the bounds of autoscale", function()
  it("begin with the least, or with the size that is given", tasks.case(function()
    assert.are.equal(2, tasks.TaskPool({ autoscale = { min = 2, max = 8 } }).pool_size)
    assert.are.equal(1, tasks.TaskPool({ autoscale = { max = 8 } }).pool_size)
    assert.are.equal(5, tasks.TaskPool({ size = 5, autoscale = { min = 2, max = 8 } }).pool_size)
  end))

  it("hold for sizes set by hand", tasks.case(function()
    local pool = tasks.TaskPool { autoscale = { min = 2, max = 8 } }
    assert.are.equal(8, pool:scale(100))
    assert.are.equal(2, pool:scale(-100))
    for _, size in ipairs { 1, 9, math.huge } do
      local err = tasks.raises("InvalidArgument", function()
        pool.pool_size = size
      end)
      assert.matches("between 2 and 8", err.message)
    end
    pool.pool_size = 7
    assert.are.equal(7, pool.pool_size)
  end))

  it("must make sense", tasks.case(function()
    for _, options in ipairs {
      { autoscale = {} }, { autoscale = { min = 3 } }, { autoscale = { min = 3, max = 2 } },
      { autoscale = { max = 0, min = 0 } }, { autoscale = { max = math.huge } }, { autoscale = { max = -1 } },
      { autoscale = { max = 3, interval = 0 } }, { autoscale = { max = 3, interval = 0 / 0 } },
      { autoscale = { max = 3, most = 4 } }, { autoscale = 3 },
      { size = 9, autoscale = { max = 8 } }, { size = math.huge, autoscale = { max = 8 } },
    } do
      tasks.raises("InvalidArgument", taskpool.TaskPool, options)
    end
  end))
end)

---What a pool was like, once a second.
---@class Curve
---@field pool table
---@field began number
---@field points { time: number, waiting: integer, running: integer, size: integer }[]
local Curve = {}
Curve.__index = Curve

local function curve_of(pool)
  return setmetatable({ pool = pool, began = taskpool.now(), points = {} }, Curve)
end

---Watches for so many seconds; returns the sizes.
function Curve:watch(seconds, title)
  local pool, sizes = self.pool, {}
  print(("%s\n%6s %8s %8s %5s"):format(title, "time", "waiting", "running", "size"))
  for _ = 1, seconds do
    local point = {
      time = taskpool.now() - self.began,
      waiting = pool.num_waiting,
      running = pool.num_running,
      size = pool.pool_size,
    }
    print(("%6.1f %8d %8d %5d %s"):format(point.time, point.waiting, point.running, point.size,
      ("#"):rep(point.size)))
    table.insert(sizes, point.size)
    table.insert(self.points, point)
    taskpool.sleep(1)
  end
  return sizes
end

describe("a pool that scales itself", function()
  it("grows quickly, holds, shrinks slowly, within its bounds", tasks.case(function(log)
    local pool = tasks.TaskPool { autoscale = { min = 2, max = 16, interval = 1 } }
    local curve = curve_of(pool)

    pool:apply(taskpool.sleep, { args = { 2 }, num = 100 })
    local burst = curve:watch(15, "a burst of 100 tasks of 2 seconds")
    assert.are.same({ 2, 4, 8, 16, 16 }, { table.unpack(burst, 1, 5) })

    local feeder = tasks.SimpleTaskPool(function()
      while true do
        pool:apply(taskpool.sleep, { args = { 2.5 } })
        taskpool.sleep(0.25)
      end
    end)
    feeder:start(1)
    taskpool.sleep(60) -- until it has found its size
    local plateau = curve:watch(20, "a plateau: a task of 2.5 seconds every quarter of a second")
    for _, size in ipairs(plateau) do
      assert.are.equal(plateau[1], size)
    end
    assert.is_true(pool.num_running >= 9 and plateau[1] <= 13)

    feeder:stop_all()
    feeder:gather_and_close()
    local quiet = curve:watch(55, "a quiet time")
    for i = 2, #quiet do
      local step = quiet[i - 1] - quiet[i]
      assert.is_true(step >= 0 and step <= 4)
      assert.is_true(step == 0 or i < 6 or quiet[i - 1] == quiet[i - 5], "two steps within five intervals")
    end
    assert.are.equal(2, quiet[#quiet])

    for _, point in ipairs(curve.points) do
      assert.is_true(point.size >= 2 and point.size <= 16)
      assert.is_true(point.running <= 16)
    end
    assert.is_true(log:count "scaled" > 4)
    pool:gather_and_close()
  end))

  it("logs each change of its size with the reason", tasks.case(function(log)
    local pool = tasks.TaskPool { name = "jobs", autoscale = { min = 1, max = 4 } }
    pool:apply(taskpool.sleep, { args = { 4 }, num = 4 })
    taskpool.sleep(16)
    local lines = {}
    for _, record in ipairs(log.recorder) do
      if record.level == "info" then
        table.insert(lines, record.message)
      end
    end
    assert.are.same({
      "TaskPool-jobs scaled 1 -> 2: 3 waiting for 1 place, rising",
      "TaskPool-jobs scaled 2 -> 4: 2 waiting for 2 places, steady",
      "TaskPool-jobs scaled 4 -> 3: 0 of 4 places taken, quiet for 5 intervals",
      "TaskPool-jobs scaled 3 -> 2: 0 of 3 places taken, quiet for 5 intervals",
    }, { table.unpack(lines, 1, 4) })
    assert.is_true(log:count "stays at" > 0)
    pool:gather_and_close()
  end))

  it("counts what lacks a place, not what a group holds back", tasks.case(function()
    local pool = tasks.TaskPool { autoscale = { max = 8 } }
    pool:map(taskpool.sleep, { 20, 20, 20, 20 }, { num_concurrent = 1 })
    taskpool.sleep(10)
    assert.are.equal(1, pool.pool_size)
    pool:cancel_all()
    pool:gather_and_close()
  end))

  it("grows for an iterator as far as its group may run", tasks.case(function()
    local pool = tasks.TaskPool { autoscale = { max = 8 } }
    pool:map(taskpool.sleep, function()
      return 20
    end, { num_concurrent = 5 })
    taskpool.sleep(10)
    assert.are.equal(5, pool.num_running)
    assert.are.equal(5, pool.pool_size)
    pool:cancel_all()
    pool:gather_and_close()
  end))

  it("grows for tasks without which those that run cannot end", function()
    local began = os.clock()
    tasks.case(function()
      local gate, pool = taskpool.Event(), tasks.TaskPool { autoscale = { max = 4, interval = 60 } }
      pool:apply(gate.wait, { args = { gate }, num = 3 })
      pool:apply(gate.set, { args = { gate } })
      pool:gather_and_close()
    end)()
    assert.is_true(os.clock() - began < 5)
  end)

  it("neither hides a deadlock nor makes the clock run for ever", function()
    local gate, pool = taskpool.Event(), taskpool.TaskPool { autoscale = { max = 4 } }
    local err = tasks.raises("Deadlock", testing.run, function()
      pool:apply(gate.wait, { args = { gate }, num = 10 })
      pool:gather_and_close()
    end)
    assert.matches("^5 tasks wait", err.message)
    assert.are.equal(4, pool.pool_size)
    taskpool.run(pool.gather_and_close, pool)
  end)

  it("keeps no host running", function()
    local pool = taskpool.TaskPool { size = 8, autoscale = { max = 8, interval = 1000 } }
    taskpool.run(function()
      pool:apply(taskpool.sleep, { args = { 0.01 }, num = 8 })
      pool:flush()
    end)
    assert.is_falsy(require("luv").loop_alive())
    taskpool.run(pool.gather_and_close, pool)
  end)

  it("may be closed while it waits for its next decision", tasks.case(function()
    for _ = 1, 100 do
      local pool = tasks.TaskPool { autoscale = { max = 8 } }
      pool:apply(taskpool.sleep, { args = { 0.1 }, num = 3 })
      pool:gather_and_close()
      pool:scale(3)
    end
  end))
end)
