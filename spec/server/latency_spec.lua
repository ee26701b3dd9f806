-- SPDX-License-Identifier: MIT
-- How soon control commands are answered by a host whose workers never wait. The figures are printed; only that all
-- commands are answered is asserted.
local hosts = require "spec.support.host"
local uv = require "luv"

local COMMANDS <const> = 1000
local CLIENTS <const> = 4

-- Four endless loops, and beside them as many short tasks as the host can run.
local SCRIPT <const> = [[
  local pool = taskpool.TaskPool { size = 14 }
  pool:apply(function()
    while true do end
  end, { num = 4, group_name = "loops" })
  pool:map(function()
    return 1
  end, function()
    return "again"
  end, { group_name = "map", num_concurrent = 10 })
]]

---Asks `count` times from as many clients at once as there are; returns the milliseconds of each answer, in order.
local function measure(wires, count)
  local times, asked, began = {}, 0, {}
  local function ask(wire)
    asked = asked + 1
    began[wire] = uv.hrtime()
    wire:push "pool-size\n"
  end
  for _, wire in ipairs(wires) do
    ask(wire)
  end
  while #times < count do
    uv.run "once"
    for _, wire in ipairs(wires) do
      local answer = wire.data:match "^(.-)\n"
      if answer then
        assert.are.equal("14", answer)
        assert.are.equal("14", wire:line())
        times[#times + 1] = (uv.hrtime() - began[wire]) / 1e6
        if asked < count then
          ask(wire)
        end
      end
      assert(not wire.ended, "the host has closed a connection")
    end
  end
  table.sort(times)
  return times
end

describe("a host with four endless loops and a saturated map", function()
  it("answers a thousand commands, and cancel-all ends them all", function()
    local host <close> = hosts.start(SCRIPT)
    local wires = {}
    for i = 1, CLIENTS do
      wires[i] = host:greet()
    end
    local times = measure(wires, COMMANDS)
    print(("latency: answered=%d p50=%.1f p99=%.1f max=%.1f ms"):format(#times, times[#times // 2],
      times[#times * 99 // 100], times[#times]))
    assert.are.equal(COMMANDS, #times)

    local began = uv.hrtime()
    assert.are.equal("ok", wires[1]:ask "cancel-all")
    repeat
      local running = wires[1]:ask "num-running"
    until running == "0"
    print(("latency: cancel_all_s=%.3f"):format((uv.hrtime() - began) / 1e9))
    for _, wire in ipairs(wires) do
      wire:close()
    end
  end)
end)
