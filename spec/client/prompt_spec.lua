-- SPDX-License-Identifier: MIT
-- The client's prompt, on a terminal that script(1) makes.
local program = require "spec.support.program"

local GREETING <const> = '{"ok": true, "value": "P", "text": "SimpleTaskPool-0", "protocol": 2}\n'
local EVIL <const> = '{"ok": true, "text": "\\u001b[31m\\u009b\\u007f\\u202e\\u0000 end"}\n'
local CLEAR <const>, LEAVE <const>, UP <const> = "\3", "\4", "\27[A"

describe("the prompt", function()
  local directory, server, terminal

  ---Repeats each line as its answer, but for some.
  local function answer(line, client, number)
    if number == 1 then
      client:write(GREETING)
    elseif line == "evil" then
      client:write(EVIL)
    elseif line:find "^fail" then
      client:write '{"ok": false, "code": "TaskNotFound", "message": "no task 9"}\n'
    elseif line == "leave" then
      client:close()
    elseif line ~= "never" then
      client:write(('{"ok": true, "text": "<%s>"}\n'):format(line))
    end
  end

  ---Starts a client at a terminal and waits for its prompt.
  local function open()
    local command = ("exec %s control unix %s/control.sock"):format(program.path, directory)
    terminal = program.start {
      file = "script",
      "-qefc",
      command,
      "/dev/null",
      env = {
        TERM = "xterm",
        NO_COLOR = "1",
        SHELL = "/bin/sh",
        HOME = directory,
        XDG_STATE_HOME = directory .. "/state",
      },
    }
    terminal:wait_for "> "
  end

  ---Types a line and waits for its answer and the next prompt.
  local function type(keys, shown)
    terminal:write(keys .. "\r")
    terminal:wait_for(shown)
    terminal:wait_for "> "
  end

  ---Leaves, and returns how the client ended.
  local function leave(keys)
    terminal:write(keys)
    return terminal:finish()
  end

  local function commands()
    return { table.unpack(server.lines, 2) }
  end

  before_each(function()
    directory = program.make_directory()
    server = program.fake_server(directory .. "/control.sock", answer)
    open()
  end)

  after_each(function()
    if not terminal.code then
      terminal:kill "sigkill"
      terminal:finish()
    end
    server.close()
    program.remove_directory(directory)
  end)

  it("says where it is and how to get help, and shows each answer", function()
    assert.matches("^Connected to SimpleTaskPool%-0\r\n[^\n]*%-h[^\n]*\r\nSimpleTaskPool%-0> $", terminal.out)
    type("start 5", "<start 5>\r\n")
    local done = leave "exit\r"
    assert.matches("Disconnected from control server%.\r\n$", done.out)
    assert.are.equal(0, done.code)
    assert.are.same({ "start 5" }, commands())
  end)

  it("skips lines without a command", function()
    terminal:write "\r   \r"
    type("start 5", "<start 5>")
    assert.are.equal(0, leave("exit\r").code)
    assert.are.same({ "start 5" }, commands())
  end)

  it("shows an error with its code and goes on", function()
    type("fail", "TaskNotFound: no task 9\r\n")
    type("start 5", "<start 5>")
    assert.are.equal(0, leave("exit\r").code) -- a person has seen it
  end)

  it("drops the line at ^C", function()
    type("pool-size 1" .. CLEAR .. "start 5", "<start 5>")
    leave "exit\r"
    assert.are.same({ "start 5" }, commands())
  end)

  it("leaves at ^D", function()
    local done = leave(LEAVE)
    assert.matches("\r\nDisconnected from control server%.\r\n$", done.out)
    assert.are.equal(0, done.code)
  end)

  it("brings back the line before", function()
    type("start 5", "<start 5>")
    type("num-running", "<num-running>")
    type(UP .. UP, "<start 5>")
    leave "exit\r"
    assert.are.same({ "start 5", "num-running", "start 5" }, commands())
  end)

  it("takes characters of every language", function()
    type("echo größer 漢字", "<echo größer 漢字>")
    leave "exit\r"
    assert.are.same({ "echo größer 漢字" }, commands())
  end)

  it("keeps its lines for the next session in a file that only its user may read", function()
    type("start 5", "<start 5>")
    type("auth secret", "<auth secret>")
    leave "exit\r"
    local path = directory .. "/state/taskpool/history"
    assert.are.equal("start 5\nexit\n", program.read_file(path))
    assert.are.equal(tonumber("100600", 8), require("luv").fs_stat(path).mode)
    open()
    type(UP .. UP, "<start 5>")
    leave "exit\r"
  end)

  it("works where no history can be written", function()
    leave "exit\r"
    program.remove_directory(directory .. "/state")
    program.write_file(directory .. "/state", "")
    open()
    type("start 5", "<start 5>")
    assert.are.equal(0, leave("exit\r").code)
  end)

  it("lets nothing through that steers a terminal", function()
    type("evil", [[\x1b[31m\u{9b}\x7f\u{202e}\x00 end]])
    leave "exit\r"
    local shown = terminal.out:match "evil\r\n(.-)\r\n"
    assert.is_nil(shown:find "[\0-\8\11-\31\127-\255]")
  end)

  it("says how to leave a command that takes its time, and ^C does so", function()
    terminal:write "never\r"
    terminal:wait_for "^C leaves"
    local done = leave(CLEAR)
    assert.is_nil(done.out:find "Disconnected")
    assert.are.equal(128 + 2, done.code)
  end)

  it("tells when the server leaves", function()
    type("leave", "IOError: the server at unix:" .. directory .. "/control.sock closed the connection\r\n")
    local done = leave "exit\r"
    assert.are.equal(5, done.code)
  end)

  it("connects again for the next command, and keeps its pool", function()
    type("use jobs", "<use jobs>")
    type("leave", "closed the connection\r\n")
    type("start 5", "Connected again to SimpleTaskPool-0\r\n<start 5>\r\n")
    assert.are.same({ "use jobs", "start 5" }, { server.lines[#server.lines - 1], server.lines[#server.lines] })
    type("leave", "closed the connection\r\n")
    server.close()
    type("start 6", "IOError: cannot connect to unix:")
    server = program.fake_server(directory .. "/control.sock", answer)
    type("start 7", "Connected again to SimpleTaskPool-0\r\n<start 7>\r\n")
    assert.are.equal(0, leave("exit\r").code)
  end)
end)
