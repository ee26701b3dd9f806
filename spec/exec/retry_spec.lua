-- SPDX-License-Identifier: MIT
-- Tasks that are tried again when they fail.
local core = require "taskpool.core"
local hosts = require "spec.support.host"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

---A worker that fails so many times and then returns its arguments; `times` takes when each try began.
local function failing(failures, times)
  local tries = 0
  return function(...)
    tries = tries + 1
    times[tries] = taskpool.now()
    if tries <= failures then
      error(("try %d failed"):format(tries), 0)
    end
    return ...
  end
end

---An end callback that keeps what it gets.
local function keeping(ends)
  return function(...)
    ends[#ends + 1] = table.pack(...)
  end
end

---Starts a failing worker alone in a pool and waits for its end.
---@return number[] times when its tries began, in seconds after the first
---@return table pool
local function times_of(failures, retries)
  local times, began = {}, taskpool.now()
  local pool = tasks.TaskPool()
  pool:apply(failing(failures, times), { retries = retries })
  pool:gather_and_close { return_exceptions = true }
  for try = 1, #times do
    times[try] = times[try] - began
  end
  return times, pool
end

describe("retries", function()
  it("try a task again that fails, with the same arguments, and count the tries", tasks.case(function(log)
    local times, ends = {}, {}
    local pool = tasks.TaskPool()
    pool:apply(failing(2, times), { args = { 1, nil, "x", n = 3 }, retries = 3, end_callback = keeping(ends) })
    pool:gather_and_close()
    assert.are.same({ { n = 5, 0, true, 1, nil, "x" } }, ends)
    assert.are.equal(3, #times)
    assert.are.equal(2, pool.num_retried)
    assert.are.equal(2, log:count("Retrying " .. tostring(pool) .. "_Task-0 at once"))
  end))

  it("are made of a task that takes over the coroutine of another group's", tasks.live_case(function()
    local pool = tasks.TaskPool { size = 1 }
    local ended = 0
    for _ = 1, 200 do
      local times = {}
      pool:apply(function() end)
      pool:apply(failing(1, times), {
        retries = 1,
        end_callback = function(_, ok)
          ended = ended + (ok and #times or 0)
        end,
      })
    end
    pool:gather_and_close()
    assert.are.equal(400, ended)
    assert.are.equal(200, pool.num_retried)
  end))

  it("end with the last error, with its whole traceback, which gather_and_close raises", tasks.case(function(log)
    local ends = {}
    local pool = tasks.TaskPool()
    local function inner()
      error "no luck"
    end
    pool:apply(function()
      inner()
    end, { retries = 2, end_callback = keeping(ends) })
    local ok, err = pcall(pool.gather_and_close, pool)
    assert.is_false(ok)
    assert.matches("retry_spec.lua:%d+: no luck", err)
    assert.are.same({ { n = 3, 0, false, err } }, ends)
    assert.are.equal(2, pool.num_retried)
    local message = log:expect "no luck"
    assert.matches("in upvalue 'inner'", message)
    assert.are.equal(2, log:count "Retrying ")
  end))

  it("wait before each further try twice as long as before, an hour at most", tasks.case(function()
    assert.are.same({ 0, 0.5, 1.5, 3.5 }, (times_of(3, { n = 3, backoff = 0.5 })))
    assert.are.same({ 0, 0, 0 }, (times_of(2, 2)))
    local times = times_of(40, { n = 40, backoff = 1000 })
    assert.are.equal(3600, times[41] - times[40])
    assert.are.equal(1000 + 2000 + 38 * 3600, times[41])
  end))

  it("vary the wait at random by the jitter", tasks.case(function()
    local least, most = math.huge, 0
    for _ = 1, 200 do
      local times = times_of(1, { n = 1, backoff = 10, jitter = 0.5 })
      least, most = math.min(least, times[2]), math.max(most, times[2])
    end
    assert.is_true(least >= 5 and least < 6 and most <= 15 and most > 14, ("%g to %g"):format(least, most))
  end))

  it("are told in the log in one line each", tasks.case(function(log)
    times_of(2, { n = 3, backoff = 0.5 })
    assert.are.equal(1, log:count "_Task-0 in 0.5 s (try 2 of 4): try 1 failed")
    assert.are.equal(1, log:count "_Task-0 in 1 s (try 3 of 4): try 2 failed")
    assert.are.equal(0, log:count "traceback")
  end))

  it("are the pool's, or those of the call", tasks.case(function(log)
    local tries = {}
    local pool = tasks.TaskPool { retries = { n = 2 } }
    local function worker(name)
      tries[name] = (tries[name] or 0) + 1
      error(name, 0)
    end
    pool:apply(worker, { args = { "pool" } })
    pool:map(worker, { "map" }, { retries = 1 })
    pool:starmap(worker, { { "starmap" } }, { retries = { n = 3 } })
    pool:doublestarmap(worker, { { name = "doublestarmap" } }, { retries = 0 })
    pool:gather_and_close { return_exceptions = true }
    local simple = tasks.SimpleTaskPool(worker, { args = { "simple" }, retries = 4 })
    simple:start(1)
    simple:gather_and_close { return_exceptions = true }
    assert.are.same({ pool = 3, map = 2, starmap = 4, doublestarmap = 1, simple = 5 }, tries)
    assert.are.equal(6, pool.num_retried)
    assert.are.equal(4, simple.num_retried)
    assert.are.equal(5, log:expect_all "error in")
  end))

  it("are an option of submit; its future sees the end of the last try", tasks.case(function()
    local pool = tasks.TaskPool()
    assert.are.equal("result", pool:submit(failing(2, {}), { "result" }, { retries = 2 }))
    local err = tasks.raises("NotFound", pool.submit, pool, function()
      error(taskpool.no_retry(taskpool.error("NotFound", "gone")))
    end, {}, { retries = 5 })
    assert.are.equal("gone", err.message)
    local ok, message = pcall(pool.submit, pool, failing(9, {}), {}, { retries = 3 })
    assert.is_false(ok)
    assert.are.equal("try 4 failed", message)
    assert.are.equal(5, pool.num_retried)
    pool:gather_and_close()
  end))

  it("keep the task's place in the pool and its id while it waits", tasks.case(function()
    local times, order = {}, {}
    local pool = tasks.TaskPool { size = 1 }
    pool:apply(failing(1, times), { retries = { n = 1, backoff = 5 } })
    pool:apply(function()
      order[#order + 1] = taskpool.now() - times[1]
    end)
    taskpool.sleep(2)
    assert.are.equal(1, pool.num_running)
    assert.is_true(pool.is_full)
    assert.are.equal("between two tries", pool:traceback(0))
    pool:gather_and_close()
    assert.are.same({ 5 }, order)
  end))

  it("work for tasks that wait, and for what they close", tasks.case(function()
    local log = {}
    local pool = tasks.TaskPool()
    pool:apply(function()
      local try = taskpool.tries()
      local _ <close> = tasks.at_end(function()
        taskpool.sleep(1)
        log[#log + 1] = "closed " .. try
      end)
      pcall(taskpool.sleep, 2)
      if try < 3 then
        error "not yet"
      end
    end, { retries = { n = 5, backoff = 1 }, end_callback = function(_, ok)
      log[#log + 1] = ("%s after %d"):format(ok, taskpool.tries())
    end })
    local began = taskpool.now()
    pool:gather_and_close()
    assert.are.same({ "closed 1", "closed 2", "closed 3", "true after 3" }, log)
    assert.are.equal(3 * 3 + 1 + 2, taskpool.now() - began)
  end))

  it("are not disturbed by preemption", tasks.case(function(log)
    core.force_preemption(5)
    local _ <close> = tasks.at_end(function()
      core.force_preemption(0)
    end)
    local ends, pool = {}, tasks.TaskPool { retries = { n = 2, backoff = 1 } }
    pool:map(function(n)
      local sum = 0
      for i = 1, 100 * n do
        sum = sum + i
      end
      if taskpool.tries() < n then
        error("not yet", 0)
      end
      return sum
    end, { 1, 2, 3, 4 }, { num_concurrent = 4, end_callback = function(id, _, result)
      ends[id + 1] = result
    end })
    pool:gather_and_close { return_exceptions = true }
    assert.are.same({ 5050, 20100, 45150, "not yet" }, ends)
    assert.are.equal(1 + 2 + 2, pool.num_retried)
    log:expect "not yet"
  end))

  it("are no hindrance to 1000 arguments, or to a wrong element", tasks.case(function(log)
    local list = { n = 1000 }
    local ends, tries = {}, 0
    local pool = tasks.TaskPool { retries = 3 }
    pool:apply(function(...)
      tries = tries + 1
      if tries == 1 then
        error { select("#", ...) }
      end
      return select("#", ...)
    end, { args = list, end_callback = keeping(ends) })
    pool:starmap(print, { "no list" }, { end_callback = keeping(ends) })
    pool:gather_and_close { return_exceptions = true }
    assert.are.equal(1000, ends[2][3])
    assert.are.equal("InvalidArgument", ends[1][3].code) -- it stays wrong, so it is tried once
    assert.are.equal(1, pool.num_retried)
    log:expect "must be a table of arguments"
  end))
end)

describe("a cancelled task is not tried again", function()
  ---Cancels a task that fails at its first try and backs off, `after` seconds after its start.
  local function cancel_after(after, worker, options)
    local ends, began = {}, taskpool.now()
    local pool = tasks.TaskPool()
    options = options or {}
    options.retries = options.retries or { n = 5, backoff = 10 }
    options.end_callback = keeping(ends)
    pool:apply(worker, options)
    if after then
      taskpool.sleep(after)
      pool:cancel_all { msg = "enough" }
    end
    pool:gather_and_close { return_exceptions = true }
    return ends[1][3], taskpool.now() - began, pool
  end

  it("while it waits for the next try", tasks.case(function()
    local err, seconds, pool = cancel_after(3, failing(9, {}))
    assert.are.equal("Cancelled", err.code)
    assert.are.equal("enough", err.message)
    assert.are.equal(3, seconds)
    assert.are.equal(1, pool.num_retried)
  end))

  it("in its function, whatever error its cleanup raises", tasks.case(function(log)
    local err, _, pool = cancel_after(3, taskpool.sleep, { args = { 60 } })
    assert.are.equal("Cancelled", err.code)
    assert.are.equal(0, pool.num_retried)
    err, _, pool = cancel_after(3, function()
      local _ <close> = tasks.at_end(function()
        error("cleanup failed", 0)
      end)
      taskpool.sleep(60)
    end)
    assert.are.equal("cleanup failed", err)
    assert.are.equal(0, pool.num_retried)
    assert.matches("tasks.lua:%d+: in function", (log:expect "cleanup failed"))
  end))

  it("when it is killed", tasks.case(function(log)
    local err, seconds, pool = cancel_after(1, function()
      while true do
        taskpool.catch_cancel(taskpool.sleep, 60)
      end
    end)
    assert.are.equal("Cancelled", err.code)
    assert.is_true(err.killed)
    assert.are.equal(1, seconds)
    assert.are.equal(0, pool.num_retried)
    log:expect "Killed"
  end))

  it("when its own time is over, which is the time of all tries together", tasks.case(function()
    local err, seconds, pool = cancel_after(nil, failing(9, {}), { timeout = 25 })
    assert.are.equal("TimedOut", err.code)
    assert.are.equal(25, seconds) -- tries at 0 and 10
    assert.are.equal(2, pool.num_retried)
    assert.are.equal(1, pool.num_timed_out)
    err, seconds, pool = cancel_after(nil, taskpool.sleep, { args = { 60 }, timeout = 25 })
    assert.are.equal("TimedOut", err.code)
    assert.are.equal(25, seconds)
    assert.are.equal(0, pool.num_retried)
  end))

  it("but one whose part has timed out is", tasks.case(function()
    local tries = 0
    local err, _, pool = cancel_after(nil, function()
      tries = tries + 1
      if tries <= 2 then
        taskpool.timeout(1, taskpool.sleep, 5)
      end
      return tries
    end)
    assert.are.equal(3, err)
    assert.are.equal(2, pool.num_retried)
  end))

  it("and a loop that does not wait is interrupted in each try", tasks.case(function()
    local pool = tasks.TaskPool { cancel_grace = 1 }
    local try = 0
    pool:apply(function()
      try = taskpool.tries()
      if try == 1 then
        error "once"
      end
      while true do end -- luacheck: ignore 542
    end, { retries = 3 })
    repeat
      taskpool.yield()
    until try == 2
    pool:cancel_all()
    pool:gather_and_close()
    assert.are.equal(1, pool.num_retried)
  end))
end)

describe("no_retry", function()
  it("has an error not tried again, and everybody sees the error itself", tasks.case(function(log)
    local oops = setmetatable({}, { __tostring = function()
      return "oops in words"
    end })
    local function worker()
      error(taskpool.no_retry(oops))
    end
    for _, retries in ipairs { 0, 3 } do
      local ends = {}
      local pool = tasks.TaskPool()
      pool:apply(worker, { retries = retries, end_callback = keeping(ends) })
      local ok, err = pcall(pool.gather_and_close, pool)
      assert.is_false(ok)
      assert.are.equal(oops, err)
      assert.are.equal(oops, ends[1][3])
      assert.are.equal(0, pool.num_retried)
      assert.matches("oops in words.*retry_spec.lua:%d+: in function", (log:expect "oops in words"))
    end
  end))

  it("takes any value, prints as it does, and wraps it once", tasks.case(function()
    assert.are.equal("some text", tostring(taskpool.no_retry "some text"))
    assert.are.equal("nil", tostring(taskpool.no_retry(nil)))
    assert.are.equal("NotFound: gone", tostring(taskpool.no_retry(taskpool.error("NotFound", "gone"))))
    local wrapped = taskpool.no_retry(1)
    assert.are.equal(wrapped, taskpool.no_retry(wrapped))
    assert.is_false((pcall(taskpool.no_retry)))
  end))

  it("holds through timeout and gather, and for an iterator's error", tasks.case(function(log)
    local errors = {}
    local function fail()
      error(taskpool.no_retry "final")
    end
    local pool = tasks.TaskPool { retries = 3 }
    pool:apply(taskpool.timeout, { args = { 5, fail }, end_callback = function(_, _, err)
      errors[1] = err
    end })
    pool:apply(taskpool.gather, { args = { fail }, end_callback = function(_, _, err)
      errors[2] = err
    end })
    pool:gather_and_close { return_exceptions = true }
    assert.are.same({ "final", "final" }, errors)
    assert.are.equal(0, pool.num_retried)
    local fed = tasks.TaskPool()
    fed:map(print, fail)
    local _, err = pcall(fed.gather_and_close, fed)
    assert.are.equal("final", err)
    assert.are.equal(3, log:expect_all "final")
  end))

  it("is taken off by run", function()
    local ok, err = pcall(taskpool.run, function()
      error(taskpool.no_retry "outermost")
    end)
    assert.is_false(ok)
    assert.are.equal("outermost", err)
  end)
end)

describe("tries", function()
  it("tells which try this is, in the task and in its callbacks", tasks.case(function()
    assert.is_nil(taskpool.tries())
    local seen = {}
    local pool = tasks.TaskPool()
    local function note()
      seen[#seen + 1] = taskpool.tries()
    end
    pool:apply(note, { end_callback = note })
    pool:apply(function()
      note()
      if taskpool.tries() < 3 then
        error "again"
      end
    end, { retries = 5, end_callback = note })
    pool:gather_and_close()
    table.sort(seen)
    assert.are.same({ 1, 1, 1, 2, 3, 3 }, seen)
  end))
end)

describe("the option retries", function()
  it("refuses what it does not know", tasks.case(function()
    local pool = tasks.TaskPool()
    local function refused(text, retries)
      local err = tasks.raises("InvalidArgument", pool.apply, pool, print, { retries = retries })
      assert.are.equal("apply: " .. text, err.message)
    end
    refused("'retries' must be a number or a table, not string", "3")
    refused("retries: 'n' is missing", {})
    refused("retries: 'n' must be an integer from 0 to 1000000, not 1.5", 1.5)
    refused("retries: 'n' must be an integer from 0 to 1000000, not -1", { n = -1 })
    refused("retries: 'n' must be a number, not string", { n = "3" })
    refused("retries: 'backoff' must be a number from 0 to 3600, not -1", { n = 1, backoff = -1 })
    refused("retries: 'jitter' must be a number from 0 to 1, not 2", { n = 1, jitter = 2 })
    refused("retries has no option 'backof'", { n = 1, backof = 2 })
    tasks.raises("InvalidArgument", pool.apply, pool, print, { retries = { n = 1, backoff = 0 / 0 } })
    tasks.raises("InvalidArgument", taskpool.TaskPool, { retries = { n = 1, x = 1 } })
    tasks.raises("InvalidArgument", taskpool.SimpleTaskPool, print, { retries = true })
  end))

  it("is read at the prompt", function()
    local host <close> = hosts.start([[
      taskpool.log.level = "error"
      taskpool.TaskPool { name = "jobs" }
    ]], { ["jobs.lua"] = [[return { fail = function() error "oops" end }]] })
    local wire <close> = host:greet()
    wire:ask "map jobs.fail [1, 2] --retries {n=3,backoff=0.001}"
    wire:ask "apply jobs.fail --retries 2"
    assert.are.equal("InvalidArgument: --retries takes a number, or a table with names as keys, such as {n = 3}, "
      .. "not 'x' at column 27", wire:ask "apply jobs.fail --retries x")
    assert.are.equal("InvalidArgument: apply: retries has no option 'm'",
      wire:ask "apply jobs.fail --retries {n=1,m=1}")
    wire:ask "gather-and-close -r"
    assert.are.equal("8", wire:ask "num-retried")
  end)
end)
