-- SPDX-License-Identifier: MIT
-- Pools that have room for more than can run: they start only as many tasks ahead as the run queue needs. The figures
-- of memory are printed.
local gates = require "spec.support.gate"
local hosts = require "spec.support.host"
local program = require "spec.support.program"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

---What a group that is fed far ahead of what runs would need many times of, KiB. A sanitizer keeps freed memory.
local GROWTH_MAX <const> = os.getenv "SANITIZE" and 256 * 1024 or 8 * 1024

---The most memory that a process has had so far, KiB.
---@param pid integer|"self"
local function peak(pid)
  for line in io.lines(("/proc/%s/status"):format(pid)) do
    local kib = line:match "^VmHWM:%s*(%d+)"
    if kib then
      return tonumber(kib)
    end
  end
end

describe("a pool without a limit", function()
  ---Has so many tasks run, and checks what that took.
  ---@param executor "coroutine"|"thread"
  ---@param most_running integer how many may run at once
  ---@param growth_max integer KiB
  local function expect_flat_memory(count, executor, most_running, growth_max)
    local directory = program.make_directory()
    program.write_file(directory .. "/jobs.lua", "return { work = function(n) for _ = 1, n do end end }")
    local path = program.write_file(directory .. "/script.lua", [[
      local taskpool = require "taskpool"
      local count, executor = ...
      local list, most = {}, 0
      package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
      count = math.tointeger(count)
      local function peak()
        return io.open "/proc/self/status":read "a":match "VmHWM:%s*(%d+)"
      end
      for i = 1, count do
        list[i] = executor == "thread" and 1000 or 1
      end
      local pool = taskpool.TaskPool { executor = executor }
      local before = peak()
      pool:map("jobs.work", list, { num_concurrent = math.huge })
      while pool.num_ended < count do
        most = math.max(most, pool.num_running)
        taskpool.yield()
      end
      print(before, peak(), most)
    ]])
    local done = program.run { "run", path, tostring(count), executor }
    program.remove_directory(directory)
    local before, after, most = done.out:match "(%d+)\t(%d+)\t(%d+)"
    assert.is_truthy(before, done.err)
    print(("unlimited: executor=%s tasks=%d running_at_once<=%s peak_kib=%s grown_kib=%d"):format(executor, count, most,
      after, after - before))
    assert.is_true(after - before < growth_max, done.out)
    assert.is_true(tonumber(most) < most_running, done.out)
  end

  it("runs three million tasks in flat memory", function()
    expect_flat_memory(tasks.scaled(3000000), "coroutine", 1000, GROWTH_MAX)
  end)

  it("runs as many in threads as keep them busy", function()
    expect_flat_memory(tasks.scaled(200000), "thread", 8000, 4 * GROWTH_MAX)
  end)

  it("goes on after the cancel of what waits for threads that are blocked", tasks.live_case(function(log)
    local gate <close>, pool = gates.make(), tasks.TaskPool { executor = "thread", threads = 1 }
    pool:apply("spec.support.remote.block_on", { args = { gate.path } })
    local running = {}
    for round = 1, 3 do
      pool:apply("spec.support.remote.echo", { num = 5000, group_name = "jobs" })
      repeat
        taskpool.sleep(0.01)
      until pool.num_running > 1000
      tasks.settle()
      running[round] = pool.num_running
      pool:cancel_group "jobs"
      repeat
        taskpool.sleep(0.001)
      until pool.num_running == 1
    end
    pool:apply("spec.support.remote.echo", { num = 5000 })
    gate:open()
    pool:gather_and_close { return_exceptions = true }
    assert.is_true(math.max(table.unpack(running)) < 2000, table.concat(running, " "))
    log:expect_all ""
  end))

  it("answers while a group of nine quintillion calls runs, which is cancelled in no time", function()
    local host <close> = hosts.start([[ taskpool.TaskPool {} ]], { ["jobs.lua"] = "return { work = function() end }" })
    local wire <close> = host:greet()
    local before = peak(host.process.handle:get_pid())
    assert.matches("^jobs", wire:ask "apply jobs.work -n 9223372036854775807 -g jobs")
    local started
    repeat
      started = tonumber(wire:ask("num-ended"))
    until started > tasks.scaled(1000000)
    assert.is_true(tonumber(wire:ask "num-running") < 10000)
    assert.are.equal("ok", wire:ask "cancel-group jobs")
    repeat
      local running = wire:ask "num-running"
    until running == "0"
    local grown = peak(host.process.handle:get_pid()) - before
    print(("unlimited: calls=9223372036854775807 ended=%d grown_kib=%d"):format(started, grown))
    assert.is_true(grown < GROWTH_MAX, grown)
  end)

  it("starts all tasks that wait for something", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:apply(taskpool.sleep, { args = { 1 }, num = 20000 })
    tasks.settle()
    assert.are.equal(20000, pool.num_running)
    pool:gather_and_close()
  end))

  it("leaves their turn to other pools without a limit", tasks.case(function()
    local ran = { a = 0, b = 0 }
    local function work(name)
      ran[name] = ran[name] + 1
      taskpool.yield()
    end
    local a, b = tasks.TaskPool(), tasks.TaskPool()
    a:apply(work, { args = { "a" }, num = 20000 })
    b:apply(work, { args = { "b" }, num = 20000 })
    repeat
      taskpool.yield()
      assert.is_true(math.abs(ran.a - ran.b) < 2000, ("%d and %d"):format(ran.a, ran.b))
    until ran.a == 20000 or ran.b == 20000
    a:gather_and_close()
    b:gather_and_close()
  end))

  it("starts others after tasks that were cancelled before they ran", tasks.case(function(log)
    local pool = tasks.TaskPool { cancel_grace = 0 }
    for _ = 1, 3 do
      pool:apply(taskpool.sleep, { args = { 1 }, num = 1000, group_name = "jobs" })
      tasks.settle()
      pool:cancel_group "jobs"
    end
    pool:apply(taskpool.yield, { num = 5000 })
    pool:gather_and_close { return_exceptions = true }
    log:expect_all ""
  end))
end)
