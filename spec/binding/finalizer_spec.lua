-- SPDX-License-Identifier: MIT
--
-- Finalizers may run wherever a table or a string is made, and may change the very pool that is asked.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

---Calls `ask(pool)` again and again, each time with a new pool that has 30 tasks and went through
---`prepare(pool)`, while finalizers run `change(pool)`. Goes on until they have done so a few times.
local function disturb(prepare, change, ask)
  local asked, is_over
  local changes = 0
  local function arm()
    setmetatable({}, { __gc = function()
      if asked then
        changes = changes + 1
        change(asked)
      end
      if not is_over then
        arm()
      end
    end })
  end
  arm()
  collectgarbage("incremental", 1, 1000, 1)
  while changes < 5 do
    local pool = taskpool.SimpleTaskPool(taskpool.sleep, { args = { 60 } })
    local group = pool:start(30)
    tasks.settle()
    prepare(pool)
    asked = pool
    local ok, err = pcall(ask, pool, group)
    asked = nil
    pool:stop_all()
    pool:gather_and_close()
    assert(ok, err)
  end
  is_over = true
  collectgarbage("incremental", 200, 100, 13) -- as Lua sets it
end

local function flush(pool)
  pool:flush()
end

local REASON <const> = ("a long reason "):rep(20)

local function cancel(pool)
  pool:cancel(0, { msg = REASON })
  tasks.settle()
end

describe("a finalizer", function()
  it("may flush the task that is asked for", tasks.case(function()
    disturb(cancel, flush, function(pool, group)
      for _ = 1, 5 do
        local ok, task = pcall(pool.task, pool, 0)
        if ok then
          assert.are.equal(group, task.group)
          assert.are.equal(REASON, task.cancel.message)
        else
          assert.are.equal("TaskNotFound", task.code)
        end
      end
    end)
  end))

  it("may flush the group whose ids are asked for", tasks.case(function()
    disturb(function(pool)
      pool:stop_all()
      tasks.settle()
    end, flush, function(pool, group)
      for _ = 1, 5 do
        local ok, err = pcall(pool.get_group_ids, pool, group)
        assert.is_true(ok or err.code == "TaskGroupNotFound", err)
      end
    end)
  end))

  it("may cancel tasks that are about to be stopped", tasks.case(function()
    disturb(function() end, function(pool)
      pool:stop(1)
    end, function(pool)
      for _ = 1, 5 do
        assert.is_true(#pool:stop(2) <= 2)
      end
    end)
  end))
end)
