-- SPDX-License-Identifier: MIT
--
-- Commands that stream at the control port, and the line `interrupt` that ends what waits or streams.
local hosts = require "spec.support.host"
local json = require "dkjson"
local wires = require "spec.support.wire"

local JSON <const> = '{"reply": "json"}'

-- Two pools, and functions for their tasks.
local POOLS <const> = [[
  local jobs = taskpool.TaskPool { name = "jobs" }
  local others = taskpool.TaskPool { name = "others" }
  taskpool.expose("sleep", taskpool.sleep)
  taskpool.expose("forever", function() taskpool.sleep(3600) end)
  taskpool.expose("fail", function() error "broken" end)
  taskpool.expose("touch", function()
    jobs:lock()
    jobs:unlock()
  end)
  taskpool.expose("many", function(count)
    for _ = 1, count do
      others:lock()
      others:unlock()
    end
  end)
]]

---The next line, decoded.
local function read(wire)
  return json.decode((assert(wire:line())))
end

---Waits until the stream of `wire` has begun: an event of ours comes through it.
local function begin(wire, command, other)
  wire:push(command .. "\n")
  repeat
    other:ask "--pool others lock"
    other:ask "--pool others unlock"
  until wire.data ~= "" or other:ask "ping" == nil
  return wire
end

describe("the line `interrupt`", function()
  local host, wire

  before_each(function()
    host = hosts.start(POOLS)
    wire = host:greet(JSON)
  end)

  after_each(function()
    wire:close()
    host:close()
  end)

  it("ends a command that waits, and is answered in its turn", function()
    wire:push "until-closed\n"
    wire:push "interrupt\nping\n"
    assert.are.same({ ok = false, code = "Cancelled", message = "interrupted by the client" }, read(wire))
    assert.are.equal("ok", read(wire).text)
    assert.are.equal("pong", read(wire).value)
  end)

  it("ends it also when both come at once, and lines are between them", function()
    wire:send "ping\nuntil-closed\nping\ninterrupt\nping\n"
    local texts = {}
    for i = 1, 5 do
      local answer = read(wire)
      texts[i] = answer.text or answer.code
    end
    assert.are.same({ "pong", "Cancelled", "pong", "ok", "pong" }, texts)
  end)

  it("ends one command only", function()
    wire:send "until-closed\nsubmit sleep -a [0.001]\ninterrupt\nuntil-closed\n"
    assert.are.equal("Cancelled", read(wire).code)
    assert.is_true(read(wire).ok)
    assert.are.equal("ok", read(wire).text)
    wire:send "interrupt\n"
    assert.are.equal("Cancelled", read(wire).code)
    assert.are.equal("ok", read(wire).text)
  end)

  it("does nothing where nothing waits, and is not found in an argument", function()
    assert.are.equal("ok", json.decode(wire:ask "interrupt").text)
    assert.are.equal("pong", json.decode(wire:ask "ping").value)
    wire:send "apply forever -g interrupt\nwait interrupt -t 0.05\n"
    assert.are.equal("interrupt", read(wire).value)
    assert.are.equal("TimedOut", read(wire).code)
  end)

  it("leaves the tasks of a group that is waited for", function()
    wire:send "apply forever -g group\nwait group\ninterrupt\nnum-running\n"
    assert.are.equal("group", read(wire).value)
    assert.are.equal("Cancelled", read(wire).code)
    assert.are.equal("ok", read(wire).text)
    assert.are.equal(1, read(wire).value)
  end)

  it("has text answers in the other mode", function()
    local text <close> = host:greet()
    text:send "until-closed\ninterrupt\n"
    assert.are.equal("Cancelled: interrupted by the client", text:line())
    assert.are.equal("ok", text:line())
  end)
end)

describe("a stream", function()
  local host, wire, other

  before_each(function()
    host = hosts.start(POOLS)
    wire = host:greet(JSON)
    other = host:greet()
  end)

  after_each(function()
    wire:close()
    other:close()
    host:close()
  end)

  it("sends a line for each event, and its answer when it is interrupted", function()
    begin(wire, "events", other)
    other:ask "apply sleep -a [0] -g group"
    local events, event = {}, read(wire)
    repeat
      events[#events + 1] = event.group and event.event
      assert.is_number(event.time)
      event = read(wire)
    until event.event == "finished"
    assert.are.same({ "started", "ended" }, events)
    wire:push "interrupt\n"
    local answer = read(wire)
    assert.is_true(answer.ok)
    assert.is_true(answer.value > 3)
    assert.are.equal("ok", read(wire).text)
    assert.are.equal("pong", json.decode(wire:ask "ping").value)
  end)

  it("has lines of text in the other mode", function()
    local text <close> = host:greet()
    begin(text, "events --kind pool", other)
    assert.matches("^%d+%-%d%d%-%d%d %d%d:%d%d:%d%d%.%d%d%d locked TaskPool%-others$", text:line())
    text:push "interrupt\n"
    local line
    repeat
      line = text:line()
    until not line:find "locked"
    assert.are.same({ "ok", "ok" }, { line, text:line() })
  end)

  it("lets kinds, a group and a pool through", function()
    begin(wire, "events --kind task,locked,finished --pool others", other)
    local group <close> = host:greet(JSON)
    group:push "events -g wanted -k started,ended\n"
    other:ask "apply sleep -a [0] -g unwanted"
    other:ask "--pool others apply sleep -a [0] -g here"
    other:ask "apply fail -g wanted"
    local started, ended = read(group), read(group)
    assert.are.same({ "started", "wanted" }, { started.event, started.group })
    assert.are.same({ "ended", "wanted", "failed" }, { ended.event, ended.group, ended.detail })
    local seen, event = {}, read(wire)
    repeat
      assert.are.equal("TaskPool-others", event.pool)
      seen[event.event] = (seen[event.event] or 0) + 1
      event = read(wire)
    until event.event == "finished"
    assert.are.same({ 1, 1 }, { seen.started, seen.ended })
    assert.is_nil(seen.unlocked)
  end)

  it("refuses kinds and pools that there are not", function()
    assert.matches("no kind of event 'begun'", json.decode(wire:ask "events -k begun").message)
    assert.are.equal("NotFound", json.decode(wire:ask "events --pool nobody").code)
  end)

  it("drops and counts events that its client does not read, and goes on", function()
    begin(wire, "events", other)
    wire:stop_reading()
    for _ = 1, 3 do
      other:ask "submit many -a [20000]"
    end
    wire:start_reading()
    local parts = {}
    repeat
      parts[#parts + 1] = wire:read()
    until parts[#parts]:find '"dropped"' or ((parts[#parts - 1] or "") .. parts[#parts]):find '"dropped"'
    wire:push "interrupt\n"
    repeat
      parts[#parts + 1] = wire:read()
    until parts[#parts]:find '"text": "ok"}\n$'
    local lines, dropped = 0, 0
    for line in table.concat(parts):gmatch "[^\n]+" do
      lines = lines + (line:find '"event"' and 1 or 0)
      dropped = dropped + (tonumber(line:match '"count": (%d+), "event": "dropped"') or 0)
    end
    assert.is_true(dropped > 1000, dropped)
    assert.is_true(lines < 60000, lines)
  end)

  it("keeps no more for such a client than its limits say", function()
    local figures <close> = host:greet(JSON)
    local function memory()
      return json.decode(figures:ask "status").value.memory
    end
    begin(wire, "events", other)
    wire:stop_reading()
    local before = memory()
    for _ = 1, 150 do
      other:ask "submit many -a [2000]"
    end
    assert.is_truthy(os.getenv "ASAN_OPTIONS" or memory() - before < 4000000, memory() - before)
  end)

  it("is not sent away while its client does not read", function()
    local patient <close> = hosts.start("options.unread_timeout = 0.1\n" .. POOLS)
    local lazy <close> = patient:greet(JSON)
    local quick <close> = patient:greet()
    begin(lazy, "events", quick)
    lazy:stop_reading()
    quick:ask "submit many -a [20000]"
    assert.are.equal("ok", quick:ask "submit sleep -a [0.3]")
    lazy:start_reading()
    lazy:push "interrupt\n"
    local answer
    repeat
      answer = read(lazy)
    until answer.ok ~= nil
    assert.is_true(answer.ok)
  end)

  it("ends with its session, and with its server", function()
    local own <close> = hosts.start(POOLS .. [[
      local second = control.serve { unix = directory .. "/second.sock" }
      taskpool.expose("close", function() second:close() end)
    ]])
    local quick <close> = own:greet()
    begin(own:greet(JSON), "events", quick):close()
    local last <close> = wires.connect("unix:" .. own.directory .. "/second.sock")
    last:send(JSON .. "\n")
    assert.is_true(read(last).ok)
    begin(last, "events", quick)
    quick:ask "submit close"
    local answer
    repeat
      answer = read(last)
    until answer.ok ~= nil
    assert.is_true(answer.ok)
    assert.is_nil(last:line())
  end)
end)

describe("a server of some pools", function()
  it("streams the events of these only", function()
    local host <close> = hosts.start(POOLS .. "\noptions[1] = others")
    local wire <close> = host:greet(JSON)
    local other <close> = host:greet()
    wire:push "events -k locked,ended\n"
    repeat
      other:ask "submit touch"
    until wire.data:find "\n"
    local event = read(wire)
    assert.are.same({ "ended", "TaskPool-others" }, { event.event, event.pool })
    assert.are.equal("NotFound", (json.decode(host:greet(JSON):ask "events -p jobs")).code)
  end)
end)
