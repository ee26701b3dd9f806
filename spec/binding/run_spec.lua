-- SPDX-License-Identifier: MIT
-- taskpool.run: the main task, and the end of the host's work.
local program = require "spec.support.program"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local testing = require "taskpool.testing"
local uv = require "luv"
local at_end, raises, settle = tasks.at_end, tasks.raises, tasks.settle

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

  it("inside of a task just calls the function", tasks.case(function()
    local results = table.pack(taskpool.run(function(...)
      taskpool.sleep(1)
      return ...
    end, 1, nil))
    assert.are.same({ n = 2, 1 }, results)
    assert.are.same({ false, "on purpose" }, { pcall(taskpool.run, error, "on purpose") })
  end))

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

describe("^C under the stock interpreter", function()
  if os.getenv "SANITIZE" then
    return -- a sanitized module has an interpreter of its own, which has no handler
  end
  local directory

  before_each(function()
    directory = program.make_directory()
  end)

  after_each(function()
    program.remove_directory(directory)
  end)

  local function start(body)
    local host = program.start {
      file = "lua5.4",
      program.write_file(directory .. "/script.lua", [[
        local taskpool = require "taskpool"
        local function at_end(text)
          return setmetatable({}, { __close = function() print(text) end })
        end
        taskpool.run(function()
          local pool = taskpool.TaskPool {}
          pool:apply(function()
            local _ <close> = at_end "closed"
            ]] .. body .. [[
          end)
          local _ <close> = at_end "closed"
          taskpool.sleep(0.01)
          print "ready"
          io.stdout:flush()
          taskpool.sleep(3600)
        end)
        print "not reached"
      ]]),
    }
    host:wait_for "ready"
    return host
  end

  it("ends the run with its cleanup, and the process as always", function()
    for _, body in ipairs { "taskpool.sleep(3600)", "while true do end" } do
      local host = start(body)
      host:kill "sigint"
      host:finish()
      assert.are.equal("ready\nclosed\nclosed\n", host.out)
      assert.matches("^lua5.4: interrupted!\n", host.err)
      assert.are.same({ 1, 0 }, { host.code, host.signal })
    end
  end)

  it("ends the process at the second time, whatever holds it up", function()
    local host = start [[
      taskpool.sleep(0.02)
      print "blocked"
      io.stdout:flush()
      local _ = ("a"):rep(100):find(("a*"):rep(100) .. "b") -- in C, for ages
    ]]
    host:wait_for "blocked"
    repeat
      host:kill "sigint"
      uv.run "nowait"
      uv.sleep(1)
    until host.code
    host:finish()
    assert.are.equal(2, host.signal)
  end)
end)
