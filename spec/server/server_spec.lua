-- SPDX-License-Identifier: MIT
-- What a control server allows its clients: places, time, and length; and what it logs of those it sends away.
local hosts = require "spec.support.host"
local json = require "dkjson"
local program = require "spec.support.program"
local uv = require "luv"
local wires = require "spec.support.wire"

local POOL <const> = [[ taskpool.SimpleTaskPool(function() taskpool.sleep(3600) end, { size = 7 }) ]]

---What the server logs of clients, of a host that has ended: the first, and how many more the summaries say.
local function read_warnings(host)
  local lines, more = 0, 0
  for _ in host.process.err:gmatch "control client: " do
    lines = lines + 1
  end
  for count in host.process.err:gmatch "control server: further clients sent away: (%d+)" do
    lines = lines + 1
    more = more + count
  end
  return lines, more
end

---A client whose command waits. It has begun to wait when this returns.
local function start_waiting(host)
  local wire = host:connect()
  wire:send "pool-size\nuntil-closed\n"
  assert.are.equal("7", wire:line())
  return wire
end

local function close_all(clients)
  for _, wire in ipairs(clients) do
    wire:close()
  end
end

describe("when all places are taken", function()
  it("the client that has been idle longest makes room for a new one, and is told why", function()
    local host <close> = hosts.start(POOL .. "options.max_clients = 3")
    local first <close> = host:greet()
    local second <close> = host:greet()
    local third <close> = host:greet()
    assert.are.equal("7", first:ask "pool-size")
    local fourth <close> = host:greet()
    assert.matches("^NotAvailable: [^\n]*connect again\n$", second:finish())
    local framed <close> = host:greet '{"reply": "json"}'
    assert.matches("^NotAvailable: ", third:finish())
    assert.are.equal("7", fourth:ask "pool-size")
    assert.are.equal("7", first:ask "pool-size")
    local fifth <close> = host:greet()
    assert.are.equal("7", fifth:ask "pool-size")
    local answer = json.decode(framed:finish())
    assert.are.same({ false, "NotAvailable" }, { answer.ok, answer.code })
  end)

  it("no command that runs is ended for it: the new one is refused", function()
    local host <close> = hosts.start(POOL .. "options.max_clients = 3")
    local clients = { start_waiting(host), start_waiting(host), start_waiting(host) }
    local late <close> = host:connect()
    assert.matches("^NotAvailable: [^\n]*3 clients[^\n]*\n$", late:finish())
    clients[2]:close()
    local greeting
    repeat -- until the server has let go of it
      local wire <close>, answer = host:greet()
      greeting = wire and answer
    until greeting == "SimpleTaskPool-0"
    local operator <close> = host:greet()
    assert.are.equal("ok", operator:ask "gather-and-close")
    assert.are.equal("true", clients[1]:line())
    assert.are.equal("true", clients[3]:line())
    close_all(clients)
  end)

  it("a person can come in, among 128 clients that say nothing", function()
    local host <close> = hosts.start(POOL)
    local clients = {}
    for i = 1, 128 do
      clients[i] = host:connect()
    end
    local _ <close>, greeting = host:greet()
    assert.are.equal("SimpleTaskPool-0", greeting)
    assert.matches("^NotAvailable: ", clients[1]:finish())
    assert.are.equal("7", clients[128]:ask "pool-size")
    close_all(clients)
  end)

  it("a client of another protocol takes no place from anybody", function()
    local host <close> = hosts.start(POOL .. "options.max_clients = 1")
    for _ = 1, 50 do
      local wire <close> = host:connect()
      wire:send "GET / HTTP/1.1\r\n"
      wire:finish()
    end
    assert.is_true(host:is_alive())
  end)
end)

describe("those who are sent away", function()
  it("are logged once, and then counted", function()
    local COUNT <const> = 200
    local host = hosts.start(POOL .. "options.max_clients = 1")
    local waiting = start_waiting(host)
    for _ = 1, COUNT do
      local wire <close> = host:connect()
      assert.matches("^NotAvailable: ", wire:finish())
    end
    waiting:close()
    host:close()
    local lines, more = read_warnings(host)
    assert.are.equal(COUNT - 1, more)
    assert.is_true(lines < 20, lines) -- one, and one in ten seconds
  end)

  it("are logged once, too, where descriptors ran out", function()
    local COUNT <const> = 100
    local host = hosts.start(POOL, nil, { "sh", "-c", 'ulimit -n 40; exec "$@"', "sh" })
    local clients, refused = {}, 0
    for i = 1, COUNT do
      clients[i] = host:connect()
      clients[i]:push '{"terminal_width": 80}\n'
    end
    for _, wire in ipairs(clients) do -- all of them are there until the last one has its answer
      refused = refused + (wire:line():match "^NotAvailable: " and 1 or 0)
    end
    close_all(clients)
    host:close()
    local lines, more = read_warnings(host)
    assert.is_true(refused > 50, refused)
    assert.are.equal(refused - 1, more)
    assert.is_true(lines < 20, lines)
  end)

  it("are closed without a word where there are too many of them", function()
    local COUNT <const>, TOLD <const> = 100, 32
    local host <close> = hosts.start(POOL .. "options.max_clients = 1")
    local waiting <close> = start_waiting(host)
    local clients, told = {}, 0
    host.process:kill "sigstop" -- so that they all come at once
    for i = 1, COUNT do
      clients[i] = host:connect()
    end
    host.process:kill "sigcont"
    for _, wire in ipairs(clients) do
      told = told + (wire:finish() ~= "" and 1 or 0)
    end
    close_all(clients)
    assert.is_true(told >= TOLD and told < COUNT, told)
    assert.are.equal("", waiting.data)
  end)
end)

describe("a line that has begun", function()
  it("must end in time, and the client is told so", function()
    local host <close> = hosts.start(POOL .. "options.line_timeout = 0.2")
    local wire <close> = host:greet()
    wire:send "pool-s"
    assert.matches("^TimedOut: [^\n]*0.2 seconds[^\n]*\n$", wire:finish())
    assert.is_true(host:is_alive())
  end)

  it("must do so however many bytes come in between", function()
    local MOST <const> = 200
    local host <close> = hosts.start(POOL .. "options.line_timeout = 0.3")
    local wire <close> = host:greet()
    local timer, sent = uv.new_timer(), 0
    timer:start(0, 20, function()
      wire:push "x"
      sent = sent + 1
      if sent == MOST then
        wire:shutdown()
      end
    end)
    local answer = wire:finish()
    timer:close()
    assert.matches("^TimedOut: ", answer)
    assert.is_true(sent < MOST)
  end)

  it("is run where the client sends no more", function()
    local host <close> = hosts.start(POOL)
    local wire <close> = host:connect()
    wire:send "start 1\nlock\nis-locked"
    wire:shutdown()
    assert.are.equal("start-group-0\nok\ntrue\n", wire:finish())
    local single <close> = host:connect()
    single:send "  num-running "
    single:shutdown()
    assert.are.equal("1\n", single:finish())
    local greeting <close> = host:connect()
    greeting:send '{"reply": "json"}'
    greeting:shutdown()
    assert.matches('^{"ok": true, [^\n]*}\n$', greeting:finish())
  end)
end)

describe("answers that are not read", function()
  local LONG <const> = 200000
  local NAMED <const> = ([[
    local name = ("x"):rep(%d)
    _G[name] = function() end
    taskpool.SimpleTaskPool(_G[name])
  ]]):format(LONG)

  it("hold back the commands behind them, and none is lost", function()
    local COUNT <const> = 60 -- more than 8 MiB, and in one burst
    local host <close> = hosts.start(NAMED)
    local busy <close> = host:greet()
    busy:stop_reading()
    busy:push(("func-name\n"):rep(COUNT))
    local wire <close> = host:greet()
    for _ = 1, 100 do
      assert.are.equal("inf", wire:ask "pool-size")
    end
    busy:start_reading()
    local expected = ("x"):rep(LONG) .. "\n"
    for _ = 1, COUNT do
      assert.is_true(busy:take(#expected) == expected)
    end
  end)

  it("end the session when their time is over", function()
    local host <close> = hosts.start(NAMED .. [[
      options.unread_timeout = 0.2
      taskpool.log.handler = function(_, message)
        io.stdout:write(message, "\n")
        io.stdout:flush()
      end
    ]])
    local busy <close> = host:greet()
    busy:stop_reading()
    busy:push(("func-name\n"):rep(20))
    host.process:wait_for "does not read its answers"
  end)
end)

describe("an answer longer than 8 MiB", function()
  local MODULES <const> = {
    ["long.lua"] = [[
      local long = {}
      function long.text(length) return ("x"):rep(length) end
      function long.list(length)
        local list = {}
        for i = 1, length do list[i] = i end
        return list
      end
      function long.fail(length) error(("x"):rep(length)) end
      return long
    ]],
  }

  local host

  before_each(function()
    host = hosts.start([[ taskpool.TaskPool { size = 7 } ]], MODULES)
  end)

  after_each(function()
    host:close()
  end)

  it("is a clear error, and the session goes on", function()
    local wire <close> = host:greet()
    for _, command in ipairs { "submit long.text -a [9000000]", "submit long.fail -a [9000000]" } do
      assert.matches("^NotAvailable: [^\n]*8 MiB", wire:ask(command))
      assert.are.equal("7", wire:ask "pool-size")
    end
    assert.are.equal(3000000, #wire:ask "submit long.text -a [3000000]")
  end)

  it("is a clear error in JSON, too", function()
    local wire <close> = host:greet '{"reply": "json"}'
    local answer = json.decode(wire:ask "submit long.list -a [1000000]")
    assert.are.same({ false, "NotAvailable" }, { answer.ok, answer.code })
    assert.matches("8 MiB", answer.message)
    assert.are.equal(7, json.decode(wire:ask "pool-size").value)
  end)

  it("is an error of the client", function()
    local done = program.run { "control", "unix", host.directory .. "/control.sock", "submit long.text -a [9000000]" }
    assert.are.same({ 1, "" }, { done.code, done.out })
    assert.matches("^NotAvailable: [^\n]*8 MiB[^\n]*\n$", done.err)
  end)
end)

describe("an error with line breaks in it", function()
  it("is one line of text, and no second answer", function()
    local host <close> = hosts.start([[ taskpool.TaskPool { size = 7 } ]], {
      ["bad.lua"] = [[ return { fail = function() error("first\nok\r\27[31m\u{9b}", 0) end } ]],
    })
    local wire <close> = host:greet()
    local answer = wire:ask "submit bad.fail"
    assert.matches("first\\nok\\r\\x1b%[31m\\u009b", answer)
    assert.not_matches("%c", answer)
    assert.are.equal("7", wire:ask "pool-size")
  end)
end)

describe("a client that leaves", function()
  it("leaves no command behind: the server can end", function()
    local host <close> = hosts.start [[
      local pool = taskpool.TaskPool {}
      local server = control.serve { pool, unix = directory .. "/left.sock" }
      taskpool.SimpleTaskPool(function()
        server:close()
        server:wait()
        print "over"
        io.stdout:flush()
      end)
    ]]
    local leaving = wires.connect("unix:" .. host.directory .. "/left.sock")
    leaving:send "num-running\nuntil-closed\n"
    assert.are.equal("0", leaving:line())
    leaving:close()
    local wire <close> = host:greet()
    assert.are.equal("ok", wire:ask "use SimpleTaskPool-1")
    wire:ask "start 1"
    host.process:wait_for "over"
  end)
end)
