-- SPDX-License-Identifier: MIT
-- What control sessions may name, and how the modules that they name are loaded.
local hosts = require "spec.support.host"
local program = require "spec.support.program"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local uv = require "luv"

local POOL <const> = 'taskpool.TaskPool { name = "jobs" }\n'

---Asserts that the command fails with that code, and returns the answer.
local function refused(wire, code, command)
  local answer = wire:ask(command)
  assert.matches("^" .. code .. ": ", answer, #command > 60 and command:sub(1, 60) or command)
  return answer
end

---The rows of a table that has that many, below its title.
local function rows(wire, command, count)
  local list = { wire:ask(command) }
  for i = 1, count do
    list[i] = wire:line()
  end
  return list
end

describe("the script that the host runs", function()
  local SCRIPT <const> = POOL
    .. [[
      local runs = io.open(directory .. "/runs", "a")
      runs:write "."
      runs:close()
      function greet() end
      package.loaded.host = { greet = greet }
    ]]

  it("is no module, by whatever path its file is reached", function()
    local host <close> = hosts.start(SCRIPT, { ["pkg/some.lua"] = "return {}" })
    local wire <close> = host:greet()
    assert(uv.fs_symlink("host.lua", host.directory .. "/link.lua"))
    assert(uv.fs_link(host.directory .. "/host.lua", host.directory .. "/hard.lua"))
    assert(uv.fs_symlink("../host.lua", host.directory .. "/pkg/init.lua"))
    assert(uv.fs_symlink(".", host.directory .. "/again"))
    for _, module in ipairs { "host", "link", "hard", "pkg", "again.host", "again.again.link" } do
      local answer = refused(wire, "NotFound", ("apply %s.greet"):format(module))
      assert.matches("the script that the host runs", answer, 1, true)
      assert.matches(('taskpool.expose("%s.greet", f)'):format(module), answer, 1, true)
      refused(wire, "NotFound", "reload " .. module)
    end
    assert.are.equal('["TaskPool-jobs"]', wire:ask "pools")
    assert.are.equal(".", program.read_file(host.directory .. "/runs"))
    assert.are.same({ "pkg.some  false" }, rows(wire, "modules", 1))
  end)

  it("is no module either when patterns would match it, or an editor has replaced it", function()
    local host <close> = hosts.start(SCRIPT .. 'package.loaded.host = nil\ntaskpool.expose "pkg.*"\n', {
      ["pkg/some.lua"] = "return {}",
    })
    local wire <close> = host:greet()
    local path = host.directory .. "/host.lua"
    program.write_file(path .. ".new", program.read_file(path))
    assert(uv.fs_rename(path .. ".new", path))
    assert(uv.fs_symlink("../host.lua", host.directory .. "/pkg/link.lua"))
    refused(wire, "NotFound", "apply pkg.link.greet")
    assert.are.equal(".", program.read_file(host.directory .. "/runs"))
  end)
end)

describe("a module that is loaded for a session", function()
  local BEGIN <const> = 'local taskpool = require "taskpool"\n'

  -- What it does while it loads, which only a script may.
  local REFUSED <const> = {
    pool = "local pool = taskpool.TaskPool { name = 'extra' }",
    simple = "local pool = taskpool.SimpleTaskPool(print)",
    server = [[require "taskpool.control.core".serve { unix = (...) and "DIRECTORY/extra.sock" }]],
    run = "taskpool.run(function() end)",
    expose = "taskpool.expose 'pool.*'",
    inner = "coroutine.wrap(function() taskpool.TaskPool { name = 'extra' } end)()",
    job = "taskpool.gather(function() taskpool.TaskPool { name = 'extra' } end)",
    required = "package.path = 'DIRECTORY/?.lua;' .. package.path; require 'pool'",
    noted = "package.loaded.noted = { f = print }; taskpool.TaskPool()",
  }

  it("cannot make a pool, serve, run or expose, and leaves nothing when it tries", function()
    local host <close> = hosts.start(POOL, { ["fine.lua"] = BEGIN .. "return { f = function() return 1 end }" })
    local wire <close> = host:greet()
    local tried = 0
    for name, text in pairs(REFUSED) do
      program.write_file(
        ("%s/%s.lua"):format(host.directory, name),
        BEGIN .. text:gsub("DIRECTORY", host.directory) .. "\nreturn { f = function() end }\n"
      )
    end
    for name in pairs(REFUSED) do
      for _, command in ipairs { "apply " .. name .. ".f", "reload " .. name, "map " .. name .. ".f fine.f" } do
        local answer = refused(wire, "ScriptError", command)
        assert.matches("module '" .. name .. "' did not load: .*Denied: ", answer)
        assert.matches("while a module is loaded for a control session", answer, 1, true)
        tried = tried + 1
      end
    end
    assert.are.equal(27, tried)
    assert.are.equal('["TaskPool-jobs"]', wire:ask "pools")
    assert.is_nil(uv.fs_lstat(host.directory .. "/extra.sock"))
    assert.are.equal("1", wire:ask "submit fine.f")
    for _, row in ipairs(rows(wire, "modules", 10)) do
      assert.are.equal(row:match "^fine" and "true" or "false", row:match "%S+$", row)
    end
  end)

  it("may do so in a function that is called later, and when the script loads it", function()
    local text = BEGIN .. "local made = {}\nreturn { f = function() return tostring(taskpool.TaskPool()) end }"
    local host <close> = hosts.start(
      POOL .. 'package.path = directory .. "/?.lua;" .. package.path\nrequire "early"\n',
      { ["late.lua"] = text, ["early.lua"] = BEGIN .. "taskpool.TaskPool()\nreturn { f = function() return 7 end }" }
    )
    local wire <close> = host:greet()
    assert.matches("^TaskPool%-%d$", wire:ask "submit late.f")
    assert.are.equal("7", wire:ask "submit early.f")
  end)

  it("may wait, and is loaded once for all who ask meanwhile", function()
    local host <close> = hosts.start(POOL, {
      ["slow.lua"] = BEGIN
        .. [[
          local loads = (_G.loads or 0) + 1
          _G.loads = loads
          taskpool.sleep(0.2)
          return { f = function() return loads end }
        ]],
    })
    local first <close> = host:greet()
    local second <close> = host:greet()
    first:send "submit slow.f\n"
    second:send "submit slow.f\nsubmit slow.f\n"
    assert.are.same({ "1", "1", "1" }, { first:line(), second:line(), second:line() })
  end)

  it("does not freeze the host when it loops, and is ended after some seconds", function()
    local LOOPS <const> = {
      "while true do end",
      "while true do pcall(function() while true do end end) end",
      "coroutine.wrap(function() while true do end end)()",
      "while true do taskpool.sleep(0.01) end",
    }
    local host <close> = hosts.start(POOL, { ["fine.lua"] = "return { f = function() return 1 end }" })
    local waiting = {}
    for i, text in ipairs(LOOPS) do
      program.write_file(("%s/loop%d.lua"):format(host.directory, i), BEGIN .. text)
      waiting[i] = host:greet()
      waiting[i]:send(("apply loop%d.f\n"):format(i))
    end
    local left = host:greet()
    left:send "apply loop1.f\n"
    left:close()
    local wire <close> = host:greet()
    local answered = 0
    local last = waiting[#LOOPS]
    repeat
      assert.are.equal("1", wire:ask "submit fine.f")
      answered = answered + 1
      uv.run "nowait"
    until last.data ~= ""
    assert.is_true(answered > 10)
    for i, session in ipairs(waiting) do
      assert.matches(("^ScriptError: module 'loop%d' did not load: TimedOut: "):format(i), session:line())
      assert.are.equal("inf", session:ask "pool-size")
      session:close()
    end
  end)

  it("must not return false", function()
    local host <close> = hosts.start(POOL, { ["no.lua"] = "return false" })
    local wire <close> = host:greet()
    assert.are.equal("ScriptError: module 'no' did not load: it returned false", wire:ask "apply no.f")
  end)

  it("is text, not a binary chunk", function()
    local host <close> = hosts.start(POOL)
    local wire <close> = host:greet()
    local chunk = string.dump(assert(load "return { f = function() end }"))
    program.write_file(host.directory .. "/binary.lua", chunk)
    assert.matches("attempt to load a binary chunk", refused(wire, "ScriptError", "apply binary.f"), 1, true)
  end)
end)

-- A module with everything in it that must not be reached through it.
local W <const> = [[
  local taskpool = require "taskpool"
  local w = { G = _G, taskpool = taskpool, sleep = taskpool.sleep, load = load, sub = { list = { 1, 2 } } }
  for name, library in pairs(package.loaded) do
    w[name:gsub("%W", "_")] = library
  end
  w.string_rep, w.packed = string.rep, { rep = string.rep }
  w.searchers = package.searchers
  w.other = require "other"
  w.helper, w.list = w.other.f, { "a", "b" }
  w.text = assert(load "return function() end")()
  w.named = assert(load("return function() end", "@other.lua"))()
  function w.own(...) return select("#", ...) end
  function w.sub.deep() return "deep" end
  return w
]]

local MODULES <const> = {
  ["w.lua"] = W,
  ["other.lua"] = "return { 'first', f = function() return 'other' end, list = { 1 } }",
}

---A script that exposes these names.
local function exposing(...)
  local lines = { 'package.path = directory .. "/?.lua;" .. package.path\n', POOL }
  for _, name in ipairs { ... } do
    lines[#lines + 1] = ("taskpool.expose %q\n"):format(name)
  end
  return table.concat(lines)
end

---Every dotted name that `_G` leads to, four words deep.
local function dotted_names()
  local list, seen = {}, {}
  local function visit(prefix, value, depth)
    if type(value) ~= "table" or seen[value] or depth > 4 then
      return
    end
    seen[value] = true
    for key, field in pairs(value) do
      if type(key) == "string" and key:match "^[%a_][%w_]*$" then
        list[#list + 1] = prefix .. key
        visit(prefix .. key .. ".", field, depth + 1)
      end
    end
    seen[value] = nil
  end
  visit("", { _G = _G, string = string, os = os, io = io, debug = debug, package = package, table = table,
    math = math, utf8 = utf8, coroutine = coroutine, taskpool = taskpool, luv = uv }, 1)
  return list
end

local TRAVERSALS <const> = { "../w.own", "..w.own", "w..own", "w/own", "./w.own", "w.own.", ".w.own", "/etc/passwd",
  "w.sub.deep.x", "w.own()", "w:own", "w['own']", "-", "w.*", "*", "'w\\0.own'", "'os.time\\0.own'", "w.sub/../own" }

describe("a control session", function()
  for _, exposed in ipairs { {}, { "w.*" } } do
    it("reaches no name of _G through modules that may be named, with " .. #exposed .. " patterns", function()
      local host <close> = hosts.start(exposing(table.unpack(exposed)), MODULES)
      local wire <close> = host:greet()
      local tried, reached, names = 0, 0, dotted_names()
      for _, prefix in ipairs { "w.", "w.G.", "w._G." } do
        for i = 1, #names do
          names[#names + 1] = i <= 5000 and prefix .. names[i] or nil
        end
      end
      table.move(TRAVERSALS, 1, #TRAVERSALS, #names + 1, names)
      local lines = {}
      for i, name in ipairs(names) do
        lines[i] = ("apply %s\nmap w.own %s\n"):format(name, name)
      end
      for from = 1, #lines, 32 do
        local to = math.min(from + 31, #lines)
        wire:push(table.concat(lines, "", from, to))
        for i = from, to do
          for _ = 1, 2 do
            local answer = wire:line()
            tried = tried + 1
            if not (answer:match "^NotFound: " or answer:match "^InvalidArgument: ") then
              reached = reached + 1
              print(names[i], answer)
            end
          end
        end
      end
      print(("exports: tried=%d reached=%d"):format(tried, reached))
      assert.is_true(tried > 2000)
      assert.are.equal(0, reached)
      assert.are.equal("0", wire:ask "num-waiting")
    end)

    it("reaches what the module itself defines, and nothing else in it, with " .. #exposed .. " patterns", function()
      local host <close> = hosts.start(exposing(table.unpack(exposed)), MODULES)
      local wire <close> = host:greet()
      for _, name in ipairs { "taskpool.gather", "sleep", "load", "string_rep", "packed.rep", "string.rep", "other.f",
        "helper", "text", "named", "G.print", "os.execute", "own.x", "none", "list.x" } do
        refused(wire, "NotFound", "apply w." .. name)
        refused(wire, "NotFound", ("apply w.own -e w.%s"):format(name))
      end
      for _, name in ipairs { "G.arg", "package.searchers", "other", "other.list", "_G.arg" } do
        refused(wire, "NotFound", ("map w.own w.%s"):format(name))
      end
      assert.are.equal("2", wire:ask "submit w.own -a [1,2]")
      assert.are.equal("deep", wire:ask "submit w.sub.deep")
      assert.are.equal("map-own-group-0", wire:ask "map w.own w.list")
      assert.are.equal("map-own-group-1", wire:ask "map w.own w.sub.list")
    end)
  end

  it("reaches a Lua function of another file by a pattern that names it in full", function()
    local host <close> = hosts.start(exposing("w.helper", "w.string_rep", "w.taskpool.gather", "w.list"), MODULES)
    local wire <close> = host:greet()
    assert.are.equal("other", wire:ask "submit w.helper")
    refused(wire, "NotFound", "submit w.own")
    refused(wire, "NotFound", "submit w.string_rep")
    refused(wire, "NotFound", "submit w.taskpool.gather")
    assert.are.equal("g", wire:ask "map w.helper w.list -g g")
  end)

  it("reaches no file outside of the directory", function()
    local outside = program.make_directory()
    program.write_file(outside .. "/far.lua", "return { f = function() end }")
    local host <close> = hosts.start(POOL, { ["near.lua"] = ("return dofile %q"):format(outside .. "/far.lua") })
    local wire <close> = host:greet()
    assert(uv.fs_symlink(outside .. "/far.lua", host.directory .. "/link.lua"))
    assert(uv.fs_symlink(outside, host.directory .. "/folder"))
    for _, name in ipairs { "link.f", "folder.far.f", "near.f", "far.f" } do
      refused(wire, "NotFound", "apply " .. name)
    end
    for _, name in ipairs { "link", "folder.far", "far" } do
      refused(wire, "NotFound", "reload " .. name)
    end
    program.remove_directory(outside)
  end)

  it("gets the function of the same file in the host and in its threads", function()
    local function text(word)
      return ("return { who = function() return %q end }"):format(word)
    end
    local other = program.make_directory()
    for _, name in ipairs { "dup", "third" } do
      program.write_file(("%s/%s.lua"):format(other, name), text "on path")
    end
    local host <close> = hosts.start(
      ("package.path = '%s/?.lua;' .. package.path\n"):format(other) .. POOL .. 'require "third"\n',
      { ["dup.lua"] = text "below", ["third.lua"] = text "below" }
    )
    local wire <close> = host:greet()
    assert.are.equal("below", wire:ask "submit dup.who")
    assert.are.equal("below", wire:ask "submit dup.who -x thread")
    program.write_file(host.directory .. "/dup.lua", text "new")
    assert.are.equal("ok", wire:ask "reload dup")
    assert.are.equal("new", wire:ask "submit dup.who")
    assert.are.equal("new", wire:ask "submit dup.who -x thread")
    refused(wire, "NotFound", "submit third.who") -- the script has loaded the other one
    refused(wire, "NotFound", "submit third.who -x thread")
    program.remove_directory(other)
  end)
end)

describe("taskpool.expose", function()
  local SCRIPT <const> = POOL
    .. [[
      local count = 0
      local function fetch(name) count = count + 1; return "fetched " .. tostring(name) end
      taskpool.expose("jobs.fetch", fetch)
      taskpool.expose("items", function() return ipairs { "a", "b" } end)
      taskpool.expose("jobs.counted", function() return count end)
    ]]

  it("gives a function of the script a name", function()
    local host <close> = hosts.start(SCRIPT, MODULES)
    local wire <close> = host:greet()
    assert.are.equal("fetched x", wire:ask "submit jobs.fetch -a ['x']")
    assert.are.equal("fetched 1", wire:ask "submit jobs.fetch -a [1]")
    assert.matches("^apply%-.*%-group%-0$", wire:ask "apply jobs.fetch")
    assert.are.equal("3", wire:ask "submit jobs.counted")
    assert.are.same({ "jobs.fetch    true", "items         true", "jobs.counted  true" }, rows(wire, "modules", 3))
    local answer = refused(wire, "NotFound", "apply w.own") -- what is exposed replaces the default
    assert.matches("jobs.fetch, items, jobs.counted", answer, 1, true)
    assert.matches('taskpool.expose("w.own", f)', answer, 1, true)
  end)

  it("does not send it to threads, and says so", function()
    local host <close> = hosts.start(SCRIPT)
    local wire <close> = host:greet()
    local answer = refused(wire, "InvalidArgument", "submit jobs.fetch -x thread")
    assert.matches("exposed under a name stays in the script", answer, 1, true)
  end)

  it("lets names in Lua find it too", function()
    local place = program.make_directory()
    local path = program.write_file(place .. "/script.lua", [[
      local taskpool = require "taskpool"
      taskpool.expose("jobs.fetch", function() return "first" end)
      local pool = taskpool.TaskPool()
      print(pool:submit "jobs.fetch")
      taskpool.expose("jobs.fetch", function() return "second" end)
      print(pool:submit "jobs.fetch")
      print(pcall(taskpool.blocking, "jobs.fetch"))
      print(pcall(pool.submit, pool, "jobs.none"))
      pool:gather_and_close()
    ]])
    local done = program.run { "run", path }
    program.remove_directory(place)
    assert.matches(
      "^first\nsecond\nfalse\tInvalidArgument: a thread takes a function by its name: [^\n]*\n"
        .. "false\tNotFound: 'jobs.none' names no function [^\n]*\n$",
      done.out,
      1
    )
    assert.are.equal("", done.err)
  end)

  it("refuses what is no function, no name, or not there", function()
    local host <close> = hosts.start(
      exposing()
        .. [[
          local function try(...)
            local ok, err = pcall(taskpool.expose, ...)
            print(ok and "ok" or err)
          end
          try("jobs.fetch", nil)
          try("jobs.*", print)
          try("os.time", print)
          try "os.*"
          try "a..b"
          try "none.*"
          try "w.own"
          require "w"
          try "w.none"
          try "pkg.*"
          try "pkg.some.f"
          try "pkg.none"
          try "w.*"
          try "a.b\0.c"
          try(7)
        ]],
      { ["w.lua"] = W, ["other.lua"] = MODULES["other.lua"], ["pkg/some.lua"] = "return { f = function() end }" }
    )
    local expected = {
      "InvalidArgument: expose: 'jobs.fetch' must be a function, not nil",
      "InvalidArgument: 'jobs.%*' is not a name",
      "InvalidArgument: 'os.time' cannot be exposed: it is in the standard library",
      "InvalidArgument: .*",
      "InvalidArgument: 'a%.%.b' .*",
      "NotFound: nothing can be exposed as 'none.%*': .*",
      "ok",
      "NotFound: nothing can be exposed as 'w.none': .*",
      "ok",
      "ok",
      "NotFound: .*",
      "ok",
      "InvalidArgument: expose: 'name' must not hold a zero byte",
      "InvalidArgument: expose: 'name' must be a string, not 7",
    }
    local i = 0
    for line in host.process.out:gmatch "([^\n]*)\n" do
      i = i + 1
      assert.matches("^" .. (expected[i] or "serving"), line)
    end
    assert.are.equal(#expected + 1, i)
  end)

  it("is not there for what modules shows as loaded", function()
    local host <close> = hosts.start(exposing("w.*", "other.f", "pkg.*", "pkg.some.f"), {
      ["w.lua"] = W,
      ["other.lua"] = MODULES["other.lua"],
      ["pkg/some.lua"] = "return { f = function() return 1 end }",
    })
    local wire <close> = host:greet()
    local function loaded()
      local list = {}
      for i, row in ipairs(rows(wire, "modules", 4)) do
        list[i] = row:match "%S+$" == "true"
      end
      return list
    end
    assert.are.same({ false, false, false, false }, loaded())
    assert.are.equal("0", wire:ask "submit w.own")
    assert.are.same({ true, true, false, false }, loaded())
    assert.are.equal("1", wire:ask "submit pkg.some.f")
    assert.are.same({ true, true, true, true }, loaded())
  end)
end)

describe("a zero byte", function()
  it("cuts no name in Lua", function()
    local pool <const> = taskpool.TaskPool()
    for _, call in ipairs {
      { pool.apply, pool, "os.time\0.x" },
      { pool.map, pool, "os.time\0.x", { 1 } },
      { pool.apply, pool, "os.time", { group_name = "a\0b" } },
      { taskpool.blocking, "os.time\0.x" },
      { taskpool.expose, "spec.*\0.x" },
      { taskpool.expose, "spec.some\0.x", print },
      { taskpool.reload, "taskpool\0.x" },
      { taskpool.TaskPool, { name = "a\0b" } },
    } do
      local err = tasks.raises("InvalidArgument", table.unpack(call))
      assert.matches("zero byte", err.message, 1, true)
    end
  end)

  it("cuts no name at the port", function()
    local host <close> = hosts.start(exposing(), MODULES)
    local wire <close> = host:greet()
    for _, command in ipairs {
      [[apply 'w.own\0.x']],
      [[apply w.own -g 'a\0b']],
      [[map w.own 'w.list\0.x']],
      [[wait 'a\0b']],
      [[cancel-group 'a\0b']],
      [[reload 'w\0.x']],
      [[use 'TaskPool-jobs\0x']],
    } do
      refused(wire, "InvalidArgument", command)
    end
  end)

  it(
    "cuts no line of the log",
    tasks.case(function(log)
      taskpool.log.error "one\0two\nthree"
      taskpool.log.error("%s", "four\0")
      assert.matches("three", log:expect "one\\0two", 1, true)
      assert.are.equal("four\\0", log:expect "four")
    end)
  )
end)

describe("looking at names", function()
  it("takes no memory that is not given back", function()
    local modules = {}
    for i = 1, 40 do
      modules[("module_with_a_long_name_%d.lua"):format(i)] = "return {}"
    end
    local host <close> = hosts.start(POOL, modules)
    local wire <close> = host:greet()
    local function ask(times)
      for _ = 1, times do
        wire:push "modules\napply none.at.all\n"
        for _ = 1, 42 do
          wire:line()
        end
      end
    end
    local function pages()
      return tonumber(program.read_file(("/proc/%d/statm"):format(host.process.handle:get_pid())):match "^%d+ (%d+)")
    end
    ask(50)
    local before = pages()
    ask(600)
    local grown = (pages() - before) * 4096
    print(("names: asked=600 rss_growth=%d"):format(grown))
    if not program.read_file(program.path):find("__asan_init", 1, true) then -- which keeps what is freed
      assert.is_true(grown < 8e5)
    end
  end)
end)
