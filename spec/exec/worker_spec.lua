-- SPDX-License-Identifier: MIT
-- Bad workers: whatever one raises, it is told in the log by the task's name, and all others go on.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local at_end, raises = tasks.at_end, tasks.raises

describe("a worker that fails", function()
  local function overflow()
    return 1 + overflow()
  end

  local hostile = setmetatable({}, { __tostring = function()
    error "no text of mine"
  end })

  -- What it does; what the log must say of it beside the task's name.
  local FAILURES <const> = {
    ["with a string"] = { function()
      error "on purpose"
    end, "worker_spec.lua:%d+: on purpose" },
    ["with nil"] = { function()
      error(nil)
    end, "nil" },
    ["with a number"] = { function()
      error(42)
    end, "42" },
    ["with a boolean"] = { function()
      error(false)
    end, "false" },
    ["with a table"] = { function()
      error { reason = "on purpose" }
    end, "on purpose" },
    ["with a table that tells its own text"] = { function()
      error(setmetatable({}, { __tostring = function()
        return "told by itself"
      end }))
    end, "told by itself" },
    ["with a table whose text fails"] = { function()
      error(hostile)
    end, "." },
    ["with a table whose text is no string"] = { function()
      error(setmetatable({}, { __tostring = function()
        return {}
      end }))
    end, "." },
    ["with an error of taskpool's kind"] = { function()
      error(taskpool.error("NotFound", "a thing"), 0)
    end, "NotFound: a thing" },
    ["with a line break and control bytes"] = { function()
      error("first\nsecond\27[2J\0third", 0)
    end, "first\\nsecond" },
    ["with a function"] = { function()
      error(print)
    end, "function" },
    ["by overflowing the stack"] = { overflow, "stack overflow" },
    ["by an error in its error handling"] = { function()
      local _ <close> = at_end(function()
        error "second"
      end)
      error "first"
    end, "second" },
    ["by indexing nil"] = { function()
      return tasks.nothing.field
    end, "attempt to index a nil value" },
    ["with more results than fit"] = { function()
      return table.unpack({}, 1, 1e7)
    end, "too many results" },
    ["after a wait"] = { function()
      taskpool.sleep(0.5)
      error "late"
    end, "worker_spec.lua:%d+: late" },
    ["in a coroutine of its own, after a wait"] = { function()
      coroutine.wrap(function()
        taskpool.sleep(0.5)
        error "inside"
      end)()
    end, "worker_spec.lua:%d+: inside" },
    ["by acting as if it were cancelled"] = { function()
      error(taskpool.error("Cancelled", "not at all"), 0)
    end, "Cancelled: not at all" },
  }

  for how, case in pairs(FAILURES) do
    it(how .. " is told by its name, and all others go on", tasks.case(function(log)
      local pool, fine = tasks.TaskPool { name = "p" }, 0
      local function good()
        taskpool.sleep(1)
        fine = fine + 1
      end
      pool:apply(good, { num = 2 })
      pool:apply(case[1], { group_name = "bad", num = 2 })
      pool:apply(good, { num = 2 })
      pool:gather_and_close { return_exceptions = true }
      assert.are.equal(4, fine)
      for _ = 1, 2 do
        local record = log:expect "error in TaskPool-p_Task-"
        assert.matches("^error in TaskPool%-p_Task%-%d of group 'bad': ", record)
        assert.matches(case[2], record, #"error in TaskPool-p_Task-")
        assert.is_nil(record:find "[\27%z]")
        assert.is_nil(record:find "\n[^ ]")
        assert.is_nil(record:find "\n [^ ]")
      end
    end))
  end
end)

describe("a module that does not load", function()
  local BROKEN <const> = {
    ["has wrong syntax"] = "return {",
    ["raises"] = "error 'not today'",
    ["raises a table"] = "error { 'not today' }",
  }

  for how, text in pairs(BROKEN) do
    it("is an error for the one who names it, when it " .. how, tasks.case(function()
      package.preload["spec.broken"] = function()
        return assert(load(text, "=broken"))()
      end
      local _ <close> = at_end(function()
        package.preload["spec.broken"] = nil
      end)
      local pool, done = tasks.TaskPool(), false
      pool:apply(function()
        done = true
      end)
      local err = raises("ScriptError", pool.apply, pool, "spec.broken.work")
      assert.matches("spec.broken", err.message, 1, true)
      pool:gather_and_close()
      assert.is_true(done)
    end))
  end
end)
