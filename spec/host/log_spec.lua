-- SPDX-License-Identifier: MIT
-- The log of a program: it never waits for who reads it, and works where standard descriptors are closed.
local hosts = require "spec.support.host"
local program = require "spec.support.program"
local uv = require "luv"

local ERRORS <const> = 2000

---Everything that a pipe holds now.
local function drain(pipe)
  local parts = {}
  repeat
    local bytes = uv.fs_read(pipe, 65536)
    parts[#parts + 1] = bytes
  until not bytes
  return table.concat(parts)
end

describe("a log that nobody reads", function()
  local directory, pipe

  before_each(function()
    directory = program.make_directory()
    assert(os.execute("mkfifo " .. directory .. "/log"))
    pipe = assert(uv.fs_open(directory .. "/log", uv.constants.O_RDWR | uv.constants.O_NONBLOCK, 0))
  end)

  after_each(function()
    uv.fs_close(pipe)
    program.remove_directory(directory)
  end)

  ---A host whose stderr is the pipe.
  local function start(script)
    local redirect = { "sh", "-c", ('exec "$0" "$@" 2>%s/log'):format(directory) }
    return hosts.start(script, { ["jobs.lua"] = "return { fail = function() error 'boom' end }" }, redirect)
  end

  ---Has so many tasks fail, and waits until they have.
  local function fail(wire, count)
    local before = tonumber(wire:ask "num-ended")
    wire:ask(("apply jobs.fail -n %d"):format(count))
    repeat
      local ended = tonumber(wire:ask "num-ended")
    until ended == before + count
  end

  it("drops and counts what does not fit, and holds up nothing", function()
    local host <close> = start "taskpool.TaskPool { size = 10 }"
    local wire <close> = host:greet()
    fail(wire, ERRORS)
    local text = drain(pipe)
    assert.matches("\n$", text) -- no record is cut
    local written = select(2, text:gsub(" error error in TaskPool%-0_Task%-%d+ [^\n]*boom[^\n]*\n", ""))
    assert.is_true(written > 10 and written < ERRORS, written)
    fail(wire, 1)
    local dropped, last = drain(pipe):match
      "^%d+%-%d+%-%d+ %d+:%d+:%d+%.%d+ warning records dropped because nobody read the log: (%d+)\n([^\n]+)\n  .*\n$"
    print(("log: errors=%d written=%d dropped=%s"):format(ERRORS, written, dropped))
    assert.are.equal(ERRORS, written + tonumber(dropped))
    assert.matches(("Task%%-%d "):format(ERRORS), last)
    fail(wire, 1)
    assert.is_nil(drain(pipe):find "dropped")
  end)

  it("is told how much was dropped when the host ends", function()
    local host <close> = start "taskpool.TaskPool { size = 10 }"
    local wire <close> = host:greet()
    fail(wire, ERRORS)
    local written = select(2, drain(pipe):gsub("boom", ""))
    assert.is_true(written < ERRORS)
    host.process:kill()
    host.process:finish()
    local dropped = drain(pipe):match " warning records dropped because nobody read the log: (%d+)\n$"
    assert.are.equal(ERRORS, written + tonumber(dropped))
  end)

  it("drops under a stock interpreter too", function()
    local path = program.write_file(directory .. "/script.lua", [[
      local taskpool = require "taskpool"
      taskpool.run(function()
        local pool = taskpool.TaskPool {}
        pool:apply(error, { args = { "boom" }, num = 2000 })
        pool:gather_and_close { return_exceptions = true }
      end)
      print "done"
    ]])
    local done = program.run { file = "sh", "-c", ("exec lua5.4 %s 2>%s/log"):format(path, directory) }
    assert.are.equal("done\n", done.out)
    assert.are.equal(0, done.code)
  end)
end)

describe("standard descriptors that are closed", function()
  local SCRIPT <const> = [[
    local taskpool = require "taskpool"
    taskpool.run(function()
      local pool = taskpool.TaskPool {}
      pool:apply(function()
        taskpool.sleep(0.01)
        print "to stdout"
        io.stderr:write "to stderr"
        io.read()
        local file <close> = io.open(..., "a")
        file:write "ran\n"
      end, { args = { ... } })
      pool:gather_and_close()
    end)
  ]]

  it("are no reason to fail, in any combination", function()
    local directory = program.make_directory()
    local path = program.write_file(directory .. "/script.lua", "local path = ...\n" .. SCRIPT:gsub("%.%.%.", "path"))
    local count = 0
    for _, closed in ipairs { "<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-" } do
      for _, command in ipairs { program.path .. " run", "lua5.4" } do
        local line = ("%s %s %s/out %s"):format(command, path, directory, closed)
        local done = program.run { file = "sh", "-c", line }
        assert.are.same({ 0, 0 }, { done.code, done.signal }, line .. done.err)
        count = count + 1
      end
    end
    assert.are.equal(("ran\n"):rep(count), program.read_file(directory .. "/out"))
    program.remove_directory(directory)
  end)

  it("leave the client its connection", function()
    local host <close> = hosts.start "taskpool.TaskPool { size = 7 }"
    local path = host.directory .. "/control.sock"
    local done = program.run { file = "sh", "-c", ("exec %s control unix %s pool-size <&-"):format(program.path, path) }
    assert.are.equal("7\n", done.out)
    local line = ("exec %s control unix %s pool-size >&-"):format(program.path, path)
    assert.are.equal(0, program.run({ file = "sh", "-c", line }).code)
  end)
end)
