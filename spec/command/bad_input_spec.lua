-- SPDX-License-Identifier: MIT
-- Bad input at the socket: each a clear error for the one who caused it, and a host that goes on.
local hosts = require "spec.support.host"
local program = require "spec.support.program"
local uv = require "luv"

local MODULES <const> = {
  ["bad.lua"] = [[
    local taskpool = require "taskpool"
    local bad = {}
    function bad.raise_nil() error(nil) end
    function bad.raise_table() error { "no text" } end
    function bad.raise_hostile()
      error(setmetatable({}, { __tostring = function() error "no text either" end }))
    end
    function bad.overflow() return 1 + bad.overflow() end
    function bad.work() taskpool.sleep(3600) end
    function bad.items()
      local count = 0
      return function()
        count = count + 1
        if count == 3 then error "the iterator broke" end
        return count
      end
    end
    function bad.callback() error "the callback broke" end
    function bad.done() end
    return bad
  ]],
  ["broken.lua"] = "return {",
  ["raising.lua"] = "error 'not today'",
}

local POOL <const> = [[ taskpool.TaskPool { name = "jobs" } ]]

describe("a command line that is wrong", function()
  local host, wire

  setup(function()
    host = hosts.start(POOL, MODULES)
  end)

  teardown(function()
    host:close()
  end)

  before_each(function()
    wire = host:greet()
  end)

  after_each(function()
    assert.are.equal("inf", wire:ask "pool-size") -- the session goes on
    wire:close()
  end)

  local WRONG <const> = {
    { "an unknown command", "mapp bad.work [1]", "NotFound: .*mapp" },
    { "a command of the other kind of pool", "start 3", "NotFound: .*start" },
    { "an unknown option", "map bad.work [1] --speed 3", "InvalidArgument: .*speed" },
    { "a missing argument", "map bad.work", "InvalidArgument: .*ITERABLE" },
    { "one argument too many", "lock now", "InvalidArgument: .*now" },
    { "an option without its value", "map bad.work [1] -n", "InvalidArgument: .*" },
    { "an option where a value is expected", "map bad.work [1] -g -n", "InvalidArgument: .*%-%-group%-name=%-n" },
    { "a long option where a value is expected", "cancel 0 -m --all", "InvalidArgument: .*%-%-msg=%-%-all" },
    { "a number that is none", "map bad.work [1] -n many", "InvalidArgument: .*many" },
    { "an unknown function", "map bad.nothing [1]", "NotFound: .*bad.nothing" },
    { "an unknown module", "map nowhere.work [1]", "NotFound: .*nowhere.work" },
    { "a function of the standard library", "map os.execute ['true']", "NotFound: .*os.execute" },
    { "a module that does not load", "map broken.work [1]", "ScriptError: .*broken" },
    { "a module that raises", "map raising.work [1]", "ScriptError: .*not today" },
    { "an unknown group", "cancel-group none", "TaskGroupNotFound: .*none" },
    { "an unknown id", "cancel 99", "TaskNotFound: .*99" },
    { "an open bracket", "map bad.work [1, 2", "InvalidArgument: .*at column %d+" },
    { "a wrong bracket", "map bad.work [1, 2)", "InvalidArgument: .*at column 19" },
    { "an open quote", "map bad.work ['x, 2]", "InvalidArgument: .*at column %d+" },
    { "an integer out of range", "map bad.work [99999999999999999999]", "InvalidArgument: .*" },
    { "a list with the key 0", "map bad.work {[0]='a'}", "InvalidArgument: ITERABLE takes a list" },
    { "a list with a negative key", "map bad.work {[-1]='a', [1]='b'}", "InvalidArgument: ITERABLE takes a list" },
    { "arguments with the key 0", "apply bad.work -a {0: 'a'}", "InvalidArgument: .*%-%-args takes a list" },
    { "a zero byte", "pool\0size", "InvalidArgument: .*zero byte" },
  }

  for _, case in ipairs(WRONG) do
    it(("is answered with a clear error: %s"):format(case[1]), function()
      assert.matches("^" .. case[3], wire:ask(case[2]))
    end)
  end
end)

describe("a worker", function()
  local host, wire

  before_each(function()
    host = hosts.start(POOL, MODULES)
    wire = host:greet()
    assert.are.equal("witness", wire:ask "apply bad.work -g witness")
  end)

  after_each(function()
    assert.are.equal("1", wire:ask "num-running") -- others are untouched
    wire:close()
    host:close()
  end)

  for _, name in ipairs { "raise_nil", "raise_table", "raise_hostile", "overflow" } do
    it(("may fail as it likes: %s"):format(name), function()
      assert.are.equal("g", wire:ask("apply bad." .. name .. " -n 2 -g g"))
      repeat until wire:ask "num-running" == "1" -- a long failure is preempted like any work
      assert.are.equal("ok", wire:ask "flush -r")
      assert.are.equal("0", wire:ask "num-ended")
      assert.matches("TaskPool%-jobs_Task%-1", host.process.err)
    end)
  end

  it("may have an iterator that breaks half way", function()
    assert.are.equal("g", wire:ask "map bad.done bad.items -g g")
    assert.are.equal("ok", wire:ask "flush -r")
    assert.matches("the iterator broke", host.process.err)
  end)

  it("may have a callback that breaks", function()
    assert.are.equal("g", wire:ask "apply bad.done -e bad.callback -g g")
    assert.are.equal("ok", wire:ask "flush -r")
    assert.matches("the callback broke", host.process.err)
  end)
end)

describe("a pool that is closed", function()
  it("refuses work, and the session goes on", function()
    local host <close> = hosts.start(POOL, MODULES)
    local wire <close> = host:greet()
    assert.are.equal("ok", wire:ask "gather-and-close")
    assert.matches("^PoolIsClosed: ", wire:ask "apply bad.done")
    assert.are.equal("true", wire:ask "until-closed")
  end)
end)

describe("bytes that are no session (T14)", function()
  local LINE_MAX <const> = 65536

  -- What is sent, and what must come back.
  local NOISE <const> = {
    { ("["):rep(1000000), "^InvalidArgument: [^\n]*65536" },
    { "map bad.work " .. ("["):rep(60000) .. "\n", "^InvalidArgument: [^\n]*\n" },
    { "map bad.work [" .. ("9"):rep(60000) .. "]\n", "^InvalidArgument: [^\n]*\n" },
    { "map bad.work [1e999]\n", "^%w+[^\n]*\n" },
    { "\0\0\0\n", "^InvalidArgument: [^\n]*\n" },
    { "\255\254\192\128 \237\160\128\n", "^NotFound: [%g ]*\n" },
    { "map 'bad.work ['\n", "^InvalidArgument: [^\n]*\n" },
    { ("x"):rep(70 * 1024) .. "\n", "^InvalidArgument: [^\n]*65536" },
    { ("x"):rep(LINE_MAX) .. "\n", "^NotFound: [^\n]*\n" },
    { "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nlock\n", "^$" },
    { "POST /lock HTTP/1.1\r\nContent-Length: 5\r\n\r\nlock\n", "^$" },
    { "\22\3\1\2\0\1\0\1\252\3\3lock\n", "^$" },
    { "\255\253\1\255\253\31\255\251\1\n", "^NotFound: [%g ]*\n" },
    { "{\n", "^InvalidArgument: [^\n]*\n" },
    { "{'terminal_width': 80}\n", "^InvalidArgument: [^\n]*\n" },
    { '{"terminal_width": "wide"}\n', "^InvalidArgument: [^\n]*\n" },
    { '{"reply": "xml"}\n', "^InvalidArgument: [^\n]*\n" },
    { "\27[31mlock\27[0m\n", "^NotFound: [%g ]*\n" },
    { "half a line", "^NotFound: [%g ]*\n$" },
  }

  it("are refused or closed, without a command run", function()
    local host <close> = hosts.start(POOL, MODULES)
    local refused = 0
    for _, case in ipairs(NOISE) do
      local wire <close> = host:connect()
      wire:send(case[1])
      wire:shutdown()
      assert.matches(case[2], wire:finish(), ("%q"):format(case[1]:sub(1, 40)))
      refused = refused + 1
    end
    local wire <close> = host:greet()
    assert.are.equal("false", wire:ask "is-locked")
    assert.are.equal("0", wire:ask "num-running")
    print(("bad-input: tried=%d refused=%d alive=1"):format(#NOISE, refused))
  end)

  it("are answered once, where they are one endless line", function()
    local host <close> = hosts.start(POOL)
    local wire <close> = host:greet()
    wire:send(("x"):rep(1000000))
    assert.matches("^InvalidArgument: [^\n]*65536[^\n]*\n$", wire:finish())
    assert.is_true(host:is_alive())
  end)

  it("may end in the middle of a command", function()
    local host <close> = hosts.start(POOL)
    local wire = host:greet()
    wire:send "lock\nunl"
    wire:close()
    local other <close> = host:greet()
    repeat
      local locked = other:ask "is-locked"
    until locked == "true"
  end)
end)

describe("one byte a write (T09)", function()
  it("gives the same answers", function()
    local COMMANDS <const> = {
      "pool-size",
      "map bad.done ['x', 'y z', {'k': [1, 2.5, None, True]}] -g a --num-concurrent 3",
      "flush",
      "get-group-ids none",
      "nonsense",
      "cancel 99 -m 'no more'",
      "-h",
      "pool-size 3",
      "pool-size inf",
    }
    local host <close> = hosts.start(POOL, MODULES)
    local equal = 0
    local whole <close> = host:greet()
    local slow <close> = host:connect()
    slow:send_bytewise '{"terminal_width": 80}\n'
    assert.are.equal("TaskPool-jobs", slow:line())
    for _, command in ipairs(COMMANDS) do
      whole:send(command .. "\n")
      local expected = whole:read()
      slow:send_bytewise((command:gsub("-g a", "-g b")) .. "\n")
      assert.are.equal((expected:gsub("^a\n", "b\n")), slow:read())
      equal = equal + 1
    end
    print(("short-io: commands=%d equal=%d"):format(#COMMANDS, equal))
  end)
end)

describe("random lines, cut anywhere (T12)", function()
  local STREAMS <const>, LINES <const> = 50, 40
  local WORDS <const> = { "pool-size", "map", "-n", "['x'", "{", "\0", "\27[2J", "\255", "-h", "'", "exit?", "9e9" }

  ---A line of random words or of random bytes that is not blank.
  local function make_line(random)
    local parts = { ("!"):rep(random(0, 1)) .. WORDS[random(#WORDS)] }
    for i = 2, random(1, 6) do
      local byte = string.char(random(0, 255)):gsub("\n", "x")
      parts[i] = random(2) == 1 and WORDS[random(#WORDS)] or byte
    end
    return table.concat(parts, " ")
  end

  it("get one last answer each, in their order", function()
    local host <close> = hosts.start(POOL, MODULES)
    local seed = os.time()
    math.randomseed(seed)
    for stream = 1, STREAMS do
      local lines = {}
      for i = 1, LINES do
        lines[i] = make_line(math.random) .. "\npool-size " .. i .. "\npool-size"
      end
      local bytes = '{"reply": "json"}\n' .. table.concat(lines, "\n") .. "\n"
      local wire <close> = host:connect()
      local from = 1
      while from <= #bytes do
        local to = from + math.random(0, 200)
        wire:push(bytes:sub(from, to))
        from = to + 1
      end
      wire:line()
      for i = 1, LINES do
        local where = ("seed %d, stream %d, line %q"):format(seed, stream, lines[i])
        repeat
          local answer = wire:line()
          assert.matches('^{"ok": .*}$', answer, where)
        until not answer:find '"more": true}$'
        assert.matches('"text": "ok"}$', wire:line(), where)
        assert.matches(('"text": "%d"}$'):format(i), wire:line(), where)
      end
    end
    print(("fuzz-session: streams=%d desync=0"):format(STREAMS))
  end)
end)

describe("the path of a socket (T40)", function()
  -- Each makes something at the path and returns what the error must say.
  local CASES <const> = {
    function(path)
      program.write_file(path, "precious")
      return "IOError: .* is a file"
    end,
    function(path)
      assert(uv.fs_mkdir(path, 448))
      return "IOError: .* is a directory"
    end,
    function(path)
      program.write_file(path .. ".target", "precious")
      assert(uv.fs_symlink(path .. ".target", path))
      return "IOError: .* is a symbolic link"
    end,
    function(path)
      assert(uv.fs_symlink(path .. ".nothing", path))
      return "IOError: .* is a symbolic link"
    end,
  }

  local directory

  before_each(function()
    directory = program.make_directory()
    program.write_file(directory .. "/host.lua", [[
      local taskpool = require "taskpool"
      local control = taskpool.control
      local pool = taskpool.TaskPool {}
      local ok, result = pcall(control.serve, { pool, unix = ... })
      print(ok and "open" or tostring(result))
      if ok then result:close() end
    ]])
  end)

  after_each(function()
    program.remove_directory(directory)
  end)

  ---What serving at `path` comes to.
  local function try(path)
    local done = program.run { "run", directory .. "/host.lua", path }
    assert.are.equal(0, done.code, done.err)
    return done.out:gsub("\n$", "")
  end

  local function mark(path)
    local found = assert(uv.fs_lstat(path))
    return ("%s %d %d %d"):format(found.type, found.ino, found.mtime.sec, found.mtime.nsec)
  end

  it("is refused where something else is, which is left as it was", function()
    local clobbered = 0
    for i, make in ipairs(CASES) do
      local path = directory .. "/" .. i
      local wanted = make(path)
      local before = mark(path)
      assert.matches("^" .. wanted, (try(path)))
      clobbered = clobbered + (mark(path) == before and 0 or 1)
    end
    print(("socket-path: cases=%d refused=%d clobbered=%d"):format(#CASES, #CASES, clobbered))
    assert.are.equal(0, clobbered)
  end)

  it("is refused where it is too long, or leads nowhere", function()
    local long = directory .. "/" .. ("x"):rep(108 - #directory - 1)
    assert.matches("^InvalidArgument: .*107", (try(long)))
    assert.is_nil(uv.fs_stat(long:sub(1, 107)))
    assert.are.equal("open", (try(long:sub(1, 107))))
    assert.matches("^IOError: .*no such file", (try(directory .. "/none/s"):lower():gsub("^ioerror", "IOError")))
  end)

  it("is refused where a server answers, which goes on", function()
    local host <close> = hosts.start(POOL)
    assert.matches("^IOError: .*in use", (try(host.directory .. "/control.sock")))
    assert.is_true(host:is_alive())
  end)

  it("is taken over where the server has died (T39)", function()
    local path = directory .. "/s"
    program.write_file(directory .. "/serve.lua", [[
      local taskpool = require "taskpool"
      local control = taskpool.control
      control.serve { taskpool.TaskPool {}, unix = ... }
      print "serving"
      io.stdout:flush()
    ]])
    for _ = 1, 5 do
      local host = program.start { "run", directory .. "/serve.lua", path }
      host:wait_for "serving"
      host:kill "sigkill"
      host:finish()
      assert.are.equal("socket", uv.fs_lstat(path).type)
    end
    assert.are.equal("open", (try(path)))
    assert.is_nil(uv.fs_lstat(path))
  end)

  it("is left alone at the end if it is somebody else's by then", function()
    program.write_file(directory .. "/swap.lua", [[
      local taskpool = require "taskpool"
      local control = taskpool.control
      local path = ...
      local server = control.serve { taskpool.TaskPool {}, unix = path }
      os.rename(path, path .. ".old")
      local file <close> = io.open(path, "w")
      server:close()
      server:wait()
    ]])
    local done = program.run { "run", directory .. "/swap.lua", directory .. "/s" }
    assert.are.equal(0, done.code, done.err)
    assert.are.equal("file", uv.fs_lstat(directory .. "/s").type)
  end)
end)

describe("a host without file descriptors (T35)", function()
  it("tells the clients that it cannot serve, and serves again", function()
    local host <close> = hosts.start(POOL, nil, { "sh", "-c", 'ulimit -n 40; exec "$@"', "sh" })
    local clients, accepted, refused = {}, 0, 0
    for i = 1, 100 do
      clients[i] = host:connect()
      clients[i]:send '{"terminal_width": 80}\n'
    end
    for _, wire in ipairs(clients) do
      local greeting = wire:line()
      accepted = accepted + (greeting == "TaskPool-jobs" and 1 or 0)
      refused = refused + ((greeting or ""):match "^NotAvailable: " and 1 or 0)
      wire:close()
    end
    assert.is_true(accepted > 10, accepted)
    assert.are.equal(100, accepted + refused)
    local greeting
    repeat
      local wire <close>, first = host:greet()
      greeting = wire and first
    until greeting == "TaskPool-jobs"
    print(("emfile: accepted=%d refused=%d recovered=1"):format(accepted, refused))
  end)
end)

describe("a client that does not read", function()
  it("is not read from either, loses nothing, and holds nobody", function()
    local COUNT <const> = 400000
    local host <close> = hosts.start(POOL)
    local busy <close> = host:greet()
    busy:stop_reading()
    busy:push(("pool-size\n"):rep(COUNT))
    local wire <close> = host:greet()
    for _ = 1, 100 do
      assert.are.equal("inf", wire:ask "pool-size")
    end
    busy:start_reading()
    assert.is_true(busy:take(COUNT * 4) == ("inf\n"):rep(COUNT))
  end)
end)
