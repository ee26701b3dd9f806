-- SPDX-License-Identifier: MIT
-- Tables of the client: in columns on a terminal, with tabs elsewhere.
local program = require "spec.support.program"
local screens = require "spec.support.screen"

local GREETING <const> = '{"ok": true, "value": "P", "text": "TaskPool-jobs", "protocol": 3}\n'

local COLUMNS <const> = '[{"name": "id", "align": "right"}, {"name": "group", "align": "left"}, '
  .. '{"name": "state", "align": "left"}, {"name": "timed_out", "align": "right"}, {"name": "at", "align": "left"}]'

local ROWS <const> = '[{"id": 7, "group": "größer 漢字", "state": "running", "timed_out": 0, '
  .. '"at": "sleep < fetch at jobs.lua:57 < run at a/very/long/path/of/modules.lua:1234"}, '
  .. '{"id": 1234, "group": "b\\tc\\u001b[31m", "state": "failed", "timed_out": 2, "at": null}]'

local ANSWERS <const> = {
  tasks = ('{"ok": true, "value": %s, "columns": %s, "text": "the text"}\n'):format(ROWS, COLUMNS),
  none = ('{"ok": true, "value": [], "columns": %s, "text": "the text"}\n'):format(COLUMNS),
  status = '{"ok": true, "value": {"pool": "jobs", "size": 2.5, "min": null, "locked": true}, "columns": '
    .. '[{"name": "pool", "align": "left"}, {"name": "size", "align": "left"}, {"name": "min", "align": "left"}, '
    .. '{"name": "locked", "align": "left"}], "text": "the text"}\n',
  wide = '{"ok": true, "value": [{"running_tasks": 1, "waiting_tasks": 22, "ended_tasks": 3, "why": "full"}, '
    .. '{"running_tasks": 0, "waiting_tasks": 0, "ended_tasks": 0, "why": null}], "columns": '
    .. '[{"name": "running_tasks", "align": "right"}, {"name": "waiting_tasks", "align": "right"}, '
    .. '{"name": "ended_tasks", "align": "right"}, {"name": "why", "align": "left"}], "text": "the text"}\n',
  list = '{"ok": true, "value": [1, 2], "text": "[1, 2]"}\n',
}

describe("a table", function()
  local directory, socket, server

  before_each(function()
    directory = program.make_directory()
    socket = directory .. "/control.sock"
    server = program.fake_server(socket, function(line, client, number)
      client:write(number == 1 and GREETING or ANSWERS[line])
    end)
  end)

  after_each(function()
    server.close()
    program.remove_directory(directory)
  end)

  ---What a terminal of that width shows of a command.
  local function show(width, command, options, styled)
    local words = { program.path, "control", "unix", socket, command }
    for index, word in ipairs(options or {}) do
      table.insert(words, 2 + index, word)
    end
    local screen <close> = screens.open(words, { width = width })
    screen:wait_for "[exit 0]"
    return (screen:text(styled):gsub("\n?%[exit 0%].*$", ""))
  end

  it("has tabs between its cells where no terminal is", function()
    local done = program.run { "control", "unix", socket, "tasks" }
    assert.are.equal(
      "id\tgroup\tstate\ttimed-out\tat\n"
        .. "7\tgrößer 漢字\trunning\t0\tsleep < fetch at jobs.lua:57 < run at a/very/long/path/of/modules.lua:1234\n"
        .. "1234\tb c\\x1b[31m\tfailed\t2\t-\n",
      done.out
    )
    assert.are.equal("pool\tjobs\nsize\t2.5\nlocked\ttrue\n", program.run({ "control", "unix", socket, "status" }).out)
    assert.are.equal("[1, 2]\n", program.run({ "control", "unix", socket, "list" }).out)
  end)

  it("is as wide as its cells where there is room", function()
    assert.are.equal(
      [[
  id  group        state    timed-out  at
   7  größer 漢字  running          0  sleep < fetch at jobs.lua:57 < run at a/very/long/path/of/modules.lua:1234
1234  b c\x1b[31m  failed           2  -]],
      show(200, "tasks")
    )
  end)

  it("is cut where the terminal is narrow, the widest texts first", function()
    assert.are.equal(
      [[
  id  group        state    timed-out  at
   7  größer 漢字  running          0  sleep < fetch at jobs.lua:57 < run at a/v
1234  b c\x1b[31m  failed           2  -]],
      show(80, "tasks")
    )
    assert.are.equal(
      [[
  id  group    state    timed-out  at
   7  größer   running          0  sleep
1234  b c\x1b  failed           2  -]],
      show(40, "tasks")
    )
  end)

  it("has a line for each field where even that is too wide", function()
    assert.are.equal(
      "running-tasks  waiting-tasks  ended-tasks  why\n"
        .. "            1             22            3  full\n"
        .. "            0              0            0  -",
      show(80, "wide")
    )
    assert.are.equal(
      [[
running-tasks  1
waiting-tasks  22
ended-tasks    3
why            full

running-tasks  0
waiting-tasks  0
ended-tasks    0]],
      show(40, "wide")
    )
  end)

  it("shows one object as a line for each field", function()
    assert.are.equal("pool    jobs\nsize    2.5\nlocked  true", show(40, "status"))
  end)

  it("is the server's text without rows", function()
    assert.are.equal("the text", show(80, "none"))
  end)

  it("has colours on a terminal only, and as --color and NO_COLOR say", function()
    assert.matches("\27%[31mfailed", show(80, "tasks", nil, true))
    assert.is_nil(show(80, "tasks", { "--color", "never" }, true):find("\27[31mfailed", 1, true))
    assert.is_nil(program.run({ "control", "unix", socket, "tasks" }).out:find("\27", 1, true))
    local screen <close> = screens.open(
      { program.path, "control", "unix", socket, "tasks" },
      { env = { NO_COLOR = "1" } }
    )
    screen:wait_for "[exit 0]"
    assert.is_nil(screen:text(true):find("\27[31mfailed", 1, true))
    local done = program.run { "control", "--color", "sometimes", "unix", socket, "tasks" }
    assert.are.equal(2, done.code)
    assert.matches("^taskpool control: %-%-color must be auto, always or never, not sometimes\n", done.err)
  end)
end)
