-- SPDX-License-Identifier: MIT
--
-- Very many clients: idle ones (T29), slow ones (T30) and ones that do not read (T31). An honest client is served
-- meanwhile; its figures are printed.
local hosts = require "spec.support.host"
local program = require "spec.support.program"
local tasks = require "spec.support.tasks"
local uv = require "luv"

local POOL <const> = [[ taskpool.SimpleTaskPool(function() taskpool.sleep(3600) end, { size = 7 }) ]]

---No honest client may wait so long, however busy the machine is.
local MOST_MS <const> = 5000

---Seconds that a case may take.
local LIMIT <const> = 60

---How many descriptors a process may have.
local function descriptors()
  local pipe <close> = io.popen "ulimit -n"
  return tonumber(pipe:read "l") or math.huge
end

---The value that 99 of 100 do not exceed.
local function p99(figures)
  table.sort(figures)
  return figures[math.max(1, math.ceil(#figures * 0.99))]
end

---Milliseconds of an exchange.
local function time(wire)
  local since = uv.hrtime()
  assert.are.equal("7", wire:ask "pool-size")
  return (uv.hrtime() - since) / 1e6
end

---Times exchanges of an honest client, at least `least`, until `is_done()`.
local function watch(host, least, is_done)
  local wire <close> = host:greet()
  local figures, since = {}, uv.hrtime()
  repeat
    figures[#figures + 1] = time(wire)
    assert((uv.hrtime() - since) / 1e9 < LIMIT, "it does not come to an end")
  until #figures >= least and is_done()
  local figure = p99(figures)
  assert.is_true(figure < MOST_MS, figure)
  return figure
end

local function close_all(clients)
  for _, wire in ipairs(clients) do
    wire:close()
  end
end

describe("a crowd", function()
  it("of 10000 idle clients leaves a hundred others their time (T29)", function()
    local IDLE <const> = math.min(tasks.scaled(10000), descriptors() - 300)
    local host <close> = hosts.start(POOL .. "options.max_clients = 20000")
    local idle, active, figures = {}, {}, {}
    for i = 1, IDLE do
      idle[i] = host:greet()
    end
    for i = 1, 100 do
      active[i] = host:greet()
    end
    for _ = 1, 20 do
      local since, left, answered = uv.hrtime(), #active, {}
      for _, wire in ipairs(active) do
        wire:push "pool-size\n"
      end
      program.run_until(function()
        for index, wire in ipairs(active) do
          if not answered[index] and wire.data == "7\n" then
            answered[index], left, wire.data = true, left - 1, ""
            figures[#figures + 1] = (uv.hrtime() - since) / 1e6
          end
        end
        return left == 0
      end, function() return "no answers" end)
    end
    local figure = p99(figures)
    assert.is_true(figure < MOST_MS, figure)
    assert.are.equal("7", idle[1]:ask "pool-size") -- it is still served
    print(("clients: connected=%d p99_ms=%.2f"):format(#idle, figure))
    close_all(idle)
    close_all(active)
  end)

  it("of 1000 that send a byte now and then is sent away (T30)", function()
    local COUNT <const> = tasks.scaled(1000)
    local host <close> = hosts.start(POOL .. "options.max_clients, options.line_timeout = 2000, 0.5")
    local clients, closed, timer = {}, 0, uv.new_timer()
    for i = 1, COUNT do
      clients[i] = host:greet()
    end
    timer:start(0, 50, function()
      closed = 0
      for _, wire in ipairs(clients) do
        if wire.ended then
          closed = closed + 1
        else
          wire:push "x"
        end
      end
    end)
    local figure = watch(host, 100, function() return closed == COUNT end)
    timer:close()
    for _, wire in ipairs(clients) do
      assert.matches("^TimedOut: ", wire.data)
    end
    print(("slowloris: closed=%d honest_p99_ms=%.2f"):format(closed, figure))
    close_all(clients)
  end)

  it("of 1000 that do not read is dropped (T31)", function()
    local COUNT <const> = tasks.scaled(1000)
    local host <close> = hosts.start(POOL ..
      "options.max_clients, options.unread_timeout = 2000, 0.5")
    local clients = {}
    for i = 1, COUNT do
      clients[i] = host:greet()
      clients[i]:stop_reading()
    end
    for _, wire in ipairs(clients) do
      wire:push(("help\n"):rep(80)) -- the system keeps most of the answers, but not all
    end
    local pid, dropped = host.process.handle:get_pid(), 0
    local sockets = "/proc/" .. pid .. "/fd"
    local function count()
      local left = 0
      for _, _ in function(found) return uv.fs_scandir_next(found) end, assert(uv.fs_scandir(sockets)) do
        left = left + 1
      end
      return left
    end
    local before = count()
    local figure = watch(host, 100, function()
      dropped = before - count() + 1 -- the honest client has come
      return dropped >= COUNT
    end)
    local peak = program.read_file("/proc/" .. pid .. "/status"):match "VmHWM:%s*(%d+)"
    print(("unread: dropped=%d rss_peak=%dMiB honest_p99_ms=%.2f"):format(dropped, peak // 1024, figure))
    close_all(clients)
  end)
end)
