-- SPDX-License-Identifier: MIT
-- What a pool, its groups and its tasks are like, for scripts and at the control port; and waiting for them.
local hosts = require "spec.support.host"
local json = require "dkjson"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

---The pool with so many tasks of a second in a group "work", started.
local function start(options, count)
  local pool = tasks.TaskPool(options)
  pool:apply(taskpool.sleep, { args = { 1 }, num = count, group_name = "work" })
  tasks.settle()
  return pool
end

local function finish(pool)
  pool:cancel_all()
  pool:gather_and_close { return_exceptions = true }
end

---Takes out what is measured of the host (meter_spec.lua), which must be there.
local function without_figures(status)
  for _, name in ipairs { "ended_per_s", "uptime", "latency_p50_ms", "latency_p99_ms", "latency_max_ms", "lua_memory",
    "memory", "clients", "version", "lua", "libuv" } do
    assert.is_not_nil(status[name], name)
    status[name] = nil
  end
  return status
end

describe("status", function()
  it("names size, counts, order, limits and what the pool refuses", tasks.case(function()
    local pool = start({ size = 2, name = "jobs", order = "lifo", queue_limit = 5 }, 3)
    pool:lock()
    assert.are.same({
      pool = "TaskPool-jobs", size = 2, running = 2, waiting = 1, cancelled = 0, ended = 0, ok = 0,
      failed = 0, cancelled_total = 0, timed_out = 0, retried = 0,
      groups = 1, order = "lifo", locked = true, paused = false, closed = false, queued = 0,
      queue_limit = 5,
    }, without_figures(pool:status()))
    finish(pool)
    assert.is_true(pool:status().closed)
  end))

  it("names the bounds and the last decision of a pool that scales itself", tasks.case(function()
    local pool = tasks.TaskPool { autoscale = { min = 1, max = 4, interval = 0.5 } }
    local status = pool:status()
    assert.are.same({ 1, 4, 0.5 }, { status.min, status.max, status.interval })
    assert.is_nil(status.decision)
    pool:apply(taskpool.sleep, { args = { 10 }, num = 9 })
    taskpool.sleep(0.75)
    status = pool:status()
    assert.are.equal("1 -> 2: 8 waiting for 1 place, rising", status.decision)
    assert.are.equal(0.25, status.decision_age)
    taskpool.sleep(2)
    assert.matches("^4: .*, at its maximum$", pool:status().decision)
    finish(pool)
  end))
end)

describe("groups", function()
  ---What holds the one group of the pool back.
  local function why(pool)
    return pool:groups()[1].why
  end

  it("says how far each group is, and why it goes no faster", tasks.case(function()
    local pool = start({ size = 3 }, 5)
    assert.are.same({
      { group = "work", running = 3, waiting = 2, ended = 0, ok = 0, failed = 0, cancelled = 0, timed_out = 0,
        limit = math.huge, weight = 4, progress = "------ 0/5", why = "pool full 3/3" },
    }, pool:groups())
    taskpool.sleep(1)
    assert.are.same({
      { group = "work", running = 2, waiting = 0, ended = 3, ok = 3, failed = 0, cancelled = 0, timed_out = 0,
        limit = math.huge, weight = 4, progress = "###--- 3/5", outcome = "3 ok", rate = 3, left = 0.667,
        why = "all started" },
    }, pool:groups())
    finish(pool)
  end))

  it("knows a limit, an iterator that waits, a cancel", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:map(taskpool.sleep, { 1, 1, 1 }, { num_concurrent = 2 })
    assert.are.equal("starting", why(pool))
    tasks.settle()
    assert.are.equal("limit 2/2", why(pool))
    pool:cancel_all()
    assert.are.equal("cancelled", pool:groups({ all = true })[1].why)
    pool:flush()
    pool:map(taskpool.sleep, function()
      taskpool.sleep(5)
    end)
    tasks.settle()
    local row = pool:groups()[1]
    assert.are.equal("its iterator waits", row.why)
    assert.is_nil(row.waiting)
    finish(pool)
  end))

  it("knows the rates of a group and of its pool", tasks.case(function()
    local pool, slow = tasks.TaskPool(), tasks.TaskPool { rate = { n = 1, per = 10 } }
    pool:map(taskpool.sleep, { 1, 1, 1 }, { num_concurrent = 3, rate = { n = 1, per = 10 } })
    slow:apply(taskpool.sleep, { args = { 1 }, num = 2 })
    tasks.settle()
    assert.are.equal("its rate", why(pool))
    assert.are.equal("the pool's rate", why(slow))
    finish(pool)
    finish(slow)
  end))

  it("shows groups that have ended on demand only, until they are flushed", tasks.case(function()
    local pool = start({}, 2)
    taskpool.sleep(1)
    assert.are.same({}, pool:groups())
    assert.are.equal("ended", pool:groups({ all = true })[1].why)
    assert.are.equal(2, pool:groups({ all = true })[1].ended)
    pool:flush()
    assert.are.same({}, pool:groups { all = true })
    finish(pool)
  end))

  it("has submitted calls without a name in one row", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    local futures = {}
    for i = 1, 4 do
      futures[i] = pool:submit_nowait(taskpool.sleep, { 1 })
    end
    tasks.settle()
    assert.are.same({ { group = "(submitted calls)", running = 1, waiting = 3, ended = 0, ok = 0, failed = 0,
      cancelled = 0, timed_out = 0, limit = math.huge, weight = 4, why = "pool full 1/1" } }, pool:groups())
    pool:gather_and_close()
    assert.are.equal(4, #futures)
  end))

  it("takes as long for each group however many there are, and so does wait", tasks.case(function()
    local pool, count = tasks.TaskPool { size = 1 }, tasks.scaled(20000)
    for i = 1, count do
      pool:apply(taskpool.yield, { group_name = "g" .. i })
    end
    local began = os.clock()
    assert.are.equal(count, #pool:groups { all = true, limit = math.huge })
    local listed = os.clock()
    pool:wait("g" .. count)
    print(("groups: rows=%d list_s=%.3f wait_s=%.3f"):format(count, listed - began, os.clock() - listed))
    assert.are.equal(count, pool.num_ended)
    pool:gather_and_close()
  end))

  it("has so many rows at most", tasks.case(function()
    local pool = tasks.TaskPool()
    for i = 1, 120 do
      pool:apply(taskpool.sleep, { args = { 1 }, group_name = "group-" .. i })
    end
    assert.are.equal(100, #pool:groups())
    assert.are.equal(120, #pool:groups { limit = math.huge })
    local first = pool:groups { limit = 2 }
    assert.are.same({ 2, "group-1", "group-2" }, { #first, first[1].group, first[2].group })
    finish(pool)
  end))
end)

describe("the progress of a group", function()
  it("is how many have ended of how many, how, how fast, and for how long", tasks.case(function(log)
    local pool = tasks.TaskPool()
    pool:map(function(n)
      taskpool.sleep(n == 3 and 2 or 1)
      if n == 2 then
        error("two", 0)
      end
    end, { 1, 2, 3, 4, 5, 6 }, { num_concurrent = 2, timeout = 1.5, group_name = "work" })
    local function row()
      return pool:groups({ all = true })[1]
    end
    tasks.settle()
    assert.are.same({ "------ 0/6" }, { row().progress, row().outcome, row().rate, row().left })
    taskpool.sleep(2)
    log:expect "two"
    local half = row() -- 1 to 4 began at 0, 0, 1, 1; 4 ends now
    assert.are.same({ "###--- 3/6", "2 ok, 1 failed", 1.5, 2 }, { half.progress, half.outcome, half.rate, half.left })
    taskpool.sleep(8)
    local over = row()
    assert.are.same({ "###### 6/6", "4 ok, 1 failed, 1 timed out", "ended" }, { over.progress, over.outcome, over.why })
    assert.are.same({ 1.71, nil }, { over.rate, over.left })
    taskpool.sleep(10)
    assert.are.equal(1.71, row().rate) -- up to its end, not until now
    finish(pool)
  end))

  it("has no end that is known where an iterator feeds it", tasks.case(function()
    local pool = tasks.TaskPool()
    local left = 3
    pool:map(taskpool.sleep, function()
      left = left - 1
      return left >= 0 and 1 or nil
    end)
    taskpool.sleep(1.5)
    local row = pool:groups()[1]
    assert.are.same({ "1 of ?", 0.67 }, { row.progress, row.rate })
    assert.is_nil(row.left)
    finish(pool)
  end))
end)

describe("tasks", function()
  local function ids(rows)
    local list = {}
    for _, row in ipairs(rows) do
      list[#list + 1] = row.id
    end
    return list
  end

  it("says of each its id, group, state and where it is", tasks.case(function()
    local pool = tasks.TaskPool()
    local line = debug.getinfo(1, "l").currentline + 2
    pool:apply(function()
      taskpool.sleep(1)
    end, { group_name = "work" })
    tasks.settle()
    taskpool.sleep(0.25)
    local row = pool:tasks()[1]
    assert.is_true(row.busy < 0.25)
    row.busy = nil
    assert.are.same({
      id = 0,
      number = 0,
      group = "work",
      state = "running",
      age = 0.25,
      at = "status_spec.lua:" .. line,
      why = "sleep",
      calls = pool:traceback(0),
    }, row)
    assert.matches(("^sleep < function at .*status_spec.lua:%d$"):format(line), row.calls)
    finish(pool)
    assert.are.same({}, pool:tasks())
  end))

  it("names the line of the user that waits, and what it waits for, whatever is between them", tasks.case(function()
    local pool = tasks.TaskPool()
    local queue, line = taskpool.Queue(), nil
    local function take()
      line = debug.getinfo(1, "l").currentline + 1
      return (queue:get())
    end
    pool:apply(function()
      return (take())
    end, { group_name = "queue" })
    pool:apply(function()
      error "again"
    end, { group_name = "retried", retries = { n = 1, backoff = 10 } })
    pool:map(taskpool.sleep, { 100 }, { group_name = "c" })
    pool:apply(load("return taskpool.sleep(100) or 1", "=text", "t", { taskpool = taskpool }), { group_name = "text" })
    tasks.settle()
    local where = {}
    for _, row in ipairs(pool:tasks()) do
      where[row.group] = { row.at or "-", row.why }
    end
    assert.are.same({
      queue = { "status_spec.lua:" .. line, "get" },
      retried = { "-", "between two tries" },
      c = { "-", "not begun" },
      text = { "text:1", "sleep" },
    }, where)
    pool:cancel_all()
    pool:gather_and_close { return_exceptions = true }
  end))

  it("come in the order that is asked for, and the first of it are those that a limit leaves", tasks.case(function()
    local pool = tasks.TaskPool()
    local function nap(seconds)
      taskpool.sleep(seconds)
    end
    pool:apply(nap, { args = { 100 }, group_name = "a" })
    taskpool.sleep(1)
    pool:map(nap, { 4, 2, 3 }, { num_concurrent = 3, group_name = "b", timeout = 3.5 })
    taskpool.sleep(1)
    pool:apply(nap, { args = { 100 }, group_name = "a2" })
    taskpool.sleep(1)
    local function sorted(by, options)
      options = options or {}
      options.sort = by
      return ids(pool:tasks(options))
    end
    assert.are.same({ 0, 1, 3, 4 }, sorted "age")
    assert.are.same({ 0, 1, 3, 4 }, sorted "id")
    assert.are.same({ 0, 1, 3, 4 }, sorted "group")
    assert.are.same({ 0, 1 }, sorted("age", { limit = 2 }))
    assert.are.same({ 1, 3 }, sorted("id", { group = "b" }))
    assert.are.equal(4, #sorted "busy")
    taskpool.sleep(2)
    assert.are.same({ 1 }, sorted("age", { state = "timed-out" }))
    pool:cancel_all()
    pool:gather_and_close()
    local err = tasks.raises("InvalidArgument", pool.tasks, pool, { sort = "size" })
    assert.are.equal("tasks: 'sort' must be age, busy, id or group, not 'size'", err.message)
  end))

  it("that are found late come first, where they do, whatever the limit", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:map(taskpool.sleep, { 1, 100 }, { group_name = "old" })
    pool:apply(taskpool.sleep, { args = { 100 }, group_name = "new" })
    taskpool.sleep(1.5)
    assert.are.same({ 2 }, ids(pool:tasks { sort = "group", limit = 1 }))
    assert.are.same({ 2, 1 }, ids(pool:tasks { sort = "group" }))
    pool:cancel_all()
  end))

  it("that have not started are listed with their arguments, where these are known", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    pool:map(taskpool.sleep, { 1, 2, 3 }, { group_name = "list" })
    pool:apply(taskpool.sleep, { args = { 5 }, num = 2, group_name = "same" })
    pool:doublestarmap(function() end, { { x = 1 } }, { group_name = "named" })
    pool:map(taskpool.sleep, function() end, { group_name = "iterator" })
    tasks.settle()
    local waiting = {}
    for index, row in ipairs(pool:tasks { state = "waiting" }) do
      assert.is_nil(row.id)
      assert.are.equal("waiting", row.state)
      waiting[index] = ("%s %d %s"):format(row.group, row.number, row.args)
    end
    assert.are.same({ "list 1 2", "list 2 3", "same 0 5", "same 1 5", 'named 0 {"x": 1}' }, waiting)
    assert.are.equal("limit 1/1", pool:tasks({ state = "waiting" })[1].why)
    assert.are.equal(2, #pool:tasks { state = "waiting", group = "same" })
    assert.are.equal(3, #pool:tasks { state = "waiting", limit = 3 })
    pool:cancel_all()
  end))

  it("come in order where there are many, and change while they are listed", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:apply(taskpool.sleep, { args = { 100 }, num = 3000 })
    tasks.settle()
    local rows = pool:tasks { sort = "id", limit = math.huge }
    assert.are.equal(3000, #rows)
    for index, row in ipairs(rows) do
      assert.are.equal(index - 1, row.id)
    end
    pool:cancel_all()
  end))

  it("says how long the code of each has run", tasks.live_case(function()
    local pool = tasks.TaskPool { size = 2 }
    local stop = false
    pool:apply(function()
      while not stop do
      end
    end)
    pool:apply(taskpool.sleep, { args = { 1 } })
    taskpool.sleep(0.2)
    local busy = {}
    for _, row in ipairs(pool:tasks()) do
      busy[row.id] = row.busy
    end
    local first = pool:tasks({ sort = "busy" })[1].id
    stop = true
    assert.is_true(busy[0] > 0.05, busy[0])
    assert.is_true(busy[1] < busy[0] / 2, busy[1])
    assert.are.equal(0, first)
    pool:gather_and_close()
  end))

  it("picks those of a group, of a state, and so many", tasks.case(function()
    local pool = start({}, 3)
    pool:apply(function()
      local _ <close> = tasks.at_end(function()
        taskpool.shield(5, taskpool.sleep, 1)
      end)
      taskpool.sleep(100)
    end, { num = 2, group_name = "slow", end_callback = function()
      taskpool.sleep(1)
    end })
    tasks.settle()
    pool:cancel(3)
    tasks.settle()
    assert.are.same({ 0, 1, 2, 4, 3 }, ids(pool:tasks()))
    assert.are.same({ 4, 3 }, ids(pool:tasks { group = "slow" }))
    assert.are.same({ 3 }, ids(pool:tasks { state = "cancelled" }))
    assert.are.same({ 0, 1 }, ids(pool:tasks { limit = 2 }))
    taskpool.sleep(1)
    assert.are.same({ 3 }, ids(pool:tasks { state = "ended" }))
    tasks.raises("InvalidArgument", pool.tasks, pool, { state = "asleep" })
    tasks.raises("TaskGroupNotFound", pool.tasks, pool, { group = "none" })
    finish(pool)
  end))
end)

describe("wait", function()
  it("waits for groups and tasks, however many", tasks.case(function()
    local pool, began = tasks.TaskPool(), taskpool.now()
    pool:map(taskpool.sleep, { 1, 5, 2, 7 }, { num_concurrent = 4, group_name = "work" })
    tasks.settle()
    pool:wait(0)
    assert.is_true(math.abs(taskpool.now() - began - 1) < 0.01)
    pool:wait(2, 1)
    assert.is_true(math.abs(taskpool.now() - began - 5) < 0.01)
    pool:wait("work", 0)
    assert.is_true(math.abs(taskpool.now() - began - 7) < 0.01)
    pool:wait("work", 3)
    pool:flush()
    pool:wait(3)
    tasks.raises("TaskGroupNotFound", pool.wait, pool, "work")
    tasks.raises("TaskNotFound", pool.wait, pool, 4)
    finish(pool)
  end))

  it("waits until a cancelled group has ended, also if it is flushed meanwhile", tasks.case(function()
    local pool, ended = start({}, 2), false
    local waiting = tasks.TaskPool()
    waiting:apply(function()
      pool:wait "work"
      ended = true
    end)
    tasks.settle()
    pool:cancel_all()
    assert.is_false(ended)
    pool:flush()
    waiting:gather_and_close()
    assert.is_true(ended)
    finish(pool)
  end))

  it("raises TimedOut when the time is over", tasks.case(function()
    local pool, began = start({}, 1), taskpool.now()
    for _ = 1, 40 do
      local err = tasks.raises("TimedOut", pool.wait, pool, "work", { timeout = 0.01 })
      assert.are.equal("group 'work' of " .. tostring(pool) .. " has not ended in that time", err.message)
    end
    assert.is_true(math.abs(taskpool.now() - began - 0.4) < 0.01)
    assert.matches("_Task%-0 has not ended", tasks.raises("TimedOut", pool.wait, pool, 0, { timeout = 0 }).message)
    pool:wait("work", 0, { timeout = 10 })
    finish(pool)
  end))

  it("can be cancelled", tasks.case(function()
    local pool, waiting = start({}, 1), tasks.TaskPool()
    waiting:apply(pool.wait, { args = { pool, 0 }, num = 2 })
    waiting:apply(pool.wait, { args = { pool, "work", { timeout = 9 } } })
    tasks.settle()
    waiting:cancel_all()
    waiting:gather_and_close()
    assert.are.equal(1, pool.num_running)
    finish(pool)
  end))

  it("is refused to a task for itself and for its group", tasks.case(function(log)
    local pool = tasks.TaskPool()
    pool:apply(function()
      tasks.raises("InvalidArgument", pool.wait, pool, 0)
      tasks.raises("InvalidArgument", pool.wait, pool, "mine")
    end, { group_name = "mine" })
    pool:gather_and_close()
    assert.are.equal(0, log:expect_all "error")
  end))
end)

describe("at the control port", function()
  local SCRIPT <const> = [[
    local pool = taskpool.TaskPool { name = "jobs", size = 2 }
    local function work(seconds) taskpool.sleep(seconds) end
    pool:apply(work, { args = { 3600 }, num = 3, group_name = "long" })
    taskpool.TaskPool { name = "other", autoscale = { max = 8 } }
  ]]
  local host

  before_each(function()
    host = hosts.start(SCRIPT, { ["jobs/some.lua"] = "return {}", ["jobs/init.lua"] = "return {}", ["9.lua"] = "" })
  end)

  after_each(function()
    host:close()
  end)

  ---All lines of an answer that has so many.
  local function ask(wire, command, count)
    local lines = { wire:ask(command) }
    for i = 2, count do
      lines[i] = wire:line()
    end
    return lines
  end

  it("status is a line for each field", function()
    local wire <close> = host:greet()
    assert.are.same({
      "pool             TaskPool-jobs",
      "size             2",
      "running          2",
      "waiting          1",
      "cancelled        0",
      "ended            0",
      "ok               0",
      "failed           0",
      "cancelled-total  0",
      "timed-out        0",
      "retried          0",
      "groups           1",
      "order            fifo",
      "locked           false",
      "paused           false",
      "closed           false",
      "queued           0",
      "queue-limit      inf",
    }, { table.unpack(ask(wire, "status", 29), 1, 18) })
    assert.are.equal("2", wire:ask "num-running")
  end)

  it("lists of pools, groups, tasks and modules have columns", function()
    local wire <close> = host:greet()
    assert.are.same({
      "pool            size  running  waiting  order  locked  paused  decision",
      "TaskPool-jobs      2        2        1  fifo   false   false   -",
      "TaskPool-other     1        0        0  fifo   false   false   -",
    }, ask(wire, "pools --long", 3))
    assert.are.same({
      "group  progress    running  outcome  rate  left  why",
      "long   ------ 0/3        2  -        -     -     pool full 2/2",
    }, ask(wire, "groups", 2))
    local listed = ask(wire, "tasks -g long --limit 1", 2)
    assert.matches("^id  group  state +age +busy  at +why$", listed[1])
    assert.matches("^ 0  long   running +[%d.]+s +[%d.]+s +host%.lua:%d+  sleep$", listed[2])
    assert.are.same({
      "module     loaded",
      "jobs       false",
      "jobs.some  false",
    }, ask(wire, "modules", 3))
  end)

  it("a list without anything is its title", function()
    local wire <close> = host:greet()
    assert.are.equal("id  group  state  age  busy  at  why", wire:ask "tasks -s cancelled")
    assert.are.equal("2", wire:ask "num-running")
  end)

  it("keep to the width of the client", function()
    local wire <close> = host:greet '{"terminal_width": 40}'
    local row = ask(wire, "tasks -l 1", 2)[2]
    assert.matches("^ 0  long   running +[%d.]+s +[%d.]+s +host%.lua:%d+  sleep$", row)
  end)

  it("are values in framed answers, and their text", function()
    local wire <close> = host:greet '{"terminal_width": 80, "reply": "json"}'
    local answer = json.decode(wire:ask "groups")
    assert.are.same({ { group = "long", running = 2, waiting = 1, ended = 0, ok = 0, failed = 0, cancelled = 0,
      timed_out = 0, limit = "inf", weight = 4, progress = "------ 0/3", why = "pool full 2/2" } }, answer.value)
    assert.matches("^group .*\nlong .*pool full 2/2$", answer.text)
    assert.are.equal(2, json.decode(wire:ask "status").value.size)
    assert.are.equal("TaskPool-jobs", json.decode(wire:ask "pools -l").value[1].pool)
    assert.are.same({ "TaskPool-jobs", "TaskPool-other" }, json.decode(wire:ask "pools").value)
  end)

  it("wait holds its own session only, and has an end", function()
    local wire <close> = host:greet()
    local waiting <close> = host:greet()
    waiting:send "wait long 0 1 --timeout 60\n"
    assert.matches("^TimedOut: group 'long'", wire:ask "wait long -t 0.01")
    assert.are.equal("ok", wire:ask "cancel-all")
    assert.are.equal("ok", waiting:line())
    assert.are.equal("TaskNotFound: TaskPool-jobs has no task with id 7", wire:ask "wait 7")
    assert.are.equal("TaskGroupNotFound: TaskPool-jobs has no group '7'", wire:ask "wait '7'")
    assert.matches("^InvalidArgument: wait needs TARGET", wire:ask "wait")
  end)

  it("status tells bounds and decisions", function()
    local wire <close> = host:greet '{"terminal_width": 80, "reply": "json"}'
    wire:ask "use TaskPool-other"
    local status = json.decode(wire:ask "status").value
    assert.are.same({ 1, 8, 1 }, { status.min, status.max, status.interval })
    assert.are.equal("InvalidArgument", json.decode(wire:ask "pool-size 9").code)
    assert.are.equal(8, json.decode(wire:ask "scale 100").value)
  end)
end)
