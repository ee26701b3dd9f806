-- SPDX-License-Identifier: MIT
-- The examples in C do what their heads say.
local program = require "spec.support.program"
local uv = require "luv"

local BUILD <const> = assert(os.getenv "BUILD")

local function example(name)
  return BUILD .. "/examples/embed-" .. name
end

describe("the example in C", function()
  local directory, socket

  before_each(function()
    directory = program.make_directory()
    socket = directory .. "/control.sock"
  end)

  after_each(function()
    program.remove_directory(directory)
  end)

  ---Sends a command; returns the answer.
  local function control(...)
    local client = program.run { "control", "unix", socket, ... }
    assert.are.equal(0, client.code, client.err)
    return client.out
  end

  local function wait_for_socket()
    program.run_until(function() return uv.fs_stat(socket) end, function() return "no socket" end)
  end

  it("minimal runs its tasks, and answers meanwhile", function()
    local host = program.start { file = example "minimal", socket }
    wait_for_socket()
    assert.matches("^%d\n$", control "num-running")
    assert.are.equal(0, host:finish().code)
    assert.are.equal("", host.err)
  end)

  it("results prints what the tasks return", function()
    local host = program.run { file = example "results" }
    assert.are.equal(0, host.code)
    assert.matches("1 squared is 1\n2 squared is 4\n", host.out, 1, true)
    assert.matches("5 squared is 25\n", host.out, 1, true)
    assert.matches("ScriptError: functions:4: attempt to mul a 'string'", host.out, 1, true)
  end)

  it("c_worker maps its functions", function()
    local host = program.run { file = example "c_worker" }
    assert.are.equal(0, host.code)
    for _, sum in ipairs { 3, 42, 15 } do
      assert.are.equal(2, select(2, host.out:gsub(": " .. sum .. "\n", "")))
    end
  end)

  it("c_worker has its functions called by sessions", function()
    local host = program.start { file = example "c_worker", socket }
    wait_for_socket()
    assert.are.equal("42\n", control("submit", "sums.slow_add", "-a", "[20,22]"))
    assert.are.equal("map-add-group-0\n", control("map", "sums.add", "[1,2,3]"))
    host:stop()
  end)

  it("own_loop serves its clients and the control port with one loop", function()
    local host = program.start { file = example "own_loop", socket }
    host:wait_for "\n"
    local port = assert(host.out:match "^port (%d+)")
    local tcp, answer = uv.new_tcp(), nil
    tcp:connect("127.0.0.1", tonumber(port), function()
      tcp:write "hello"
      tcp:read_start(function(_, chunk) answer = chunk or answer end)
    end)
    program.run_until(function() return answer end, function() return "no answer" end)
    assert.are.equal("HELLO", answer)
    assert.are.equal("1\n", control "num-ended")
    tcp:close()
    host:kill "sigint"
    assert.are.equal(0, host:finish().code)
  end)
end)
