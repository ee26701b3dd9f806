-- SPDX-License-Identifier: MIT
-- Pools whose tasks run in threads, and single calls there.
local core = require "taskpool.core"
local gates = require "spec.support.gate"
local program = require "spec.support.program"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local uv = require "luv"

local REMOTE <const> = "spec.support.remote."

---A busy machine or a sanitizer may make anything take so much longer, seconds.
local LATE <const> = 20

local function live_it(name, body)
  it(name, tasks.live_case(body))
end

---The same with a loop in it that never waits.
local loop_it = tasks.can_interrupt and live_it or pending

---A pool of threads, `options.threads` or 2 of them.
local function thread_pool(options)
  options = options or {}
  options.executor, options.threads = "thread", options.threads or 2
  return tasks.TaskPool(options)
end

---Options with an end callback that notes down what each task came to, under its id.
local function noting(ends, options)
  options = options or {}
  options.end_callback = function(id, ...)
    assert.is_nil(ends[id], "an end callback has run twice")
    ends[id] = table.pack(...)
  end
  return options
end

---Waits until `is_so()`.
local function await_that(is_so)
  local since = taskpool.now()
  while not is_so() do
    assert(taskpool.now() - since < LATE, "it does not come about")
    taskpool.sleep(0.002)
  end
end

---Keeps the host busy until the clock says so.
local function spin_until(time)
  while taskpool.now() < time do
  end
end

---What the only task of a pool came to: ok, results or error.
local function outcome(pool, name, args, options)
  local ends = {}
  options = noting(ends, options)
  options.args = args
  pool:apply(REMOTE .. name, options)
  await_that(function()
    return next(ends)
  end)
  pool:flush { return_exceptions = true }
  local id, what = next(ends)
  assert.is_nil(next(ends, id))
  return table.unpack(what, 1, what.n)
end

describe("a pool of threads", function()
  live_it("runs functions by their names, and hands out their results", function()
    local pool, ends = thread_pool(), {}
    pool:map(REMOTE .. "echo", { "a", 2, 3.5, true }, noting(ends, { num_concurrent = 3 }))
    pool:starmap(REMOTE .. "subtract", { { 5, 3 }, { 1, 2 } }, noting(ends))
    pool:gather_and_close()
    local values = {}
    for _, end_of in pairs(ends) do
      assert.is_true(end_of[1])
      values[#values + 1] = tostring(end_of[2])
    end
    table.sort(values)
    assert.are.same({ "-1", "2", "2", "3.5", "a", "true" }, values)
  end)

  live_it("takes arguments by name", function()
    local pool, ends = thread_pool(), {}
    local name = REMOTE .. "subtract"
    pool:apply(name, noting(ends, { kwargs = { subtrahend = 1, minuend = 10 } }))
    pool:doublestarmap(name, { { minuend = 7, subtrahend = 3 } }, noting(ends))
    tasks.raises("InvalidArgument", pool.apply, pool, name, { kwargs = { other = 1 } })
    pool:gather_and_close()
    assert.are.same({ { true, 9, n = 2 }, { true, 4, n = 2 } }, { ends[0], ends[1] })
  end)

  live_it("takes a function that a name was resolved to, and no other", function()
    local pool = thread_pool()
    pool:apply(REMOTE .. "echo")
    local remote = require "spec.support.remote"
    assert.is_true(outcome(pool, "echo"))
    pool:apply(remote.echo)
    local err = tasks.raises("InvalidArgument", pool.apply, pool, function() end)
    assert.matches("give \"package.module.function\"", err.message, 1, true)
    tasks.raises("NotFound", pool.map, pool, REMOTE .. "nothing", {})
    pool:gather_and_close()
  end)

  live_it("may be a SimpleTaskPool", function()
    local ends = {}
    local pool = tasks.SimpleTaskPool(REMOTE .. "echo", noting(ends, { args = { 1, nil, 3, n = 3 } }))
    local threaded = tasks.SimpleTaskPool(
      REMOTE .. "echo",
      noting(ends, { args = { 1, nil, 3, n = 3 }, executor = "thread", threads = 1 })
    )
    threaded:start(3)
    threaded:gather_and_close()
    pool:gather_and_close()
    assert.are.same({ true, 1, nil, 3, n = 4 }, ends[2])
  end)

  it("says which options do not go together", function()
    local function refused(options, text)
      local err = tasks.raises("InvalidArgument", taskpool.TaskPool, options)
      assert.matches(text, err.message, 1, true)
    end
    refused({ executor = "process" }, "must be coroutine or thread, not 'process'")
    refused({ threads = 2 }, "'threads' needs executor = \"thread\"")
    refused({ executor = "coroutine", threads = 2 }, "'threads' needs")
    refused({ executor = "thread", threads = 0 }, "must be 1 to 1024, not 0")
    refused({ executor = "thread", threads = -1 }, "must not be negative")
  end)

  live_it("has threads with states of their own", function()
    local pool, ends, seen, most = thread_pool { threads = 3 }, {}, {}, 0
    pool:map(REMOTE .. "identity_after", { 30, 30, 30, 30, 30, 30 }, noting(ends, { num_concurrent = 6 }))
    pool:gather_and_close()
    for _, end_of in pairs(ends) do
      seen[end_of[2]] = (seen[end_of[2]] or 0) + 1
      most = math.max(most, seen[end_of[2]])
    end
    assert.is_true(most < 6, "all ran in one thread")
    assert.is_nil(seen[tostring(require "spec.support.remote")])
  end)

  live_it("lets many tasks wait at the same time in one thread", function()
    local pool, since = thread_pool { threads = 1 }, taskpool.now()
    pool:map(REMOTE .. "sleep", (function()
      local left = 500
      return function()
        left = left - 1
        return left >= 0 and 0.2 or nil
      end
    end)(), { num_concurrent = 500 })
    pool:gather_and_close()
    assert.is_true(taskpool.now() - since < LATE, "they waited one after the other")
  end)

  loop_it("is not starved by loops that never end", function()
    local pool, ends = thread_pool { threads = 1, cancel_grace = 1 }, {}
    local group = pool:apply(REMOTE .. "loop", { num = 2 })
    taskpool.sleep(0.05)
    pool:map(REMOTE .. "echo", { 1, 2, 3 }, noting(ends, { num_concurrent = 3 }))
    await_that(function()
      return ends[2] and ends[3] and ends[4]
    end)
    pool:cancel_group(group)
    pool:gather_and_close()
  end)

  live_it("takes work that has not begun back from a thread that is stuck", function()
    local gate <close>, pool, ends = gates.make(), thread_pool(), {}
    pool:apply(REMOTE .. "block_on", noting(ends, { args = { gate.path } }))
    pool:wait(pool:map(REMOTE .. "identity_after", (function()
      local left = 40
      return function()
        left = left - 1
        return left >= 0 and 2 or nil
      end
    end)(), { num_concurrent = 40 }))
    assert.is_nil(ends[0])
    gate:open()
    pool:gather_and_close()
  end)

  live_it("does not wait for a thread that a task blocks after a wait", function()
    for round = 1, 12 do -- the call comes before, after, and just when the thread is blocked
      local gate <close>, pool, ends = gates.make(), thread_pool(), {}
      taskpool.gather(pool:submit_nowait(REMOTE .. "echo"), pool:submit_nowait(REMOTE .. "echo"))
      pool:apply(REMOTE .. "sleep_and_block_on", noting(ends, { args = { 0.005, gate.path } }))
      local since = taskpool.now()
      taskpool.sleep(0.002)
      spin_until(since + 0.005 + round * 0.00005)
      assert.are.equal(round, pool:submit(REMOTE .. "echo", { round }))
      assert.is_nil(ends[2])
      gate:open()
      pool:gather_and_close()
    end
  end)

  live_it("has the results of what a thread did just before a task blocked it", function()
    local gate <close>, pool = gates.make(), thread_pool { threads = 1 }
    for _ = 1, 100 do
      pool:submit(REMOTE .. "echo") -- learns that it is quick, so that it shares a batch
    end
    local before = pool:submit_nowait(REMOTE .. "echo", { "before" })
    pool:apply(REMOTE .. "block_on", { args = { gate.path } })
    assert.are.equal("before", before:await())
    gate:open()
    pool:gather_and_close()
  end)

  live_it("sends nothing to a thread that is stuck", function()
    local gate <close>, pool = gates.make(), thread_pool { threads = 1 }
    pool:apply(REMOTE .. "block_on", { args = { gate.path } })
    local place
    for id = 1, 200 do -- it takes a while until it counts as stuck
      local group = pool:apply(REMOTE .. "echo")
      taskpool.sleep(0.01)
      place = pool:traceback(id)
      if place == "waits for a thread" then
        break
      end
      pool:cancel_group(group) -- leaves the mailbox
    end
    assert.are.equal("waits for a thread", place)
    gate:open()
    pool:gather_and_close()
  end)

  loop_it("does not leave work with a thread that is stuck while another one runs loops", function()
    for _ = 1, 5 do -- on a busy machine the first thread counts as stuck before anything is sent to it
      local gate <close>, pool = gates.make(), thread_pool()
      pool:apply(REMOTE .. "block_on", { args = { gate.path } })
      local loops = pool:apply(REMOTE .. "loop", { num = 2 })
      pool:wait(pool:map(REMOTE .. "echo", { 1, 2, 3, 4, 5, 6 }, { num_concurrent = 6 }))
      gate:open()
      pool:cancel_group(loops)
      pool:gather_and_close { return_exceptions = true }
    end
  end)

  live_it("tells of each task in which thread it is", function()
    local gate <close>, pool = gates.make(), thread_pool { threads = 1 }
    pool:apply(REMOTE .. "block_on", { args = { gate.path } })
    pool:apply(REMOTE .. "echo")
    local function await_place(of, id, pattern)
      await_that(function()
        local ok, place = pcall(of.traceback, of, id)
        return ok and place:find(pattern)
      end)
    end
    await_place(pool, 0, "^in thread")
    assert.are.equal(("in thread 1 of %s: %sblock_on"):format(pool, REMOTE), pool:traceback(0))
    await_place(pool, 1, "^waits for a?%s?thread")
    local other = tasks.TaskPool()
    other:apply(function()
      taskpool.blocking(REMOTE .. "sleep", 60)
    end, { group_name = "sleeper" })
    await_place(other, 0, "^in thread %d+ of the host: [%w.]+sleep < blocking < .+ at .+:%d+")
    other:cancel_group "sleeper"
    other:gather_and_close()
    gate:open()
    pool:gather_and_close()
  end)

  live_it("keeps to its size, and to what a group may have", function()
    local pool = thread_pool { size = 3 }
    pool:map(REMOTE .. "sleep", { 0.01, 0.01, 0.01, 0.01, 0.01, 0.01 }, { num_concurrent = 6 })
    for _ = 1, 5 do
      taskpool.sleep(0.003)
      assert.is_true(pool.num_running <= 3)
    end
    pool:gather_and_close()
    assert.are.equal(0, pool.num_running)
  end)

  live_it("tries again what fails there, and lets it say that this is of no use", function(log)
    local pool = thread_pool { retries = { n = 3, backoff = 0.001 } }
    assert.are.same({ true, 3 }, { outcome(pool, "succeed_at", { 3 }) })
    assert.are.equal(2, pool.num_retried)
    assert.are.same({ false, "of no use" }, { outcome(pool, "refuse", { "of no use" }) })
    assert.are.equal(2, pool.num_retried)
    log:expect "of no use"
    log:expect_all "again"
    pool:gather_and_close { return_exceptions = true }
  end)

  live_it("gives results to futures", function()
    local pool = thread_pool()
    assert.are.equal(3, pool:submit(REMOTE .. "subtract", { 5, 2 }))
    local future = pool:submit_nowait(REMOTE .. "sleep", { 0.01, "late" })
    assert.are.equal("late", future:await())
    pool:gather_and_close()
  end)
end)

describe("an error in a thread", function()
  live_it("comes back as the value that was raised", function(log)
    local pool = thread_pool()
    for _, value in ipairs { "text", 42, 2.5, { code = "Mine", deep = { 1, 2 } }, false } do
      local ok, err = outcome(pool, "fail", { value })
      assert.is_false(ok)
      assert.are.same(value, err)
    end
    assert.are.equal(5, log:expect_all "error in")
    local ok, err = outcome(pool, "fail", { taskpool.error("NotFound", "no such thing") })
    assert.is_false(ok)
    assert.are.equal("NotFound: no such thing", tostring(err))
    log:expect "NotFound: no such thing"
    pool:gather_and_close { return_exceptions = true }
  end)

  live_it("and what it logs there tell their pool, thread and code in the log", function(log)
    local pool = thread_pool { threads = 1 }
    pool:submit(REMOTE .. "warn", { "from a thread" })
    pool:apply(REMOTE .. "fail", { args = { taskpool.error("NotFound", "gone") }, group_name = "work" })
    pool:wait("work", { return_exceptions = true })
    log:expect "from a thread"
    log:expect "gone"
    local about = {}
    for _, record in ipairs(log.recorder) do
      if record.expected then
        table.insert(about, { record.level, record.pool, record.group, record.task, record.thread, record.error })
      end
    end
    local label = tostring(pool)
    assert.are.same({ { "warning", label, nil, nil, 1 }, { "error", label, "work", 1, nil, "NotFound" } }, about)
  end)

  live_it("is logged with its traceback there", function(log)
    local pool = thread_pool { threads = 1 }
    outcome(pool, "fail_here")
    local line = log:expect "failed here"
    assert.matches("spec/support/remote.lua:%d+: failed here", line)
    assert.matches("in function 'spec.support.remote.fail_here'", line, 1, true)
    assert.matches(("(in thread 1 of %s)"):format(pool), line, 1, true)
    tasks.raises("NotFound", function()
      pool:apply(REMOTE .. "fail", { args = { taskpool.error("NotFound", "gathered") } })
      pool:gather_and_close()
    end)
    log:expect "gathered"
  end)

  live_it("is its text where the value cannot be sent", function(log)
    local pool = thread_pool()
    local ok, err = outcome(pool, "unsendable", { "error" })
    assert.are.same({ false, "an error of its own" }, { ok, err })
    log:expect "an error of its own"
    pool:gather_and_close { return_exceptions = true }
  end)

  live_it("says which result cannot be sent", function(log)
    local pool = thread_pool()
    local ok, err = outcome(pool, "unsendable")
    assert.is_false(ok)
    assert.are.equal(
      "InvalidArgument: result 2.deep[1] is a function, which cannot be sent from a thread",
      tostring(err)
    )
    log:expect "result 2.deep[1]"
    pool:gather_and_close { return_exceptions = true }
  end)

  live_it("says which argument cannot be sent", function(log)
    local pool = thread_pool()
    local ok, err = outcome(pool, "echo", { 1, { options = { 1, 2, { fn = print } } } })
    assert.is_false(ok)
    assert.are.equal(
      "InvalidArgument: argument 2.options[3].fn is a function, which cannot be sent to a thread",
      tostring(err)
    )
    log:expect "argument 2.options[3].fn"
    pool:gather_and_close { return_exceptions = true }
  end)
end)

describe("a cancel", function()
  ---Runs one task, cancels it when it has begun, and returns what it came to and how long that took.
  local function cancel_one(pool, name, args, grace)
    local ends, directory = {}, program.make_directory()
    local sign = directory .. "/begun"
    local group = pool:apply(REMOTE .. "begin", noting(ends, { args = { sign, name, table.unpack(args) } }))
    await_that(function()
      return uv.fs_stat(sign)
    end)
    program.remove_directory(directory)
    local since = taskpool.now()
    pool:cancel_group(group, { msg = "enough", grace = grace })
    pool:flush { return_exceptions = true }
    local _, what = next(ends)
    return what, taskpool.now() - since
  end

  live_it("ends what waits in a thread", function()
    local pool = thread_pool()
    local what, took = cancel_one(pool, "sleep", { 1000 })
    assert.is_false(what[1])
    assert.are.equal("Cancelled: enough", tostring(what[2]))
    assert.are.equal("cancel_group", what[2].who)
    assert.is_false(what[2].killed)
    assert.is_true(took < LATE)
    pool:gather_and_close()
  end)

  loop_it("ends a loop, and one that catches everything", function()
    local pool = thread_pool()
    for _, name in ipairs { "loop", "swallow" } do
      local what, took = cancel_one(pool, name, {})
      assert.are.equal("Cancelled: enough", tostring(what[2]))
      assert.is_true(took < LATE)
    end
    assert.are.equal("again", select(2, outcome(pool, "echo", { "again" })))
    pool:gather_and_close()
  end)

  live_it("reaches the task there with its words", function()
    local pool = thread_pool()
    local what = cancel_one(pool, "last_words", { 1000 })
    assert.is_true(what[1])
    assert.are.equal("Cancelled: enough", tostring(what[2]))
    assert.are.equal("cancel_group", what[2].who)
    assert.is_true(math.abs(os.time() - what[2].when) < 60)
    pool:gather_and_close()
  end)

  live_it("that is ignored there is recorded so, and the results come", function(log)
    local pool = thread_pool()
    local what = cancel_one(pool, "ignore_cancel", { 1000 })
    assert.are.same({ true, false, n = 2 }, what)
    assert.are.equal(1, log:count "returned although it was cancelled")
    pool:gather_and_close()
  end)

  live_it("takes out what no thread has begun", function()
    local pool, ends = thread_pool { threads = 1 }, {}
    pool:apply(REMOTE .. "block", { args = { 0.5 } })
    taskpool.sleep(0.05)
    local group = pool:apply(REMOTE .. "count", noting(ends, { num = 5 }))
    taskpool.sleep(0.01)
    local since = taskpool.now()
    pool:cancel_group(group)
    await_that(function()
      return ends[1] and ends[5]
    end)
    assert.is_true(pool.num_running == 1 or taskpool.now() - since > 0.4)
    assert.are.equal("Cancelled", ends[5][2].code)
    pool:flush()
    assert.are.equal(1, select(2, outcome(pool, "count")))
    pool:gather_and_close()
  end)

  live_it("kills the task at home when the thread is blocked in C code; its result is dropped", function(log)
    local pool, dropped = thread_pool { threads = 1 }, core.dropped_results()
    local what, took = cancel_one(pool, "block", { 0.6 }, 0.2)
    assert.are.equal("Cancelled", what[2].code)
    assert.is_true(what[2].killed)
    assert.is_true(took < LATE)
    log:expect "Killed"
    assert.are.equal(1, select(2, outcome(pool, "count")))
    assert.are.equal(dropped + 1, core.dropped_results())
    pool:gather_and_close()
  end)

  live_it("reaches a call that was killed behind its shield", function(log)
    local pool, dropped = tasks.TaskPool { cancel_grace = 0.05 }, core.dropped_results()
    pool:apply(function()
      taskpool.shield(1000, taskpool.blocking, REMOTE .. "sleep", 1000)
    end)
    taskpool.sleep(0.05)
    pool:cancel_all()
    pool:gather_and_close()
    log:expect "Killed"
    await_that(function()
      return core.dropped_results() == dropped + 1
    end)
  end)

  loop_it("comes from a time limit too", function()
    local pool = thread_pool()
    local ok, err = outcome(pool, "loop", {}, { timeout = 0.05 })
    assert.is_false(ok)
    assert.are.equal("TimedOut", err.code)
    assert.are.equal(1, pool.num_timed_out)
    pool:gather_and_close()
  end)
end)

describe("callbacks of tasks in threads", function()
  live_it("run exactly once, under errors, cancels and kills", function(log)
    local pool = thread_pool { threads = 2, size = 64, cancel_grace = 0.2 }
    local ends, cancels, total, duplicates = {}, {}, tasks.scaled(4000), 0
    local function noted(list)
      return function(id)
        duplicates = duplicates + (list[id] and 1 or 0)
        list[id] = true
      end
    end
    local options = { num_concurrent = 64, end_callback = noted(ends), cancel_callback = noted(cancels) }
    options.timeout = 0.003 -- about as long as a task takes, so that either may be first
    local index = 0
    pool:starmap(REMOTE .. "sleep", function()
      index = index + 1
      return index <= total // 2 and { index % 3 == 0 and 0.002 or 0, index } or nil
    end, options)
    local failing = 0
    pool:map(REMOTE .. "fail", function()
      failing = failing + 1
      return failing <= total // 2 and failing or nil
    end, options)
    local seen = 0
    while pool.num_running > 0 or pool.num_waiting > 0 do
      taskpool.sleep(0.005)
      for id in pairs(ends) do
        seen = math.max(seen, id)
      end
      for _ = 1, 8 do
        pcall(pool.cancel, pool, seen + math.random(64))
      end
    end
    pool:gather_and_close { return_exceptions = true }
    local ended = 0
    for _ in pairs(ends) do
      ended = ended + 1
    end
    log:expect_all "error in"
    log:expect_all "Killed"
    assert.are.equal(0, duplicates)
    assert.are.equal(total, ended)
    print(("callbacks: ended=%d end_cb=%d duplicates=%d"):format(total, ended, duplicates))
  end)
end)

describe("taskpool.blocking", function()
  live_it("runs a function in a thread while others go on", function()
    local gate <close>, ticker, ticks = gates.make(), tasks.TaskPool(), 0
    ticker:apply(function()
      while true do
        taskpool.sleep(0.002)
        ticks = ticks + 1
        if ticks == 5 then
          gate:open()
        end
      end
    end)
    taskpool.blocking(REMOTE .. "block_on", gate.path)
    assert.is_true(ticks >= 5)
    ticker:cancel_all()
    ticker:gather_and_close()
  end)

  live_it("returns all results, and raises what was raised", function()
    assert.are.same({ n = 4, 1, nil, "x", nil }, table.pack(taskpool.blocking(REMOTE .. "echo", 1, nil, "x", nil)))
    local ok, err = pcall(taskpool.blocking, REMOTE .. "fail", { mine = true })
    assert.is_false(ok)
    assert.are.same({ mine = true }, err)
    tasks.raises("NotFound", taskpool.blocking, REMOTE .. "nothing")
    tasks.raises("InvalidArgument", taskpool.blocking, function() end)
  end)

  live_it("works in inner coroutines and iterators", function()
    local found = {}
    for value in
      coroutine.wrap(function()
        for i = 1, 3 do
          coroutine.yield(taskpool.blocking(REMOTE .. "subtract", i, 1))
        end
      end)
    do
      found[#found + 1] = value
    end
    assert.are.same({ 0, 1, 2 }, found)
  end)

  it("is for tasks", function()
    tasks.raises("InvalidArgument", taskpool.blocking, REMOTE .. "echo")
  end)

  it(
    "stands still under a virtual clock until the thread has answered",
    tasks.case(function()
      local pool, order = tasks.TaskPool(), {}
      pool:apply(function()
        taskpool.sleep(1)
        order[#order + 1] = "clock"
      end)
      taskpool.blocking(REMOTE .. "sleep", 0.02)
      order[#order + 1] = "thread"
      pool:gather_and_close()
      assert.are.same({ "thread", "clock" }, order)
    end)
  )
end)

describe("submit with an executor of its own", function()
  live_it("sends one call to a thread, or keeps it at home", function()
    local pool, threaded = tasks.TaskPool(), thread_pool { threads = 1 }
    local home = taskpool.blocking -- stands for what a thread cannot have
    local there = pool:submit(REMOTE .. "identity", nil, { executor = "thread" })
    assert.are_not.equal(pool:submit(REMOTE .. "identity"), there)
    assert.are.equal(1, pool:submit(REMOTE .. "subtract", { 3 }, { kwargs = { subtrahend = 2 }, executor = "thread" }))
    assert.are.equal(home, threaded:submit(function() return home end, nil, { executor = "coroutine" }))
    tasks.raises("InvalidArgument", threaded.submit, threaded, function() end)
    tasks.raises("InvalidArgument", pool.submit, pool, REMOTE .. "echo", nil, { executor = "process" })
    local future = pool:submit_nowait(REMOTE .. "sleep", { 60 }, { executor = "thread" })
    taskpool.sleep(0.05)
    assert.is_true(future:cancel())
    tasks.raises("Cancelled", future.await, future)
    threaded:gather_and_close()
    pool:gather_and_close()
  end)
end)

describe("the log of a thread", function()
  live_it("is home's", function(log)
    taskpool.blocking(REMOTE .. "log", "warning", "from afar")
    await_that(function()
      return log:count "from afar" > 0
    end)
    assert.matches("^thread %d+ of the host: from afar$", log:expect "from afar")
  end)
end)

describe("threads for which there are too few descriptors", function()
  it("are refused with the reason, and leave none open", function()
    local directory = program.make_directory()
    local path = program.write_file(
      directory .. "/script.lua",
      [[
      local taskpool = require "taskpool"
      local uv = require "luv"

      local function open()
        return uv.fs_open("/dev/null", "r", 0)
      end

      ---How many descriptors could be opened.
      local function count_free()
        local free = {}
        for descriptor in open do
          free[#free + 1] = descriptor
        end
        for _, descriptor in ipairs(free) do
          uv.fs_close(descriptor)
        end
        return #free
      end

      local held = {}
      for descriptor in open do
        held[#held + 1] = descriptor
      end
      local left = 0
      while true do
        assert(count_free() == left)
        local ok, result = pcall(taskpool.TaskPool, { executor = "thread", threads = 2 })
        if ok then
          while #held > 0 do
            uv.fs_close(table.remove(held))
          end
          result:apply "spec.support.remote.count"
          result:gather_and_close()
          break
        end
        assert(result.code == "IOError", result)
        assert(result.message == "cannot make an event loop: too many open files", result)
        local since = taskpool.now()
        while count_free() < left do -- the first of the threads ends
          assert(taskpool.now() - since < 10, "a descriptor was left open")
          taskpool.sleep(0.001)
        end
        uv.fs_close(table.remove(held))
        left = left + 1
      end
      print(left)
      ]]
    )
    local line = ("ulimit -n 64; exec %s run %s"):format(program.path, path)
    local done = program.run { file = "sh", "-c", line }
    program.remove_directory(directory)
    assert.are.equal("", done.err)
    assert.is_true(tonumber(done.out) > 2, done.out)
  end)
end)

describe("the end of a host with threads", function()
  ---Runs a script to its end, as the program and in a stock interpreter.
  local function each_way(script, check)
    local directory = program.make_directory()
    local path = program.write_file(directory .. "/script.lua", script)
    for _, arguments in ipairs { { "run", path }, { file = "lua5.4", path } } do
      check(program.run(arguments))
    end
    program.remove_directory(directory)
  end

  it("cancels what runs in them, and waits for it", function()
    each_way(
      [[
      local taskpool = require "taskpool"
      taskpool.run(function()
        local pool = taskpool.TaskPool { executor = "thread", threads = 2 }
        pool:map("spec.support.remote.sleep", { 1000, 1000, 1000 }, { num_concurrent = 3 })
        local other = taskpool.TaskPool()
        other:apply(taskpool.blocking, { args = { "spec.support.remote.sleep", 1000 } })
        taskpool.sleep(0.05)
        error("enough", 0)
      end)
      ]],
      function(done)
        assert.matches("enough", done.err, 1, true)
        assert.not_matches("given up", done.err, 1, true)
        assert.are.equal(1, done.code, done.err)
        assert.are.equal(0, done.signal)
      end
    )
  end)

  it("leaves a thread behind that is blocked in C code", function()
    each_way(
      [[
      local taskpool = require "taskpool"
      taskpool.run(function()
        local pool = taskpool.TaskPool { executor = "thread", threads = 2, cancel_grace = 0.1 }
        pool:apply("spec.support.remote.block", { args = { 1000 } })
        taskpool.sleep(0.05)
        pool:cancel_all()
        pool:gather_and_close()
        io.stdout:write "closed\n"
      end)
      ]],
      function(done)
        assert.are.equal("closed\n", done.out, done.err)
        assert.matches("thread %d of TaskPool%-0 does not end: it is blocked in C code, and was given up", done.err)
        assert.are.equal(0, done.code, done.err)
      end
    )
  end)

  it("keeps what a thread that was left behind needs until it ends", function()
    local gate <close> = gates.make()
    local directory = program.make_directory()
    local path = program.write_file(directory .. "/script.lua", [[
      local taskpool = require "taskpool"
      local uv = require "luv"
      local gate = ...
      local given_up = taskpool.Event()
      taskpool.log.handler = function(_, message)
        if message:find("was given up", 1, true) then
          given_up:set()
        end
      end
      local function count_threads()
        local count = 0
        for _ in uv.fs_scandir_next, uv.fs_scandir "/proc/self/task" do
          count = count + 1
        end
        return count
      end
      local pool = taskpool.TaskPool { executor = "thread", threads = 1, cancel_grace = 0.05 }
      pool:apply("spec.support.remote.block_on", { args = { gate } })
      repeat
        taskpool.sleep(0.002)
      until pool:traceback(0):find "^in thread"
      pool:cancel_all()
      pool:gather_and_close { return_exceptions = true }
      given_up:wait()
      pool = nil
      collectgarbage()
      collectgarbage()
      local before = count_threads()
      uv.fs_open(gate, "r+", 0)
      repeat
        taskpool.sleep(0.002)
      until count_threads() < before
      print "ended"
    ]])
    -- What is freed is overwritten.
    local done = program.run { "run", path, gate.path, env = { MALLOC_PERTURB_ = "165" } }
    program.remove_directory(directory)
    assert.are.same({ 0, 0, "ended\n", "" }, { done.code, done.signal, done.out, done.err })
  end)

  it("ends threads that nobody has closed", function()
    each_way(
      [[
      local taskpool = require "taskpool"
      local pool = taskpool.TaskPool { executor = "thread", threads = 2 }
      local unused = taskpool.TaskPool { executor = "thread", threads = 1 }
      unused = nil
      collectgarbage()
      taskpool.run(function()
        io.stdout:write(taskpool.blocking "spec.support.remote.count", "\n")
        pool:apply("spec.support.remote.count", { num = 10 })
      end)
      ]],
      function(done)
        assert.are.equal("1\n", done.out)
        assert.are.equal("", done.err)
        assert.are.equal(0, done.code)
      end
    )
  end)

  it("may come while calls are under way that nobody runs the loop for", function()
    local directory = program.make_directory()
    local path = program.write_file(
      directory .. "/script.lua",
      [[
      local taskpool = require "taskpool"
      local uv = require "luv"
      local pool = taskpool.TaskPool { executor = "thread", threads = 2 }
      pool:map("spec.support.remote.sleep", { 1000, 0.01 }, { num_concurrent = 2 })
      for _ = 1, 20 do
        uv.run "nowait"
      end
      ]]
    )
    local done = program.run { file = "lua5.4", path }
    assert.are.equal("", done.err)
    assert.are.equal(0, done.code)
    program.remove_directory(directory)
  end)
end)
