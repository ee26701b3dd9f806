-- SPDX-License-Identifier: MIT
-- The control server, byte for byte, with hosts in processes of their own.
local hosts = require "spec.support.host"
local json = require "dkjson"
local program = require "spec.support.program"
local uv = require "luv"
local wires = require "spec.support.wire"

-- What the commands of these specs name. Nothing ends by itself.
local MODULES <const> = {
  ["mypackage/mymodule.lua"] = [[
    local taskpool = require "taskpool"
    local mymodule = { list = { "x", "y", "z" } }
    function mymodule.worker()
      taskpool.sleep(3600)
    end
    function mymodule.add(first, second)
      return first + second
    end
    function mymodule.items()
      local left = 3
      return function()
        left = left - 1
        return left >= 0 and left or nil
      end
    end
    function mymodule.after() end
    return mymodule
  ]],
}

local SIMPLE <const> = [[
  local function work() taskpool.sleep(3600) end
  taskpool.SimpleTaskPool(work, { size = 7 })
]]

---All lines of an answer that has so many.
local function lines_of(wire, command, count)
  local lines = { wire:ask(command) }
  for i = 2, count do
    lines[i] = wire:line()
  end
  return lines
end

local TASKS <const> = [[ taskpool.TaskPool { name = "jobs" } ]]

---Sends each command and compares its answer.
local function assert_answers(wire, dialogue)
  for _, exchange in ipairs(dialogue) do
    assert.are.equal(exchange[2], wire:ask(exchange[1]), exchange[1])
  end
end

describe("a client of asyncio-taskpool", function()
  local host

  before_each(function()
    host = hosts.start(SIMPLE, MODULES)
  end)

  after_each(function()
    host:close()
  end)

  it("is greeted with the name of the pool, in one read", function()
    local wire <close> = host:connect()
    wire:send '{"terminal_width": 80}'
    wire:send "\n"
    assert.are.equal("SimpleTaskPool-0\n", wire:read())
  end)

  it("gets the answer to a command and its line end in one read", function()
    local wire <close> = host:greet()
    wire:send "pool-size"
    wire:send "\n"
    assert.are.equal("7\n", wire:read())
    wire:send "start 2\n"
    assert.are.equal("start-group-0\n", wire:read())
    wire:send "-h\n"
    assert.matches("\n.*\n$", wire:read())
  end)

  it("may send what else it likes in its first line", function()
    local wire <close>, greeting = host:greet '{"terminal_width": 80, "version": [1, {"a": null}]}'
    assert.are.equal("SimpleTaskPool-0", greeting)
    assert.are.equal("7", wire:ask "pool-size")
  end)

  it("goes on after an error", function()
    local wire <close> = host:greet()
    assert.matches("^NotFound: ", wire:ask "no-such-command")
    assert.are.equal("7", wire:ask "pool-size")
  end)

  it("leaves with `exit`, and gets the answers before it", function()
    local wire <close> = host:greet()
    wire:send "pool-size\nexit\npool-size\n"
    assert.are.equal("7\n", wire:finish())
  end)

  it("may send empty lines, blanks around a command and the line ends of telnet", function()
    local wire <close> = host:greet()
    wire:send "\n  \n\r\n  pool-size \t\r\n"
    assert.are.equal("7\n", wire:read())
  end)

  it("gets its answers in the order of the commands, however many come at once", function()
    local wire <close> = host:greet()
    local commands, answers = {}, {}
    for i = 1, 3000 do
      commands[i] = ({ "nonsense", "pool-size " .. i, "pool-size" })[i % 3 + 1]
      answers[i] = ({ "NotFound", "ok", tostring(i - 1) })[i % 3 + 1]
    end
    wire:send(table.concat(commands, "\n") .. "\n")
    for i = 1, #commands do
      assert.are.equal(answers[i], wire:line():match "^%w+")
    end
  end)
end)

describe("the commands", function()
  local host, wire

  before_each(function()
    host = hosts.start(SIMPLE .. TASKS, MODULES)
    wire = host:greet()
  end)

  after_each(function()
    wire:close()
    host:close()
  end)

  it("are the canonical ones of a SimpleTaskPool", function()
    assert_answers(wire, {
      { "start 5", "start-group-0" },
      { "pool-size", "7" },
    })
  end)

  it("are the canonical ones of a TaskPool", function()
    assert_answers(wire, {
      { "use TaskPool-jobs", "ok" },
      { "map mypackage.mymodule.worker ['x','y','z'] -n 3", "map-worker-group-0" },
      {
        "map mypackage.mymodule.worker ['x', 'y z', {'k': [1, 2.5, None, True]}] --num-concurrent 3",
        "map-worker-group-1",
      },
      { "map mypackage.mymodule.worker mypackage.mymodule.items -n 3", "map-worker-group-2" },
      { "map mypackage.mymodule.worker mypackage.mymodule.list -n 3", "map-worker-group-3" },
      { "num-running", "12" },
    })
  end)

  it("are all methods and properties of a SimpleTaskPool", function()
    assert_answers(wire, {
      { "func-name", "work" },
      { "start 5", "start-group-0" },
      { "num-running", "5" },
      { "stop 2", "[4, 3]" },
      { "get-group-ids start-group-0", "{0, 1, 2, 3, 4}" },
      { "cancel 0 -m enough", "ok" },
      { "cancel 0", "AlreadyEnded: SimpleTaskPool-0_Task-0 has ended already" },
      { "stop-all", "[2, 1]" },
      { "task 5", "TaskNotFound: SimpleTaskPool-0 has no task with id 5" },
      { "num-cancelled", "0" },
    })
    local task = lines_of(wire, "task 1", 8)
    assert.are.same({ "id          1", "group       start-group-0", "number      1", "state       cancelled" },
      { table.unpack(task, 1, 4) })
    assert.matches("^started%-at  %d+%-%d%d%-%d%d %d%d:%d%d:%d%d$", task[5])
    assert.matches('^cancel +{.*"outcome": "cancelled".*"who": "stop_all"}$', task[8])
    assert_answers(wire, { { "flush", "ok" } })
  end)

  it("are all methods and properties of a TaskPool", function()
    assert_answers(wire, {
      { "use TaskPool-jobs", "ok" },
      { "apply mypackage.mymodule.add -a [1, 2] -n 2 -g sums -e mypackage.mymodule.after", "sums" },
      { "starmap mypackage.mymodule.add [[1, 2], [3, 4]] -g stars", "stars" },
      { "doublestarmap mypackage.mymodule.add [{'first': 1, 'second': 2}]", "doublestarmap-add-group-0" },
      { "flush -r", "ok" },
      { "apply mypackage.mymodule.worker -n 3", "apply-worker-group-0" },
      { "num-running", "3" },
      { "num-ended", "0" },
      { "num-waiting", "0" },
      { "is-full", "false" },
      { "pool-size 3", "ok" },
      { "is-full", "true" },
      { "scale 2", "5" },
      { "scale -3 --hard", "2" },
      { "num-running", "2" },
      { "scale --hard -1", "1" },
      { "scale -- -1", "0" },
      { "scale 1.5", "InvalidArgument: N takes a whole number, such as 2 or -1, not '1.5' at column 7" },
      { "scale -x", "InvalidArgument: scale has no option '-x' at column 7; it has --hard; scale -h shows help" },
      { "lock", "ok" },
      { "is-locked", "true" },
      { "unlock", "ok" },
      { "is-locked", "false" },
      { "cancel-group apply-worker-group-0 -m 'no more'", "ok" },
      { "cancel-all", "ok" },
      { "gather-and-close", "ok" },
      { "until-closed", "true" },
    })
  end)

  it("go to another pool for once", function()
    assert_answers(wire, {
      { "--pool jobs num-running", "0" },
      { "--pool TaskPool-jobs apply mypackage.mymodule.worker -n 2", "apply-worker-group-0" },
      { "--pool=jobs num-running", "2" },
      { "--pool 'jobs' cancel-all", "ok" },
      { "num-running", "0" },
      { "func-name", "work" },
      { "--pool jobs func-name", "NotFound: this pool has no command 'func-name', a SimpleTaskPool has; -h lists all" },
      { "--pool nobody num-running", "NotFound: there is no pool 'nobody'; `pools` lists all" },
      { "--pool jobs pools", "InvalidArgument: --pool stands before commands of a pool only" },
      { "--pool", "InvalidArgument: --pool needs the name of a pool and a command" },
      { "--pools", "NotFound: there is no command '--pools'; did you mean 'pools'? -h lists all" },
    })
  end)

  it("take beginnings of options, and the last of what is given again", function()
    assert_answers(wire, {
      { "use TaskPool-jobs", "ok" },
      { "apply mypackage.mymodule.worker --group-n short --nu 2 -n 3", "short" },
      { "num-running", "3" },
      { "cancel-group short --m one -m=two --msg three", "ok" },
      { "apply mypackage.mymodule.worker --r 3", "InvalidArgument: apply has several options that begin with '--r' at \z
        column 33; it has -a/--args, -k/--kwargs, -n/--num, -g/--group-name, -e/--end-callback, -c/--cancel-callback, \z
        -t/--timeout, -w/--weight, --retries, --rate, --results; apply -h shows help" },
      { "flush --return", "ok" },
    })
  end)

  it("are the same with - and _, which the names in Lua have", function()
    assert_answers(wire, { { "pool_size", "7" }, { "pool-size", "7" } })
  end)

  it("tell the name of a call that is not waited for, which others take", function()
    assert_answers(wire, {
      { "use jobs", "ok" },
      { "submit mypackage.mymodule.worker --nowait", "submit-group-0" },
      { "submit-nowait mypackage.mymodule.worker", "submit-group-1" },
      { "submit mypackage.mymodule.add --nowait -a [1, 2]", "submit-group-2" },
      { "wait submit-group-2", "ok" }, -- it may have ended before that
    })
    assert.are.same({ "id     2", "group  submit-group-2", "state  ended" }, lines_of(wire, "task submit-group-2", 3))
    local running = lines_of(wire, "task submit-group-0", 7)
    assert.are.same({ "state       running", "try         1" }, { running[4], running[5] })
    assert_answers(wire, {
      { "wait submit-group-2 2", "ok" },
      { "cancel submit-group-1 7", "TaskNotFound: TaskPool-jobs has no task with id 7" },
      { "num-running", "2" },
      { "cancel submit-group-1 0", "ok" },
      { "wait 0 1", "ok" },
      { "pool-size 0", "ok" },
      { "submit mypackage.mymodule.add --nowait -a [1, 2]", "submit-group-1" },
    })
    assert.are.same({ "group  submit-group-1", "state  waiting" }, lines_of(wire, "task submit-group-1", 2))
    assert_answers(wire, {
      { "cancel-group submit-group-1", "ok" },
      { "pool-size inf", "ok" },
      { "apply mypackage.mymodule.worker -n 2 -g two", "two" },
      { "task two", "InvalidArgument: group 'two' of TaskPool-jobs has several tasks; give the id of one" },
      { "task none", "TaskGroupNotFound: TaskPool-jobs has no group 'none'" },
      { "flush", "ok" },
      { "flush", "ok" },
      { "wait submit-group-2", "TaskGroupNotFound: TaskPool-jobs has no group 'submit-group-2'" },
    })
  end)

  it("find a pool by its name without its class, where only one is called so", function()
    local both <close> = hosts.start [[
      taskpool.TaskPool { name = "jobs" }
      taskpool.SimpleTaskPool(print, { name = "jobs" })
      taskpool.SimpleTaskPool(print, { name = "TaskPool-jobs" })
      taskpool.TaskPool { name = "a-b" }
    ]]
    local user <close> = both:greet()
    assert_answers(user, {
      { "use jobs", "InvalidArgument: 'jobs' may be TaskPool-jobs or SimpleTaskPool-jobs; give the whole name" },
      { "use SimpleTaskPool-jobs", "ok" },
      { "func-name", "print" },
      { "use TaskPool-jobs", "ok" },
      { "order", "fifo" },
      { "use a-b", "ok" },
      { "use b", "NotFound: there is no pool 'b'; `pools` lists all" },
    })
  end)

  it("submit calls and steer those that wait", function()
    local other <close> = host:greet()
    assert_answers(other, { { "use TaskPool-jobs", "ok" } })
    assert_answers(wire, {
      { "use TaskPool-jobs", "ok" },
      { "submit mypackage.mymodule.add -a [1, 2]", "3" },
      { "submit mypackage.mymodule.add -k {first = 1, second = 2.5} -w -1", "3.5" },
      { "order", "fifo" },
      { "queue-limit", "inf" },
      { "pool-size 0", "ok" },
      { "submit mypackage.mymodule.add --nowait -g sum -a [1, 2]", "sum" },
      { "num-waiting", "1" },
      { "set-weight sum 2", "ok" },
      { "cancel-group sum", "ok" },
      { "num-waiting", "0" },
      { "submit-nowait mypackage.mymodule.add -g sum", "sum" },
      { "pause", "true" },
      { "pause", "true" },
      { "paused", "true" },
      { "pause --toggle", "false" },
      { "pause --toggle", "true" },
    })
    assert.matches("^NotAvailable: .* is paused", wire:ask "submit --nowait mypackage.mymodule.add")
    other:send "submit mypackage.mymodule.add -a [3, 4]\n" -- holds only its own session
    repeat
      local waiting = wire:ask "num-waiting"
    until waiting == "2"
    assert_answers(wire, {
      { "resume", "false" },
      { "size inf", "ok" },
      { "pool-size", "inf" },
      { "is-closed", "false" },
    })
    assert.are.equal("7", other:line())
    assert.matches("^InvalidArgument: .* takes a number", wire:ask "set-weight sum heavy")
    assert.matches("arithmetic on a nil value", wire:ask "submit mypackage.mymodule.add -a [1]")
  end)

  it("show and change the pool of the session, and of no other", function()
    local other <close> = host:greet()
    assert_answers(wire, {
      { "pools", '["SimpleTaskPool-0", "TaskPool-jobs"]' },
      { "use TaskPool-jobs", "ok" },
      { "pool-size", "inf" },
    })
    assert_answers(other, { { "pool-size", "7" } })
    assert.matches("^NotFound: .*TaskPool%-none", wire:ask "use TaskPool-none")
  end)
end)

describe("help", function()
  local host

  before_each(function()
    host = hosts.start(SIMPLE)
  end)

  after_each(function()
    host:close()
  end)

  ---All of the answer to a command.
  local function read_help(wire, command)
    wire:send(command .. "\n")
    return wire:read()
  end

  it("lists every command and keeps to the width of the client", function()
    local wire <close> = host:greet '{"terminal_width": 40}'
    local text = read_help(wire, "-h")
    for _, name in ipairs { "start", "stop-all", "pool-size", "pools", "use", "reload", "help", "exit" } do
      assert.matches("\n *" .. name:gsub("%-", "%%-"), text)
    end
    for line in text:gmatch "[^\n]*" do
      assert.is_true(#line <= 40, line)
    end
  end)

  it("is the same for -h, --help and help", function()
    local wire <close> = host:greet()
    local text = read_help(wire, "-h")
    assert.are.equal(text, read_help(wire, "--help"))
    assert.are.equal(text, read_help(wire, "help"))
  end)

  it("is there for each command of the list", function()
    local wire <close> = host:greet()
    local count = 0
    for name in read_help(wire, "-h"):gmatch "\n  ([%l%-]+)" do
      local text = read_help(wire, name .. " -h")
      assert.matches("^usage: " .. name:gsub("%-", "%%-"), text)
      count = count + 1
    end
    assert.is_true(count > 20)
  end)
end)

describe("a client that sends a command first", function()
  it("gets its answer first, and help at 80 columns", function()
    local host <close> = hosts.start(SIMPLE)
    local wire <close> = host:connect()
    assert.are.equal("7", wire:ask "pool-size")
    wire:send "-h\n"
    local widest = 0
    for line in wire:read():gmatch "[^\n]*" do
      widest = math.max(widest, #line)
    end
    assert.is_true(widest > 40 and widest <= 80)
  end)

  it("gets all answers when it sends no more, as netcat does at the end of a file", function()
    local host <close> = hosts.start(SIMPLE)
    local wire <close> = host:connect()
    wire:send "pool-size\nstart 2\nnum-running\n"
    wire:shutdown()
    assert.are.equal("7\nstart-group-0\n2\n", wire:finish())
  end)

  it("has what it sent in full run, even if it has left since", function()
    local host <close> = hosts.start(SIMPLE)
    local hasty = host:connect()
    hasty:send(("start 1\n"):rep(7))
    hasty:close()
    local wire <close> = host:greet()
    repeat
      local running = wire:ask "num-running"
    until running == "7"
  end)
end)

describe("a line with several commands", function()
  local host

  before_each(function()
    host = hosts.start(SIMPLE .. TASKS, MODULES)
  end)

  after_each(function()
    host:close()
  end)

  it("gets the answer of each", function()
    local wire <close> = host:greet()
    wire:send "num-running; start 2 ;pool-size;;\n"
    assert.are.same({ "0", "start-group-0", "7" }, { wire:line(), wire:line(), wire:line() })
    assert.are.equal("7", wire:ask "pool-size")
  end)

  it("goes on after an error", function()
    local wire <close> = host:greet()
    wire:send "get-group-ids none; pool-size\n"
    assert.matches("^TaskGroupNotFound", wire:line())
    assert.are.equal("7", wire:line())
  end)

  it("may have semicolons in texts and lists", function()
    local wire <close> = host:greet()
    assert.are.equal("ok", wire:ask "use jobs")
    wire:send "map mypackage.mymodule.worker ['a;b'] -g \"c;d\"; get-group-ids \"c;d\"\n"
    assert.are.same({ "c;d", "{0}" }, { wire:line(), wire:line() })
  end)

  it("marks each framed answer that is not the last", function()
    local wire <close> = host:greet '{"reply": "json"}'
    wire:send "pool-size; get-group-ids none; tasks; -h; ping\n"
    for _, more in ipairs { true, true, true, true, "no" } do
      assert.are.equal(more, json.decode(wire:line()).more or "no")
    end
    assert.is_nil(json.decode(wire:ask "ping").more)
  end)

  it("is not one of no command", function()
    local wire <close> = host:greet()
    assert.matches("^NotFound: there is no command ';'", wire:ask " ; ")
  end)

  it("does not begin a session", function()
    for _, line in ipairs { "nonsense; lock\n", "lock; lock\n", "lock;\n" } do
      local wire <close> = host:connect()
      wire:send(line)
      assert.matches("^NotFound[^\n]*\n$", wire:finish())
    end
    local other <close> = host:greet()
    assert.are.equal("false", other:ask "is-locked")
  end)
end)

describe("cancel by what tasks are", function()
  it("answers with the ids", function()
    local host <close> = hosts.start(TASKS, MODULES)
    local wire <close> = host:greet()
    wire:ask "map mypackage.mymodule.worker [1,2,3] -n 3 -g a"
    wire:ask "apply mypackage.mymodule.worker -g b"
    assert.are.equal("{0, 1, 2}", wire:ask "cancel --group a --dry-run")
    assert.are.equal("{}", wire:ask "cancel --older 3600")
    assert.are.equal("{0, 1, 2, 3}", wire:ask "cancel --function mypackage.mymodule.worker --state waiting --dry-run")
    assert.are.equal("{3}", wire:ask "cancel --group b -m enough")
    assert.are.equal("{0, 1, 2}", wire:ask "cancel --function mypackage.mymodule.worker --older 0")
    assert.matches("^InvalidArgument: cancel: either name", wire:ask "cancel")
    assert.matches("^InvalidArgument: cancel: either name", wire:ask "cancel 0 --group a")
  end)
end)

describe("a line of words", function()
  local host, wire

  before_each(function()
    host = hosts.start(SIMPLE .. TASKS, MODULES)
    wire = host:greet()
  end)

  after_each(function()
    wire:close()
    host:close()
  end)

  local function ask(...)
    return wire:ask(json.encode { ... })
  end

  it("takes blanks, quotes, semicolons and empty words as they are", function()
    wire:ask "use jobs"
    for _, name in ipairs { "two words", "'quoted'", "a;b", "x -h", "[1]" } do
      assert.are.equal(name, ask("apply", "mypackage.mymodule.worker", "--group-name=" .. name), name)
      assert.matches("^{%d}$", ask("get-group-ids", name), name)
    end
    assert.matches("a group name must not be empty", ask("apply", "mypackage.mymodule.worker", "-g", ""))
    assert.are.equal("an option", ask("apply", "mypackage.mymodule.worker", "-g", "an option"))
    assert.are.equal("-n", ask("apply", "mypackage.mymodule.worker", "--group-name=-n"))
    assert.matches("^{%d}$", ask("get-group-ids", "--", "-n"))
  end)

  it("does not begin a session", function()
    local other <close> = host:connect()
    other:send '["lock"]\n'
    assert.matches("^NotFound", other:finish())
  end)

  it("names the pool, reads literals and asks for help", function()
    local worker = "mypackage.mymodule.worker"
    assert.are.equal("g", ask("--pool", "jobs", "map", worker, "[1, 'two words', 3]", "-n", "3", "-g", "g"))
    assert.are.equal("{0, 1, 2}", ask("--pool=TaskPool-jobs", "get-group-ids", "g"))
    assert.matches("^usage: start", ask("start", "-h"))
  end)

  it("has an error for what is not words", function()
    assert.matches("^InvalidArgument: word 2 of the line is not a string", wire:ask '["start", 2]')
    assert.matches("^InvalidArgument: the line is not a JSON array of words", wire:ask '["start"')
    assert.matches("^InvalidArgument: the line is not a JSON array of words", wire:ask '["\\u0000"]')
    assert.matches("^InvalidArgument: NUM takes .*, not ''", ask("start", ""))
    assert.matches("^InvalidArgument: .*NUM.* not '1 2'", ask("start", "1 2"))
    assert.matches("^InvalidArgument: .*one argument too many", ask("start", "1", ""))
    assert.are.equal("7", wire:ask "pool-size")
  end)
end)

describe("framed answers", function()
  local host, wire, greeting

  before_each(function()
    host = hosts.start(SIMPLE .. TASKS, MODULES)
    wire, greeting = host:greet '{"terminal_width": 80, "reply": "json"}'
  end)

  after_each(function()
    wire:close()
    host:close()
  end)

  local function ask(command)
    return (assert(json.decode(wire:ask(command))))
  end

  it("tell what JSON has no number for as texts", function()
    wire:ask "use TaskPool-jobs"
    for sign, text in pairs { [""] = "inf", ["-"] = "-inf" } do
      local command = "submit mypackage.mymodule.add -a [" .. sign .. "1e308, " .. sign .. "1e308]"
      assert.are.equal(text, ask(command).value)
    end
  end)

  it("begin with a greeting that names the pool, the protocol and the role", function()
    local name = "SimpleTaskPool-0"
    assert.are.same({ ok = true, value = name, text = name, protocol = 3, role = "operate" },
      json.decode(greeting))
  end)

  it("hold the value and the text", function()
    assert.are.same({ ok = true, value = 7, text = "7" }, ask "pool-size")
    assert.are.same({ ok = true, value = "start-group-0", text = "start-group-0" }, ask "start 3")
    assert.are.same({ ok = true, value = { 2, 1 }, text = "[2, 1]" }, ask "stop 2")
    assert.are.same({ ok = true, value = { 0, 1, 2 }, text = "{0, 1, 2}" }, ask "get-group-ids start-group-0")
    assert.are.same({ ok = true, value = false, text = "false" }, ask "is-locked")
    assert.are.same({ ok = true, text = "ok" }, ask "lock")
  end)

  it("hold the columns of a table, in the order to be shown", function()
    local function columns_of(command)
      local shown = {}
      for index, column in ipairs(ask(command).columns) do
        shown[index] = column.name .. " " .. column.align
      end
      return shown
    end
    ask "start 1"
    local groups = columns_of "groups"
    assert.are.same({ "group left", "running right" }, { groups[1], groups[3] })
    assert.are.same("id right", columns_of("tasks")[1])
    assert.are.same({ "pool left", "size right" }, { table.unpack(columns_of "pools -l", 1, 2) })
    assert.are.same("pool left", columns_of("status")[1])
    assert.is_nil(ask("pools").columns)
  end)

  it("hold the place of a mistake in the line", function()
    assert.are.equal(7, ask("start many").column)
    assert.are.equal(1, ask("strat 1").column)
    assert.are.equal(9, ask("start 1 --none").column)
    assert.are.equal(9, ask("start 1 2").column)
    ask "use TaskPool-jobs"
    assert.are.equal(43, ask("submit mypackage.mymodule.add -a [1, 2, 34}").column)
    assert.is_nil(ask("get-group-ids none").column)
  end)

  it("hold an error with its code", function()
    local answer = ask "get-group-ids none"
    assert.are.same({ false, "TaskGroupNotFound" }, { answer.ok, answer.code })
    assert.matches("none", answer.message)
  end)

  it("are one line each, help too", function()
    local answer = ask "-h"
    assert.is_true(answer.ok)
    assert.matches("\n", answer.text)
    assert.are.equal(7, ask("pool-size").value)
  end)
end)

describe("a command that waits", function()
  local host

  before_each(function()
    host = hosts.start(SIMPLE)
  end)

  after_each(function()
    host:close()
  end)

  it("holds its own session only", function()
    local waiting <close> = host:greet()
    local other <close> = host:greet()
    waiting:send "pool-size\nuntil-closed\npool-size\n"
    assert.are.equal("7", waiting:line()) -- what was answered before is not held
    assert_answers(other, {
      { "start 1", "start-group-0" },
      { "num-running", "1" },
      { "stop-all", "[0]" },
    })
    assert.are.equal("", waiting.data)
    assert_answers(other, { { "gather-and-close", "ok" } })
    assert.are.equal("true", waiting:line())
    assert.matches("^%w", waiting:line())
  end)

  it("is answered where it ends as the server closes", function()
    local closing <close> = hosts.start [[
      local pool = taskpool.SimpleTaskPool(function() end)
      local path = directory .. "/closing.sock"
      local server = control.serve { pool, unix = path }
      local watcher = taskpool.TaskPool {}
      watcher:apply(function()
        pool:until_closed()
        server:close()
        server:wait()
      end)
    ]]
    local waiting <close> = wires.connect("unix:" .. closing.directory .. "/closing.sock")
    local other <close> = wires.connect(waiting.address)
    waiting:send "num-running\nuntil-closed\n"
    assert.are.equal("0", waiting:line())
    assert.are.equal("ok", other:ask "gather-and-close")
    assert.are.equal("true\n", waiting:finish())
  end)

  it("is cancelled when its client leaves", function()
    local waiting = {}
    for i = 1, 128 do
      waiting[i] = host:connect()
      waiting[i]:send "until-closed\n"
    end
    for _, wire in ipairs(waiting) do
      wire:close()
    end
    local greeting
    repeat -- all places are taken until the server has let go of them
      local wire <close>, first = host:greet()
      greeting = wire and first
    until greeting == "SimpleTaskPool-0"
  end)
end)

describe("serve", function()
  ---Runs a script that is served nowhere and returns what it prints.
  local function run(script)
    local directory = program.make_directory()
    local path = program.write_file(directory .. "/host.lua", [[
      local taskpool = require "taskpool"
      local control = taskpool.control
      local directory = ...
      local pool = taskpool.TaskPool {}
    ]] .. script)
    local done = program.run { "run", path, directory }
    program.remove_directory(directory)
    assert.are.equal(0, done.code, done.err)
    return done.out
  end

  it("tells the port that the system chose, and clients find it there", function()
    for _, place in ipairs { "127.0.0.1", "localhost", "[::1]" } do
      local host <close> = hosts.start(([[
        local pool = taskpool.SimpleTaskPool(print)
        print(control.serve { pool, tcp = "%s:0" }:address())
      ]]):format(place))
      local address = host.process.out:match "tcp://%S+"
      local wire <close> = wires.connect(address)
      assert.are.equal("SimpleTaskPool-0", wire:ask "{}")
    end
  end)

  it("serves the pools it is given and no others", function()
    local host <close> = hosts.start [[
      local first = taskpool.TaskPool { name = "first" }
      taskpool.TaskPool { name = "hidden" }
      local last = taskpool.TaskPool { name = "last" }
      control.serve { last, first, unix = directory .. "/two.sock" }
    ]]
    local wire <close> = wires.connect("unix:" .. host.directory .. "/two.sock")
    assert_answers(wire, {
      { "{}", "TaskPool-last" },
      { "pools", '["TaskPool-last", "TaskPool-first"]' },
    })
    assert.matches("^NotFound: ", wire:ask "use TaskPool-hidden")
    os.remove(host.directory .. "/two.sock")
  end)

  it("keeps the host running until the server is closed, and its pools", function()
    local out = run [[
      local server = control.serve { pool, unix = directory .. "/s" }
      pool = nil
      collectgarbage()
      collectgarbage()
      taskpool.SimpleTaskPool(function()
        print(require("luv").fs_stat(directory .. "/s").mode & 511)
        taskpool.sleep(0.01)
        print "closing"
        server:close()
        server:close()
      end):start(1)
      print(server:wait())
      print(server:wait())
      print(require("luv").fs_stat(directory .. "/s"))
    ]]
    assert.matches("^384\nclosing\ntrue\ntrue\nnil", out)
  end)

  it("ends the sessions of a server that is closed", function()
    local host <close> = hosts.start [[
      local server = control.serve { unix = directory .. "/short.sock" }
      taskpool.SimpleTaskPool(function() server:close() end)
    ]]
    local wire <close> = wires.connect("unix:" .. host.directory .. "/short.sock")
    assert.are.equal("SimpleTaskPool-0", wire:ask "{}")
    wire:send "start 1\n"
    wire:finish()
    assert.is_nil(uv.fs_stat(host.directory .. "/short.sock"))
  end)

  it("refuses wrong options, each with a clear error", function()
    local out = run [[
      local function try(options)
        local ok, problem = pcall(control.serve, options)
        print(ok, tostring(problem))
      end
      try(nil)
      try { pool }
      try { pool, tcp = 8001 }
      try { pool, tcp = "127.0.0.1:0", unix = "/tmp/x" }
      try { pool, tcp = "127.0.0.1:0", speed = 3 }
      try { {}, tcp = "127.0.0.1:0" }
      try { pool, tcp = "127.0.0.1" }
      try { pool, tcp = "127.0.0.1:65536" }
      try { pool, tcp = "127.0.0.1:http" }
      try { pool, tcp = "example.org:80" }
      try { pool, unix = "" }
      try { pool, unix = "a\0b" }
      try { pool, unix = directory .. "/s", max_clients = 0 }
      try { pool, unix = directory .. "/s", line_timeout = "soon" }
      try { pool, unix = directory .. "/s", unread_timeout = -1 }
    ]]
    local count = 0
    for line in out:gmatch "[^\n]+" do
      assert.matches("^false%s+InvalidArgument: ", line)
      count = count + 1
    end
    assert.are.equal(15, count)
  end)

  it("refuses addresses that are not loopback", function()
    local out = run [[
      for _, address in ipairs { "0.0.0.0:0", "192.168.0.1:0", "[::]:0", "[fe80::1]:0" } do
        local ok, problem = pcall(control.serve, { pool, tcp = address })
        print(ok, tostring(problem))
      end
    ]]
    assert.are.equal(4, select(2, out:gsub("false%s+Denied: [^\n]*loopback", "")))
  end)

  it("refuses a port that is in use", function()
    local out = run [[
      local server <close> = control.serve { pool, tcp = "127.0.0.1:0" }
      local port = server:address():match "%d+$"
      local ok, problem = pcall(control.serve, { pool, tcp = "127.0.0.1:" .. port })
      print(ok, tostring(problem))
    ]]
    assert.matches("^false%s+IOError: .*in use", out)
  end)
end)

describe("Python's asyncio", function()
  it("talks to us as asyncio-taskpool's client does", function()
    if not os.execute "command -v python3 >/dev/null 2>&1" then
      pending "python3 is not there"
      return
    end
    local host <close> = hosts.start(SIMPLE .. TASKS, MODULES)
    local done = program.run {
      file = "python3",
      "spec/support/asyncio_client.py",
      host.directory .. "/control.sock",
      "pool-size",
      "start 5",
      "num-running",
      "nonsense",
      "stop 1",
    }
    assert.are.equal("", done.err)
    assert.matches(
      "^SimpleTaskPool%-0\n7\nstart%-group%-0\n5\nNotFound: [^\n]*\n%[4%]\nDisconnected\n$",
      done.out
    )
  end)
end)
