-- SPDX-License-Identifier: MIT
-- Cancelling: the error that is raised, where it is raised, and that it is not swallowed. What each wait does is in
-- cancel_matrix_spec.lua.
local core = require "taskpool.core"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local at_end, settle = tasks.at_end, tasks.settle

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

describe("the cancel of a large group", function()
  it("reaches at once the task that asks for it", tasks.case(function()
    local pool, asked, passed = tasks.TaskPool(), 0, 0
    pool:apply(function()
      asked = asked + 1
      if asked == 1500 then
        pool:cancel_group "many"
        taskpool.sleep(0)
        passed = passed + 1
      end
      taskpool.sleep(60)
    end, { num = 2000, group_name = "many" })
    pool:gather_and_close { return_exceptions = true }
    assert.are.equal(0, passed)
  end))

  it("leaves turns to others, and reaches all its tasks", tasks.case(function()
    local pool, other, passed = tasks.TaskPool(), tasks.TaskPool(), 0
    pool:apply(taskpool.sleep, { args = { 60 }, num = 20000, group_name = "many" })
    settle()
    other:apply(function()
      while pool.num_running > 0 do
        passed = passed + 1
        taskpool.yield()
      end
    end)
    taskpool.yield()
    pool:cancel_group "many"
    assert.is_true(pool.num_cancelled > 0 and pool.num_running > 0)
    passed = 0
    pool:cancel_all() -- the rest of it is on its way
    pool:gather_and_close { return_exceptions = true }
    assert.is_true(passed > 10)
    assert.are.equal(20000, pool.num_cancelled_total)
    other:gather_and_close()
  end))
end)

describe("the cancel error", function()
  it("says code, message, who and when", tasks.case(function()
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
      local now = os.time()
      if not method:find "stop" then
        table.insert(arguments, { msg = "enough" })
      end
      pool[method](pool, table.unpack(arguments))
      taskpool.sleep(1)
      assert.are.equal("Cancelled", got.code)
      assert.are.equal(method, got.who)
      assert.is_true(got.when >= now and got.when < os.time() + 2)
      assert.are.equal(method:find "stop" and "cancelled by " .. method or "enough", got.message)
      assert.are.equal("Cancelled: " .. got.message, tostring(got))
    end
  end))

  it("is raised at the wait, with the <close> variables run, the innermost first", tasks.case(function()
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
  end))

  it("is no failure of the task: nothing is logged as an error, none is raised", tasks.case(function(log)
    cancelled(function()
      taskpool.sleep(60)
    end)
    assert.are.equal(1, log:count "Cancelling TaskPool")
    assert.are.equal(1, log:count "Cancelled TaskPool")
    assert.are.equal(1, log:count "Ended TaskPool")
  end))

  it("may be replaced by an error of the cleanup, which is a failure then", tasks.case(function(log)
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
  end))
end)

describe("a cancelled task", function()
  it("raises again at every later wait", tasks.case(function()
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
  end))

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
    it("cannot swallow it by " .. name, tasks.case(function()
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
    end))
  end

  it("still catches its other errors", tasks.case(function()
    local caught = {}
    local reason = cancelled(function(pool)
      pool:cancel(0)
      caught[1] = select(2, pcall(error, "a", 0))
      caught[2] = select(2, coroutine.resume(coroutine.create(error), "b", 0))
      caught[3] = select(2, xpcall(error, string.upper, "c", 0))
    end)
    assert.are.same({ "a", "b", "C" }, caught)
    assert.is_nil(reason)
  end))

  it("is one only by its own cancel: that of another is caught", tasks.case(function()
    local code
    local reason = cancelled(function()
      code = select(2, pcall(error, taskpool.error("Cancelled", "another's"))).code
      code = code .. select(2, coroutine.resume(coroutine.create(error), taskpool.error("Cancelled", ""))).code
    end)
    assert.are.equal("CancelledCancelled", code)
    assert.is_nil(reason)
  end))

  it("may have cancelled itself", tasks.case(function()
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
  end))

  it("that has not begun never begins, though it has its place and its id", tasks.case(function(log)
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
  end))
end)

describe("a killed task", function()
  ---Runs `body(note)` in a task that is killed; returns what was noted at the ends of scopes.
  local function killed(log, body)
    local pool, closed = tasks.TaskPool { cancel_grace = 1 }, {}
    pool:apply(body, { args = { function(name)
      return at_end(function(err)
        closed[#closed + 1] = ("%s: %s"):format(name, err)
      end)
    end } })
    taskpool.sleep(1)
    pool:cancel_all { msg = "enough" }
    pool:gather_and_close()
    log:expect "Killed"
    return closed
  end

  local function endure()
    taskpool.shield(60, taskpool.sleep, 60)
  end

  it("has the <close> variables of its inner coroutines run too, the innermost first", tasks.case(function(log)
    local closed = killed(log, function(note)
      local _ <close> = note "outer"
      pcall(coroutine.wrap(function()
        local _ <close> = note "wrapped"
        coroutine.resume(coroutine.create(function()
          local _ <close> = note "resumed"
          for _ in coroutine.wrap(function()
            local _ <close> = note "generator"
            local _ <close> = note "innermost"
            endure()
          end), nil, nil, note "for" do
          end
        end))
      end))
    end)
    assert.are.same({ "innermost: Cancelled: enough", "generator: Cancelled: enough", "for: Cancelled: enough",
      "resumed: Cancelled: enough", "wrapped: Cancelled: enough", "outer: Cancelled: enough" }, closed)
  end))

  it("leaves alone the coroutines that it does not wait in", tasks.case(function(log)
    local idle
    local closed = killed(log, function(note)
      idle = coroutine.create(function()
        local _ <close> = note "idle"
        coroutine.yield()
      end)
      coroutine.resume(idle)
      local _ <close> = note "outer"
      endure()
    end)
    assert.are.same({ "outer: Cancelled: enough" }, closed)
    assert.are.equal("suspended", coroutine.status(idle))
    assert.is_true(coroutine.close(idle))
    assert.are.equal("idle: nil", closed[2])
  end))

  it("hands on errors of its cleanup, and leaves every metatable as it was", tasks.case(function(log)
    local list, meta = {}, {}
    function meta:__close(err)
      if self.name ~= "within" then
        local _ <close> = setmetatable({ name = "within" }, meta) -- left in peace
      end
      list[#list + 1] = ("%s: %s"):format(self.name, err)
      if self.name ~= "within" then
        error(self.name .. " failed", 0)
      end
    end
    local before = meta.__close
    killed(log, function()
      local _ <close> = setmetatable({ name = "outer" }, meta)
      local _ <close> = setmetatable({ name = "inner" }, meta)
      endure()
    end)
    assert.are.same({ "within: nil", "inner: Cancelled: enough", "within: nil", "outer: inner failed" }, list)
    assert.are.equal(before, meta.__close)
  end))

  it("gives the item that it was at back to its queue", tasks.case(function(log)
    local queue = taskpool.Queue()
    queue:put "item"
    killed(log, function()
      local _ <close> = queue:take()
      coroutine.wrap(function()
        endure()
      end)()
    end)
    assert.are.equal("item", queue:get_nowait())
  end))
end)

describe("the record of a task", function()
  ---The outcome of a cancel; `cancel` cancels task 0 of the pool.
  local function outcome_of(body, cancel)
    local pool = tasks.TaskPool { cancel_grace = 2 }
    pool:apply(body, { group_name = "g" })
    taskpool.sleep(1)
    cancel(pool)
    while pool.num_running + pool.num_cancelled > 0 do
      taskpool.sleep(0.25)
    end
    return pool:task(0), pool
  end

  local function cancel_all(pool)
    pool:cancel_all { msg = "enough" }
  end

  it("tells its id, its group and its state", tasks.case(function()
    local pool = tasks.TaskPool()
    local function is(id, state)
      local task = pool:task(id)
      assert.are.same({ id, "naps", state }, { task.id, task.group, task.state })
    end
    pool:map(taskpool.sleep, { 1, 2 }, { num_concurrent = 2, group_name = "naps" })
    tasks.raises("TaskNotFound", pool.task, pool, 0)
    taskpool.sleep(1.5)
    is(0, "ended")
    is(1, "running")
    taskpool.sleep(1)
    is(1, "ended")
    pool:flush()
    tasks.raises("TaskNotFound", pool.task, pool, 1)
    tasks.raises("TaskNotFound", pool.task, pool, 2)
  end))

  it("says whether a cancel was obeyed, ignored, or ended by an error or a kill, and when", tasks.case(function(log)
    local naps = { group = "g", id = 0, number = 0 }
    local STATES <const> = { cancelled = "cancelled", ignored = "ok", failed = "failed", killed = "cancelled" }
    local function is(outcome, took, body)
      naps.state, naps.took = STATES[outcome], 1 + took
      naps.cancel = { outcome = outcome, code = "Cancelled", who = "cancel_all", message = "enough", took = took }
      local got = outcome_of(body, cancel_all)
      assert.is_true(math.abs(os.time() - got.cancel.when) < 60)
      assert.are.equal(outcome == "failed" and "in the cleanup" or nil, got.error)
      assert.is_true(math.abs(os.time() - got.ended_at) < 60)
      assert.is_true(math.abs(got.ended_at - got.took - got.started_at) < 0.01)
      got.cancel.when, got.error, got.traceback = nil, nil, nil
      got.started_at, got.ended_at = nil, nil
      assert.are.same(naps, got)
    end
    is("cancelled", 0, function()
      taskpool.sleep(60)
    end)
    is("cancelled", 0.5, function()
      local _ <close> = at_end(function()
        taskpool.shield(1, taskpool.sleep, 0.5)
      end)
      taskpool.sleep(60)
    end)
    is("ignored", 0.5, function()
      taskpool.shield(10, taskpool.sleep, 1.5)
    end)
    is("failed", 0, function()
      local _ <close> = at_end(function()
        error("in the cleanup", 0)
      end)
      taskpool.sleep(60)
    end)
    is("killed", 2, function()
      taskpool.shield(60, taskpool.sleep, 60)
    end)
    log:expect "in the cleanup"
    log:expect "_Task-0: it did not end after its cancel by cancel_all 2.000 seconds before"
    assert.are.equal(1, log:count "_Task-0 returned although it was cancelled by cancel_all 0.500 seconds before")
  end))

  it("names the one who cancelled, and a time limit", tasks.case(function()
    local function sleep()
      taskpool.sleep(60)
    end
    local function by(cancel)
      local record = outcome_of(sleep, cancel)
      return record.cancel.code .. " " .. record.cancel.who
    end
    assert.are.equal("Cancelled cancel", by(function(pool) pool:cancel(0) end))
    assert.are.equal("Cancelled cancel_group", by(function(pool) pool:cancel_group "g" end))
    local pool = tasks.TaskPool()
    pool:apply(sleep, { timeout = 1 })
    taskpool.sleep(2)
    assert.are.equal("TimedOut timeout", pool:task(0).cancel.code .. " " .. pool:task(0).cancel.who)
  end))

  it("says that it is ending until its callbacks have ended, and is forgotten by a flush", tasks.case(function()
    local pool, seen = tasks.TaskPool(), {}
    local function note()
      local record = pool:task(0)
      seen[#seen + 1] = ("%s %s %s"):format(record.state, record.cancel.outcome, record.cancel.took)
    end
    pool:apply(function()
      local _ <close> = at_end(note)
      taskpool.sleep(60)
    end, { cancel_callback = note, end_callback = note })
    tasks.settle()
    pool:cancel(0)
    note()
    pool:flush()
    assert.are.same({ "cancelled ending nil", "cancelled ending nil", "cancelled cancelled 0.0",
      "ended cancelled 0.0" }, seen)
    tasks.raises("TaskNotFound", pool.task, pool, 0)
  end))

  it("of a cancel is kept for the newest 65536 of a pool", tasks.case(function()
    taskpool.log.level = "warning"
    local NUM <const>, KEPT <const> = 70000, 65536
    local pool = tasks.TaskPool()
    pool:apply(taskpool.sleep, { args = { 60 }, num = NUM })
    tasks.settle()
    pool:cancel_all()
    tasks.settle()
    local kept = 0
    for id = NUM - KEPT - 2, NUM - KEPT + 1 do
      kept = kept + (pool:task(id).cancel and 1 or 0)
    end
    assert.are.equal(2, kept)
    assert.are.equal("cancelled", pool:task(NUM - 1).cancel.outcome)
    pool:flush()
    tasks.raises("TaskNotFound", pool.task, pool, NUM - 1)
  end))
end)

describe("cancelling a group while its iterator spawns (T25)", function()
  local ROUNDS <const> = tasks.scaled(100000)

  before_each(function()
    core.preempt(false) -- others must not run between a cancel and its note
  end)

  after_each(function()
    core.preempt(true)
  end)

  it("starts nothing afterwards", tasks.case(function()
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
  end))
end)

describe("a shield", function()
  it("takes a number of seconds from 0 on, and a function", tasks.case(function()
    for _, seconds in ipairs { "1", -1, 0 / 0, false } do
      tasks.raises("InvalidArgument", taskpool.shield, seconds, settle)
    end
    tasks.raises("InvalidArgument", taskpool.shield, 1)
  end))
end)

describe("a cancel by the log's handler, which is told of the end of a task", function()
  ---Has the handler call `func` for each record of a task's end, until the value that is returned is closed.
  local function at_each_end(func)
    local handler, level = taskpool.log.handler, taskpool.log.level
    taskpool.log.level = "debug"
    taskpool.log.handler = function(_, message)
      if message:find "^Ended " then
        func()
      end
    end
    return tasks.at_end(function()
      taskpool.log.handler, taskpool.log.level = handler, level
    end)
  end

  it("leaves the group of that task to it", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    local told = 0
    local _ <close> = at_each_end(function()
      told = told + 1
      pool:cancel_all()
    end)
    for _ = 1, 20 do
      pool:submit_nowait(function() end)
      tasks.settle()
    end
    pool:gather_and_close()
    assert.are.equal(20, told)
  end))

  it("does not have the next task run the function of a group that is gone", tasks.live_case(function()
    local pool = tasks.TaskPool { size = 1, order = "lifo" }
    local last, ran, expected, firsts = nil, 0, 0, 0
    local _ <close> = at_each_end(function()
      if last then
        pool:cancel_group(last)
        last = nil
        collectgarbage()
        collectgarbage()
        for _ = 1, firsts % 12 + 1 do
          expected = expected + 1
          pool:apply(function()
            ran = ran + 1
          end)
        end
      end
    end)
    for _ = 1, 300 do
      taskpool.sleep(0.001)
      local name
      name = pool:apply(function()
        firsts, last = firsts + 1, name
      end)
      pool:apply(function() end, { num = 70 })
    end
    repeat
      taskpool.sleep(0.001)
    until pool.num_waiting == 0 and pool.num_running == 0
    pool:gather_and_close()
    assert.are.equal(300, firsts)
    assert.are.equal(expected, ran)
  end))
end)
