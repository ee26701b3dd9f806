-- SPDX-License-Identifier: MIT
-- `top` on a real terminal: screens of a server whose figures are known, and keys with a host of ours.
local program = require "spec.support.program"
local screens = require "spec.support.screen"

local GREETING <const> = '{"ok": true, "value": "P", "text": "TaskPool-jobs", "protocol": 3}\n'

local VALUES <const> = {
  ['["pools","-l"]'] = '[{"pool": "TaskPool-jobs", "size": 3, "running": 2, "waiting": 28, "failed": 1, '
    .. '"locked": false, "paused": true}, {"pool": "TaskPool-other", "size": "inf", "running": 0, "waiting": 0, '
    .. '"failed": 0, "locked": false, "paused": false}]',
  ['["groups"]'] = '[{"group": "fetch", "ended": 12, "running": 2, "waiting": 10, "failed": 1, "why": "limit 2/2"}, '
    .. '{"group": "größer 漢字", "ended": 0, "running": 0, "waiting": 18, "failed": 0, "why": "pool full 3/3"}]',
  ['["tasks","-l","1000"]'] = '[{"id": 7, "group": "fetch", "state": "running", "age": 3.5, "busy": 0.1, '
    .. '"at": "jobs.lua:57"}, {"id": 8, "group": "fetch", "state": "running", "age": 1.5, "busy": 0.4, '
    .. '"at": "jobs.lua:9"}]',
}

---Pictures of these at three widths; %s are the blanks between the plots.
local NARROW <const> = [[
TaskPool-jobs  up 2m05s  2 running  28 w
tasks/s 0 (most 0)   latency p99 ms 0 (m
pool              running    waiting
TaskPool-jobs           2         28
TaskPool-other          0          0
group            ended  running  waiting
fetch               12        2       10
größer 漢字          0        0       18
    id  group         at
     8  fetch         jobs.lua:9
     7  fetch         jobs.lua:57
q quit  s sort  / filter  t traceback  c]]

local WIDE <const> = [[
TaskPool-jobs  up 2m05s  2 running  28 waiting  1 failed  3.5 MiB
tasks/s 0 (most 0)%slatency p99 ms 0 (most 0)
pool                size  running    waiting   failed  locked  paused
TaskPool-jobs          3        2         28        1  false   true
TaskPool-other       inf        0          0        0  false   false
group           done           ended  running  waiting  failed  why
fetch           ██████░░░░░░      12        2       10       1  limit 2/2
größer 漢字     ░░░░░░░░░░░░       0        0       18       0  pool full 3/3
    id  group         state          age     busy  at
     8  fetch         running       1.5s     0.4s  jobs.lua:9
     7  fetch         running       3.5s     0.1s  jobs.lua:57
q quit  s sort  / filter  t traceback  c cancel  p pause  (by busy)]]

describe("top", function()
  local directory, socket, server, speed

  before_each(function()
    directory = program.make_directory()
    socket = directory .. "/control.sock"
    speed = 0
    server = program.fake_server(socket, function(line, client, number)
      if number == 1 then
        return client:write(GREETING)
      end
      local value = VALUES[line]
      if line == '["status"]' then
        value = ('{"pool": "TaskPool-jobs", "uptime": 125, "running": 2, "waiting": 28, "failed": 1, '
          .. '"memory": 3670016, "ended_per_s": %d, "latency_p99_ms": 0}'):format(speed)
      end
      client:write(('{"ok": true, "value": %s}\n'):format(value or '"calls\\n  of it"'))
    end)
  end)

  after_each(function()
    server.close()
    program.remove_directory(directory)
  end)

  local function open(width, height)
    local words = { program.path, "control", "unix", socket, "top" }
    local screen = screens.open(words, { width = width, height = height or 24, env = { NO_COLOR = "1" } })
    screen:wait_for "q quit"
    return screen
  end

  ---The picture at a width, without empty lines.
  local function picture(width)
    local screen <close> = open(width)
    return (screen:text():gsub("\n\n+", "\n"))
  end

  it("shows host, pools, groups and tasks at 40 columns", function()
    assert.are.equal(NARROW, picture(40))
  end)

  it("shows them at 80 columns", function()
    assert.are.equal(WIDE:format((" "):rep(23)), picture(80))
  end)

  it("shows them at 200 columns", function()
    assert.are.equal(WIDE:format((" "):rep(83)), picture(200))
  end)

  it("plots the speed", function()
    speed = 8
    local screen <close> = open(80)
    screen:wait_for "tasks/s 8 (most 8)"
    screen:wait_for "██"
    speed = 4
    screen:wait_for "tasks/s 4 (most 8)"
  end)

  it("has no plots on a low screen", function()
    local screen <close> = open(80, 14)
    assert.is_nil(screen:text():find("tasks/s", 1, true))
  end)

  ---The ids of the tasks on the screen, in their order.
  local function ids(text)
    local found = {}
    for id in text:gmatch "\n%s+(%d+)  fetch +running" do
      found[#found + 1] = id
    end
    return table.concat(found, " ")
  end

  it("sorts and filters", function()
    local screen <close> = open(80)
    assert.are.equal("8 7", ids(screen:text()))
    screen:type "s"
    assert.are.equal("7 8", ids(screen:wait_for "(by age)"))
    screen:type "s"
    screen:wait_for "(by id)"
    screen:type "/"
    screen:wait_for "filter: _"
    screen:type(":", "9")
    screen:wait_for "filter: :9_"
    screen:type "Enter"
    assert.are.equal("8", ids(screen:wait_for "(by id, with :9)"))
    screen:type "/"
    screen:wait_for "filter: :9_"
    screen:type "Escape"
    assert.are.equal("7 8", ids(screen:wait_for "(by id)"))
  end)

  it("shows a traceback, cancels the selected task, and pauses", function()
    local screen <close> = open(80)
    screen:type "t"
    screen:wait_for "Task 8\n\ncalls\n  of it\n"
    screen:type "x"
    screen:wait_for "jobs.lua:57"
    screen:type("Down", "c")
    screen:wait_for "cancel task 7? y"
    screen:type "n"
    screen:wait_for "q quit"
    screen:type "c"
    screen:wait_for "cancel task 7? y"
    screen:type "y"
    screen:wait_for "q quit"
    screen:type "p"
    program.run_until(function()
      return table.concat(server.lines, "\n"):find('["pause","--toggle"]', 1, true)
    end, function()
      return "no pause"
    end)
    local lines = table.concat(server.lines, "\n")
    assert.is_truthy(lines:find('["traceback","8"]', 1, true))
    local _, cancels = lines:gsub('%["cancel",', "")
    assert.are.equal(1, cancels)
    assert.is_truthy(lines:find('["cancel","7"]', 1, true))
  end)

  it("gives the terminal back, and the prompt goes on", function()
    local screen <close> = screens.open { program.path, "control", "unix", socket }
    screen:wait_for "jobs>"
    screen:type("top", "Enter")
    screen:wait_for "jobs.lua:57"
    screen:resize(60, 20)
    screen:wait_for "jobs.lua:57"
    screen:type "q"
    screen:wait_for "jobs> top\njobs>"
    screen:type("exit", "Enter")
    screen:wait_for "[exit 0]"
  end)

  it("needs a terminal", function()
    local done = program.run { "control", "unix", socket, "top" }
    assert.are.same({ 3, "" }, { done.code, done.out })
    assert.matches("^NotAvailable: top needs a terminal", done.err)
  end)
end)
