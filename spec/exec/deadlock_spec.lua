-- SPDX-License-Identifier: MIT
--
-- Tasks that wait for work of their own full pool: the one that closes the circle is told, the host goes on.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local testing = require "taskpool.testing"

local function nothing() end

describe("a task that waits for its own full pool", function()
  local WAYS <const> = {
    submit = function(pool) return pool:submit(nothing) end,
    await = function(pool) return pool:submit_nowait(nothing):await() end,
    gather = function(pool) return taskpool.gather(pool:submit_nowait(nothing), pool:submit_nowait(nothing)) end,
    as_completed = function(pool) return taskpool.as_completed { pool:submit_nowait(nothing) }() end,
    ["gather of something else, too,"] = function(pool)
      return taskpool.gather(function() taskpool.sleep(9) end, pool:submit_nowait(nothing))
    end,
    ["as_completed of several"] = function(pool)
      return taskpool.as_completed { pool:submit_nowait(nothing), pool:submit_nowait(nothing) }()
    end,
    wait = function(pool) return pool:wait(pool:apply(nothing)) end,
    ["wait without end"] = function(pool) return pool:wait(pool:apply(nothing), { timeout = math.huge }) end,
    ["await without end"] = function(pool) return pool:submit_nowait(nothing):await(math.huge) end,
    ["submit in a time limit without end"] = function(pool)
      return taskpool.timeout(math.huge, pool.submit, pool, nothing)
    end,
    ["submit in a shield without end"] = function(pool)
      return taskpool.shield(math.huge, pool.submit, pool, nothing)
    end,
  }

  for name, way in pairs(WAYS) do
    it("is told by " .. name .. " that it would wait for ever", tasks.case(function()
      local pool, err = tasks.TaskPool { size = 1 }, nil
      pool:apply(function()
        err = tasks.raises("Deadlock", way, pool)
        taskpool.sleep(1) -- the host goes on
      end)
      taskpool.sleep(0.5)
      local label = tostring(pool):gsub("%-", "%%-")
      assert.matches("^" .. label .. "_Task%-0 would wait for ever for work of " .. label, err.message)
      pool:gather_and_close()
    end))
  end

  it("may wait for the first of several calls that another pool can run", tasks.case(function()
    local pool, other, first = tasks.TaskPool { size = 1 }, tasks.TaskPool(), nil
    pool:apply(function()
      local futures = { pool:submit_nowait(nothing), other:submit_nowait(taskpool.sleep, { 1 }) }
      first = select(2, taskpool.as_completed(futures)())
    end)
    taskpool.sleep(2)
    assert.are.equal(2, first)
    pool:gather_and_close()
    other:gather_and_close()
  end))

  it("is told in spite of a time limit that never comes", tasks.case(function()
    local pool, err = tasks.TaskPool { size = 1 }, nil
    pool:apply(function()
      err = tasks.raises("Deadlock", pool.submit, pool, nothing)
    end, { timeout = math.huge })
    taskpool.sleep(1)
    pool:gather_and_close()
    assert.are.equal("Deadlock", err.code)
  end))

  it("may wait while another one can end", tasks.case(function()
    local pool, sum = tasks.TaskPool { size = 2 }, nil
    pool:apply(taskpool.sleep, { args = { 1 } })
    pool:apply(function()
      sum = pool:submit(math.max, { 1, 2 })
    end)
    taskpool.sleep(2)
    pool:gather_and_close()
    assert.are.equal(2, sum)
  end))

  it("may wait while another one sleeps that has waited", tasks.case(function()
    local pool, sum = tasks.TaskPool { size = 2 }, nil
    pool:apply(function()
      pool:submit(nothing)
      taskpool.sleep(2)
    end)
    taskpool.sleep(1)
    pool:apply(function()
      sum = pool:submit(math.max, { 1, 2 })
    end)
    taskpool.sleep(2)
    pool:gather_and_close()
    assert.are.equal(2, sum)
  end))

  it("is told when it calls itself too deep", tasks.case(function()
    local pool = tasks.TaskPool { size = 3 }
    local function deeper(n)
      return n == 0 and 0 or 1 + pool:submit(deeper, { n - 1 })
    end
    assert.are.equal(2, pool:submit(deeper, { 2 }))
    tasks.raises("Deadlock", pool.submit, pool, deeper, { 3 })
    pool:gather_and_close()
  end))

  it("is told of a circle of pools", tasks.case(function()
    local a, b, errors = tasks.TaskPool { size = 1 }, tasks.TaskPool { size = 1 }, {}
    local function call(other)
      taskpool.sleep(1)
      local ok, err = pcall(other.submit, other, nothing)
      errors[#errors + 1] = ok or err.code
    end
    a:apply(call, { args = { b } })
    b:apply(call, { args = { a } })
    taskpool.sleep(2)
    a:gather_and_close()
    b:gather_and_close()
    table.sort(errors, function(x) return x == "Deadlock" end)
    assert.are.same({ "Deadlock", true }, errors)
  end))

  it("may wait where time, a cancel or a larger size ends that", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    pool:apply(function()
      local future = pool:submit_nowait(nothing)
      tasks.raises("TimedOut", future.await, future, 1)
    end)
    taskpool.sleep(2)
    pool:apply(function() pool:submit(nothing) end, { timeout = 1 })
    taskpool.sleep(2)
    assert.are.equal(1, pool.num_timed_out)
    pool:gather_and_close()
    local growing = tasks.TaskPool { autoscale = { min = 1, max = 2, interval = 0.1 } }
    growing:apply(function() growing:submit(nothing) end)
    taskpool.sleep(2)
    assert.are.equal(2, growing.num_ok)
    growing:gather_and_close()
  end))

  it("of no places at all may wait for some", tasks.case(function()
    local pool, other = tasks.TaskPool { size = 0 }, tasks.TaskPool { size = 1 }
    other:apply(function() pool:submit(nothing) end)
    taskpool.sleep(1)
    pool.pool_size = 1
    other:gather_and_close()
    pool:gather_and_close()
  end))
end)

describe("a host in which all wait for ever", function()
  local function wait() taskpool.Event():wait() end
  local WAYS <const> = {
    sleep = function() taskpool.sleep(math.huge) end,
    ["a time limit"] = function() taskpool.timeout(math.huge, wait) end,
    ["a shield"] = function() taskpool.shield(math.huge, wait) end,
    ["an await"] = function(pool) pool:submit_nowait(wait):await(math.huge) end,
    ["a wait"] = function(pool) pool:wait(pool:apply(wait), { timeout = math.huge }) end,
    ["a task with a time limit"] = function(pool)
      pool:apply(wait, { timeout = math.huge })
      pool:gather_and_close()
    end,
  }

  for name, way in pairs(WAYS) do
    it("is told so, where the time of " .. name .. " has no end", function()
      local _ <close>, pool = testing.record(), taskpool.TaskPool()
      tasks.raises("Deadlock", testing.run, way, pool)
      testing.run(pool.gather_and_close, pool, { return_exceptions = true })
      collectgarbage() -- logs the error of a future
    end)
  end
end)
