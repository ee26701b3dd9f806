-- SPDX-License-Identifier: MIT
--
-- Who may use a server, and for what: tokens, roles and users.
local hosts = require "spec.support.host"
local json = require "dkjson"
local program = require "spec.support.program"
local uv = require "luv"
local wires = require "spec.support.wire"

local OPERATE <const> = "0123456789abcdef-operate"
local READ <const> = "0123456789abcdef-read"
local WRONG <const> = "0123456789abcdef-wrong"

-- A pool, and servers that differ in what guards them; their addresses are written to stdout. The user of this process
-- admits no other one.
local SCRIPT <const> = [[
  taskpool.TaskPool { name = "jobs" }
  local file = directory .. "/tokens"
  local out = io.open(file, "w")
  out:write("# tokens\n\noperate %s\n  read\t%s \n")
  out:close()
  require "luv".fs_chmod(file, 384) -- 0600
  local function open(name, settings)
    print(name .. " " .. control.serve(settings):address())
  end
  open("any", { tcp = "127.0.0.1:0", token_file = file })
  open("least", { unix = directory .. "/least.sock", token_file = file, role = "read" })
  open("one", { unix = directory .. "/one.sock", token = "%s" })
  open("look", { unix = directory .. "/look.sock", role = "read" })
  open("wide", { tcp = "0.0.0.0:0", token_file = file })
]]

describe("a server", function()
  local host
  local addresses = {}

  setup(function()
    host = hosts.start(SCRIPT:format(OPERATE, READ, OPERATE))
    for name, address in host.process.out:gmatch "(%w+) (%S+:%S+)" do
      addresses[name] = address
    end
  end)

  teardown(function()
    os.remove(host.directory .. "/tokens")
    host:close()
  end)

  ---A session of one of the servers.
  local function connect(name)
    return wires.connect(addresses[name])
  end

  ---A session in JSON, and its greeting.
  local function greet(name, token)
    local wire = connect(name)
    local greeting = json.decode(wire:ask(json.encode { reply = "json", token = token }))
    return wire, greeting
  end

  local function ask(wire, command)
    return json.decode(wire:ask(command))
  end

  it("without a token gives its role at once", function()
    local wire <close>, greeting = greet "look"
    assert.are.equal("read", greeting.role)
    assert.are.equal("TaskPool-jobs", greeting.value)
    assert.is_true(ask(wire, "status").ok)
    local mine <close> = host:greet()
    assert.are.equal("ok", mine:ask "lock")
    assert.are.equal("ok", mine:ask "unlock")
  end)

  it("takes a token in the first line", function()
    for _, case in ipairs {
      { "any", OPERATE, "operate" },
      { "any", READ, "read" },
      { "least", OPERATE, "read" },
      { "least", READ, "read" },
      { "one", OPERATE, "operate" },
      { "wide", OPERATE, "operate" },
    } do
      local wire <close>, greeting = greet(case[1], case[2])
      assert.are.equal(case[3], greeting.role, case[1])
      assert.are.equal("TaskPool-jobs", greeting.value)
      assert.are.equal(case[3] == "operate", ask(wire, "lock").ok)
      ask(wire, "unlock")
    end
  end)

  it("takes a token by `auth`, in text too", function()
    local wire <close> = connect "any"
    assert.are.equal("a token is needed", wire:ask '{"terminal_width": 80}')
    assert.matches("^Denied: [^\n]*auth TOKEN", wire:ask "status")
    assert.are.equal("ok", wire:ask("auth " .. READ))
    assert.matches("^Denied: lock needs the role operate", wire:ask "lock")
    assert.are.equal("ok", wire:ask("auth  " .. OPERATE .. " "))
    assert.are.equal("ok", wire:ask "lock")
    assert.are.equal("ok", wire:ask "unlock")
    local first <close> = connect "one"
    first:send("auth " .. OPERATE .. "\nis-locked\n")
    assert.are.equal("ok", first:line())
    assert.are.equal("false", first:line())
  end)

  it("tells a stranger nothing but help and that it lives", function()
    local wire <close>, greeting = greet "any"
    assert.is_true(greeting.ok)
    assert.is_nil(greeting.role)
    assert.are.equal("pong", ask(wire, "ping").value)
    assert.matches("Commands of this server:", ask(wire, "help").value)
    assert.matches("^usage: auth", ask(wire, "auth -h").value)
    for _, command in ipairs { "status", "pools", "use jobs", "--pool jobs status", "--pool no lock", "map x.y [1]",
      "nonsense", "complete ", "reload x", "modules", "map -h", "lock" } do
      local answer = ask(wire, command)
      assert.are.equal("Denied", answer.code, command)
      assert.is_nil(answer.message:find "jobs", command)
    end
  end)

  it("ends the session of a stranger whose first line it denies", function()
    for _, line in ipairs { "status", "lock", "nonsense", "complete " } do
      local wire <close> = connect "any"
      assert.matches("^Denied: ", wire:ask(line))
      assert.is_nil(wire:line())
    end
  end)

  it("answers a wrong token after a second, and other clients at once", function()
    local wire <close> = connect "any"
    local other <close> = host:greet()
    uv.update_time()
    local since = uv.now()
    wire:push("auth " .. WRONG .. "\ninterrupt\n") -- which does not shorten it
    for _ = 1, 100 do
      assert.are.equal("false", other:ask "is-locked")
    end
    assert.are.equal("", wire.data)
    assert.matches("^Denied: the token is wrong", wire:line())
    uv.update_time()
    assert.is_true(uv.now() - since >= 990, uv.now() - since)
    assert.matches("control client: a wrong token", host.process.err)
    assert.is_nil(host.process.err:find(WRONG, 1, true))
    assert.are.equal("ok", wire:line())
    assert.are.equal("ok", wire:ask("auth " .. OPERATE)) -- the session goes on
  end)

  it("ends a session with its third wrong token, and one whose first line has a wrong one", function()
    local wire <close> = connect "any"
    wire:send(("auth " .. WRONG .. "\n"):rep(4))
    assert.are.equal(("Denied: the token is wrong\n"):rep(3), wire:finish())
    local json_wire <close> = connect "any"
    json_wire:send(json.encode { reply = "json", token = WRONG } .. "\nping\n")
    local answer = json.decode(json_wire:line())
    assert.are.equal("Denied", answer.code)
    assert.is_nil(json_wire:line())
  end)

  it("takes no token that is only the beginning of one, or longer", function()
    for _, token in ipairs { OPERATE:sub(1, -2), OPERATE .. "x", "", ("x"):rep(300) } do
      local wire <close> = connect "one"
      assert.matches('"Denied"', wire:ask('{"reply": "json", "token": "' .. token .. '"}'))
    end
    local wire <close> = connect "one"
    assert.matches('"InvalidArgument".*token', wire:ask '{"reply": "json", "token": 7}')
  end)

  it("takes no long line from a stranger", function()
    local wire <close> = connect "any"
    wire:send("ping " .. (" "):rep(1015) .. "\n") -- 1020 bytes
    assert.are.equal("pong", wire:line())
    wire:send(("x"):rep(1025))
    assert.matches("^InvalidArgument: a line has at most 1024 bytes before a token", wire:line())
    local known <close> = greet("any", OPERATE)
    assert.are.equal("pong", ask(known, "ping" .. (" "):rep(60000)).value)
  end)

  it("warns that a port beyond this machine is not encrypted", function()
    local address = addresses.wide:gsub("%p", "%%%0")
    assert.matches(address .. " can be reached from other machines, and is not encrypted", host.process.err)
    assert.is_nil(host.process.err:find(addresses.any .. " can be", 1, true))
  end)
end)

describe("each command, in each role, at each kind of address (T42),", function()
  -- What guards the servers, and the role that their sessions have then.
  local SERVERS <const> = {
    { options = "", role = "operate" },
    { options = ", role = 'read'", role = "read" },
    { options = ", token_file = file", role = "none" },
    { options = ", token_file = file", token = WRONG, role = "none" },
    { options = ", token_file = file", token = READ, role = "read" },
    { options = ", token_file = file", token = OPERATE, role = "operate" },
    { options = ", token_file = file, role = 'read'", token = OPERATE, role = "read" },
  }
  local RANKS <const> = { none = 0, read = 1, operate = 2 }

  it("is denied to those who have not the role that it needs, and to nobody else", function()
    local script = { ([[
      taskpool.TaskPool { name = "jobs" }
      taskpool.SimpleTaskPool(function() end, { name = "simple" })
      local file = directory .. "/tokens"
      local out = io.open(file, "w")
      out:write("operate %s\nread %s\n")
      out:close()
      require "luv".fs_chmod(file, 384) -- 0600
    ]]):format(OPERATE, READ) }
    for index, server in ipairs(SERVERS) do
      for _, address in ipairs { "unix = directory .. '/" .. index .. ".sock'", "tcp = '127.0.0.1:0'" } do
        script[#script + 1] = ("print(control.serve({ %s%s }):address())\n"):format(address, server.options)
      end
    end
    local host <close> = hosts.start(table.concat(script))
    os.remove(host.directory .. "/tokens")
    local own <close> = host:greet '{"reply": "json"}'
    local schema = json.decode(own:ask "help --json").value
    local cells, wrong, index = 0, 0, 0
    for address in host.process.out:gmatch "(%w+:%S+)" do
      local server = SERVERS[index // 2 + 1]
      index = index + 1
      local wire <close> = wires.connect(address)
      wire:ask '{"reply": "json"}'
      if server.token then
        wire:ask("auth " .. server.token)
      end
      for _, command in ipairs(schema.commands) do
        -- No command takes this; one whose argument is a line takes everything.
        local takes_line = command.params[1] and command.params[1].type == "line"
        local line = command.name .. (takes_line and " " .. (server.token or WRONG) or " --no-such-option")
        if command.pools and #command.pools == 1 then
          line = "--pool " .. (command.pools[1] == "TaskPool" and "jobs " or "simple ") .. line
        end
        local needs = command.property and "read" or command.role
        local denied = RANKS[server.role] < RANKS[needs] or (command.name == "auth" and server.role == "none")
        local answer = json.decode(wire:ask(line))
        cells = cells + 1
        if denied ~= (answer.code == "Denied") then
          wrong = wrong + 1
          print(address, server.role, line, answer.code, answer.message)
        end
      end
    end
    print(("authz: cells=%d wrong=%d"):format(cells, wrong))
    assert.are.equal(2 * #SERVERS, index)
    assert.are.equal(0, wrong)
  end)
end)

describe("the role read", function()
  it("lets see what can be changed, and changes nothing", function()
    local host <close> = hosts.start([[ taskpool.TaskPool { size = 3 } options.role = "read" ]], {
      ["jobs.lua"] = "local f = io.open(..., 'w') return { work = function() end }",
    })
    local wire <close> = host:greet()
    assert.are.equal("3", wire:ask "pool-size")
    assert.are.equal("3", wire:ask "size")
    assert.matches("^Denied: pool%-size needs the role operate", wire:ask "pool-size 4")
    assert.are.equal("3", wire:ask "pool-size")
    assert.matches("^Denied", wire:ask "map jobs.work [1]")
    assert.matches("jobs +false", wire:ask "modules" and wire:line()) -- nothing was loaded
    local words = json.decode(host:greet('{"reply": "json"}'):ask "complete p").value
    for _, row in ipairs(words) do
      assert.are_not.equal("pause", row.word)
    end
  end)
end)

describe("the options of a server", function()
  ---What becomes of a server with these options: "ok", or the error.
  local function open(options, prepare)
    local host <close> = hosts.start(([[
      taskpool.TaskPool {}
      local file = directory .. "/tokens"
      %s
      local ok, problem = pcall(control.serve, { %s })
      os.remove(file)
      print("<" .. (ok and "ok" or tostring(problem)) .. ">")
      if ok then problem:close() end
    ]]):format(prepare or "", options))
    return host.process.out:match "<(.-)>"
  end

  ---The same with a file of tokens.
  local function open_with(text, mode, owner)
    return open("tcp = '127.0.0.1:0', token_file = file", ([[
      local out = io.open(file, "w")
      out:write(%q)
      out:close()
      require "luv".fs_chmod(file, tonumber(%q, 8))
      %s
    ]]):format(text, mode or "600", owner or ""))
  end

  it("do not open a port to other machines without a token", function()
    for _, address in ipairs { "0.0.0.0:0", "[::]:0", "192.0.2.1:0" } do
      assert.matches("^Denied: .*without a token", open("tcp = '" .. address .. "'"))
    end
    assert.are.equal("ok", open("tcp = '0.0.0.0:0', token = '" .. OPERATE .. "'"))
  end)

  it("take a file of tokens that nobody else may read", function()
    assert.are.equal("ok", open_with(OPERATE .. "\n"))
    assert.are.equal("ok", open_with("read " .. READ, "400"))
    for _, mode in ipairs { "640", "604", "666", "610" } do
      assert.matches("^Denied: .*open to other users", open_with(OPERATE, mode))
    end
    for _, text in ipairs { "", "# nothing\n\n", "short\n", "admin " .. READ, "read two words-and-more-of-them",
      ("x"):rep(256), "0123456789abcde\1f", ("x"):rep(70000) } do
      local answer = open_with(text)
      assert.matches("^InvalidArgument: ", answer)
      assert.is_nil(answer:find("0123456789", 1, true))
    end
    assert.matches("^IOError: ", open "tcp = '127.0.0.1:0', token_file = directory .. '/nothing'")
    assert.matches("^IOError: .*not a file", open "tcp = '127.0.0.1:0', token_file = directory")
  end)

  it("are checked", function()
    for _, options in ipairs { "token = 7", "token = 'short'", "token = 'with a blank in it'", "token = {}",
      "role = 'admin'", "role = 1", "role = 'none'", "uids = 7", "uids = {'root'}", "uids = {-1}", "max_line = 100",
      "max_unread = 100", "idle_timeout = 0", "max_clients = 0", "nothing = 1" } do
      assert.matches("^InvalidArgument: ", open("unix = directory .. '/x.sock', " .. options), options)
    end
    assert.matches("^InvalidArgument: .*uids", open "tcp = '127.0.0.1:0', uids = {1000}")
    assert.are.equal("ok", open "unix = directory .. '/x.sock', uids = {1000, 1001}")
  end)
end)

describe("a limit of a server", function()
  it("is that of a line, of what is unread, and of the time without a command", function()
    local host <close> = hosts.start [[
      local function sleep() taskpool.sleep(3600) end
      taskpool.TaskPool {}:apply(sleep, { num = 20000, group_name = "many" })
      options.max_line, options.max_unread, options.idle_timeout = 2000, 65536, 0.3
    ]]
    local wire <close> = host:greet()
    wire:send(("x"):rep(2001))
    assert.matches("^InvalidArgument: a line has at most 2000 bytes\n", wire:finish())
    local idle <close> = host:greet()
    assert.are.equal("pong", idle:ask "ping")
    assert.matches("^TimedOut: no command has come for 0.3 seconds\n", idle:finish())
    local long <close> = host:greet()
    repeat until long:ask "num-running" == "20000"
    assert.matches("^NotAvailable: the answer is longer than 0.0625 MiB", long:ask "get-group-ids many")
  end)

  it("is that of the time for a token", function()
    local host <close> = hosts.start([[
      taskpool.TaskPool {}
      options.token, options.line_timeout = "]] .. OPERATE .. [[", 0.3
    ]])
    local wire <close> = host:connect()
    assert.matches("^TimedOut: a token must come within 0.3 seconds\n", wire:finish())
  end)

  it("makes strangers give their places first", function()
    local host <close> = hosts.start([[
      taskpool.TaskPool {}
      options.token, options.max_clients = "]] .. OPERATE .. [[", 3
    ]])
    local hello = json.encode { token = OPERATE }
    local first <close> = host:greet(hello)
    local second <close> = host:greet(hello)
    local stranger <close> = host:connect()
    stranger:ask "ping" -- the newest of them
    local third <close> = host:greet(hello)
    assert.matches("^NotAvailable: the server is full", stranger:finish())
    for _, wire in ipairs { first, second, third } do
      assert.are.equal("false", wire:ask "is-locked")
    end
  end)
end)

describe("the program", function()
  it("ends with 4 if it is denied", function()
    local host <close> = hosts.start([[ taskpool.TaskPool {} options.token = "]] .. OPERATE .. [[" ]])
    local path = host.directory .. "/control.sock"
    local denied = program.run { "control", "unix", path, "lock" }
    assert.are.equal(4, denied.code)
    assert.matches("Denied", denied.err)
  end)
end)
