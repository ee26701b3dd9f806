-- SPDX-License-Identifier: MIT
-- What the tasks of a group have returned or raised: kept as the call asks, given while they come, in Lua and at
-- the control port.
local hosts = require "spec.support.host"
local json = require "dkjson"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

---All that an iteration gives, each a list.
local function all(...)
  local given = {}
  for number, ok, a, b in ... do
    given[#given + 1] = { number, ok, a, b }
  end
  return given
end

---Returns its arguments after so many seconds.
local function nap(seconds, ...)
  taskpool.sleep(seconds)
  return seconds, ...
end

describe("results", function()
  it("come while the tasks end, and the iteration ends with the group", tasks.case(function()
    local pool = tasks.TaskPool()
    local group = pool:map(nap, { 3, 1, 2 }, { num_concurrent = 3, results = "all" })
    local began, times = taskpool.now(), {}
    for number, ok, seconds in pool:results(group) do
      assert.is_true(ok)
      times[#times + 1] = { number, seconds, (taskpool.now() - began + 0.5) // 1 | 0 }
    end
    assert.are.same({ { 1, 1, 1 }, { 2, 2, 2 }, { 0, 3, 3 } }, times)
    assert.are.same(3, #all(pool:results(group))) -- once more
    pool:flush()
    tasks.raises("TaskGroupNotFound", pool.results, pool, group)
  end))

  it("come in the order of the tasks, where that is asked for", tasks.case(function()
    local pool = tasks.TaskPool()
    local left = 100
    local group = pool:map(nap, function()
      left = left - 1
      return left >= 0 and (left * 7919) % 13 or nil
    end, { num_concurrent = 9, results = "all" })
    local numbers = {}
    for number, _, seconds in pool:results(group, { ordered = true }) do
      numbers[#numbers + 1] = number
      assert.are.equal(((99 - number) * 7919) % 13, seconds)
    end
    assert.are.equal(100, #numbers)
    for index, number in ipairs(numbers) do
      assert.are.equal(index - 1, number)
    end
  end))

  it("are those of tasks that did not end well, unless the call says otherwise", tasks.case(function(log)
    local pool = tasks.TaskPool()
    local function work(n)
      if n == 2 then
        error({ n }, 0)
      elseif n == 3 then
        taskpool.sleep(100)
      end
      return n
    end
    local groups = {}
    for _, keep in ipairs { "none", "errors", "all" } do
      pool:map(work, { 1, 2, 3, 4 }, { num_concurrent = 4, timeout = 1, results = keep, group_name = keep })
      groups[keep] = all(pool:results(keep))
    end
    log:expect_all "error in"
    assert.are.same({}, groups.none)
    assert.are.same({ 1, false, { 2 } }, groups.errors[1])
    assert.are.same({ 2, false, "TimedOut" }, { groups.errors[2][1], groups.errors[2][2], groups.errors[2][3].code })
    assert.are.equal(2, #groups.errors)
    assert.are.same({ { 0, true, 1 }, { 1, false, { 2 } }, { 3, true, 4 } }, { table.unpack(groups.all, 1, 3) })
    assert.are.equal("TimedOut", groups.all[4][3].code)
    pool:gather_and_close { return_exceptions = true }
  end))

  it("are any number of values", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    local group = pool:starmap(function(...)
      return ...
    end, { {}, { nil, n = 1 }, { nil, 2, nil, n = 3 }, { false } }, { results = "all" })
    local counts = {}
    local step, _, _, closing <close> = pool:results(group)
    for _ = 1, 4 do
      local given = table.pack(step())
      counts[#counts + 1] = { given.n - 2, given[3], given[4] }
    end
    assert.is_nil(step())
    assert.is_truthy(closing)
    assert.are.same({ { 0 }, { 1 }, { 3, nil, 2 }, { 1, false } }, counts)
  end))

  it("of a call that is not waited for are found by its name", tasks.case(function()
    local pool = tasks.TaskPool()
    local future = pool:submit_nowait(nap, { 1, "x" }, { group_name = "call", results = "all" })
    assert.are.same({ { 0, true, 1, "x" } }, all(pool:results "call"))
    assert.are.equal(1, (future:await()))
  end))

  it("of a SimpleTaskPool are kept as its option says", tasks.case(function()
    local pool = tasks.SimpleTaskPool(nap, { args = { 1, "s" }, results = "all" })
    local group = pool:start(2)
    assert.are.same({ { 0, true, 1, "s" }, { 1, true, 1, "s" } }, all(pool:results(group, { ordered = true })))
  end))

  it("are as many as the pool keeps; it is told once how many were dropped", tasks.case(function(log)
    local pool = tasks.TaskPool { keep_results = 3 }
    local group = pool:map(nap, { 1, 2, 3, 4, 5 }, { num_concurrent = 5, results = "all", group_name = "g" })
    assert.are.equal(5, #all(pool:results(group))) -- in time
    assert.are.equal(0, log:count "were dropped")
    assert.are.same({ { 2, true, 3 }, { 3, true, 4 }, { 4, true, 5 } }, all(pool:results(group)))
    log:expect("2 results of group 'g' were dropped: " .. tostring(pool) .. " keeps the newest 3 (keep_results)")
    assert.are.equal(1, log:count "were dropped")
    assert.are.same({ 2, 3, 4 }, (function()
      local numbers = {}
      for number in pool:results(group, { ordered = true, limit = 9 }) do
        numbers[#numbers + 1] = number
      end
      return numbers
    end)())
    log:expect "were dropped"
  end))

  it("that a flush has forgotten are not told of as dropped", tasks.case(function(log)
    local pool = tasks.TaskPool()
    local group = pool:map(nap, { 1, 2, 3 }, { results = "all" })
    taskpool.sleep(1.5)
    pool:flush()
    assert.are.same({ { 1, true, 2 }, { 2, true, 3 } }, all(pool:results(group)))
    assert.are.equal(0, log:count "were dropped")
  end))

  it("of tasks before one that takes long are held, as many as are kept", tasks.case(function(log)
    local pool = tasks.TaskPool { keep_results = 10 }
    local numbers = {}
    local list = { 50 }
    for i = 2, 200 do
      list[i] = 1 + i / 100
    end
    local group = pool:map(nap, list, { num_concurrent = 200, results = "all" })
    for number in pool:results(group, { ordered = true }) do
      numbers[#numbers + 1] = number
    end
    assert.are.same({ 0, 191, 192, 193, 194, 195, 196, 197, 198, 199 }, numbers)
    log:expect "190 results"
  end))

  it("cannot be waited for by a task of the group", tasks.case(function(log)
    local pool = tasks.TaskPool()
    pool:apply(function()
      return pool:results "own"
    end, { group_name = "own" })
    pool:gather_and_close { return_exceptions = true }
    log:expect "results: a task cannot wait for its own group 'own'"
  end))

  it("end where the group is cancelled, or its iteration is", tasks.case(function()
    local pool = tasks.TaskPool { size = 2 }
    local group = pool:map(nap, { 1, 100, 100, 100 }, { num_concurrent = 2, results = "all" })
    local states = {}
    for number, ok in pool:results(group) do
      states[#states + 1] = { number, ok }
      if number == 0 then
        pool:cancel_group(group)
      end
    end
    assert.are.same({ 0, true }, states[1])
    assert.are.equal(3, #states)
    local other = pool:map(nap, { 100 }, { results = "all" })
    tasks.raises("TimedOut", taskpool.timeout, 1, function()
      return all(pool:results(other))
    end)
    pool:cancel_all()
  end))

  it("give no more than is asked for, and only what is there, where that is asked for", tasks.case(function()
    local pool = tasks.TaskPool()
    local group = pool:map(nap, { 1, 2, 3 }, { num_concurrent = 3, results = "all" })
    assert.are.same({}, all(pool:results(group, { follow = false })))
    assert.are.same({ { 0, true, 1 }, { 1, true, 2 } }, all(pool:results(group, { limit = 2 })))
    assert.are.same({ { 0, true, 1 }, { 1, true, 2 } }, all(pool:results(group, { follow = false })))
    pool:wait(group)
  end))

  it("refuse what they do not know", tasks.case(function()
    local pool = tasks.TaskPool()
    local err = tasks.raises("InvalidArgument", pool.map, pool, print, {}, { results = "some" })
    assert.are.equal("map: 'results' must be none, errors or all, not 'some'", err.message)
    tasks.raises("InvalidArgument", taskpool.SimpleTaskPool, print, { results = "some" })
    tasks.raises("InvalidArgument", taskpool.TaskPool, { keep_results = -1 })
  end))

  it("of ended tasks are listed with these", tasks.case(function()
    local pool = tasks.TaskPool()
    pool:map(nap, { 1, 2 }, { results = "all" })
    taskpool.sleep(5)
    local rows = pool:tasks { state = "ok" }
    assert.are.same({ { 0, "1", 1 }, { 1, "2", 2 } },
      { { rows[1].id, rows[1].args, rows[1].took }, { rows[2].id, rows[2].args, rows[2].took } })
  end))

  it("leave nothing in the registry when they are forgotten", tasks.case(function()
    local pool = tasks.TaskPool { keep_results = 10 }
    local weak = setmetatable({}, { __mode = "v" })
    local group = pool:map(function(i)
      weak[i] = {}
      return weak[i], i
    end, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }, { results = "all" })
    pool:wait(group)
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[2])
    assert.is_truthy(weak[3])
    pool:flush()
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end))
end)

describe("results at the control port", function()
  local SCRIPT <const> = [[ taskpool.TaskPool { name = "jobs" } ]]
  local MODULES <const> = {
    ["jobs.lua"] = [[
      local taskpool = require "taskpool"
      return {
        halve = function(n)
          if n % 2 == 1 then error(n .. " is odd", 0) end
          return n // 2, "half"
        end,
        wait = function(n) taskpool.sleep(n) return n end,
      }
    ]],
  }

  it("are a table, or one answer in JSON", function()
    local host <close> = hosts.start(SCRIPT, MODULES)
    local wire <close> = host:greet()
    assert.are.equal("h", wire:ask "map jobs.halve [2, 3, 4] --results all -g h")
    wire:ask "wait h -r"
    assert.matches("^number +id +state +took +value$", wire:ask "results h")
    assert.matches('^ +0 +0 +ok +%d+%.%ds  %[1, "half"%]$', wire:line())
    assert.matches("^ +1 +1 +failed +%d+%.%ds  3 is odd$", wire:line())
    assert.matches('^ +2 +2 +ok +%d+%.%ds  %[2, "half"%]$', wire:line())
    assert.are.equal("call", wire:ask "submit jobs.halve -a [8] --nowait --results all -g call")
    wire:ask "wait call"
    wire:send "results call -l 1\n"
    assert.matches("^number", wire:line())
    assert.matches('%[4, "half"%]$', wire:line())
    local framed <close> = host:greet '{"reply": "json"}'
    local answer = json.decode(framed:ask "results h --limit 2")
    assert.are.equal(2, #answer.value)
    answer.value[1].took = nil
    assert.are.same({ number = 0, id = 0, ok = true, state = "ok", value = { 1, "half" } }, answer.value[1])
    assert.are.same({ "failed", false, "3 is odd" },
      { answer.value[2].state, answer.value[2].ok, answer.value[2].value })
  end)

  it("are followed to the end of the group, a line each", function()
    local host <close> = hosts.start(SCRIPT, MODULES)
    local wire <close> = host:greet()
    wire:ask "map jobs.wait [0.2, 0.1] -n 2 --results all -g w"
    wire:send "results w --follow --ordered\n"
    assert.matches("^0 +0 +ok .*0%.2$", wire:line())
    assert.matches("^1 +1 +ok .*0%.1$", wire:line())
    assert.are.equal("ok", wire:line())
    local framed <close> = host:greet '{"reply": "json"}'
    framed:ask "map jobs.wait [0.1] --results all -g v"
    framed:send "results v --follow\n"
    local line = json.decode(framed:line())
    assert.are.same({ "result", 0, 0.1 }, { line.event, line.number, line.value })
    assert.are.same({ true, 1 }, { json.decode(framed:line()).ok, 1 })
  end)
end)
