-- SPDX-License-Identifier: MIT
-- The prompt at a real terminal, with a host of ours.
local program = require "spec.support.program"
local screens = require "spec.support.screen"

local HOST <const> = [[
local taskpool = require "taskpool"
local pool = taskpool.TaskPool { name = "jobs", size = 7 }
local other = taskpool.TaskPool { name = "other", size = 3 }
taskpool.expose("work.sleep", function(seconds) taskpool.sleep(tonumber(seconds) or 3600) end)
taskpool.expose("work.count", function(list) return #list end)
taskpool.control.serve { pool, other, unix = ... }
print "serving"
io.stdout:flush()
]]

describe("the prompt at a terminal", function()
  local directory, socket, host

  local function start_host()
    host = program.start { "run", directory .. "/host.lua", socket }
    host:wait_for "serving"
  end

  before_each(function()
    directory = program.make_directory()
    socket = directory .. "/control.sock"
    program.write_file(directory .. "/host.lua", HOST)
    start_host()
  end)

  after_each(function()
    host:stop()
    os.remove(socket)
    program.remove_directory(directory)
  end)

  local function open(options)
    local screen = screens.open({ program.path, "control", "unix", socket }, options)
    screen:wait_for "jobs>"
    return screen
  end

  ---Types a line, and waits for what comes.
  local function enter(screen, line, wish)
    screen:type("-l", line)
    screen:type "Enter"
    return screen:wait_for(wish)
  end

  it("shows the pool that commands go to", function()
    local screen <close> = open()
    enter(screen, "use other", "\nother>")
    enter(screen, "pool-size", "\n3\nother>")
  end)

  local SESSION <const> = [=[
Connected to TaskPool-jobs
-h lists the commands, exit leaves.
jobs> pool-size
7
jobs> map work.sleep [1, 2} -n 3
                          ^
InvalidArgument: ITERABLE: '}' does not close the '[' of column 16 at column 21
jobs> map work.sleep [60, 60] -n 2 -g nightly-work-on-the-files-of-today
nightly-work-on-the-files-of-today
jobs> pools
["TaskPool-jobs", "TaskPool-other"]
jobs> set-concurrency -h
usage: set-concurrency NAME NUM [-h]

%s

arguments:
  NAME        a group
  NUM         %s

options:
  -h, --help  show this help
jobs>]=]

  -- What is folded in it, by the columns of the screen.
  local FOLDED <const> = {
    [40] = {
      "Change how many tasks of a group may run\nat a time.",
      "how many tasks of it may\n              run at a time; inf: the\n              pool's size",
    },
    [80] = {
      "Change how many tasks of a group may run at a time.",
      "how many tasks of it may run at a time; inf: the pool's size",
    },
  }
  FOLDED[200] = FOLDED[80]

  for _, columns in ipairs { 40, 80, 200 } do
    it(("has a session on a screen of %d columns"):format(columns), function()
      local screen <close> = open { width = columns, height = 40 }
      enter(screen, "pool-size", "\n7\n")
      enter(screen, "map work.sleep [1, 2} -n 3", "at column")
      enter(screen, "map work.sleep [60, 60] -n 2 -g nightly-work-on-the-files-of-today", "today\njobs>")
      enter(screen, "pools", 'other"]\njobs>')
      enter(screen, "set-concurrency -h", "show this help\njobs>")
      assert.are.equal(SESSION:format(table.unpack(FOLDED[columns])), screen:text())
    end)
  end

  it("completes what the server knows, and lists what is ambiguous", function()
    local screen <close> = open()
    screen:type("-l", "pool-s")
    screen:type "Tab"
    screen:wait_for "jobs> pool-size"
    screen:type "Enter"
    screen:type("-l", "use o")
    screen:type "Tab"
    screen:wait_for "jobs> use other"
    screen:type "C-c"
    screen:type("-l", "is-")
    screen:type("Tab")
    local text = screen:wait_for "is-locked"
    assert.matches("\nis%-closed +%u", text)
    screen:type "C-c"
    screen:type("-l", "qui")
    screen:type "Tab"
    screen:wait_for "jobs> quit"
  end)

  it("shows the place of a mistake", function()
    local screen <close> = open()
    local text = enter(screen, "  submit work.count -a [1, 2}", "InvalidArgument")
    local expected = "jobs>   submit work.count -a [1, 2}\n" .. (" "):rep(34) .. "^\nInvalidArgument"
    assert.is_truthy(text:find(expected, 1, true), text)
  end)

  it("takes several commands in a line, each with the place of its own mistakes", function()
    local screen <close> = open()
    local text = enter(screen, "use 'other'; pool-size 'a;b'; start x; pool-size", "\n3\nother>")
    local expected = "; start x; pool-size\nok\n" .. (" "):rep(29) .. "^\nInvalidArgument"
    assert.is_truthy(text:find(expected, 1, true), text)
    assert.is_truthy(text:find("\n" .. (" "):rep(36) .. "^\nNotFound", 1, true), text)
  end)

  it("shows the place of a mistake in a line that is longer than the screen", function()
    local screen <close> = open { width = 40 }
    local line = "submit work.count -a [" .. ("1234567, "):rep(8) .. "}"
    local text = enter(screen, line, "InvalidArgument")
    local shown, caret = text:match "\n  ([^\n]*})\n( *)%^\nInvalidArgument"
    assert.is_truthy(shown, text)
    assert.are.equal(#shown + 1, #caret)
  end)

  it("takes a literal of several lines as one command", function()
    local screen <close> = open()
    screen:paste "submit work.count -a [[\n  'a (1',\n  2,\n  {'x':\t3}\n]]\n"
    screen:wait_for "\n3\njobs>"
    screen:type("Up", "Enter")
    screen:wait_for "[[   'a (1',   2,   {'x': 3} ]]"
    enter(screen, "pool-size [", "\n.")
    screen:type "C-c"
    screen:wait_for(function(text)
      return text:find "\n%.\njobs>$"
    end)
  end)

  it("ends a command that waits at ^C, and not the session", function()
    local screen <close> = open()
    enter(screen, "apply work.sleep -g long", "\nlong\n")
    enter(screen, "wait long", "wait long\n")
    screen:type "C-c"
    screen:wait_for "Cancelled"
    enter(screen, "num-running", "\n1\njobs>")
    enter(screen, "events", "events\n")
    screen:type "C-c"
    enter(screen, "pool-size", "\n7\njobs>")
  end)

  it("connects again when the host has come back", function()
    local screen <close> = open()
    enter(screen, "use other", "\nother>")
    host:stop()
    enter(screen, "pool-size", "(not connected)>")
    start_host()
    enter(screen, "pool-size", "Connected again to TaskPool-jobs\n3\nother>")
    enter(screen, "exit", "[exit 0]")
  end)
end)
