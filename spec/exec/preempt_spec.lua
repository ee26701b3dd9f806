-- SPDX-License-Identifier: MIT
-- Workers that never wait: they freeze nothing, lose nothing, and end when they are cancelled. By the real clock,
-- because a slice is one of the processor's time.
local hosts = require "spec.support.host"
local program = require "spec.support.program"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local testing = require "taskpool.testing"
local uv = require "luv"

local function spin()
  while true do
  end
end

---What `it` is given to run `body(log)` as the main task by the real clock.
local function real(body)
  return function()
    local recorder <close> = testing.record()
    taskpool.run(body, recorder)
  end
end

---Waits until nothing runs in the pool; returns the seconds of the processor that this took: on a busy machine any
---time may pass.
local function drain(pool)
  local began = os.clock()
  while pool.num_running + pool.num_cancelled > 0 do
    taskpool.sleep(0.001)
  end
  return os.clock() - began
end

---Numbers in an order that sort has work with.
local function unsorted()
  local list = {}
  for i = 1, 500 do
    list[i] = i * 7919 % 503
  end
  return list
end

-- Endless loops; `entered` is called inside of each, again and again.
local loops = {}

function loops.plain(entered)
  while true do
    entered()
  end
end

function loops.pcall(entered)
  while true do
    pcall(loops.plain, entered)
  end
end

loops["a sort comparator"] = function(entered)
  while true do
    table.sort(unsorted(), function(a, b)
      entered()
      return a < b
    end)
  end
end

loops["a gsub callback"] = function(entered)
  local text = ("x"):rep(1000)
  while true do
    text:gsub(".", entered)
  end
end

loops["an inner coroutine"] = function(entered)
  coroutine.wrap(function()
    coroutine.wrap(loops.plain)(entered)
  end)()
end

function loops.__index(entered)
  return setmetatable({}, {
    __index = function()
      loops.plain(entered)
    end,
  }).field
end

function loops.__close(entered)
  local _ <close> = tasks.at_end(function()
    loops.plain(entered)
  end)
end

describe("a worker that never waits", function()
  it("ends when it is cancelled, wherever it loops (T19)", real(function()
    local variants, killed, worst = 0, 0, 0
    for name, loop in pairs(loops) do
      local pool, is_in, reason = taskpool.TaskPool(), false, nil
      pool:apply(loop, {
        args = { function()
          is_in = true
        end },
        end_callback = function(_, _, err)
          reason = err
        end,
      })
      repeat
        taskpool.sleep(0.02)
      until is_in
      assert.are.equal(1, pool.num_running, name)
      pool:cancel_all()
      worst = math.max(worst, drain(pool))
      variants = variants + 1
      if type(reason) == "table" and reason.code == "Cancelled" then
        killed = killed + 1
      end
      pool:gather_and_close()
    end
    print(("cancel-cpu: variants=%d killed=%d worst_ms=%.1f"):format(variants, killed, worst * 1000))
    assert.are.equal(7, variants)
    assert.are.equal(7, killed)
  end))

  -- Each calls `cancel`, by which the task is cancelled, and loops where it cannot be left.
  local IN_C <const> = {
    ["a sort comparator"] = function(cancel)
      table.sort(unsorted(), cancel)
    end,
    ["a gsub callback"] = function(cancel)
      string.gsub("text", ".", cancel)
    end,
    ["a metamethod of tostring"] = function(cancel)
      tostring(setmetatable({}, { __tostring = cancel }))
    end,
    ["a loader"] = function(cancel)
      package.preload["spec.endless"] = cancel
      require "spec.endless"
    end,
    ["a message handler"] = function(cancel)
      xpcall(error, cancel)
    end,
    ["pcall in a comparator"] = function(cancel)
      table.sort(unsorted(), function()
        pcall(cancel)
        loops.pcall(error)
      end)
    end,
    ["catch_cancel in a comparator"] = function(cancel)
      table.sort(unsorted(), function()
        while true do
          taskpool.catch_cancel(cancel)
        end
      end)
    end,
    ["a comparator in a coroutine"] = function(cancel)
      coroutine.wrap(table.sort)(unsorted(), cancel)
    end,
    ["a coroutine in a comparator"] = function(cancel)
      table.sort(unsorted(), coroutine.wrap(cancel))
    end,
    ["a <close> handler in a gsub callback"] = function(cancel)
      string.gsub("text", ".", function()
        local _ <close> = tasks.at_end(cancel)
      end)
    end,
  }

  it("ends at once inside of C functions too, if it is cancelled already", real(function()
    local variants, ended, worst = 0, 0, 0
    for name, loop in pairs(IN_C) do
      local pool, since = taskpool.TaskPool(), nil
      pool:apply(loop, { args = { function()
        since = since or os.clock()
        if pool.num_running > 0 then
          pool:cancel_all()
        end
        spin()
      end } })
      repeat
        taskpool.sleep(0.001)
      until since
      drain(pool)
      worst = math.max(worst, os.clock() - since)
      local outcome = pool:task(0).cancel.outcome
      variants, ended = variants + 1, ended + (outcome == "cancelled" and 1 or 0)
      assert.are.equal("cancelled", outcome, name)
      pool:gather_and_close()
    end
    print(("cancel-in-c: variants=%d ended=%d worst_ms=%.1f"):format(variants, ended, worst * 1000))
    assert.are.equal(variants, ended)
    assert.is_true(worst < 0.8, "ended by the burst: " .. worst)
  end))

  it("has time for a cleanup that computes, where it can be left and where not", real(function()
    local function clean_up_for(seconds, finished)
      return tasks.at_end(function()
        local stop = uv.hrtime() + seconds * 1e9
        repeat until uv.hrtime() > stop
        finished[#finished + 1] = seconds
      end)
    end
    local pool, finished = taskpool.TaskPool(), {}
    pool:apply(function()
      local _ <close> = clean_up_for(0.011, finished)
      coroutine.wrap(function()
        local _ <close> = clean_up_for(0.010, finished)
        spin()
      end)()
    end)
    taskpool.sleep(0.02)
    pool:cancel_all()
    drain(pool)
    assert.are.same({ 0.010, 0.011 }, finished)
    assert.are.equal("cancelled", pool:task(0).cancel.outcome)
    pool:gather_and_close()
  end))

  it("has its <close> variables run in coroutines that were ended there, and these are interrupted too",
    real(function(log)
      local SCOPES <const> = { "innermost", "sorts", "wrapped", "task" }
      local pool, closed = taskpool.TaskPool(), {}
      local function note(name, loops_too)
        return tasks.at_end(function(err)
          closed[#closed + 1] = name .. " " .. tostring(err.code)
          if loops_too then
            spin()
          end
        end)
      end
      local function sort_in_coroutines(compare)
        local _ <close> = note "task"
        coroutine.wrap(function()
          local _ <close> = note "wrapped"
          coroutine.wrap(function()
            local _ <close> = note("sorts", true)
            local _ <close> = note("innermost", true)
            table.sort(unsorted(), compare)
          end)()
        end)()
      end
      local function ended(code, compare)
        closed = {}
        pool:apply(sort_in_coroutines, { args = { compare } })
        taskpool.sleep(0.001)
        drain(pool)
        -- A slice may end in the middle of a handler, where all is slow.
        for index = 1, os.getenv "ASAN_OPTIONS" and 2 or #SCOPES do
          assert.are.equal(SCOPES[index] .. " " .. code, closed[index])
        end
      end
      ended("Cancelled", function()
        if pool.num_running > 0 then
          pool:cancel_all()
        end
        spin()
      end)
      ended("TimedOut", spin)
      assert.are.equal(1, log:count "ran for a second")
      pool:gather_and_close { return_exceptions = true }
    end))

  it("ends after a second where it cannot be interrupted, and its <close> variables are run", real(function(log)
    local pool, closed, after = taskpool.TaskPool(), nil, nil
    pool:apply(function()
      local _ <close> = tasks.at_end(function(err)
        closed = err.code
      end)
      table.sort(unsorted(), spin)
    end)
    pool:apply(function()
      local ok, err = pcall(string.gsub, "text", ".", spin)
      after = not ok and err.code
    end)
    taskpool.sleep(0.001)
    drain(pool)
    assert.are.equal("TimedOut", closed)
    assert.are.equal("TimedOut", after)
    assert.are.equal(1, log:count "ran for a second")
    pool:gather_and_close { return_exceptions = true }
  end))

  it("is not ended so where it calls many C functions that are short", real(function()
    local pool, sorts = taskpool.TaskPool(), 0
    local list = {}
    for i = 1, 20000 do
      list[i] = i * 7919 % 20011
    end
    pool:apply(function()
      local stop = os.clock() + 1.5
      while os.clock() < stop do
        table.sort(table.move(list, 1, #list, 1, {}), function(a, b)
          return a < b
        end)
        sorts = sorts + 1
      end
    end)
    local beats = 0
    taskpool.sleep(0.01)
    while pool.num_running > 0 do
      beats = beats + 1
      taskpool.sleep(0.01)
    end
    pool:gather_and_close()
    assert.is_true(sorts > 1)
    assert.is_true(beats > 5, "the others had to wait: " .. beats)
  end))

  it("holds up neither tasks nor timers nor I/O", real(function()
    local pool, steps, chunks = taskpool.TaskPool(), 0, 0
    for _ = 1, 4 do
      pool:apply(spin)
    end
    pool:apply(function()
      for _ = 1, 20 do
        taskpool.sleep(0.001)
        steps = steps + 1
      end
    end, { group_name = "sleeper" })
    pool:apply(function()
      for _ = 1, 5 do
        chunks = chunks + (taskpool.await(uv.fs_stat, ".") and 1 or 0)
      end
    end, { group_name = "reader" })
    repeat
      taskpool.yield()
    until pool.num_running == 4
    assert.are.equal(20, steps)
    assert.are.equal(5, chunks)
    pool:cancel_all()
    drain(pool)
    pool:gather_and_close()
  end))

  it("keeps its results, however often it was interrupted", real(function()
    local pool, results, turns = taskpool.TaskPool(), {}, 0
    local function work(number, ...)
      local sum = 0
      local stop = os.clock() + 0.3
      while os.clock() < stop do
        sum = sum + 1
      end
      return number, sum > 0, ...
    end
    for number = 1, 3 do
      pool:apply(work, {
        args = { number, "a", number / 2 },
        end_callback = function(_, ...)
          results[number] = table.pack(...)
        end,
      })
    end
    taskpool.yield()
    while pool.num_running > 0 do
      turns = turns + 1
      taskpool.yield()
    end
    pool:flush() -- the callbacks may be interrupted too
    for number = 1, 3 do
      assert.are.same({ n = 5, true, number, true, "a", number / 2 }, results[number])
    end
    assert.is_true(turns > 5, "nothing was interrupted: " .. turns)
    pool:gather_and_close()
  end))

  it("can be interrupted again after another one was killed (T20)", real(function(log)
    local pool = taskpool.TaskPool { cancel_grace = 0.05 }
    pool:apply(function()
      while true do
        taskpool.catch_cancel(spin)
      end
    end)
    taskpool.sleep(0.02)
    pool:cancel_all()
    drain(pool)
    assert.are.equal(1, log:count "Killed ")
    pool:apply(spin)
    taskpool.sleep(0.02)
    local fired = pool.num_running
    pool:cancel_all()
    drain(pool)
    print(("hook-after-kill: fired=%d"):format(fired))
    assert.are.equal(1, fired)
    pool:gather_and_close()
  end))
end)

describe("a task that is killed", function()
  it("has a tenth of a second for all its <close> variables, also those of coroutines in them", real(function(log)
    local pool, closed, after = taskpool.TaskPool { cancel_grace = 0.05 }, 0, 0
    local function closes(depth)
      local _ <close> = tasks.at_end(function()
        closed = closed + 1
        pcall(coroutine.wrap(function()
          local _ <close> = tasks.at_end(spin)
          spin()
        end))
        after = after + 1
      end)
      if depth == 0 then
        taskpool.shield(60, taskpool.sleep, 60)
      end
      coroutine.wrap(closes)(depth - 1)
    end
    pool:apply(closes, { args = { 20 } })
    taskpool.sleep(0.02)
    local began = os.clock()
    pool:cancel_all()
    drain(pool)
    local took = os.clock() - began
    print(("kill-closing: scopes=%d ms=%.0f"):format(closed, took * 1000))
    assert.is_true(closed >= 1)
    assert.are.equal(0, after)
    assert.is_true(took < 0.5, tostring(took))
    assert.are.equal(1, log:count "Killed ")
    pool:gather_and_close()
  end))
end)

describe("a task that swallows its cancel", function()
  it("is killed after eight raises (T18)", tasks.case(function(log)
    local pool, raises = tasks.TaskPool(), 0
    pool:apply(function()
      while true do
        if not taskpool.catch_cancel(taskpool.sleep, 1) then
          raises = raises + 1
        end
      end
    end)
    taskpool.sleep(0.5)
    pool:cancel_all()
    taskpool.sleep(0.5)
    local killed = log:expect_all "Killed "
    print(("cancel-swallow: raises%s8 killed=%d"):format(raises <= 8 and "<=" or ">", killed))
    assert.is_true(raises >= 1 and raises <= 8)
    assert.are.equal(1, killed)
    assert.are.equal(0, pool.num_running)
  end))
end)

describe("Lua code outside of tasks", function()
  ---Calls `call(finish)`, which has something run outside of tasks that loops; returns the seconds until `finish` was
  ---called, at the end of its scope, and how many of them the processor was used.
  local function ended(call)
    local began, used, event = taskpool.now(), os.clock(), taskpool.Event()
    call(function()
      event:set()
    end)
    event:wait()
    return taskpool.now() - began, os.clock() - used
  end

  it("is ended after a second in a callback of luv, also in a coroutine there", real(function(log)
    local timer = uv.new_timer()
    for index, loop in ipairs { spin, coroutine.wrap(spin), function()
      table.sort(unsorted(), spin)
    end } do
      local seconds, used = ended(function(finish)
        timer:start(1, 0, function()
          local _ <close> = tasks.at_end(finish)
          loop()
        end)
      end)
      assert.is_true(seconds > 0.9 and used < 5, seconds .. " " .. used)
      assert.are.equal(index, log:count "error in a luv callback: TimedOut: ran for a second outside of a task")
    end
    timer:close()
  end))

  it("may be slow, and is watched anew in each callback", real(function(log)
    local timer, calls = uv.new_timer(), 0
    ended(function(finish)
      timer:start(1, 1, function()
        local stop = uv.hrtime() + 3e8
        repeat until uv.hrtime() > stop
        calls = calls + 1
        if calls == 4 then
          timer:close()
          finish()
        end
      end)
    end)
    assert.are.equal(4, calls)
    assert.are.equal(0, log:count "luv callback")
  end))

  it("is a part of the task where luv calls it at once", real(function()
    local pool, timer = taskpool.TaskPool(), uv.new_timer()
    pool:apply(uv.walk, { args = { function()
      pool:cancel_all()
      spin()
    end } })
    taskpool.sleep(0.001)
    assert.is_true(drain(pool) < 0.9)
    timer:close()
    pool:gather_and_close()
  end))

  it("is ended after a second in the handler of the log, which harms no task", real(function()
    local handler, pool = taskpool.log.handler, taskpool.TaskPool()
    local calls, result = 0, nil
    taskpool.log.handler = function(_, message)
      if message == "loop" then
        calls = calls + 1
        spin()
      end
    end
    pool:apply(function()
      taskpool.log.warning "loop"
      return "unharmed"
    end, { end_callback = function(_, _, of_task)
      result = of_task
    end })
    taskpool.sleep(0.001)
    local seconds = drain(pool)
    taskpool.log.handler = handler
    assert.are.equal(1, calls)
    assert.are.equal("unharmed", result)
    assert.is_true(seconds < 5, tostring(seconds))
    pool:gather_and_close()
  end))
end)

describe("a hook of the user's", function()
  it("is put back after each slice", real(function()
    local pool, results = taskpool.TaskPool(), {}
    for id = 0, 1 do
      pool:apply(function()
        local counted = 0
        local function hook()
          counted = counted + 1
        end
        debug.sethook(hook, "", 1000)
        local steps, stop = 0, os.clock() + 0.1
        while os.clock() < stop do
          steps = steps + 1
        end
        results[id] = { counted, steps, debug.gethook() == hook, select(3, debug.gethook()) }
        debug.sethook()
      end)
    end
    taskpool.sleep(0.001)
    drain(pool)
    pool:gather_and_close()
    for id = 0, 1 do
      local counted, steps, is_there, count = table.unpack(results[id])
      assert.is_true(is_there)
      assert.are.equal(1000, count)
      assert.is_true(counted > steps / 1000, counted .. " of " .. steps)
    end
  end))
end)

describe("the standard pcall and coroutine functions, kept from before taskpool was loaded", function()
  it("swallow a cancel until the task is killed, and refuse waits", function()
    local directory = program.make_directory()
    local path = directory .. "/kept.lua"
    program.write_file(path, [[
      local pcall, resume, wrap = pcall, coroutine.resume, coroutine.wrap
      local taskpool = require "taskpool"
      taskpool.log.level = "none"
      local function wait()
        taskpool.sleep(0.01)
      end
      taskpool.run(function()
        local pool, refused = taskpool.TaskPool { cancel_grace = 0.2 }, false
        pool:apply(function()
          while true do
            pcall(taskpool.sleep, 60)
          end
        end)
        pool:apply(function()
          while true do
            pcall(function()
              while true do end
            end)
          end
        end)
        pool:apply(function()
          print(select(2, resume(coroutine.create(wait))).code)
          print(select(2, pcall(wrap(wait))).code)
          print(select(2, pcall(wrap(function()
            coroutine.wrap(wait)()
          end))).code)
          refused = true
        end)
        repeat
          taskpool.sleep(0.01)
        until refused
        pool:cancel_all()
        while pool.num_cancelled > 0 do
          taskpool.sleep(0.01)
        end
        print(pool:task(0).cancel.outcome, pool:task(1).cancel.outcome, pool:task(2).cancel)
      end)
    ]])
    local done = program.run { file = "lua5.4", path }
    program.remove_directory(directory)
    assert.are.equal(("InvalidArgument\n"):rep(3) .. "killed\tkilled\tnil\n", done.out, done.err)
  end)
end)

describe("an idle host", function()
  ---How often a process has gone to sleep so far.
  local function sleeps_of(process)
    local status = program.read_file(("/proc/%d/status"):format(process.handle:get_pid()))
    return tonumber(status:match "\nvoluntary_ctxt_switches:%s*(%d+)")
  end

  it("is not woken by what interrupts workers", function()
    local host <close> = hosts.start [[
      local pool = taskpool.TaskPool()
      pool:apply(function()
        while true do end
      end)
      taskpool.sleep(0.05)
      pool:cancel_all()
    ]]
    local wire = host:greet()
    repeat
      local running = wire:ask "num-running"
    until running == "0"
    local before
    repeat -- what the loop has still to do
      before = sleeps_of(host.process)
      uv.sleep(50)
    until sleeps_of(host.process) == before
    uv.sleep(300)
    assert.are.equal(before, sleeps_of(host.process))
    wire:close()
  end)
end)

describe("the watchdog", function()
  it("tells of a worker that is stuck in C code: its task, file and line", function()
    local host <close> = hosts.start [[
      local pool = taskpool.TaskPool { name = "slow" }
      pool:apply(function()
        os.execute "sleep 1.8" -- blocks the host
      end)
    ]]
    local wire <close> = host:greet()
    repeat -- answered when the host goes on
      local running = wire:ask "num-running"
    until running == "0"
    local place = host.process.err:match "stuck for a second[^\n]*"
    assert.is_truthy(place, host.process.err)
    assert.is_truthy(place:match "TaskPool%-slow_Task%-0 at .*host%.lua:7$", place)
  end)

  it("tells of what computes in C code, too", function()
    local directory = program.make_directory()
    local path = program.write_file(directory .. "/main.lua", [[
      local text = ("a"):rep(40)
      text:find((".-"):rep(20) .. "b") -- takes hours
    ]])
    local host <close> = program.start { "run", path }
    host:wait_for_error("stuck for a second in C code, nothing else runs: the main task at ", 1)
    program.remove_directory(directory)
  end)

  it("does not tell of Lua code that the system does not run", function()
    -- A signal must have found the code before it is stopped: so several hosts try, at different times.
    local directory = program.make_directory()
    local path = program.write_file(directory .. "/main.lua", [[
      io.stdout:setvbuf "line"
      local told = -1
      while true do
        if os.clock() > told + 0.05 then
          told = os.clock()
          print "goes on"
        end
      end
    ]])
    local trials <close> = setmetatable({}, {
      __close = function(self)
        for _, trial in ipairs(self) do
          trial:__close()
        end
      end,
    })
    for index = 1, 8 do
      trials[index] = program.start { "run", path }
      trials[index]:wait_for "goes on"
      uv.sleep(index) -- signals come each 5 ms
      trials[index]:kill "sigstop"
    end
    uv.sleep(1300) -- longer than the watchdog waits
    for _, trial in ipairs(trials) do
      trial:kill "sigcont"
    end
    for _, trial in ipairs(trials) do
      trial:wait_for "goes on\ngoes on"
      assert.are.equal("", trial:stop().err)
    end
    program.remove_directory(directory)
  end)

  it("does not count the time in which the loop has waited", function()
    -- A signal finds the last resume before a long wait, in C code, so that the hook that it sets does not fire.
    -- After the wait there is a turn that takes long before it resumes anything: tasks start, and finalizers run.
    local directory = program.make_directory()
    local path = program.write_file(directory .. "/main.lua", [[
      local taskpool = require "taskpool"
      local uv = require "luv"
      collectgarbage("incremental", 110, 1000)
      local pool = taskpool.TaskPool { autoscale = { min = 100, max = 200, interval = 2 } }
      local last = taskpool.TaskPool()
      local arguments = {}
      for i = 1, 10000 do
        arguments[i] = i
      end
      local started, finalized = 0, 0
      local function finalize()
        finalized = finalized + 1
        uv.sleep(10)
      end
      pool:apply(function()
        started = started + 1
        if started == 100 then
          for _ = 1, 20 do
            setmetatable({}, { __gc = finalize })
          end
          last:apply(uv.sleep, { args = { 18 } }) -- signals come each 5 ms
        elseif started == 101 then
          print(finalized > 2)
          pool:cancel_all()
        end
        taskpool.sleep(60)
      end, { args = arguments, num = 200 })
    ]])
    local trials = {}
    for index = 1, 4 do
      trials[index] = program.start { "run", path }
    end
    local so = 0 -- in how many the finalizers ran when they should; a busy machine may keep one from it
    for _, trial in ipairs(trials) do
      trial:finish()
      assert.are.same({ 0, "" }, { trial.code, trial.err })
      so = so + (trial.out == "true\n" and 1 or 0)
    end
    assert.is_true(so > 0)
    program.remove_directory(directory)
  end)
end)
