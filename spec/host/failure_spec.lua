-- SPDX-License-Identifier: MIT
--
-- Failures are never silent: who is told of a task that fails, where it is counted, and how it is shown.
local hosts = require "spec.support.host"
local json = require "dkjson"
local program = require "spec.support.program"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

---Fails for even numbers.
local function odd(n)
  if n % 2 == 0 then
    error("bad " .. n, 0)
  end
end

---A pool with a group "work" of five tasks, of which two fail.
local function work(options)
  local pool = tasks.TaskPool()
  options = options or {}
  options.group_name = "work"
  pool:map(odd, { 1, 2, 3, 4, 5 }, options)
  return pool
end

describe("failures", function()
  it("are counted in the group and in the pool, as are cancels and time limits", tasks.case(function(log)
    local pool = work()
    pool:apply(taskpool.sleep, { args = { 60 }, num = 3, group_name = "naps" })
    pool:apply(taskpool.sleep, { args = { 60 }, timeout = 1, group_name = "late" })
    pool:apply(function()
      taskpool.catch_cancel(taskpool.sleep, 60)
    end, { group_name = "caught" })
    taskpool.sleep(2)
    pool:cancel_group "caught"
    pool:cancel_all()
    taskpool.sleep(1)
    assert.are.same({ 4, 2, 3, 1 }, { pool.num_ok, pool.num_failed, pool.num_cancelled_total, pool.num_timed_out })
    local status, sums = pool:status(), {}
    assert.are.same({ 4, 2, 3, 1 }, { status.ok, status.failed, status.cancelled_total, status.timed_out })
    for _, row in ipairs(pool:groups { all = true }) do
      assert.are.equal(row.ended, row.ok + row.failed + row.cancelled + row.timed_out)
      sums[row.group] = ("%d %d %d %d"):format(row.ok, row.failed, row.cancelled, row.timed_out)
    end
    assert.are.same({ work = "3 2 0 0", naps = "0 0 3 0", late = "0 0 0 1", caught = "1 0 0 0" }, sums)
    assert.are.equal(2, log:expect_all "bad")
    pool:gather_and_close { return_exceptions = true }
    assert.are.same({ 4, 2 }, { pool.num_ok, pool.num_failed })
  end))

  it("are raised by wait, which says how many there were", tasks.case(function(log)
    local pool = work()
    local err = tasks.raises("TaskFailed", pool.wait, pool, "work")
    assert.are.equal("2 of 5 tasks of group 'work' failed, the first with: bad 2", err.message)
    err = tasks.raises("TaskFailed", pool.wait, pool, 0, 1, "work")
    assert.are.equal(tostring(pool) .. "_Task-1 failed: bad 2; 2 of 5 tasks of group 'work' "
      .. "failed, the first with: bad 2", err.message)
    pool:wait(0, 2)
    pool:wait("work", { return_exceptions = true })
    assert.are.equal(2, log:expect_all "bad")
    pool:flush { return_exceptions = true }
    pool:wait(1)
    pool:gather_and_close()
  end))

  it("stay with the task until the next flush", tasks.case(function(log)
    local pool = work()
    tasks.raises("TaskFailed", pool.wait, pool, "work")
    local record = pool:task(3)
    assert.are.equal("bad 4", record.error)
    assert.matches("^bad 4\n  stack traceback:\n    .*failure_spec.lua:%d+: in ", record.traceback)
    assert.is_nil(pool:task(2).error)
    assert.is_nil(record.cancel)
    assert.are.equal(2, log:expect_all "bad")
    pool:flush { return_exceptions = true }
    tasks.raises("TaskNotFound", pool.task, pool, 3)
    pool:gather_and_close()
  end))

  it("of a cleanup are kept with its cancel", tasks.case(function(log)
    local pool = tasks.TaskPool()
    pool:apply(function()
      local _ <close> = tasks.at_end(function()
        error("no cleanup", 0)
      end)
      taskpool.sleep(60)
    end)
    taskpool.sleep(1)
    pool:cancel_all()
    taskpool.sleep(1)
    local record = pool:task(0)
    assert.are.equal("no cleanup", record.error)
    assert.are.equal("failed", record.cancel.outcome)
    assert.are.equal(1, pool.num_failed)
    log:expect "no cleanup"
    pool:gather_and_close { return_exceptions = true }
  end))
end)

describe("the traceback of a call", function()
  local function deep(n)
    if n == 0 then
      error "oops"
    end
    local result = deep(n - 1)
    return result
  end

  it("that was submitted stays with its error, with who has awaited it", tasks.case(function(log)
    local pool, waiting = tasks.TaskPool(), tasks.TaskPool()
    for _, await in ipairs {
      function() pool:submit(deep, { 30 }) end,
      function() pool:submit_nowait(deep, { 30 }):await() end,
      function() taskpool.gather(pool:submit_nowait(deep, { 30 })) end,
      function() taskpool.timeout(5, pool.submit, pool, deep, { 30 }) end,
    } do
      waiting:apply(await)
      waiting:flush { return_exceptions = true }
      taskpool.sleep(1)
      local message = log:expect "oops"
      local _, calls = message:gsub("\n    [^\n]*failure_spec.lua:%d+: in upvalue 'deep'", "")
      assert.is_true(calls > 10, message)
      assert.matches("in function <[^\n]*failure_spec.lua:%d+>\n.*\n  awaited in:\n    .*failure_spec.lua:%d+: in ",
        message)
      assert.are.equal(0, log:expect_all "oops")
    end
    waiting:gather_and_close { return_exceptions = true }
    pool:gather_and_close()
  end))

  it("is not shown with another error that reads the same", tasks.case(function(log)
    local pool = tasks.TaskPool()
    pcall(pool.submit, pool, error, { "same", 0 })
    pool:apply(error, { args = { "same", 0 } })
    pool:gather_and_close { return_exceptions = true }
    assert.is_nil(log:expect("same"):find "awaited")
  end))

  it("is a field of an error table", tasks.case(function()
    local pool = tasks.TaskPool()
    local err = tasks.raises("NotFound", pool.submit, pool, function()
      error(taskpool.error("NotFound", "nothing there"), 0)
    end)
    assert.matches("^NotFound: nothing there\nstack traceback:\n.*failure_spec", err.traceback)
    pool:gather_and_close()
  end))
end)

describe("a record of the log", function()
  it("begins each further line with blanks, and shows control bytes", tasks.case(function(log)
    taskpool.log.warning "one\n12:00:00.000 error forged\r\27[2J\u{85}\u{9b}31m\n\ttabbed\n\n"
    assert.are.equal("one\n  12:00:00.000 error forged\\x0d\\x1b[2J\\u0085\\u009b31m\n    tabbed", log:expect "one")
    taskpool.log.warning "\x80 \xff é\xc3"
    assert.are.equal("\\x80 \\xff é\\xc3", log:expect "x80")
    taskpool.log.warning "overlong \xe0\x82\x9b31m \xf0\x80\x82\x9b surrogate \xed\xa0\x80 cut \xe2\x82."
    assert.are.equal("overlong \\xe0\\x82\\x9b31m \\xf0\\x80\\x82\\x9b surrogate \\xed\\xa0\\x80 cut \\xe2\\x82.",
      log:expect "overlong")
  end))

  it("that is too long loses its middle", tasks.case(function(log)
    taskpool.log.warning("begin" .. ("é"):rep(10000) .. "end")
    local message = log:expect "begin"
    assert.is_true(#message < 4032 and #message > 3900)
    assert.matches("^beginé.*é\n  %.%.%. %(%d+ bytes left out%) %.%.%.\n  é.*éend$", message)
    assert.is_truthy(utf8.len(message))
    local whole = #message:gsub("\n  .*\n  ", "") + message:match "(%d+) bytes"
    assert.are.equal(#"beginend" + 20000, whole)
  end))
end)

describe("taskpool run", function()
  local directory

  before_each(function()
    directory = program.make_directory()
  end)

  after_each(function()
    program.remove_directory(directory)
  end)

  ---Runs a script with `taskpool`, `pool` and `fail` as its locals.
  local function run(script, option)
    local path = program.write_file(directory .. "/main.lua", [[
      local taskpool = require "taskpool"
      local pool = taskpool.TaskPool { name = "jobs" }
      local function fail(n) if n then error("bad " .. n, 0) end end
      local function await_ended(count)
        while pool.num_ended < count do
          taskpool.sleep(0)
        end
      end
    ]] .. script)
    return program.run { "run", "--log-level=none", option or "--preempt=on", path }
  end

  it("fails when tasks failed that nobody looked at, and says where", function()
    local done = run [[
      pool:map(fail, { 1, 2, 3 }, { group_name = "a" })
      pool:apply(fail, { args = { 4 }, group_name = "b" })
      pool:submit_nowait(fail, { 5 })
      pool:map(fail, function() error "no more" end, { group_name = "c" })
    ]]
    assert.are.equal(1, done.code)
    assert.are.equal("taskpool: TaskFailed: 6 tasks failed, and nothing has looked at their errors: 3 in group a of "
      .. "TaskPool-jobs, 1 in group b of TaskPool-jobs, 1 in group c of TaskPool-jobs, 1 submitted to TaskPool-jobs\n",
      done.err)
  end)

  it("names five places", function()
    local done = run [[for i = 1, 9 do pool:apply(fail, { args = { i } }) end]]
    assert.matches("^taskpool: TaskFailed: 9 tasks .*, and in 4 more\n$", done.err)
  end)

  it("ends with 0 all the same where that is wanted", function()
    local done = run([[pool:apply(fail, { args = { 1 } })]], "--ignore-failures")
    assert.are.same({ 0, "" }, { done.code, done.err })
  end)

  it("is content when somebody looked", function()
    for _, looks in ipairs {
      [[pool:apply(fail, { args = { 1 } }); await_ended(1); pcall(pool.flush, pool)]],
      [[pool:apply(fail, { args = { 1 } }); await_ended(1); pool:flush { return_exceptions = true }]],
      [[pool:apply(fail, { args = { 1 } }); pcall(pool.gather_and_close, pool)]],
      [[pcall(pool.wait, pool, pool:apply(fail, { args = { 1 } }))]],
      [[pool:apply(fail, { args = { 1 } }); await_ended(1); pcall(pool.wait, pool, 0)]],
      [[pool:apply(fail, { args = { 1 } }); await_ended(1); pool:task(0)]],
      [[pool:apply(fail, { args = { 1 }, end_callback = function() end })]],
      [[local future = pool:submit_nowait(fail, { 1 }); await_ended(1); pcall(future.await, future)]],
      [[pcall(taskpool.gather, pool:submit_nowait(fail, { 1 }))]],
      [[pool:submit_nowait(fail, { 1 }, { group_name = "bad" }); pcall(pool.wait, pool, "bad")]],
      [[pcall(pool.submit, pool, fail, { 1 })]],
      [[pool:apply(function() taskpool.sleep(0); pool:cancel_all(); taskpool.sleep(60) end)]],
    } do
      local done = run(looks)
      assert.are.same({ 0, "" }, { done.code, done.err }, looks)
    end
  end)

  it("is not content when somebody looked at another task, or at some", function()
    for _, looks in ipairs {
      [[pool:map(fail, { 1, 2 }); await_ended(2); pool:task(0); pool:task(0)]],
      [[pool:map(fail, { 1, 2 }); await_ended(2); pcall(pool.wait, pool, 1)]],
      [[pool:apply(fail, { args = { 1 }, cancel_callback = function() end })]],
      [[for _ in taskpool.as_completed { pool:submit_nowait(fail, { 1 }) } do end]],
      [[pool:submit_nowait(fail, { 1 }, { group_name = "bad" }); pool:flush()]],
    } do
      local done = run(looks)
      assert.are.equal(1, done.code, looks)
      assert.matches("^taskpool: TaskFailed: 1 task failed, ", done.err)
    end
  end)

  it("shows the error of the script line by line, as long as it is", function()
    local done = run [[require "nosuch.module"]]
    assert.are.equal(1, done.code)
    assert.matches("main.lua:%d+: module 'nosuch.module' not found:\n    no field .*\n  stack traceback:\n    "
      .. ".*main chunk", done.err)
    assert.is_nil(done.err:find("\\n", 1, true))
    for line in done.err:gsub("^[^\n]*\n", ""):gmatch "[^\n]+" do
      assert.matches("^  ", line)
    end
    done = run [[error("\27[31m" .. ("x"):rep(10000), 0)]]
    assert.matches("^taskpool: ScriptError: \\x1b%[31mx+\n  %.%.%. %(%d+ bytes left out%).*main chunk", done.err)
  end)
end)

describe("the control port", function()
  it("tells of failures, and wait fails", function()
    local host <close> = hosts.start [[
      local pool = taskpool.TaskPool { name = "jobs" }
      pool:map(function(n) if n then error("bad\n" .. n, 0) end end, { 1, 2 }, { group_name = "work" })
      taskpool.log.level = "none"
    ]]
    local wire <close> = host:greet()
    local function fails(command)
      return program.run { "control", "unix", host.directory .. "/control.sock", command }
    end
    local done = fails "wait work"
    assert.are.same({ 1, "" }, { done.code, done.out })
    assert.matches("TaskFailed: 2 of 2 tasks of group 'work' failed, the first with: bad\n$", done.err)
    assert.matches("^TaskFailed: TaskPool%-jobs_Task%-1 failed: bad$", wire:ask "wait 1")
    assert.are.equal("2", wire:ask "num-failed")
    assert.are.equal("ok", wire:ask "wait work -r")
    local framed <close> = host:greet '{"terminal_width": 80, "reply": "json"}'
    local task = json.decode(framed:ask "task 0").value
    assert.are.equal("bad", task.error)
    assert.matches("^bad\n  1\n", task.traceback)
    assert.are.equal(2, json.decode(framed:ask "status").value.failed)
    assert.are.equal(2, json.decode(framed:ask "groups -a").value[1].failed)
  end)

  it("tells of the failure of a call whose name it was given as of any other", function()
    local host <close> = hosts.start([[
      local pool = taskpool.TaskPool { name = "jobs" }
      taskpool.log.handler = function(_, message) print((message:match "[^\n]+")) end
    ]], { ["jobs.lua"] = "return { fail = function(n) error('bad ' .. n, 0) end }" })
    local wire <close> = host:greet()
    for _, name in ipairs { "seen", "forgotten" } do
      assert.are.equal(name, wire:ask("submit jobs.fail -a [1] --nowait -g " .. name))
      host.process:wait_for("group '" .. name .. "': bad 1\n")
    end
    assert.matches("^TaskFailed: 1 of 1 tasks of group 'seen' failed", wire:ask "wait seen")
    assert.are.equal("map-fail-group-0", wire:ask "map jobs.fail []")
    assert.matches("^TaskNotFound: group 'map%-fail%-group%-0' .* has ended without any task$",
      wire:ask "task map-fail-group-0")
    host.process:stop()
    assert.are.equal("taskpool: TaskFailed: 1 task failed, and nothing has looked at its error: 1 in group forgotten "
      .. "of TaskPool-jobs\n", host.process.err)
  end)
end)
