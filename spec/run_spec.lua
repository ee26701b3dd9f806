-- SPDX-License-Identifier: MIT
-- taskpool.run: the main task, and the end of the host's work.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local testing = require "taskpool.testing"
local at_end, raises, settle = tasks.at_end, tasks.raises, tasks.settle

local function task_it(name, body)
  it(name, tasks.case(body))
end

describe("run", function()
  it("returns when its main function has returned and no task is left", function()
    local ended = false
    local results = table.pack(testing.run(function(...)
      taskpool.TaskPool():apply(function()
        taskpool.sleep(60)
        ended = true
      end)
      return ...
    end, 1, nil, nil))
    assert.are.same({ n = 3, 1 }, results)
    assert.is_true(ended)
  end)

  it("cancels what is left when its main function raises", function()
    local left
    local ok, err = pcall(testing.run, function()
      taskpool.TaskPool():apply(function()
        local _ <close> = at_end(function(reason)
          left = reason
        end)
        taskpool.sleep(60)
      end)
      settle()
      error("on purpose", 0)
    end)
    assert.are.same({ false, "on purpose" }, { ok, err })
    assert.are.equal("Cancelled", left.code)
  end)

  task_it("inside of a task just calls the function", function()
    local results = table.pack(taskpool.run(function(...)
      taskpool.sleep(1)
      return ...
    end, 1, nil))
    assert.are.same({ n = 2, 1 }, results)
    assert.are.same({ false, "on purpose" }, { pcall(taskpool.run, error, "on purpose") })
  end)

  it("says that tasks wait which nothing can wake, ends them, and works again", function()
    local left = {}
    for round = 1, 2 do
      local err = raises("Deadlock", testing.run, function()
        local queue = taskpool.Queue()
        taskpool.TaskPool():apply(function()
          local _ <close> = at_end(function(reason)
            left[round] = reason.code
          end)
          queue:get()
        end, { num = 2 })
      end)
      assert.matches("2 tasks", err.message)
    end
    assert.are.same({ "Deadlock", "Deadlock" }, left)
    assert.are.equal("fine", testing.run(function()
      taskpool.sleep(1)
      return "fine"
    end))
  end)

  it("wants a function", function()
    for _, wrong in ipairs { 1, "main", {} } do
      raises("InvalidArgument", taskpool.run, wrong)
    end
    raises("InvalidArgument", taskpool.run)
  end)
end)
