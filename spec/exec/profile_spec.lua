-- SPDX-License-Identifier: MIT
-- Profiles: which stacks and lines of Lua code run, by samples.
local hosts = require "spec.support.host"
local json = require "dkjson"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

local function inner(sum)
  for i = 1, 1000 do
    sum = sum + i
  end
  return sum
end

---Uses the processor until `done[1]`.
local function spin(done)
  local sum = 0
  while not done[1] do
    sum = inner(sum)
  end
  return sum
end

---Takes a profile while tasks run `func`, and returns it.
local function profile(pool, func, options, seconds)
  local done = {}
  pool:apply(func, { args = { done }, group_name = func == spin and "spin" or nil })
  local found = taskpool.profile(seconds or 0.15, options)
  done[1] = true
  pool:gather_and_close()
  return found
end

---Samples of the folded stacks that match a pattern.
local function count(stacks, pattern)
  local sum = 0
  for line in stacks:gmatch "[^\n]+" do
    local stack, samples = assert(line:match "^(.*) (%d+)$")
    sum = sum + (stack:find(pattern) and tonumber(samples) or 0)
  end
  return sum
end

describe("a profile", function()
  it("has the stacks that run, folded, the pool first", tasks.live_case(function()
    local stacks = profile(tasks.TaskPool { name = "jobs" }, spin)
    local all = count(stacks, "")
    assert.is_true(all >= 10, stacks)
    assert.is_true(count(stacks, "^TaskPool%-jobs;") > all * 0.7, stacks)
    local spinning = ";[%w_]+@[^;]*profile_spec%.lua:16;inner@[^;]*profile_spec%.lua:8$"
    assert.is_true(count(stacks, spinning) > all * 0.5, stacks)
  end))

  it("lists the busiest lines, with their functions", tasks.live_case(function()
    local pool = tasks.TaskPool()
    local lines = profile(pool, spin, { lines = true, pool = pool })
    local first = lines[1]
    assert.matches("profile_spec%.lua:%d+$", first.line)
    assert.are.equal("inner", first.func)
    assert.is_true(first.samples >= 10 and first.percent > 30 and first.percent <= 100)
    assert.is_true(#lines < 2 or lines[2].samples <= first.samples)
  end))

  it("finds what inner coroutines run, below what resumed them", tasks.live_case(function()
    local stacks = profile(tasks.TaskPool { name = "jobs" }, function(done)
      local run = coroutine.wrap(function() return spin(done), nil end)
      local sum = run()
      return sum
    end)
    assert.is_true(count(stacks, "^TaskPool%-jobs;function@.*;run@%[C%];.*;spin@.*;inner@") > 0, stacks)
  end))

  it("counts the time in a C function for the line that calls it", tasks.live_case(function()
    local lines = profile(tasks.TaskPool(), function(done)
      while not done[1] do
        string.rep("x", 1000000)
        taskpool.yield()
      end
    end, { lines = true })
    local sum = 0
    for _, line in ipairs(lines) do
      sum = sum + line.samples
    end
    assert.is_true(sum >= 10, sum)
  end))

  it("leaves other pools out", tasks.live_case(function()
    local other = tasks.TaskPool { name = "other" }
    assert.are.equal("", profile(tasks.TaskPool(), spin, { pool = other }))
    other:gather_and_close()
  end))

  it("is empty where nothing runs, and takes samples as often as it is told", tasks.live_case(function()
    assert.are.same({}, taskpool.profile(0.01, { lines = true }))
    local before = taskpool.now()
    local stacks = profile(tasks.TaskPool(), spin, { interval = 0.05 }, 0.2)
    assert.is_true(count(stacks, "") <= (taskpool.now() - before) / 0.05, stacks)
  end))

  it("leaves the hooks of users alone, and none of its own", tasks.live_case(function()
    local pool, hook = tasks.TaskPool(), nil
    profile(pool, function(done)
      local function own() end
      debug.sethook(own, "", 1000000)
      spin(done)
      hook = debug.gethook() == own
      debug.sethook()
    end)
    assert.is_true(hook)
    local after
    local other = tasks.TaskPool()
    profile(other, spin)
    taskpool.run(function() after = debug.gethook() end)
    assert.is_nil(after)
  end))

  it("does not change which tasks run when", tasks.live_case(function()
    local pool, turns = tasks.TaskPool(), 0
    pool:apply(function()
      for _ = 1, 100 do
        turns = turns + 1
        taskpool.yield()
      end
    end)
    profile(pool, spin)
    assert.are.equal(100, turns)
  end))

  it("is one at a time, and ends with the task that takes it", tasks.live_case(function()
    local pool = tasks.TaskPool()
    local has_begun = false
    pool:apply(function()
      has_begun = true
      taskpool.profile(60)
    end, { group_name = "long" })
    repeat
      taskpool.yield()
    until has_begun
    tasks.raises("NotAvailable", taskpool.profile, 0.01)
    pool:cancel_group("long")
    pool:flush { return_exceptions = true }
    assert.are.equal("", taskpool.profile(0))
    pool:gather_and_close { return_exceptions = true }
  end))

  it("refuses an interval that is too short or too long, and pools that there are not", tasks.live_case(function()
    tasks.raises("InvalidArgument", taskpool.profile, 1, { interval = 0 })
    tasks.raises("InvalidArgument", taskpool.profile, 1, { interval = 2 })
    tasks.raises("NotFound", taskpool.profile, 1, { pool = "nobody" })
    tasks.raises("InvalidArgument", taskpool.profile, "1")
  end))

  it("is taken where preemption is off", tasks.live_case(function()
    taskpool.preempt(false)
    local pool = tasks.TaskPool()
    local sum = 0
    pool:apply(function()
      taskpool.yield()
      local until_ = os.clock() + 0.1
      while os.clock() < until_ do
        sum = inner(sum)
      end
    end)
    local stacks = taskpool.profile(0.05)
    taskpool.preempt(true)
    assert.is_true(count(stacks, "inner@") > 0, stacks)
    pool:gather_and_close()
  end))
end)

describe("at the control port", function()
  it("profile shows stacks as lines, and busy lines as a table", function()
    local host <close> = hosts.start [[
      local pool = taskpool.TaskPool { name = "jobs" }
      pool:apply(function() while true do end end)
    ]]
    local wire <close> = host:greet '{"reply": "json"}'
    local stacks = json.decode(wire:ask "profile 0.1")
    assert.is_true(count(stacks.value, "^TaskPool%-jobs;function@.*host%.lua:%d+$") > 10, stacks.value)
    assert.are.equal(stacks.value, stacks.text)
    local lines = json.decode(wire:ask "profile 0.05 --lines --pool jobs").value
    assert.matches("host%.lua:%d+", lines[1].line)
    local text <close> = host:greet()
    assert.matches("^TaskPool%-jobs;function@.* %d+$", text:ask "profile 0.05")
    assert.matches("^samples  percent  line +func$", text:ask "profile 0.05 -l")
    assert.are.equal("NotFound", json.decode(wire:ask "profile 1 -p nobody").code)
  end)
end)
