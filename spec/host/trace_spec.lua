-- SPDX-License-Identifier: MIT
-- `taskpool run --trace` and --profile: files that other programs read.
local json = require "dkjson"
local program = require "spec.support.program"

-- Tasks of several groups that run, wait, fail, are cancelled, and end in one another's coroutines.
local WORK <const> = [[
  local taskpool = require "taskpool"
  local pool = taskpool.TaskPool { name = "jobs", size = 4 }
  local other = taskpool.TaskPool { name = "other" }
  local function work(n)
    local sum = 0
    for i = 1, n * 1000 do sum = sum + i end
    taskpool.sleep(n / 1000)
    for i = 1, n * 1000 do sum = sum + i end
    return sum
  end
  local function quick(n) return n end
  taskpool.run(function()
    pool:map(work, { 1, 2, 3, 4, 5, 6, 7, 8 }, { num_concurrent = 3, group_name = "map" })
    pool:map(quick, { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, { num_concurrent = math.huge, group_name = 'quick "\n' })
    other:apply(taskpool.sleep, { args = { 3600 }, num = 2, group_name = "asleep" })
    other:apply(error, { args = { "broken" }, group_name = "fails", retries = 1 })
    pool:submit(work, { 3 })
    pool:wait("map")
    other:cancel_all()
    other:gather_and_close { return_exceptions = true }
    pool:lock()
  end)
]]

describe("taskpool run", function()
  local directory, path

  before_each(function()
    directory = program.make_directory()
    path = directory .. "/out"
  end)

  after_each(function()
    program.remove_directory(directory)
  end)

  local function script(text)
    return program.write_file(directory .. "/script.lua", text)
  end

  ---The events of the file, as they are there.
  local function read(text)
    local events = assert(json.decode(text or program.read_file(path)))
    local by_id = {}
    for _, event in ipairs(events) do
      assert.is_string(event.name)
      if event.id then
        by_id[event.id] = by_id[event.id] or {}
        table.insert(by_id[event.id], event)
      end
    end
    return events, by_id
  end

  ---The spans of one id: the outer one, and those in it. Each is {name, from, to}.
  local function spans_of(events)
    local outer, inner = nil, {}
    local open = {}
    for index, event in ipairs(events) do
      event.index = index
    end
    table.sort(events, function(a, b) return a.ts == b.ts and a.index < b.index or a.ts < b.ts end)
    for _, event in ipairs(events) do
      if event.ph == "b" then
        table.insert(open, { name = event.name, from = event.ts })
      elseif event.ph == "e" then
        local span = table.remove(open)
        assert.are.equal(span.name, event.name)
        span.to, span.detail = event.ts, event.args and event.args.detail
        if #open == 0 then
          assert.is_nil(outer)
          outer = span
        else
          table.insert(inner, span)
        end
      end
    end
    assert.are.same({}, open)
    return outer, inner
  end

  it("writes a trace whose spans nest, and cover what has run", function()
    local done = program.run { "run", "--ignore-failures", "--trace", path, script(WORK) }
    assert.are.equal(0, done.code, done.err)
    local events, by_id = read()
    local processes, tasks, groups = {}, {}, {}
    for _, event in ipairs(events) do
      if event.ph == "M" then
        processes[event.pid] = event.args.name
      end
    end
    assert.are.same({ [0] = "taskpool", "TaskPool-jobs", "TaskPool-other" }, processes)
    for id, marks in pairs(by_id) do
      local outer, inner = spans_of(marks)
      local pid, is_group = id:match "^(%d+)%.(g?)%d+$"
      local key = processes[tonumber(pid)] .. " " .. outer.name
      outer.inner = inner
      if is_group == "g" then
        assert.is_nil(groups[key])
        groups[key] = outer
      else
        tasks[key] = tasks[key] or {}
        table.insert(tasks[key], outer)
      end
    end
    local counts = {}
    for key, list in pairs(tasks) do
      counts[key] = #list
      for _, task in ipairs(list) do
        local group = groups[key]
        assert.is_true(#task.inner > 0, key)
        assert.is_true(not group or (group.from <= task.from and group.to >= task.to), key)
      end
    end
    assert.are.same({ ["TaskPool-jobs map"] = 8, ['TaskPool-jobs quick "\\x0a'] = 9, ["TaskPool-jobs submit"] = 1,
      ["TaskPool-other asleep"] = 2, ["TaskPool-other fails"] = 1 }, counts)
    assert.is_nil(groups["TaskPool-jobs submit"])
    assert.are.equal("cancelled", tasks["TaskPool-other asleep"][1].detail)
    assert.are.equal("failed", tasks["TaskPool-other fails"][1].detail)
    assert.are.equal("ok", tasks["TaskPool-jobs map"][1].detail)
  end)

  it("shows when a task runs, and when it waits", function()
    program.run { "run", "--trace", path, script [[
      local taskpool = require "taskpool"
      taskpool.run(function()
        local pool = taskpool.TaskPool { name = "jobs" }
        pool:apply(function()
          taskpool.sleep(0.03)
          local until_ = os.clock() + 0.01
          while os.clock() < until_ do end
        end)
        pool:gather_and_close()
      end)
    ]] }
    local _, by_id = read()
    local outer, inner = spans_of(by_id["1.0"])
    local ran = 0
    for _, span in ipairs(inner) do
      assert.are.equal("running", span.name)
      ran = ran + span.to - span.from
    end
    assert.is_true(#inner >= 2)
    assert.is_true(outer.to - outer.from >= 40000 and ran >= 10000 and outer.to - outer.from - ran >= 29000)
  end)

  it("leaves a trace that can be read where the host is killed", function()
    local host = program.start { "run", "--trace", path, script [[
      local taskpool = require "taskpool"
      local pool = taskpool.TaskPool { name = "jobs" }
      taskpool.run(function()
        for i = 1, 100 do
          pool:apply(taskpool.yield, { group_name = "g" .. i })
          pool:wait("g" .. i)
        end
        print "done"
        taskpool.sleep(3600)
      end)
    ]] }
    host:wait_for "done"
    local text
    repeat -- what the thread has still to write
      text = program.read_file(path)
    until text:find('"ph":"e"[^\n]*"g100"')
    host:kill "sigkill"
    host:finish()
    assert.is_nil(program.read_file(path):find "%]")
    local events = read(program.read_file(path) .. "]")
    assert.is_true(#events > 400)
  end)

  it("writes folded stacks at the end, also where a signal is the end", function()
    local host = program.start { "run", "--profile", path, script [[
      local taskpool = require "taskpool"
      local pool = taskpool.TaskPool { name = "jobs" }
      pool:apply(function() while true do taskpool.yield() for _ = 1, 100000 do end end end)
      local until_ = os.clock() + 0.1
      taskpool.run(function()
        while os.clock() < until_ do taskpool.yield() end
        print "spun"
      end)
    ]] }
    host:wait_for "spun"
    local done = host:stop()
    assert.are.equal(143, done.code)
    local samples = program.read_file(path):match "TaskPool%-jobs;function@[^\n]*script%.lua:3 (%d+)\n"
    assert.is_true(tonumber(samples) > 10)
  end)

  it("does not begin where a file cannot be written", function()
    for _, option in ipairs { "--trace", "--profile" } do
      local done = program.run { "run", option, directory .. "/no/file", script "print 'runs'" }
      assert.are.equal("", done.out)
      assert.matches("IOError: cannot write to '.*/no/file': No such file", done.err)
      assert.are.equal(1, done.code)
    end
  end)
end)
