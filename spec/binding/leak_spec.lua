-- SPDX-License-Identifier: MIT
-- What groups, calls and pools need in the Lua state is let go of when they end.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local testing = require "taskpool.testing"

---How many values the registry refers to by number. (References that are free hold the number of the next one.)
local function references()
  collectgarbage()
  collectgarbage()
  local count = 0
  for key, value in pairs(debug.getregistry()) do
    if math.type(key) == "integer" and math.type(value) ~= "integer" then
      count = count + 1
    end
  end
  return count
end

local function work() end
local function fail()
  error "on purpose"
end
local function after() end
local function items()
  local left = 3
  return function()
    left = left - 1
    return left > 0 and left or nil
  end
end

-- Ways in which tasks come and go.
local WAYS <const> = {
  ["apply"] = function(pool)
    pool:apply(work, { args = { {} }, num = 3, end_callback = after, cancel_callback = after })
  end,
  ["map of a list"] = function(pool)
    pool:map(work, { {}, {} }, { end_callback = after })
  end,
  ["map of an iterator"] = function(pool)
    pool:map(work, items())
  end,
  ["starmap and doublestarmap"] = function(pool)
    pool:starmap(work, { { 1 }, { 2 } })
    pool:doublestarmap(function(first)
      return first
    end, { { first = 1 } })
  end,
  ["submit"] = function(pool)
    pool:submit_nowait(work)
    pool:submit(work)
  end,
  ["a task that fails"] = function(pool)
    pool:apply(fail)
  end,
  ["an iterator that fails"] = function(pool)
    pool:map(work, fail)
  end,
  ["a group that is cancelled"] = function(pool)
    pool:apply(taskpool.sleep, { args = { 60 }, num = 3, group_name = "sleepers" })
    pool:map(work, function()
      taskpool.sleep(60)
    end, { group_name = "fed" })
    tasks.settle()
    pool:cancel_group "sleepers"
    pool:cancel_group "fed"
  end,
}

describe("the registry of the Lua state", function()
  for name, way in pairs(WAYS) do
    it("holds nothing of " .. name .. " when it has ended", tasks.case(function(log)
      local pool = tasks.TaskPool()
      local before
      for round = 1, 20 do
        way(pool)
        tasks.settle()
        pool:flush { return_exceptions = true }
        before = round == 10 and references() or before
      end
      assert.are.equal(before, references())
      pool:gather_and_close { return_exceptions = true }
      log:expect_all "on purpose"
    end))
  end

  it("holds nothing of a pool that was closed, whatever its tasks did", function()
    local function round()
      local _ <close> = testing.record()
      testing.run(function()
        for _, func in ipairs { work, fail } do
          local pool = taskpool.TaskPool()
          pool:apply(func, { num = 2 })
          pool:gather_and_close { return_exceptions = true }
        end
      end)
    end
    round()
    local before = references()
    for _ = 1, 10 do
      round()
    end
    assert.are.equal(before, references())
  end)
end)

describe("the places of timers", function()
  ---Bytes that the process has asked the system for. Places that are kept are never written to, so they take no
  ---memory of the machine.
  local function asked_for()
    for line in io.lines "/proc/self/status" do
      local kilobytes = line:match "^VmData:%s*(%d+)"
      if kilobytes then
        return tonumber(kilobytes) << 10
      end
    end
  end

  it("are given back by tasks with a time limit", function()
    if os.getenv "SANITIZE" then
      return -- it holds freed memory back
    end
    testing.run(function()
      local pool <close> = taskpool.TaskPool()
      local function round(count)
        pool:wait(pool:apply(work, { num = count, timeout = 60 }))
      end
      round(20000)
      local before = asked_for()
      round(200000)
      local grown = asked_for() - before
      assert.is_true(grown < 1 << 20, ("grown by %d KiB"):format(grown >> 10))
    end)
  end)
end)
