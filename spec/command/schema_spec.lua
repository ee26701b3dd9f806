-- SPDX-License-Identifier: MIT
--
-- `help --json`, and each command that it has, in text and in JSON: a command without a line in `DIALOGUES` fails.
local hosts = require "spec.support.host"
local json = require "dkjson"

local SCRIPT <const> = [[
  local function sleep() taskpool.sleep(3600) end
  taskpool.expose("work.add", function(a, b) return (a or 0) + (b or 0) end)
  taskpool.expose("work.sleep", sleep)
  taskpool.expose("work.named", function(x) return x end)
  local jobs = taskpool.TaskPool { name = "jobs" }
  jobs:apply(sleep, { group_name = "g" })
  jobs:apply(sleep, { group_name = "h" })
  taskpool.SimpleTaskPool(sleep, { name = "simple" }):start(2)
]]

---What is said to try each command, on the pool `jobs` (or, with `simple`, the other one): lines whose answers are not
---looked at, and last the line of the command. Groups `g` and `h` have a task each that sleeps.
local DIALOGUES <const> = {
  apply = { "apply work.sleep" },
  map = { "map work.add [1, 2]" },
  starmap = { "starmap work.add [[1, 2]]" },
  doublestarmap = { "doublestarmap work.named [{'x': 1}]" },
  submit = { "submit work.add -a [40,2]" },
  ["submit-nowait"] = { "submit-nowait work.add" },
  ["set-weight"] = { "set-weight g 3" },
  ["set-concurrency"] = { "set-concurrency g 3" },
  start = { simple = true, "start 1" },
  stop = { simple = true, "start 1", "stop 1" },
  ["stop-all"] = { simple = true, "stop-all" },
  ["func-name"] = { simple = true, "func-name" },
  ["pool-size"] = { "pool-size" },
  size = { "size" },
  scale = { "pool-size 3", "scale 2" },
  lock = { "lock" },
  unlock = { "unlock" },
  pause = { "pause" },
  resume = { "resume" },
  paused = { "paused" },
  order = { "order" },
  ["queue-limit"] = { "queue-limit" },
  ["is-locked"] = { "is-locked" },
  ["is-closed"] = { "is-closed" },
  ["num-running"] = { "num-running" },
  ["num-cancelled"] = { "num-cancelled" },
  ["num-ended"] = { "num-ended" },
  ["num-ok"] = { "num-ok" },
  ["num-failed"] = { "num-failed" },
  ["num-cancelled-total"] = { "num-cancelled-total" },
  ["num-timed-out"] = { "num-timed-out" },
  ["num-retried"] = { "num-retried" },
  ["num-waiting"] = { "num-waiting" },
  ["is-full"] = { "is-full" },
  ["get-group-ids"] = { "get-group-ids g h" },
  cancel = { "cancel --group g" },
  ["cancel-group"] = { "cancel-group g" },
  ["cancel-all"] = { "cancel-all" },
  flush = { "flush -r" },
  ["gather-and-close"] = { "cancel-all", "gather-and-close -r" },
  ["until-closed"] = { "cancel-all", "gather-and-close -r", "until-closed" },
  wait = { "map work.add [1] -g x", "wait x" },
  status = { "status" },
  groups = { "groups" },
  tasks = { "tasks" },
  results = { "results g" },
  traceback = { "traceback 0" },
  task = { "task 0" },
  pools = { "pools --long" },
  use = { "use simple" },
  modules = { "modules" },
  reload = { "reload nothing", fails = true },
  complete = { "complete ma" },
  events = { "events\ninterrupt", extra = 1 },
  interrupt = { "interrupt" },
  profile = { "profile 0.02 --lines" },
  auth = { "auth 0123456789abcdef" },
  ping = { "ping" },
  help = { "help map" },
  exit = { "exit", silent = true },
}

-- Whether a value of an answer is of a type in the schema.
local CHECKS <const> = {
  nothing = function(value) return value == nil end,
  any = function() return true end,
  text = function(value) return type(value) == "string" end,
  group = function(value) return type(value) == "string" end,
  count = function(value) return math.type(value) == "integer" and value >= 0 end,
  size = function(value) return value == "inf" or math.type(value) == "integer" end,
  boolean = function(value) return type(value) == "boolean" end,
  ids = function(value) return type(value) == "table" and (value[1] == nil or math.type(value[1]) == "integer") end,
  table = function(value) return type(value) == "table" and next(value) ~= nil end,
  rows = function(value) return type(value) == "table" and (value[1] == nil or type(value[1]) == "table") end,
  stream = function(value) return math.type(value) == "integer" end,
}

local KINDS <const> = { required = true, optional = true, rest = true, any = true, trailing = true, option = true }
local ROLES <const> = { none = true, read = true, operate = true }

describe("the schema of all commands", function()
  local host, schema, commands = nil, nil, {}

  setup(function()
    host = hosts.start(SCRIPT)
    local wire <close> = host:greet '{"reply": "json"}'
    schema = json.decode(wire:ask "help --json").value
    for _, command in ipairs(schema.commands) do
      commands[command.name] = command
    end
  end)

  teardown(function()
    host:close()
  end)

  it("is the same as text, and for Lua", function()
    local wire <close> = host:greet()
    assert.are.same(schema, json.decode(wire:ask "help --json"))
    local other <close> = hosts.start [[ print("<" .. #control.schema().commands .. control.schema().version .. ">") ]]
    assert.are.equal(#schema.commands .. schema.version, other.process.out:match "<(.-)>")
  end)

  it("says of each command what there is to know", function()
    for _, command in ipairs(schema.commands) do
      local name = command.name
      assert.is_true(ROLES[command.role], name)
      assert.is_function(CHECKS[command.result.type], name)
      assert.matches("^%u.*%.$", command.summary, name)
      assert.are.equal(command.method ~= nil, command.pools ~= nil, name)
      for _, param in ipairs(command.params) do
        assert.is_true(KINDS[param.kind], name)
        assert.matches("%a", param.takes .. param.help, name)
        assert.are.equal(param.kind == "option" or param.kind == "trailing", param.option ~= nil, name)
        assert.are.equal(param.kind == "required" or param.kind == "rest", param.required, name)
      end
    end
    local map = commands.map
    assert.are.same({ "TaskPool" }, map.pools)
    assert.are.same({ "TaskPool", "SimpleTaskPool" }, commands.lock.pools)
    assert.are.same({ "FUNC", "ITERABLE", "NUM" }, { map.params[1].value, map.params[2].value, map.params[3].value })
    local limit = map.params[3]
    assert.are.same({ "--num-concurrent", "-n", "1" }, { limit.option, limit.letter, limit.default })
    assert.are.same({ "word", "help" }, commands.complete.result.fields)
    assert.is_true(commands["pool-size"].property)
    assert.is_nil(commands.use.method)
  end)

  it("has a dialogue here for each command", function()
    for name in pairs(commands) do
      assert.is_table(DIALOGUES[name], name)
    end
    for name in pairs(DIALOGUES) do
      assert.is_table(commands[name], name)
    end
  end)

  for name, dialogue in pairs(DIALOGUES) do
    ---Says the lines of the dialogue to a new host, and returns the answer to the last one.
    local function converse(first)
      local own <close> = hosts.start(SCRIPT)
      local wire <close> = own:greet(first)
      wire:ask("use " .. (dialogue.simple and "simple" or "jobs"))
      for index = 1, #dialogue - 1 do
        wire:ask(dialogue[index])
      end
      local answer = wire:ask(dialogue[#dialogue])
      for _ = 1, dialogue.extra or 0 do
        assert(wire:line())
      end
      if dialogue.silent then
        assert.is_nil(answer)
        return nil
      end
      wire:send "ping\n" -- the answer is complete
      local last
      repeat
        last = assert(wire:line())
      until last:find "pong"
      return answer
    end

    it(("has the command %s, whose answer in JSON is what it says"):format(name), function()
      local answer = json.decode(converse '{"reply": "json"}' or "null")
      if dialogue.silent then
        return
      end
      assert.are.equal(not dialogue.fails, answer.ok, answer.message)
      assert.is_string(answer.text or answer.message)
      local kind = commands[name].result.type
      assert.is_true(dialogue.fails or CHECKS[kind](answer.value), kind .. ": " .. tostring(answer.value))
    end)

    it(("has the command %s, which answers in text"):format(name), function()
      local answer = converse()
      assert.is_true(dialogue.silent or dialogue.fails == (answer:find "^%u%w+: " ~= nil or nil), answer)
    end)
  end
end)
