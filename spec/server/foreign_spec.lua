-- SPDX-License-Identifier: MIT
-- Clients of other protocols at the control port: none of their lines runs as a command.
local hosts = require "spec.support.host"
local json = require "dkjson"

local MODULES <const> = {
  ["jobs.lua"] = [[
    local taskpool = require "taskpool"
    return { work = function() taskpool.sleep(3600) end }
  ]],
}

-- What an attacker would like to run. The last is without a line end.
local COMMANDS <const> = "lock\r\napply jobs.work -g foreign\r\npool-size 1\r\nlock"

local OPENINGS <const> = {
  "GET /\r\n",
  "OPTIONS * HTTP/1.1\r\n",
  "CONNECT 127.0.0.1:80 HTTP/1.1\r\n",
  "GET http://127.0.0.1/ HTTP/1.1\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\r\n\r\nGET / HTTP/1.1\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nlock\r\n\r\n0\r\n\r\n",
  "GET / HTTP/1.1\r\nX-Folded: a\r\n lock\r\n\r\n",
  "Host: localhost\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
  "HELO localhost\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n",
  "EHLO localhost\r\n",
  "USER anonymous\r\nPASS a@b\r\nPORT 127,0,0,1,31,65\r\n",
  "220 ready\r\n",
  "OPTIONS rtsp://127.0.0.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
  "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP b\r\n\r\n",
  "PING\r\n",
  "SET a lock\r\n",
  "*1\r\n$4\r\nPING\r\n",
  "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4\r\nlock\r\n",
  "+OK\r\n",
  "\22\3\1\2\0\1\0\1\252\3\3" .. ("\n\0"):rep(100),
  "\128\46\1\0\2\0\21\0\0\0\16\n",
  "SSH-2.0-OpenSSH_9.2\r\n",
  "\255\253\1\255\253\31\255\251\1\r\n",
  "\3\0\0\19\14\224\0\0\0\0\0\1\0\8\0\3\0\0\0\n",
  "\0\0\0\8\4\210\22\47\n",
  "\0\n",
  "\27[A\n",
  "get a\r\nset a 0 0 4\r\n",
  "NICK a\r\nUSER a 0 * :a\r\n",
  "group misc.test\r\n",
  "{\n",
  "{'terminal_width': 80}\n",
  '{"reply": "xml"}\n',
  '["lock"]\n',
  '"lock"\n',
  "'lock'\n",
  "lock now\n",
  "lock;\n",
  "LOCK\n",
  ("x"):rep(70000) .. "\n",
}

-- Methods of HTTP, known, made up, and such as are commands here.
local METHODS <const> = {
  "GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "TRACE", "QUERY", "PROPFIND", "LOCK", "UNLOCK", "patch", "Foo",
  "lock", "start", "use", "pool-size", "cancel-group", "get-group-ids",
  "help", "exit", "-h", "M-SEARCH", "!#$%&'*+-.^_`|~",
}

for _, method in ipairs(METHODS) do
  OPENINGS[#OPENINGS + 1] = method .. " / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n\r\n"
end

---Adds openings of random bytes, each at least a line.
local function add_garbage(count)
  local seed = os.time()
  math.randomseed(seed)
  for _ = 1, count do
    local bytes = { "\128" }
    for i = 2, math.random(2, 200) do
      bytes[i] = string.char(math.random(0, 255))
    end
    OPENINGS[#OPENINGS + 1] = table.concat(bytes) .. "\n"
  end
  return seed
end

describe("a client of another protocol (T50)", function()
  ---Whether a command of COMMANDS has run.
  local function has_run(witness)
    for command, expected in pairs { ["is-locked"] = "false", ["num-running"] = "0", ["pool-size"] = "inf" } do
      if witness:ask(command) ~= expected then
        return true
      end
    end
    return false
  end

  -- How the opening and the commands are sent.
  local WAYS <const> = {
    function(wire, opening)
      wire:push(opening .. COMMANDS)
    end,
    function(wire, opening)
      wire:push(opening)
      wire:push(COMMANDS)
    end,
    function(wire, opening, witness)
      wire:push(opening)
      witness:ask "is-locked" -- the server has had its turn
      wire:push(COMMANDS)
    end,
  }

  it("has no command run, and its session ends", function()
    local host <close> = hosts.start([[ taskpool.TaskPool { name = "jobs" } ]], MODULES)
    local witness <close> = host:greet()
    local seed = add_garbage(40)
    local tried, run = 0, 0
    for _, opening in ipairs(OPENINGS) do
      for _, send in ipairs(WAYS) do
        local wire <close> = host:connect()
        send(wire, opening, witness)
        wire:shutdown()
        assert.matches("^[^\n]*\n?$", wire:finish()) -- one answer, or none
        tried = tried + 1
        run = run + (has_run(witness) and 1 or 0)
        assert.are.equal(0, run, ("seed %d, opening %q"):format(seed, opening:sub(1, 200)))
      end
    end
    print(("foreign: tried=%d commands_run=%d"):format(tried, run))
  end)

  it("is sent away in the midst of a session, too", function()
    local host <close> = hosts.start([[ taskpool.TaskPool { name = "jobs" } ]], MODULES)
    for _, first in ipairs { "pool-size", '{"terminal_width": 80}' } do
      for _, line in ipairs { "POST / HTTP/1.1", "Foo /a b HTTP/1.1", "Host: localhost", "x-a:b" } do
        local wire <close> = host:connect()
        wire:send(("%s\n%s\r\n\r\n%s"):format(first, line, COMMANDS))
        assert.matches("^[^\n]+\nDenied: [^\n]*HTTP[^\n]*\n$", wire:finish(), line)
      end
    end
    local wire <close> = host:connect()
    assert.is_false(has_run(wire))
  end)

  it("is told nothing where it begins as a browser does", function()
    local host <close> = hosts.start [[ taskpool.TaskPool {} ]]
    for _, opening in ipairs { "QUERY / HTTP/1.1\r\n", "\22\3\1\2\0\1" } do
      local wire <close> = host:connect()
      wire:send(opening)
      assert.are.equal("", wire:finish())
    end
  end)
end)

describe("a person's mistake", function()
  local host

  before_each(function()
    host = hosts.start([[ taskpool.TaskPool { name = "jobs" } ]], MODULES)
  end)

  after_each(function()
    host:close()
  end)

  it("in the first line of netcat is answered, and ends the session", function()
    for line, answer in pairs {
      ["poolsize"] = "NotFound: [^\n]*pool%-size",
      ["pool-size many"] = "InvalidArgument: [^\n]*many",
      ["pool-size: 3"] = "Denied: [^\n]*HTTP",
      ["apply jobs.none"] = "NotFound: [^\n]*jobs.none",
    } do
      local wire <close> = host:connect()
      wire:send(line .. "\nlock\n")
      assert.matches("^" .. answer .. "[^\n]*\n$", wire:finish())
    end
    local wire <close> = host:connect()
    assert.are.equal("false", wire:ask "is-locked")
  end)

  it("after a good line is answered, and the session goes on", function()
    for first in pairs { ["-h"] = 1, ["pool-size -h"] = 1, ["get-group-ids none"] = 1, ["lock"] = 1 } do
      local wire <close> = host:connect()
      wire:send(first .. "\nnonsense\nis-full\n")
      wire:shutdown()
      assert.matches("\nNotFound: [^\n]*nonsense[^\n]*\nfalse\n$", wire:finish())
    end
  end)

  it("after the greeting of asyncio-taskpool's client or of ours is answered, and the session goes on", function()
    local plain <close> = host:greet()
    assert.matches("^NotFound: ", plain:ask "nonsense")
    assert.are.equal("false", plain:ask "is-locked")
    local framed <close> = host:greet '{"terminal_width": 80, "reply": "json"}'
    assert.are.equal("NotFound", json.decode(framed:ask "nonsense").code)
    assert.are.equal("false", json.decode(framed:ask "is-locked").text)
  end)

  it("in the greeting is answered, and ends the session", function()
    local wire <close> = host:connect()
    wire:send '{"reply": "xml"}\nlock\n'
    assert.matches("^InvalidArgument: [^\n]*reply[^\n]*\n$", wire:finish())
  end)
end)
