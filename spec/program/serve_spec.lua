-- SPDX-License-Identifier: MIT
-- `taskpool serve`: a host without a script.
local program = require "spec.support.program"
local uv = require "luv"
local wires = require "spec.support.wire"

describe("taskpool serve", function()
  local directory, socket, host

  before_each(function()
    directory = program.make_directory()
    socket = directory .. "/control.sock"
    program.write_file(directory .. "/jobs.lua", [[
      local taskpool = require "taskpool"
      local jobs = {}
      function jobs.nap(seconds) taskpool.sleep(seconds) end
      function jobs.add(a, b) return a + b end
      return jobs
    ]])
  end)

  after_each(function()
    if host then
      host:stop()
    end
    host = nil
    program.remove_directory(directory)
  end)

  local function start(...)
    host = program.start { "serve", "--listen", "unix:" .. socket, ... }
    program.run_until(function() return host.code or uv.fs_stat(socket) end, function() return "no socket" end)
    assert.is_nil(host.code, host.err)
  end

  ---Sends a command; returns the answer.
  local function control(...)
    local client = program.run { "control", "unix", socket, ... }
    return client.out .. client.err
  end

  it("has the pools and addresses that its options name", function()
    start("--pool", "jobs,size=4,order=priority", "--pool=other,queue-limit=inf", "--listen", "tcp://127.0.0.1:0",
      "--modules", directory, "--log-level", "info")
    assert.are.equal('["TaskPool-jobs", "TaskPool-other"]\n', control "pools")
    assert.are.equal("4\n", control "pool-size")
    assert.are.equal("priority\n", control "order")
    assert.are.equal("42\n", control("submit", "jobs.add", "-a", "[40,2]"))
    assert.matches("listening on tcp://127.0.0.1:%d+", host.err)
  end)

  it("has one pool by default, and lets sessions name what is exposed", function()
    start("--expose", "jobs.add", "--modules", directory)
    assert.matches("NotFound", control("submit", "jobs.nap", "-a", "[1]"))
    assert.are.equal('["TaskPool-0"]\n', control "pools")
  end)

  ---The answer to a command in a session that begins with `hello`.
  local function ask(address, hello, command)
    local wire <close> = wires.connect(address)
    wire:ask(hello)
    return wire:ask(command)
  end

  it("asks for tokens, and gives each address its own options", function()
    local token = "0123456789abcdef"
    local path = program.write_file(directory .. "/tokens", "read " .. token .. "\n")
    uv.fs_chmod(path, 384) -- 0600
    local other = directory .. "/other.sock"
    start("--token-file", path, "--listen", "tcp://127.0.0.1:0,max-clients=2",
      "--listen=unix:" .. other .. ",role=read",
      "--role", "operate", "--log-level", "info", "--listen", "unix:" .. directory .. "/a,b.sock,token=" .. token)
    local hello = ('{"token": "%s"}'):format(token)
    host:wait_for_error("a,b.sock", 1)
    local tcp = host.err:match "tcp://[%d.:]+"
    assert.matches("^Denied", ask("unix:" .. socket, "{}", "is-locked"))
    assert.are.equal("false", ask("unix:" .. socket, hello, "is-locked"))
    assert.matches("^Denied", ask(tcp, hello, "lock"))
    assert.are.equal("false", ask(tcp, hello, "is-locked"))
    assert.matches("^Denied", ask("unix:" .. other, hello, "lock"))
    assert.are.equal("ok", ask("unix:" .. directory .. "/a,b.sock", hello, "unlock"))
  end)

  it("refuses a file of tokens that others may read, and unknown options of an address", function()
    local path = program.write_file(directory .. "/tokens", "0123456789abcdef")
    uv.fs_chmod(path, 420) -- 0644
    local address = "unix:" .. directory .. "/no.sock"
    for options, says in pairs {
      [address .. ",token-file=" .. path] = "Denied.*chmod 600",
      [address .. ",roll=read"] = "unknown option 'roll'",
      [address .. ",role=all"] = "role.*read or operate",
      [address .. ",uids=root"] = "user ids",
      ["tcp://0.0.0.0:0"] = "Denied.*token",
    } do
      local done = program.run { "serve", "--listen", options }
      assert.are.equal(1, done.code)
      assert.matches(says, done.err)
    end
  end)

  it("takes a configuration file", function()
    local path = program.write_file(directory .. "/config.lua", [[
      return {
        listen = { { tcp = "127.0.0.1:0", role = "read" } },
        role = "operate",
        pool = { { name = "one", size = 3 }, "two,size=5" },
        drain = 1,
      }
    ]])
    start("--config", path)
    assert.are.equal('["TaskPool-one", "TaskPool-two"]\n', control "pools")
    assert.are.equal("3\n", control "pool-size")
  end)

  it("lets work end when it is told to stop, and ends with 0", function()
    start("--modules", directory, "--log-level", "info")
    control("map", "jobs.nap", "[0.2,0.2,0.2]")
    host:kill()
    host:finish()
    assert.are.equal(0, host.code, host.err)
    assert.matches("SIGTERM: no more work is taken, and 10 seconds are left", host.err, 1, true)
    assert.is_nil(host.err:find "cancelled")
  end)

  it("cancels what is left after the time, and at the second signal", function()
    start("--modules", directory, "--drain", "0.05", "--log-level", "debug")
    control("apply", "jobs.nap", "-a", "[3600]")
    host:kill()
    host:finish()
    assert.are.equal(0, host.code, host.err)
    assert.matches("Cancelled TaskPool-0_Task-0", host.err, 1, true)
    start("--modules", directory, "--drain", "3600", "--log-level", "info")
    control("apply", "jobs.nap", "-a", "[3600]")
    host:kill()
    program.run_until(function() return host.err:find "no more work" end, function() return host.err end)
    host:kill "sigint"
    host:finish()
    assert.are.equal(0, host.code, host.err)
    assert.matches("SIGINT again: all tasks are cancelled", host.err, 1, true)
  end)

  it("says what is wrong with its options", function()
    local function refused(code, text, ...)
      local done = program.run { "serve", ... }
      assert.are.equal(code, done.code, done.err)
      assert.matches(text, done.err, 1, true)
    end
    local address = "unix:" .. socket
    refused(2, "unknown option --nothing", "--nothing")
    refused(2, "--pool has no value", "--pool")
    refused(2, "'size' is not KEY=VALUE", "--pool", "jobs,size", "--listen", address)
    refused(2, "give --listen", "--pool", "jobs")
    refused(2, "drain must be a number", "--drain", "soon")
    refused(2, "--preempt must be on or off", "--preempt", "maybe")
    refused(1, "TaskPool has no option 'sizes'", "--pool", "jobs,sizes=3", "--listen", address)
    refused(2, "--listen takes unix:PATH", "--listen", "nowhere")
    refused(1, "Denied", "--listen", "tcp://0.0.0.0:1")
    local path = program.write_file(directory .. "/config.lua", "return { port = 1 }")
    refused(2, "unknown key 'port'", "--config", path)
    program.write_file(directory .. "/config.lua", "return 5")
    refused(2, "does not return a table", "--config", path)
    refused(2, "cannot open", "--config", directory .. "/none")
    assert.matches("^usage: taskpool serve", program.run({ "serve", "-h" }).out)
  end)
end)

describe("taskpool run --listen", function()
  local directory, script

  before_each(function()
    directory = program.make_directory()
    script = program.write_file(directory .. "/script.lua", [[
      local taskpool = require "taskpool"
      taskpool.TaskPool { name = "jobs" }
      print(...)
    ]])
  end)

  after_each(function()
    program.remove_directory(directory)
  end)

  it("opens servers for the pools of the script", function()
    local socket = directory .. "/a.sock"
    local host = program.start {
      "run", "--log-level", "info", "--listen", "unix:" .. socket, "--listen=tcp://127.0.0.1:0,role=read", script, "x",
    }
    host:wait_for "x\n"
    local tcp = host.err:match "listening on (tcp://127.0.0.1:%d+)"
    for address, expected in pairs { ["unix:" .. socket] = "^ok", [tcp] = "^Denied" } do
      local wire <close> = wires.connect(address)
      assert.are.equal("TaskPool-jobs", wire:ask "{}")
      assert.matches(expected, wire:ask "pool-size 3")
    end
    host:stop()
  end)

  it("complains of an address, and of a server that cannot be opened", function()
    for address, code in pairs { ["nowhere"] = 2, [""] = 2, ["unix:/x,size=1,"] = 2, ["unix:/x,size=1"] = 1,
      ["unix:" .. directory] = 1, ["tcp://1.1.1.1:80"] = 1 } do
      local run = program.run { "run", "--listen", address, script }
      assert.are.same({ code, "" }, { run.code, run.out }, address)
      assert.matches("^taskpool run: ", run.err)
      assert.is_nil(run.err:find "traceback")
    end
  end)
end)
