-- SPDX-License-Identifier: MIT
-- Each example does what its head says, as `taskpool run FILE` and as `lua5.4 FILE`.
local program = require "spec.support.program"
local testing = require "taskpool.testing"
local uv = require "luv"

--- Runs an example in this process under the virtual clock. Returns what it logged and printed, by time:
--- a list of { time = seconds, line, line, ... }. A pool is "P" in it, a task "P_Task-3".
local function play(path)
  local real_print, record = print, nil
  local ok, err = pcall(testing.run, function()
    record = testing.record()
    _G.print = function(...)
      record:note("%s", table.concat({ ... }, " "))
    end
    dofile(path)
  end)
  _G.print = real_print
  record:close()
  assert(ok, tostring(err))
  local steps = {}
  for _, event in ipairs(record) do
    local time = math.floor(event.time * 10 + 0.5) / 10
    local line = event.message:gsub("%f[%w]%u%l+%a*Pool%-%d+", "P")
    if #steps == 0 or steps[#steps].time ~= time then
      steps[#steps + 1] = { time = time }
    end
    table.insert(steps[#steps], line)
  end
  return steps
end

--- The lines at one time, without those that match `pattern`; and how many those were.
local function without(step, pattern)
  local rest, count = {}, 0
  for _, line in ipairs(step) do
    if line:find(pattern) then
      count = count + 1
    else
      rest[#rest + 1] = line
    end
  end
  return rest, count
end

describe("the example simple_pool", function()
  it("tells the events of the reference in their order, at their times", function()
    local steps = play "examples/simple_pool.lua"
    local function at(time, ...)
      local step = table.remove(steps, 1)
      assert.are.equal(time, step.time)
      step.time = nil
      assert.are.same({ ... }, step)
    end
    at(0, "P initialized", "Started P_Task-0", "Started P_Task-1", "Started P_Task-2")
    at(1, "did 0", "did 0", "did 0")
    at(1.5, "Started P_Task-3")
    at(2, "did 1", "did 1", "did 1")
    at(2.5, "did 0")
    -- The main task went to sleep before tasks 0, 1 and 2 did, so it wakes first.
    at(3, "P is locked!", "Cancelling P_Task-3 ...", "Cancelled P_Task-3", "Ended P_Task-3",
      "Cancelling P_Task-2 ...", "Cancelled P_Task-2", "Ended P_Task-2", "did 2", "did 2")
    at(4, "did 3", "did 3")
    at(5, "did 4", "Ended P_Task-0", "did 4", "Ended P_Task-1")
    assert.are.same({}, steps)
  end)
end)

describe("the example task_pool", function()
  it("tells the events of the reference in their order, at their times", function()
    local events, worked, other_worked = {}, {}, {}
    for _, step in ipairs(play "examples/task_pool.lua") do
      local rest, works, others
      rest, works = without(step, "^work with")
      rest, others = without(rest, "^other_work with")
      worked[step.time], other_worked[step.time] = works, others
      if #rest > 0 then
        events[#events + 1] = { step.time, table.unpack(rest) }
      end
    end
    assert.are.same({
      { 0, "P initialized", "Started P_Task-0", "Started P_Task-1" },
      { 1.5, "P is locked!", "Started P_Task-2" },
      { 6.5, "Ended P_Task-2", "Started P_Task-3" },
      { 10, "Ended P_Task-0", "Ended P_Task-1", "Started P_Task-4" },
      { 11.5, "Ended P_Task-3", "Started P_Task-5" },
      { 15, "Ended P_Task-4" },
      { 16.5, "Ended P_Task-5" },
    }, events)
    for second = 1, 10 do
      assert.are.equal(2, worked[second])
    end
    for half = 4, 33 do
      local tasks = half >= 21 and half <= 30 and 2 or 1 -- task 4 runs beside 3, then beside 5
      assert.are.equal(tasks, other_worked[half / 2], half / 2)
    end
  end)
end)

--- What a shell command prints, without the last line break.
local function shell(command)
  local pipe <close> = assert(io.popen(command))
  return (pipe:read("a"):gsub("\n$", ""))
end

--- The two ways to run an example.
local runners = {
  ["taskpool run"] = { file = program.path, "run" },
  ["lua5.4"] = { file = "lua5.4" },
}

--- Starts an example with its arguments.
local function start(runner, example, ...)
  local words = { file = runner.file, table.unpack(runner) }
  words[#words + 1] = "examples/" .. example .. ".lua"
  for _, word in ipairs { ... } do
    words[#words + 1] = word
  end
  return program.start(words)
end

--- How many times the pattern is in the text.
local function count(text, pattern)
  return (select(2, text:gsub(pattern, "")))
end

describe("the example pool_kinds", function()
  it("shows two sizes times three orders", function()
    local orders, most = {}, {}
    for _, step in ipairs(play "examples/pool_kinds.lua") do
      for _, line in ipairs(step) do
        local kind, at_once, order = line:match "^(%u%l+%u%l+) +at most (%d): ([%d ]+)$"
        if kind then
          orders[kind], most[kind] = order, tonumber(at_once)
        end
      end
    end
    local in_order <const> = {
      Fifo = "1 2 3 4 5 6 7 8 9 10 11 12",
      Lifo = "12 11 10 9 8 7 6 5 4 3 2 1",
      Priority = "3 6 9 12 1 4 7 10 2 5 8 11",
    }
    for order, numbers in pairs(in_order) do
      assert.are.equal(numbers, orders["Fixed" .. order])
      assert.are.equal(numbers, orders["Autoscale" .. order])
      assert.are.equal(2, most["Fixed" .. order])
      assert.is_true(most["Autoscale" .. order] > 2 and most["Autoscale" .. order] <= 4)
    end
  end)
end)

describe("in real time, all at once,", function()
  it("the two demonstrations come to their ends", function()
    local all = {}
    for _, runner in pairs(runners) do
      table.insert(all, { start(runner, "simple_pool"), "SimpleTaskPool%-0_Task%-%d", 4, 2 })
      table.insert(all, { start(runner, "task_pool"), "TaskPool%-0_Task%-%d", 6, 0 })
    end
    for _, each in ipairs(all) do
      local done, task, ended, cancelled = each[1]:finish(), table.unpack(each, 2)
      assert.are.equal(0, done.code, done.err)
      assert.are.equal(ended, count(done.err, "Started " .. task))
      assert.are.equal(ended, count(done.err, "Ended " .. task))
      assert.are.equal(cancelled, count(done.err, "Cancelled " .. task))
    end
  end)
end)

for name, runner in pairs(runners) do
  describe("by " .. name, function()
    local directory

    before_each(function()
      directory = program.make_directory()
    end)

    after_each(function()
      program.remove_directory(directory)
    end)

    --- Runs an example to its end, which must be a good one.
    local function run(...)
      local done = start(runner, ...):finish()
      assert.are.equal(0, done.code, done.err)
      return done
    end

    it("hello says hello", function()
      assert.are.equal("hello, Ann\nhello, Ben\nhello, Cleo\n", run("hello").out)
      assert.are.equal("hello, you\n", run("hello", "you").out)
    end)

    it("priority_queue runs the urgent commands first", function()
      local file = directory .. "/commands"
      local lines <close> = assert(io.open(file, "w"))
      lines:write "5 echo later\n1 echo first\nnonsense\n 5 echo last >/dev/null\n-0.5 exit 3\n"
      lines:close()
      local done = start(runner, "priority_queue", file):finish()
      local ends, said = {}, {}
      for line in done.out:gmatch "[^\n]+" do
        table.insert(line:find "^%d  " and ends or said, line)
      end
      assert.are.same({ "first", "later" }, said)
      assert.are.same({ "3  exit 3", "0  echo first", "0  echo later", "0  echo last >/dev/null" }, ends)
      assert.are.equal("not a weight and a command: nonsense\n", done.err)
    end)

    it("count_lines counts what find, cat and wc count", function()
      local done = run("count_lines", "/usr/include")
      local lines, files, errors = done.out:match "^(%d+) lines in (%d+) files, (%d+) errors\n$"
      assert.are.equal(shell "find /usr/include -type f -print0 | xargs -0 cat | wc -l", lines)
      assert.are.equal(shell "find /usr/include -type f | wc -l", files)
      assert.are.equal("0", errors)
      assert.are.equal("", done.err)
    end)

    it("count_lines follows no link, and counts what it cannot read", function()
      program.write_file(directory .. "/a", "1\n2\nno end")
      program.write_file(directory .. "/empty", "")
      program.write_file(directory .. "/exact", ("x"):rep(65535) .. "\n")
      uv.fs_symlink(directory, directory .. "/loop")
      uv.fs_symlink(directory .. "/a", directory .. "/link")
      uv.fs_mkdir(directory .. "/sub", 448)
      program.write_file(directory .. "/sub/b\nc", "1\n")
      assert.are.equal("4 lines in 4 files, 0 errors\n", run("count_lines", directory, "1").out)
      local done = run("count_lines", directory .. "/none")
      assert.are.equal("0 lines in 0 files, 1 errors\n", done.out)
      assert.is_truthy(done.err:find("no such file or directory", 1, true))
    end)

    it("hash_files hashes as sha256sum does", function()
      uv.fs_mkdir(directory .. "/sub", 448)
      uv.fs_symlink(directory, directory .. "/loop")
      for index, file in ipairs { "a", "empty", "sub/two words", "sub/line\nbreak", "back\\slash", "a-b" } do
        program.write_file(directory .. "/" .. file, index == 2 and "" or (file .. "\0"):rep(100000))
      end
      for _, where in ipairs { directory, "/usr/share/doc" } do
        local sums = shell(("find %s -type f -exec sha256sum {} + | LC_ALL=C sort -k2"):format(where))
        assert.are.equal(sums .. "\n", run("hash_files", where).out)
        assert.are.equal(sums .. "\n", run("hash_files", where, "1").out)
      end
    end)

    it("primes counts with any number of threads", function()
      assert.is_truthy(run("primes").out:find "^78498 primes in [%d.]+ seconds\n$")
      assert.is_truthy(run("primes", "1").out:find "^78498 primes in ")
    end)

    it("hash_files tells of what it cannot read", function()
      local done = start(runner, "hash_files", directory .. "/none"):finish()
      assert.are.equal("", done.out)
      assert.are.equal(1, done.code)
      assert.is_truthy(done.err:find("no such file or directory", 1, true))
    end)

    it("control_server puts the item of a stopped worker back and ends when all are done", function()
      local socket = directory .. "/control.sock"
      local host = start(runner, "control_server", socket, "0.1")
      host:wait_for("listening on " .. socket .. "\n")
      local function control(suffix, ...)
        local done = program.run { "control", "unix", socket .. suffix, ... }
        assert.are.equal(0, done.code, done.err)
        return (done.out:gsub("\n$", ""))
      end
      assert.are.equal("3", control("", "num-running"))
      assert.are.equal("start-group-1", control("", "start 7"))
      control("", "stop 4")
      local group = control(".jobs", "starmap mypackage.mymodule.add [[1, 2], [3, 4]] -n 2")
      assert.is_truthy(group:find "^starmap%-.*add%-group%-0$")
      host:finish()
      assert.are.equal(0, host.code, host.err)
      local processed = {}
      for item in host.out:gmatch "processed\t(%d+)\n" do
        processed[#processed + 1] = math.tointeger(tonumber(item))
      end
      table.sort(processed)
      assert.are.equal(100, #processed)
      for index, item in ipairs(processed) do
        assert.are.equal(index, item)
      end
      assert.is_truthy(host.out:find("3 + 4 = 7", 1, true))
      assert.is_nil(uv.fs_stat(socket))
      assert.is_nil(uv.fs_stat(socket .. ".jobs"))
    end)
  end)
end
