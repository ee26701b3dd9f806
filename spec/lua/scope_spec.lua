-- SPDX-License-Identifier: MIT
-- A pool as a scope: `local pool <close>` gathers and closes at the end, and cancels what an error leaves behind.
local assert = require "luassert"
local program = require "spec.support.program"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

---A worker that takes so many seconds, and an end callback; together they note how it ended.
local function noting()
  local ends = {}
  return ends, function(_, ok, err)
    ends[#ends + 1] = ok and "well" or tostring(err)
  end
end

---Seconds since `began`, rounded.
local function since(began)
  return math.floor(taskpool.now() - began + 0.5)
end

local ABANDONED <const> = "Cancelled: the scope of the pool has ended"

describe("the end of a pool's scope", function()
  it("waits for all tasks and closes the pool", tasks.case(function()
    local ends, note = noting()
    local kept
    local began = taskpool.now()
    do
      local pool <close> = tasks.TaskPool { size = 1 }
      pool:apply(taskpool.sleep, { args = { 1 }, num = 3, end_callback = note })
      kept = pool
    end
    assert.are.equal(3, since(began))
    assert.are.same({ "well", "well", "well" }, ends)
    assert.is_true(kept.is_closed)
  end))

  it("is the same for a simple pool, and for one that is closed, paused or locked", tasks.case(function()
    local simple = tasks.SimpleTaskPool(taskpool.sleep, { args = { 1 } })
    local closed, paused = tasks.TaskPool(), tasks.TaskPool()
    do
      local _ <close> = simple
      local _ <close> = closed
      local _ <close> = paused
      simple:start(2)
      closed:gather_and_close()
      paused:apply(taskpool.sleep, { args = { 1 } })
      paused:pause()
      paused:lock()
    end
    assert.is_true(simple.is_closed and closed.is_closed and paused.is_closed)
  end))

  it("raises the first error of its tasks", tasks.case(function(log)
    local kept
    local ok, err = pcall(function()
      local pool <close> = tasks.TaskPool()
      kept = pool
      pool:map(function(text) error(text, 0) end, { "first", "second" })
    end)
    assert.is_false(ok)
    assert.are.equal("first (the first of 2 errors)", err)
    assert.is_true(kept.is_closed)
    log:expect "first"
    log:expect "second"
  end))

  it("cancels its tasks where an error ends it, and waits for their cleanup", tasks.case(function(log)
    local ends, note = noting()
    local kept
    local began = taskpool.now()
    local ok, err = pcall(function()
      local pool <close> = tasks.TaskPool { size = 2 }
      kept = pool
      pool:apply(function()
        local _ <close> = tasks.at_end(function()
          taskpool.shield(9, taskpool.sleep, 2)
        end)
        taskpool.sleep(60)
      end, { num = 5, end_callback = note })
      pool:apply(error, { args = { "also wrong" } })
      taskpool.sleep(1)
      error("wrong", 0)
    end)
    assert.is_false(ok)
    assert.are.equal("wrong", err)
    assert.are.equal(3, since(began))
    assert.are.same({ ABANDONED, ABANDONED }, ends)
    assert.is_true(kept.is_closed)
    log:expect_all "also wrong"
  end))

  for where, seconds in pairs { ["its end"] = 0, ["its middle"] = 60 } do
    it("passes a time limit that comes in " .. where .. " on to its tasks", tasks.case(function()
      local ends, note = noting()
      local kept
      local began = taskpool.now()
      local err = tasks.raises("TimedOut", taskpool.timeout, 2, function()
        local pool <close> = tasks.TaskPool()
        kept = pool
        pool:apply(taskpool.sleep, { args = { 60 }, num = 2, end_callback = note })
        taskpool.sleep(seconds)
      end)
      assert.matches("time limit of 2 seconds", err.message)
      assert.are.equal(2, since(began))
      assert.are.same({ ABANDONED, ABANDONED }, ends)
      assert.is_true(kept.is_closed)
    end))
  end

  it("is over before its caller's, also where its tasks do not obey", tasks.case(function(log)
    local ends, note = noting()
    local began, seen = taskpool.now(), nil
    tasks.raises("TimedOut", taskpool.timeout, 1, function()
      local _ <close> = tasks.at_end(function() seen = #ends end)
      local pool <close> = tasks.TaskPool { cancel_grace = 60 }
      pool:apply(function()
        while true do
          taskpool.catch_cancel(taskpool.shield, 60, taskpool.sleep, 60)
        end
      end, { end_callback = note })
    end)
    assert.are.equal(1, seen)
    assert.is_true(taskpool.now() - began < 6)
    log:expect "Killed"
  end))

  it("covers pools in pools", tasks.case(function()
    local ends, note = noting()
    tasks.raises("TimedOut", taskpool.timeout, 1, function()
      local outer <close> = tasks.TaskPool()
      outer:apply(function()
        local inner <close> = tasks.TaskPool()
        inner:apply(taskpool.sleep, { args = { 60 }, num = 2, end_callback = note })
      end)
    end)
    assert.are.same({ ABANDONED, ABANDONED }, ends)
  end))

  it("comes for a task that is killed: its pool is cancelled and closed", tasks.case(function(log)
    local pool, inner = tasks.TaskPool { cancel_grace = 1 }, nil
    local ends, note = noting()
    pool:apply(function()
      local scope <close> = tasks.TaskPool()
      inner = scope
      scope:apply(taskpool.sleep, { args = { 60 }, end_callback = note })
      while true do
        taskpool.catch_cancel(taskpool.sleep, 60)
      end
    end)
    tasks.settle()
    pool:cancel_all()
    pool:gather_and_close()
    inner:until_closed()
    assert.are.same({ ABANDONED }, ends)
    log:expect "Killed"
  end))
end)

describe("a script whose pool is a scope", function()
  local SCRIPT <const> = [[
    local taskpool = require "taskpool"
    local pool <close> = taskpool.TaskPool { size = 1 }
    pool:map(function(x) taskpool.sleep(0.01) print(x) end, { 1, 2 })
    %s
  ]]

  local function run(text)
    local directory = program.make_directory()
    local done = program.run { "run", program.write_file(directory .. "/scope.lua", SCRIPT:format(text)) }
    program.remove_directory(directory)
    return done
  end

  it("ends when its tasks have", function()
    local done = run ""
    assert.are.equal("1\n2\n", done.out)
    assert.are.equal(0, done.code)
  end)

  it("ends at once at an error", function()
    local done = run "error 'on purpose'"
    assert.are.equal("", done.out)
    assert.are.equal(1, done.code)
    assert.matches("on purpose", done.err)
  end)
end)
