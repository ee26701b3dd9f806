-- SPDX-License-Identifier: MIT
--
-- Long lists at the control port: they are made in slices, so that other commands and tasks go on, and tasks end
-- meanwhile.
local hosts = require "spec.support.host"
local json = require "dkjson"
local tasks = require "spec.support.tasks"

local COUNT <const> = tasks.scaled(20000)

-- Tasks that sleep; those of some groups take a while to end when they are cancelled.
local SLEEPERS <const> = ([[
  local pool = taskpool.TaskPool {}
  local function sleep()
    taskpool.sleep(3600)
  end
  pool:apply(sleep, { num = %d, group_name = "work" })
  for i = 1, 5 do
    pool:apply(sleep, { num = 500, group_name = "go-" .. i })
    pool:apply(sleep, {
      num = 500, group_name = "slow-" .. i,
      cancel_callback = function() taskpool.sleep(0.05) end,
    })
  end
]]):format(COUNT)

local function wait_until_running(host, count)
  local wire <close> = host:greet()
  repeat
    local running = tonumber(wire:ask "num-running")
  until running == count
end

---A host with that many tasks asleep.
local function start()
  local host = hosts.start(SLEEPERS)
  wait_until_running(host, COUNT + 5000)
  return host
end

---How many answers another client gets before the first byte of a long one comes.
local function count_between(host, command, first)
  local long <close> = host:greet(first)
  local other <close> = host:greet()
  local count = 0
  long:push(command .. "\n")
  repeat
    other:ask "num-running"
    count = count + 1
  until long.data ~= ""
  return count
end

describe("a long list", function()
  it("lets the commands of other clients in", function()
    local host <close> = start()
    for _, first in ipairs { '{"terminal_width": 80}', '{"reply": "json"}' } do
      local count = count_between(host, "tasks --limit inf", first)
      assert.is_true(count >= 10, count)
    end
  end)

  it("names each task once, and all that stay, while others are cancelled and end", function()
    local host <close> = start()
    local long <close> = host:greet '{"reply": "json"}'
    local other <close> = host:greet()
    for round = 1, 5 do
      long:push "tasks --limit inf\n"
      other:push(("cancel-group slow-%d\ncancel-group go-%d\n"):format(round, round))
      local seen, stayed = {}, 0
      for _, row in ipairs(json.decode(long:line()).value) do
        assert.is_nil(seen[row.id], row.id)
        seen[row.id] = true
        stayed = stayed + (row.group == "work" and 1 or 0)
      end
      assert.are.equal(COUNT, stayed)
      assert.are.same({ "ok", "ok" }, { other:line(), other:line() })
    end
  end)

  it("has the same rows as text and in JSON", function()
    local host <close> = start()
    local wire <close> = host:greet '{"reply": "json"}'
    local answer = json.decode(wire:ask "tasks --limit 300 -g work")
    assert.are.equal(300, #answer.value)
    local lines = 0
    for line in answer.text:gmatch "[^\n]+" do
      local row = answer.value[lines]
      if row then
        assert.matches(("^ *%d  work +running +[%%d.]+s +[%%d.]+s +host%%.lua:7  sleep$"):format(row.id), line)
        assert.are.same({ "host.lua:7", "sleep" }, { row.at, row.why })
      end
      lines = lines + 1
    end
    assert.are.equal(301, lines)
    local ids = json.decode(wire:ask "get-group-ids go-1 go-2 go-1")
    assert.are.equal(1000, #ids.value)
    assert.are.equal("{" .. table.concat(ids.value, ", ") .. "}", ids.text)
  end)

  it("ends with an error as soon as it is too long", function()
    local host <close> = hosts.start [[
      local pool = taskpool.TaskPool {}
      pool:apply(function() taskpool.sleep(3600) end, { num = 2000, group_name = ("x"):rep(60000) })
    ]]
    for _, first in ipairs { '{"terminal_width": 80}', '{"reply": "json"}' } do
      local wire <close> = host:greet(first)
      assert.matches("NotAvailable.*8 MiB", wire:ask "tasks --limit inf")
      assert.matches("2000", wire:ask "num-running")
    end
  end)

  it("cancels all tasks that it names, also if its client is gone", function()
    local host <close> = hosts.start(([[
      local pool = taskpool.SimpleTaskPool(function() taskpool.sleep(3600) end)
      pool:start(%d)
    ]]):format(COUNT))
    wait_until_running(host, COUNT)
    local wire <close> = host:greet()
    local half = COUNT // 2
    local ids = {}
    for id in wire:ask(("stop %d"):format(half)):gmatch "%d+" do
      ids[#ids + 1] = tonumber(id)
    end
    assert.are.same({ half, COUNT - 1, COUNT - half }, { #ids, ids[1], ids[#ids] })
    local gone = host:greet()
    gone:push "stop-all\n"
    gone:close()
    wait_until_running(host, 0)
  end)

  it("is given up when its client is gone", function()
    local host <close> = start()
    for i = 1, 20 do
      local wire = host:greet(i % 2 == 0 and '{"reply": "json"}' or nil)
      wire:push "tasks --limit inf\ntasks --limit inf\n"
      wire:close()
    end
    assert.is_true(host:is_alive())
  end)

  it("is made to its end for a client that has only ended its own side", function()
    local host <close> = start()
    local wire <close> = host:greet '{"reply": "json"}'
    wire:push "tasks --limit inf\n"
    wire:shutdown()
    assert.are.equal(COUNT + 5000, #json.decode(wire:finish()).value)
  end)
end)
