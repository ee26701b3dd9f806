-- SPDX-License-Identifier: MIT
-- The program's sub-commands: what they take, what they exit with.
local hosts = require "spec.support.host"
local program = require "spec.support.program"

describe("the program", function()
  it("lists its sub-commands", function()
    local done = program.run { "--help" }
    assert.are.equal(0, done.code)
    for _, name in ipairs { "run", "control", "version" } do
      assert.matches("\n  " .. name .. " +%a", done.out)
    end
    assert.are.equal(done.out, program.run({ "-h" }).out)
  end)

  it("explains each of them", function()
    for _, name in ipairs { "run", "control", "version" } do
      local done = program.run { name, "-h" }
      assert.are.equal(0, done.code)
      assert.matches("^usage: taskpool " .. name, done.out)
      assert.are.equal("", done.err)
    end
  end)

  it("refuses an unknown sub-command, and to do nothing", function()
    local done = program.run { "walk" }
    assert.are.equal(2, done.code)
    assert.matches("unknown sub%-command 'walk'\nusage: ", done.err)
    assert.are.equal(2, program.run({}).code)
  end)

  it("tells its version", function()
    for _, word in ipairs { "version", "--version" } do
      local done = program.run { word }
      assert.are.equal(0, done.code)
      assert.matches("^taskpool %d+%.%d+%.%d+\n$", done.out)
    end
  end)
end)

describe("taskpool run", function()
  local directory

  before_each(function()
    directory = program.make_directory()
  end)

  after_each(function()
    program.remove_directory(directory)
  end)

  local function script(text)
    return program.write_file(directory .. "/script.lua", text)
  end

  ---A host whose task sleeps until something stops it, once it has said that it does.
  local function start_sleeper()
    local host = program.start {
      "run",
      script [[
        local taskpool = require "taskpool"
        print "sleeping"
        io.stdout:flush()
        taskpool.sleep(3600)
      ]],
    }
    host:wait_for "sleeping"
    return host
  end

  it("hands its arguments to the script", function()
    local done = program.run { "run", script "print(...) print(arg[1], #arg)", "a b", "-n" }
    assert.are.equal("a b\t-n\na b\t2\n", done.out)
    assert.are.equal("", done.err)
    assert.are.equal(0, done.code)
  end)

  it("goes on until the tasks of the pools have ended", function()
    local done = program.run {
      "run",
      script [[
        local taskpool = require "taskpool"
        local pool = taskpool.TaskPool {}
        pool:apply(function()
          taskpool.sleep(0.01)
          print "task"
        end)
        print "script"
      ]],
    }
    assert.are.equal("script\ntask\n", done.out)
    assert.are.equal(0, done.code)
  end)

  it("tells the error of a script with its traceback", function()
    local done = program.run { "run", script "local function inner() error 'boom' end\ninner()" }
    assert.are.equal(1, done.code)
    assert.are.equal("", done.out)
    assert.matches("^taskpool: ScriptError: .*script%.lua:1: boom\n.*traceback", done.err)
    assert.matches("script%.lua:2:", done.err)
  end)

  it("tells that a script is missing", function()
    local done = program.run { "run", directory .. "/none.lua" }
    assert.are.equal(1, done.code)
    assert.matches("^taskpool: %u%a+: .*none%.lua", done.err)
  end)

  it("logs at the level asked for, with the time, to stderr", function()
    local text = [[require("taskpool").TaskPool { name = "jobs" }:lock()]]
    local quiet = program.run { "run", script(text) }
    assert.are.equal("", quiet.err)
    for _, words in ipairs { { "--log-level", "debug" }, { "--log-level=debug" } } do
      local done = program.run { "run", script(text), table.unpack(words) }
      assert.are.equal("", done.err) -- behind FILE they are arguments of the script
      table.insert(words, 1, "run")
      table.insert(words, script(text))
      done = program.run(words)
      assert.matches("^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d%.%d%d%d %l+ TaskPool%-jobs initialized\n", done.err)
      assert.matches("%l+ TaskPool%-jobs is locked!\n", done.err)
      assert.are.equal(0, done.code)
    end
  end)

  it("refuses wrong options", function()
    local path = script "print 'ran'"
    for _, words in ipairs {
      { "run" },
      { "run", "--log-level", "loud", path },
      { "run", "--modules" },
      { "run", "--speed", path },
    } do
      local done = program.run(words)
      assert.are.equal(2, done.code)
      assert.are.equal("", done.out)
      assert.matches("^taskpool run: .*\nusage: taskpool run", done.err)
    end
  end)

  it("goes on at signals without a meaning, and leaves no socket at its end", function()
    local host = hosts.start "taskpool.TaskPool { size = 7 }"
    local wire <close> = host:greet()
    for _, name in ipairs { "sighup", "sigusr1", "sigusr2" } do
      host.process:kill(name)
      assert.are.equal("7", wire:ask "pool-size")
    end
    host:close() -- looks for the socket
  end)

  it("stops at SIGINT and at SIGTERM, and says so in its exit code", function()
    for name, code in pairs { sigint = 130, sigterm = 143 } do
      local host = start_sleeper()
      host:kill(name)
      host:finish()
      assert.are.same({ code, 0, "" }, { host.code, host.signal, host.err })
    end
  end)

  it("says to tasks which signal cancels them", function()
    for _, name in ipairs { "SIGINT", "SIGTERM" } do
      local host = program.start { "run", script [[
        local taskpool = require "taskpool"
        io.stdout:setvbuf "line"
        taskpool.TaskPool():apply(function()
          print "started"
          print(select(2, taskpool.catch_cancel(taskpool.sleep, 60)))
        end)
      ]] }
      host:wait_for "started"
      host:kill(name:lower())
      assert.are.equal("started\nCancelled: cancelled by " .. name .. "\n", host:finish().out)
    end
  end)
end)
