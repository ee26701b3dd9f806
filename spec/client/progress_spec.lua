-- SPDX-License-Identifier: MIT
-- What the client shows while a command waits, and the commands that it repeats.
local program = require "spec.support.program"
local screens = require "spec.support.screen"

local GREETING <const> = '{"ok": true, "value": "P", "text": "TaskPool-jobs", "protocol": 3}\n'

describe("a command that waits", function()
  local directory, socket, server
  local groups, waiting, watched

  ---A row of the command groups.
  local function group(name, ended, failed, left)
    local row = '{"group": "%s", "ended": %d, "failed": %d, "timed_out": 0, "running": 0, "waiting": %s}'
    return row:format(name, ended, failed, left)
  end

  local function answer(line, client, number)
    if number == 1 then
      client:write(GREETING)
    elseif line == '["groups"]' then
      client:write(('{"ok": true, "value": [%s]}\n'):format(table.concat(groups, ", ")))
    elseif line == "watched" then
      watched = watched + 1
      client:write(('{"ok": true, "text": "answer %d"}\n'):format(watched))
    elseif line:find '^%[?"?map' then
      client:write '{"ok": true, "value": "my group", "text": "my group"}\n'
    elseif line == "interrupt" then
      waiting:write '{"ok": false, "code": "Cancelled", "message": "by interrupt"}\n{"ok": true, "text": "ok"}\n'
    else
      waiting = client
    end
  end

  before_each(function()
    directory = program.make_directory()
    socket = directory .. "/control.sock"
    server = program.fake_server(socket, answer)
    groups, waiting, watched = { group("fetch", 12, 1, 28), group("other", 5, 0, 5) }, nil, 0
  end)

  after_each(function()
    server.close()
    program.remove_directory(directory)
  end)

  local function open(words, width)
    return screens.open({ program.path, "control", "unix", socket, table.unpack(words) }, { width = width })
  end

  it("shows how far its group is, as wide as there is room", function()
    local shown = {
      [40] = "fetch ████░░░░░░░░░░ 12/40 30% 1 failed",
      [80] = "fetch ████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 12/40 30% 1 failed",
    }
    shown[200] = shown[80]
    for width, line in pairs(shown) do
      local screen <close> = open({ "wait", "fetch" }, width)
      assert.are.equal(line, screen:wait_for "1 failed")
      waiting:write '{"ok": true, "text": "12"}\n'
      assert.are.equal("12\n[exit 0]", screen:wait_for "[exit 0]")
    end
  end)

  it("tells speed and time once tasks have ended meanwhile", function()
    local screen <close> = open { "wait", "fetch" }
    screen:wait_for "12/40"
    groups[1] = group("fetch", 20, 1, 20)
    local line = screen:wait_for "20/40 50%"
    assert.matches(" 20/40 50%% [%d.]+/s [%d.ms]+ left 1 failed$", line)
  end)

  it("shows all groups where it waits for all, and no share where an iterator may go on", function()
    local screen <close> = open { "flush" }
    screen:wait_for "17/50 34% 1 failed"
    groups[2] = group("other", 5, 0, "null")
    assert.matches("^17 [%d./sleftm ]*1 failed$", screen:wait_for "17 ")
  end)

  it("tells how long a submit has waited", function()
    local screen <close> = open { "submit", "mypackage.f" }
    assert.matches("^waiting %d%.%ds$", screen:wait_for "waiting")
  end)

  it("shows nothing of it where no terminal is", function()
    local client = program.start { "control", "unix", socket, "wait", "fetch" }
    program.run_until(function()
      return waiting
    end, function()
      return "no command"
    end)
    waiting:write '{"ok": true, "text": "12"}\n'
    client:finish()
    assert.are.same({ "12\n", "" }, { client.out, client.err })
  end)

  it("is ended by ^C at the prompt", function()
    local screen <close> = open {}
    screen:wait_for "jobs>"
    screen:type("wait fetch", "Enter")
    screen:wait_for "12/40"
    screen:type "C-c"
    local text = screen:wait_for "Cancelled: by interrupt\njobs>"
    assert.is_nil(text:find("12/40", 1, true))
  end)

  it("may be a map with --wait, which the client waits for", function()
    local screen <close> = open {}
    screen:wait_for "jobs>"
    screen:type("map f ['--wait', 1] --wait -n 3", "Enter")
    program.run_until(function()
      return waiting
    end, function()
      return "no command"
    end)
    assert.are.equal("map f ['--wait', 1]  -n 3", server.lines[#server.lines - 1])
    assert.are.equal('["wait","my group"]', server.lines[#server.lines])
    waiting:write '{"ok": true, "text": "2"}\n'
    screen:wait_for "my group\n2\njobs>"
  end)

  it("may be a map with --wait in the words of a shell", function()
    local client = program.start { "control", "unix", socket, "map", "f", "[1]", "--wait" }
    program.run_until(function()
      return waiting
    end, function()
      return "no command"
    end)
    assert.are.equal('["map","f","[1]"]', server.lines[2])
    waiting:write '{"ok": false, "code": "TaskFailed", "message": "bad"}\n'
    client:finish()
    assert.are.same({ 1, "my group\n", "TaskFailed: bad\n" }, { client.code, client.out, client.err })
  end)

  it("is sent again and again by watch, until ^C", function()
    local screen <close> = open {}
    screen:wait_for "jobs>"
    screen:type("watch -n 0.1 watched", "Enter")
    assert.matches("^Every 0.1 s: watched\n\nanswer %d+$", screen:wait_for "answer 3")
    screen:type "C-c"
    screen:wait_for "jobs>"
    screen:type("watch -n soon watched", "Enter")
    screen:wait_for "InvalidArgument: watch [-n SECONDS] COMMAND"
    screen:type("exit", "Enter")
    screen:wait_for "[exit 0]"
  end)
end)
