-- SPDX-License-Identifier: MIT
-- What is known of tasks that have ended: when they ran, how they ended, and with what.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

---The value of a field in each row.
local function column(rows, field)
  local values = {}
  for index, row in ipairs(rows) do
    values[index] = row[field]
  end
  return values
end

---A pool in which tasks have ended in every way.
local function ended_pool(log)
  local pool = tasks.TaskPool { name = "jobs", cancel_grace = 1 }
  pool:map(function(seconds, ...)
    taskpool.sleep(seconds)
    if seconds == 2 then
      error("two", 0)
    end
    return ...
  end, { 1, 2, 3 }, { num_concurrent = 3, group_name = "work" })
  pool:apply(taskpool.sleep, { args = { 100 }, group_name = "late", timeout = 1.5 })
  pool:apply(taskpool.sleep, { args = { 200 }, num = 2, group_name = "stopped" })
  pool:apply(function()
    taskpool.shield(0.5, taskpool.sleep, 0.25)
  end, { group_name = "ignoring" })
  tasks.settle()
  pool:cancel_group "stopped"
  pool:cancel_group "ignoring"
  taskpool.sleep(4)
  log:expect "two"
  return pool
end

describe("tasks that have ended", function()
  it("are listed by how they have ended", tasks.case(function(log)
    local pool = ended_pool(log)
    assert.are.same({ 4 }, column(pool:tasks { state = "failed" }, "id"))
    assert.are.same({ 1 }, column(pool:tasks { state = "timed-out" }, "id"))
    assert.are.same({ 3 }, column(pool:tasks { state = "ok" }, "id"))
    assert.are.same({ 2, 5 }, column(pool:tasks { state = "cancelled" }, "id"))
    assert.are.same({ 2 }, column(pool:tasks { state = "cancelled", limit = 1 }, "id"))
    assert.are.same({}, pool:tasks())
    assert.are.same({ 4 }, column(pool:tasks { state = "failed", group = "work" }, "id"))
    assert.are.same({}, pool:tasks { state = "failed", group = "late" })
    pool:flush { return_exceptions = true }
    assert.are.same({}, pool:tasks { state = "failed" })
    assert.are.same({}, pool:tasks { state = "cancelled" })
  end))

  it("tell when they ran, for how long, their arguments and their error", tasks.case(function(log)
    local pool = ended_pool(log)
    local now = os.time()
    local failed = pool:tasks({ state = "failed" })[1]
    assert.are.equal(2, failed.took)
    assert.are.equal(2, failed.age)
    assert.is_true(math.abs(failed.ended_at - now) < 60)
    assert.is_true(math.abs(failed.ended_at - failed.started_at - 2) < 0.01)
    assert.are.same({ "work", 1, "failed", "2", "two", "two" },
      { failed.group, failed.number, failed.state, failed.args, failed.error, failed.why })
    assert.matches("^two\n  stack traceback:", failed.traceback)
    assert.matches("^two < %[C%]: in function 'error' < [^\n]*record_spec.lua:%d+: in [^\n]+$", pool:traceback(4))
    tasks.raises("AlreadyEnded", pool.traceback, pool, 0)
    failed.age, failed.why = nil, nil
    assert.are.same(failed, pool:task(4))
    local late = pool:task(1)
    assert.are.same({ "timed-out", "100", 1.5, "TimedOut" }, { late.state, late.args, late.took, late.cancel.code })
    assert.are.same({ "cancelled", "ok" }, { pool:task(2).state, pool:task(3).state })
    assert.are.equal("ended", pool:task(0).state)
  end))

  it("name the place that their error comes from, if it does", tasks.case(function(log)
    local pool = tasks.TaskPool()
    pool:starmap(error, { { "path/to/jobs.lua:12: oops", 0 }, { "time: 12:30", 0 }, { "no colon", 0 }, { nil, n = 1 } })
    taskpool.sleep(1)
    log:expect_all "error in"
    local rows = pool:tasks { state = "failed" }
    assert.are.same({ "jobs.lua:12" }, column(rows, "at"))
    assert.are.same({ "path/to/jobs.lua:12: oops", "time: 12:30", "no colon", "nil" }, column(rows, "why"))
    pool:flush { return_exceptions = true }
  end))

  it("are told by records that stay the same while the pool goes on", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    local row
    pool:apply(function()
      local _ <close> = tasks.at_end(function()
        taskpool.shield(1, taskpool.sleep, 0.5)
      end)
      taskpool.sleep(100)
    end, { group_name = "g", cancel_callback = function()
      row = pool:tasks { state = "cancelled" }
    end })
    tasks.settle()
    pool:cancel(0)
    tasks.settle()
    assert.is_nil(pool:tasks({ state = "cancelled" })[1].ended_at)
    pool:wait(0)
    assert.are.same({ 0 }, column(row, "id")) -- once, not as a live one and as one that has ended
    assert.is_nil(row[1].ended_at)
    assert.is_truthy(pool:tasks({ state = "cancelled" })[1].ended_at)
  end))
end)

describe("a live task", function()
  it("tells its age, its arguments in a few words, and its try", tasks.case(function()
    local pool = tasks.TaskPool()
    local deep = { 1, { 2, { 3, { 4 } } } }
    pool:starmap(taskpool.sleep, function()
      if deep then
        local list = { 10, "line\n\x01\xff" .. ("x"):rep(5), deep, { key = true }, print, n = 5 }
        deep = nil
        return list
      end
    end, { group_name = "g" })
    taskpool.sleep(1.5)
    local task = pool:task(0)
    assert.are.same({ 1.5, 1, 0 }, { task.age, task.try, task.number })
    assert.are.equal([=[10, "line\n\x01\xffxxxxx", [1, [2, [3, [...]]]], {"key": true}, function]=], task.args)
    assert.is_true(math.abs(task.started_at + 1.5 - os.time()) < 60)
    pool:cancel_all()
  end))

  it("shows no more of its arguments than a line has place for", tasks.case(function()
    local pool = tasks.TaskPool()
    local large = {}
    for i = 1, 100000 do
      large[i] = i
    end
    pool:map(taskpool.sleep, { 5 })
    pool:starmap(taskpool.sleep, { { 5, large }, { 5, ("y"):rep(100000) } }, { num_concurrent = 2 })
    tasks.settle()
    for id = 1, 2 do
      local args = pool:task(id).args
      assert.is_true(#args <= 120)
      assert.matches("%.%.%.$", args)
    end
    pool:cancel_all()
  end))
end)
