-- SPDX-License-Identifier: MIT
-- What a host measures of itself, and says in the status of its pools.
local hosts = require "spec.support.host"
local json = require "dkjson"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local uv = require "luv"

local JSON <const> = '{"reply": "json"}'

local POOL <const> = [[
  local pool = taskpool.TaskPool { name = "jobs" }
  taskpool.expose("yield", taskpool.yield)
  taskpool.expose("block", function(seconds)
    local kept, until_ = {}, os.clock() + seconds
    table.sort({ 2, 1 }, function() -- cannot be left
      while os.clock() < until_ do end
      return true
    end)
    return kept
  end)
  taskpool.expose("keep", function(bytes)
    pool_keeps = ("x"):rep(bytes)
  end)
]]

describe("the status of a host", function()
  local host, wire

  local function status()
    return json.decode(wire:ask "status").value
  end

  before_each(function()
    host = hosts.start(POOL)
    wire = host:greet(JSON)
  end)

  after_each(function()
    wire:close()
    host:close()
  end)

  it("tells the longest round of the loop, and what is usual", function()
    assert.is_true(status().latency_max_ms < 1000)
    for _ = 1, 20 do
      wire:ask "ping"
    end
    wire:ask "submit block -a [0.1]"
    local now = status()
    assert.is_true(now.latency_max_ms >= 99, now.latency_max_ms)
    assert.is_true(now.latency_p50_ms < 50, now.latency_p50_ms)
    assert.is_true(now.latency_p50_ms <= now.latency_p99_ms and now.latency_p99_ms <= now.latency_max_ms)
  end)

  it("tells how many tasks end in a second", function()
    wire:ask "apply yield -n 1000 -g work"
    wire:ask "wait work"
    local now = status()
    local seen = now.ended_per_s * now.uptime
    assert.is_true(seen > 500 and seen < 2000, seen)
    assert.are.equal(0, json.decode(wire:ask "num-running").value)
  end)

  it("tells how long it runs, how large it is, and how many clients it has", function()
    local before = status()
    assert.are.equal(1, before.clients)
    local others <close> = host:greet()
    wire:ask "submit keep -a [10000000]"
    local after = status()
    assert.are.equal(2, after.clients)
    assert.is_true(others and after.uptime >= before.uptime)
    assert.is_true(after.lua_memory > before.lua_memory + 9000000)
    assert.is_true(after.memory > after.lua_memory)
  end)
end)

describe("the status of a pool in Lua", function()
  it("names versions", tasks.case(function()
    local pool = tasks.TaskPool()
    local status = pool:status()
    assert.are.same({ taskpool.VERSION, uv.version_string(), 0 }, { status.version, status.libuv, status.clients })
    assert.matches("^" .. _VERSION:match "%d%.%d", status.lua)
    pool:gather_and_close()
  end))
end)
