-- SPDX-License-Identifier: MIT
-- The client with a host of ours, with servers of another make, and with none.
local program = require "spec.support.program"
local uv = require "luv"

local HOST <const> = [[
local taskpool = require "taskpool"
local function work()
  taskpool.sleep(3600)
end
local pool = taskpool.SimpleTaskPool(work, { size = 7 })
taskpool.control.serve { pool, unix = ... }
print "serving"
io.stdout:flush()
]]

local directory, socket

before_each(function()
  directory = program.make_directory()
  socket = directory .. "/control.sock"
end)

after_each(function()
  program.remove_directory(directory)
end)

---Runs the client on the socket with one command.
local function ask(...)
  return program.run { "control", "unix", socket, ... }
end

---Runs it with lines on stdin.
local function tell(lines)
  return program.run({ "control", "unix", socket }, lines)
end

local function assert_ended(code, out, err, done)
  assert.are.same({ code = code, signal = 0, out = out, err = err }, {
    code = done.code,
    signal = done.signal,
    out = done.out,
    err = done.err,
  })
end

describe("the client of a host", function()
  local host

  before_each(function()
    host = program.start { "run", program.write_file(directory .. "/host.lua", HOST), socket }
    host:wait_for "serving"
  end)

  after_each(function()
    host:stop()
  end)

  it("sends the command of its arguments and prints nothing but the answer", function()
    assert_ended(0, "7\n", "", ask "pool-size")
  end)

  it("joins the words of a command", function()
    assert_ended(0, "start-group-0\n", "", ask("start", "2"))
    assert_ended(0, "2\n", "", ask "num-running")
  end)

  it("prints the error of a command to stderr, and its exit code says so", function()
    local done = ask "no-such-command"
    assert.are.equal(1, done.code)
    assert.are.equal("", done.out)
    assert.matches("^%u%a+: .*no%-such%-command.*\n$", done.err)
  end)

  it("sends the lines of its stdin one by one, without a banner", function()
    local done = tell "pool-size\n\n   \n  start 1  \nnum-running"
    assert_ended(0, "7\nstart-group-0\n1\n", "", done)
  end)

  it("goes on after a command that failed", function()
    local done = tell "no-such-command\npool-size\n"
    assert.are.equal("7\n", done.out)
    assert.matches("^%u%a+: .*no%-such%-command.*\n$", done.err)
    assert.are.equal(1, done.code)
  end)

  it("leaves at exit and quit", function()
    assert_ended(0, "7\n", "", tell "pool-size\nexit\nno-such-command\n")
    assert_ended(0, "7\n", "", tell "pool-size\nquit\nno-such-command\n")
  end)

  it("skips comments", function()
    assert_ended(0, "7\n", "", tell "# how large?\npool-size\n  #no-such-command\n")
  end)

  it("explains one command by help", function()
    local expected = ask "lock -h"
    assert.matches("^usage: lock", expected.out)
    assert_ended(0, expected.out, "", tell "help lock\n")
    assert_ended(0, expected.out, "", tell "? lock\n")
    assert_ended(0, tell("-h\n").out, "", tell "?\n")
    assert_ended(0, "Show the host on the whole screen.\n", "", ask("help", "top"))
  end)

  it("prints nothing but errors with -q", function()
    assert_ended(0, "", "", program.run { "control", "-q", "unix", socket, "pool-size" })
    local done = program.run({ "control", "--quiet", "unix", socket }, "pool-size\nno-such-command\n")
    assert.are.same({ 1, "" }, { done.code, done.out })
    assert.matches("^NotFound: there is no command", done.err)
  end)

  it("prints answers as they come with --json", function()
    local done = program.run({ "control", "--json", "unix", socket }, "pool-size\nno-such-command\n")
    assert.are.same({ 1, "" }, { done.code, done.err })
    local first, second = done.out:match "^({[^\n]*})\n({[^\n]*})\n$"
    assert.matches('"value": 7[,}]', first)
    assert.matches('"code": "NotFound"', second)
  end)

  it("ends quietly when nobody reads its answers any more", function()
    local reader = ("%s control unix %s < %s | head -n 1"):format(
      program.path,
      socket,
      program.write_file(directory .. "/lines", ("pool-size\n"):rep(100000))
    )
    local done = program.run { file = "/bin/sh", "-c", reader }
    os.remove(directory .. "/lines")
    assert_ended(0, "7\n", "", done)
  end)

  it("shows the whole of an answer that has many lines", function()
    local done = ask "-h"
    assert.are.equal(0, done.code)
    assert.matches("pool%-size", done.out)
    assert.matches("\n.*\n.*\n", done.out)
  end)
end)

describe("the health check", function()
  local host

  before_each(function()
    host = program.start { "run", program.write_file(directory .. "/host.lua", HOST), socket }
    host:wait_for "serving"
  end)

  after_each(function()
    host:kill "sigcont"
    host:stop()
  end)

  it("is the command ping, with a time limit before the address or after the command", function()
    assert_ended(0, "pong\n", "", ask "ping")
    assert_ended(0, "pong\n", "", ask("ping", "--timeout", "20"))
    assert_ended(0, "pong\n", "", ask("ping", "--timeout=20"))
    assert_ended(0, "pong\n", "", program.run { "control", "--timeout", "20", "unix", socket, "ping" })
    assert_ended(0, "7\n", "", program.run { "control", "--timeout=20", "unix", socket, "pool-size" })
    assert.are.equal(1, ask("pool-size", "--timeout", "20").code) -- an option of the server there
  end)

  it("fails when the host does not answer in time", function()
    host:kill "sigstop"
    for _ = 1, 3 do
      local done = ask("ping", "--timeout", "0.05")
      assert.are.same({ 3, "" }, { done.code, done.out })
      assert.matches("^TimedOut: the server at unix:.* does not answer within 0.05 s\n$", done.err)
    end
  end)

  it("fails when the answer to a later command does not come in time", function()
    local done = program.run({ "control", "--timeout", "0.2", "unix", socket }, "ping\nuntil-closed\nping\n")
    assert.are.same({ 3, "pong\n" }, { done.code, done.out })
    assert.matches("^TimedOut: the server at unix:.* does not answer within 0.2 s\n$", done.err)
  end)

  it("refuses what is not a number of seconds", function()
    for _, word in ipairs { "0", "-1", "soon", "nan", "" } do
      local done = ask("ping", "--timeout", word)
      assert.are.same({ 2, "" }, { done.code, done.out })
      assert.matches("^taskpool control: %-%-timeout must be a number of seconds above 0, not ", done.err)
    end
    assert.are.equal(2, ask("ping", "--timeout").code)
    assert.are.equal(2, program.run({ "control", "--timeout" }).code)
  end)
end)

describe("the client of an asyncio-taskpool server", function()
  local server

  ---Speaks as that server does: the pool's name, then a text for each command, written at once.
  local function serve(answers)
    server = program.fake_server(socket, function(line, client, number)
      if number == 1 then
        client:write "TaskPool-0\n"
      elseif answers[line] then
        client:write(answers[line] .. "\n")
      else
        client:close()
      end
    end)
  end

  after_each(function()
    server.close()
  end)

  it("introduces itself with its width, and shows plain answers", function()
    serve { ["start 5"] = "start-group-0", ["pool-size"] = "inf" }
    local done = tell "start 5\n\npool-size\n"
    assert.are.equal("start-group-0\ninf\n", done.out)
    assert.are.equal("", done.err)
    assert.matches('^{.*"terminal_width": %d+.*}$', server.lines[1])
    assert.are.same({ "start 5", "pool-size" }, { table.unpack(server.lines, 2) })
  end)

  it("does not change a line on its way", function()
    local line = [[map Some.Module.fn ['X', 'y  Z', {"k": [1, 2.5, None, True]}] -n 3]]
    serve { [line] = "map-fn-group-0" }
    assert_ended(0, "map-fn-group-0\n", "", ask(line))
  end)

  it("reads an answer to its end, however long it is", function()
    local help = ("usage: start [-h] num\n"):rep(20000)
    serve { ["-h"] = help, ["start 1"] = "start-group-0" }
    assert.are.equal(help .. "start-group-0\n", tell("-h\nstart 1\n").out)
  end)

  it("tells when the server leaves in the middle", function()
    serve { ["start 1"] = "start-group-0" }
    local done = tell "start 1\nwhat\nstart 1\n"
    assert.are.equal(5, done.code)
    assert.are.equal("start-group-0\n", done.out)
    assert.matches("IOError: the server at unix:.* closed the connection\n$", done.err)
  end)
end)

describe("the client of a framed server", function()
  local server

  local function serve(greeting, answers)
    server = program.fake_server(socket, function(line, client, number)
      client:write(number == 1 and greeting or answers[line])
    end)
  end

  it("sends the words of a command as they are, if the server takes words", function()
    local words = '["get-group-ids","two words","\\"x\\""]'
    serve('{"ok": true, "text": "P", "protocol": 3}\n', { [words] = '{"ok": true, "text": "{}"}\n' })
    assert_ended(0, "{}\n", "", ask("get-group-ids", "two words", '"x"'))
    assert.are.equal(words, server.lines[2])
  end)

  it("joins the words for a server of protocol 2, and sends one word as a line", function()
    serve('{"ok": true, "text": "P", "protocol": 2}\n', { ["start 5"] = '{"ok": true, "text": "g"}\n' })
    assert_ended(0, "g\n", "", ask("start", "5"))
    assert_ended(0, "g\n", "", ask "start 5")
  end)

  it("shows the token of a file in its first line", function()
    local path = program.write_file(directory .. "/token", "# the server's file\n\noperate sesame\nmore\n")
    serve('{"ok": true, "text": "P", "protocol": 2}\n', { ping = '{"ok": true, "text": "pong"}\n' })
    assert_ended(0, "pong\n", "", program.run { "control", "--token-file", path, "unix", socket, "ping" })
    assert.matches('"token": "sesame"', server.lines[1])
    ask "ping"
    assert.is_nil(server.lines[3]:find("token", 1, true))
    program.write_file(path, "\n")
    local done = program.run { "control", "--token-file", path, "unix", socket, "ping" }
    os.remove(path)
    assert.are.equal(2, done.code)
    assert.matches("^taskpool control: %-%-token%-file must be a file with a token", done.err)
  end)

  it("leaves with exit code 5 when the connection is lost in the middle", function()
    server = program.fake_server(socket, function(_, client, number)
      if number == 1 then
        client:write '{"ok": true, "text": "P", "protocol": 2}\n'
      else
        client:close()
      end
    end)
    local done = ask "until-closed"
    assert.are.equal(5, done.code)
    assert.matches("^IOError: .* closed the connection\n$", done.err)
  end)

  local GREETING <const> = '{"ok": true, "value": "P", "text": "P", "protocol": 2}\n'

  after_each(function()
    server.close()
  end)

  it("shows events as they come, before the answer", function()
    local events = '{"event": "ended", "id": 3, "took": 0.1, "group": "g"}\n{"event": "ended", "text": "as text"}\n'
    serve(GREETING, { events = events .. '{"ok": true, "value": 2, "text": "2"}\n' })
    assert_ended(0, "ended id=3 took=0.1 group=g\nas text\n2\n", "", ask "events")
    local done = program.run { "control", "--json", "unix", socket, "events" }
    assert_ended(0, events .. '{"ok": true, "value": 2, "text": "2"}\n', "", done)
  end)

  it("hands the bytes of an answer on unchanged where no terminal reads them", function()
    serve(GREETING, { evil = '{"ok": true, "text": "\\u001b[31m\\u202e\\u0000"}\n' })
    assert_ended(0, "\27[31m\u{202e}\0\n", "", ask "evil")
  end)

  it("leaves with exit code 4 when a command is denied", function()
    serve(GREETING, { lock = '{"ok": false, "code": "Denied", "message": "read only"}\n' })
    assert_ended(4, "", "Denied: read only\n", ask "lock")
  end)

  it("leaves with exit code 4 when the greeting denies", function()
    serve('{"ok": false, "code": "Denied", "message": "not your host"}\n', {})
    local done = ask "lock"
    assert.are.equal(4, done.code)
    assert.matches("^Denied: .*not your host\n$", done.err)
  end)

  it("tells why the server has closed the connection, if it has said so", function()
    local closed
    server = program.fake_server(socket, function(_, client)
      client:write(GREETING .. '{"ok": false, "code": "NotAvailable", "message": "no room"}\n', function()
        client:close()
        closed = true
      end)
    end)
    local client = program.start { "control", "unix", socket }
    repeat
      uv.run "once"
    until closed
    client:write "lock\n"
    assert_ended(5, "", "NotAvailable: no room\n", client:finish())
  end)

  it("does not go on with a server that it does not understand", function()
    serve(GREETING, { lock = "ok\n" })
    local done = ask "lock"
    assert.are.equal(3, done.code)
    assert.matches("^IOError: .*not an answer\n$", done.err)
  end)
end)

describe("the client without a server", function()
  local function assert_refused(code, pattern, ...)
    local done = program.run { "control", ... }
    assert.are.equal(code, done.code)
    assert.are.equal("", done.out)
    assert.matches(pattern, done.err)
  end

  it("says that the socket is missing", function()
    assert_refused(3, "^IOError: cannot connect to unix:.*no such socket", "unix", socket, "x")
  end)

  it("says that nobody listens there", function()
    local probe = uv.new_tcp()
    assert(probe:bind("127.0.0.1", 0))
    local port = tostring(probe:getsockname().port)
    probe:close()
    uv.run "nowait"
    assert_refused(3, "^IOError: cannot connect to tcp://.*nobody listens", "tcp", "127.0.0.1", port)
  end)

  it("refuses addresses that cannot be", function()
    assert_refused(2, "^InvalidArgument: .*107 bytes, not 200", "unix", ("x"):rep(200), "x")
    assert_refused(2, "^InvalidArgument: .*up to 65535", "tcp", "localhost", "65536", "x")
    assert_refused(2, "^InvalidArgument: .*up to 65535", "tcp", "localhost", "http", "x")
    assert_refused(2, "^InvalidArgument: .*from 1 to 65535", "tcp", "localhost", "0", "x")
  end)

  it("refuses a command that is none or more than one", function()
    assert_refused(2, "^InvalidArgument: a command is one line", "unix", socket, "")
    assert_refused(2, "^InvalidArgument: a command is one line", "unix", socket, "a\nb")
  end)

  it("says what is missing on its command line", function()
    assert_refused(2, "tcp or unix is needed\nusage: ")
    assert_refused(2, "not udp\nusage: ", "udp", "x")
    assert_refused(2, "HOST and PORT are needed\nusage: ", "tcp", "localhost")
    assert_refused(2, "PATH is needed\nusage: ", "unix")
  end)
end)
