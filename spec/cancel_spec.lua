-- SPDX-License-Identifier: MIT
-- Cancelling: the error that is raised, where it is raised, and that it is not swallowed. What each wait does is in
-- cancel_matrix_spec.lua.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local at_end, settle = tasks.at_end, tasks.settle

local function task_it(name, body)
  it(name, tasks.case(body))
end

---Runs `body(pool)` as task 0 of a new pool, cancels it after a second, and returns the error it ended with (nil: it
---ended well).
local function cancelled(body)
  local pool, reason = tasks.TaskPool(), nil
  pool:apply(body, { args = { pool }, end_callback = function(_, ok, err)
    reason = not ok and err or nil
  end })
  taskpool.sleep(1)
  if pool.num_running > 0 then
    pool:cancel(0, { msg = "enough" })
  end
  pool:gather_and_close()
  return reason
end

describe("the cancel error", function()
  task_it("says code, message, who and when", function()
    local CANCELS <const> = {
      cancel = { 0 }, cancel_group = { "start-group-0" }, cancel_all = {}, stop = { 1 }, stop_all = {},
    }
    for method, arguments in pairs(CANCELS) do
      local got
      local pool = tasks.SimpleTaskPool(taskpool.sleep, { args = { 60 }, end_callback = function(_, _, err)
        got = err
      end })
      pool:start(1)
      taskpool.sleep(1)
      local now = taskpool.now()
      if not method:find "stop" then
        table.insert(arguments, { msg = "enough" })
      end
      pool[method](pool, table.unpack(arguments))
      taskpool.sleep(1)
      assert.are.equal("Cancelled", got.code)
      assert.are.equal(method, got.who)
      assert.are.equal(now, got.when)
      assert.are.equal(method:find "stop" and "cancelled by " .. method or "enough", got.message)
      assert.are.equal("Cancelled: " .. got.message, tostring(got))
    end
  end)

  task_it("is raised at the wait, with the <close> variables run, the innermost first", function()
    local closed = {}
    local function note(name)
      return at_end(function(err)
        closed[#closed + 1] = ("%s %s"):format(name, err)
      end)
    end
    local reason = cancelled(function()
      local _ <close> = note "outer"
      do
        local _ <close> = note "inner"
        taskpool.sleep(60)
      end
      closed[#closed + 1] = "not reached"
    end)
    assert.are.same({ "inner Cancelled: enough", "outer Cancelled: enough" }, closed)
    assert.are.equal("Cancelled: enough", tostring(reason))
  end)

  task_it("is no failure of the task: nothing is logged as an error, none is raised", function(log)
    cancelled(function()
      taskpool.sleep(60)
    end)
    assert.are.equal(1, log:count "Cancelling TaskPool")
    assert.are.equal(1, log:count "Cancelled TaskPool")
    assert.are.equal(1, log:count "Ended TaskPool")
  end)

  task_it("may be replaced by an error of the cleanup, which is a failure then", function(log)
    local pool = tasks.TaskPool()
    pool:apply(function()
      local _ <close> = at_end(function()
        error("in the cleanup", 0)
      end)
      taskpool.sleep(60)
    end)
    settle()
    pool:cancel_all()
    assert.are.same({ false, "in the cleanup" }, { pcall(pool.gather_and_close, pool) })
    log:expect "in the cleanup"
  end)
end)

describe("a cancelled task", function()
  task_it("raises again at every later wait", function()
    local raised = 0
    cancelled(function()
      for _ = 1, 3 do
        local _ <close> = at_end(function(err)
          raised = raised + (err and 1 or 0)
          taskpool.yield()
        end)
      end
      local _ <close> = at_end(function()
        raised = raised + 1
        local _ <close> = at_end(function()
          raised = raised + 1
        end)
        taskpool.sleep(60)
      end)
      taskpool.sleep(60)
    end)
    assert.are.equal(2, raised)
  end)

  -- Each calls `wait` so that its error would be caught, were it another one.
  local SWALLOWERS <const> = {
    pcall = function(wait)
      pcall(wait)
    end,
    xpcall = function(wait, reached)
      xpcall(wait, reached)
    end,
    ["coroutine.resume"] = function(wait)
      coroutine.resume(coroutine.create(wait))
    end,
    ["coroutine.wrap in pcall"] = function(wait)
      pcall(coroutine.wrap(wait))
    end,
    ["all of them"] = function(wait)
      pcall(coroutine.wrap(function()
        xpcall(coroutine.resume, print, coroutine.create(function()
          pcall(pcall, wait)
        end))
      end))
    end,
  }
  for name, swallow in pairs(SWALLOWERS) do
    task_it("cannot swallow it by " .. name, function()
      local reached, inner = false, nil
      local function reach()
        reached = true
      end
      local reason = cancelled(function()
        swallow(function()
          local _ <close> = at_end(function(err)
            inner = err
          end)
          taskpool.sleep(60)
        end, reach)
        reach()
      end)
      assert.are.equal("Cancelled", reason.code)
      assert.are.equal("Cancelled", inner.code)
      assert.is_false(reached)
    end)
  end

  task_it("still catches its other errors", function()
    local caught = {}
    local reason = cancelled(function(pool)
      pool:cancel(0)
      caught[1] = select(2, pcall(error, "a", 0))
      caught[2] = select(2, coroutine.resume(coroutine.create(error), "b", 0))
      caught[3] = select(2, xpcall(error, string.upper, "c", 0))
    end)
    assert.are.same({ "a", "b", "C" }, caught)
    assert.is_nil(reason)
  end)

  task_it("is one only by its own cancel: that of another is caught", function()
    local code
    local reason = cancelled(function()
      code = select(2, pcall(error, taskpool.error("Cancelled", "another's"))).code
      code = code .. select(2, coroutine.resume(coroutine.create(error), taskpool.error("Cancelled", ""))).code
    end)
    assert.are.equal("CancelledCancelled", code)
    assert.is_nil(reason)
  end)

  task_it("may have cancelled itself", function()
    local after = {}
    local pool = tasks.TaskPool()
    for _, how in ipairs { "cancel", "cancel_group", "cancel_all" } do
      pool:apply(function()
        pool[how](pool, how == "cancel" and 0 or how == "cancel_group" and how or nil)
        after[#after + 1] = how .. " returned"
        taskpool.yield()
        after[#after + 1] = how .. " was survived"
      end, { group_name = how })
      settle()
    end
    assert.are.same({ "cancel returned", "cancel_group returned", "cancel_all returned" }, after)
    assert.are.equal(0, pool.num_running + pool.num_cancelled)
  end)

  task_it("that has not begun never begins, though it has its place and its id", function(log)
    local pool, ran = tasks.TaskPool { name = "p" }, false
    pool:apply(function()
      pool:cancel_group "late"
    end)
    pool:apply(function()
      ran = true
    end, { group_name = "late", num = 2 })
    pool:gather_and_close()
    assert.is_false(ran)
    for id = 1, 2 do
      assert.are.equal(1, log:count("Started TaskPool-p_Task-" .. id))
      assert.are.equal(1, log:count("Cancelled TaskPool-p_Task-" .. id))
    end
  end)
end)

describe("cancelling a group while its iterator spawns (T25)", function()
  local ROUNDS <const> = tasks.scaled(100000)

  task_it("starts nothing afterwards", function()
    taskpool.log.level = "warning"
    local pool, late, started = tasks.TaskPool { size = 5 }, 0, 0

    ---Maps over an iterator that cancels its group by chance, or cancels the group a little later.
    local function race(group)
      local is_cancelled = false
      local function cancel()
        is_cancelled = true
        pool:cancel_group(group)
      end
      pool:map(function(waits)
        started = started + 1
        late = late + (is_cancelled and 1 or 0)
        if waits then
          taskpool.yield()
        end
      end, function()
        local what = math.random(12)
        if what == 1 then
          taskpool.yield()
        elseif what == 2 and not is_cancelled then
          cancel()
        end
        return what % 2 == 0
      end, { group_name = group, num_concurrent = math.random(4) })
      for _ = 1, math.random(0, 2) do
        taskpool.yield()
      end
      if not is_cancelled then
        cancel()
      end
    end

    for round = 1, ROUNDS do
      race("g" .. round % 7)
      if round % 100 == 0 then
        pool:flush()
      end
    end
    print(("group-race: rounds=%d started_after_cancel=%d"):format(ROUNDS, late))
    assert.are.equal(0, late)
    assert.is_true(started > ROUNDS / 2)
  end)
end)
