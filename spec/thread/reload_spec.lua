-- SPDX-License-Identifier: MIT
-- New text of a module, for tasks that start later.
local hosts = require "spec.support.host"
local program = require "spec.support.program"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

---A directory with the module `reloaded`, on package.path until the end of the scope.
local function directory(text)
  local path, before = program.make_directory(), package.path
  package.path = path .. "/?.lua;" .. before
  program.write_file(path .. "/reloaded.lua", text)
  return setmetatable({ path = path }, {
    __close = function()
      package.path, package.loaded.reloaded = before, nil
      program.remove_directory(path)
    end,
  })
end

local function version(number)
  return ("return { version = function() return %s end }"):format(number)
end

describe("taskpool.reload", function()
  it(
    "loads the new text of a module, here and in threads",
    tasks.live_case(function()
      local here <close> = directory(version(1))
      local pool, seen = tasks.TaskPool { executor = "thread", threads = 2 }, {}
      local function ask()
        seen = {}
        pool:apply("reloaded.version", {
          num = 20,
          end_callback = function(_, _, number)
            seen[number] = true
          end,
        })
        repeat
          taskpool.sleep(0.001)
        until next(seen) and pool.num_running + pool.num_waiting == 0
        pool:flush()
        return seen
      end
      assert.are.same({ [1] = true }, ask())
      local old = require "reloaded"
      program.write_file(here.path .. "/reloaded.lua", version(2))
      local new = taskpool.reload "reloaded"
      assert.are.equal(new, require "reloaded")
      assert.are.same({ 1, 2 }, { old.version(), new.version() })
      assert.are.same({ [2] = true }, ask())
      pool:gather_and_close()
    end)
  )

  it(
    "comes before the tasks that were started after it, also in threads that were busy",
    tasks.live_case(function()
      local here <close> = directory(version(0))
      local pool, stale = tasks.TaskPool { executor = "thread", threads = 1 }, 0
      assert.are.equal(0, pool:submit "reloaded.version")
      for number = 1, 30 do
        pool:apply("spec.support.remote.identity_after", { args = { 3 } })
        taskpool.sleep(0.001)
        program.write_file(here.path .. "/reloaded.lua", version(number))
        taskpool.reload "reloaded"
        stale = stale + (pool:submit "reloaded.version" == number and 0 or 1)
      end
      assert.are.equal(0, stale)
      pool:gather_and_close()
    end)
  )

  it(
    "keeps what is there if the new text does not load",
    tasks.live_case(function()
      local here <close> = directory(version(1))
      local old = require "reloaded"
      for _, text in ipairs { "this is no Lua", "error 'not today'" } do
        program.write_file(here.path .. "/reloaded.lua", text)
        local err = tasks.raises("ScriptError", taskpool.reload, "reloaded")
        assert.matches("module 'reloaded' did not load", err.message, 1, true)
        assert.are.equal(old, require "reloaded")
      end
      program.write_file(here.path .. "/reloaded.lua", "x = nil")
      assert.is_true(taskpool.reload "reloaded")
    end)
  )

  it("has on_reload of the new module take over what is to stay", function()
    local here <close> = directory [[
      local seen, cache, limit, names = 1, { 5 }, 7, { "a", "b" }
      return { count = 3, list = {}, f = function() return seen, cache, limit, names end, names = names }
    ]]
    local old = require "reloaded"
    program.write_file(here.path .. "/reloaded.lua", [[
      local seen, limit, names = 2, 7, { "a", "b" }
      local m = { list = {}, f = function() return seen, limit, names end }
      return m
    ]])
    local new, lost = taskpool.reload "reloaded"
    assert.matches("^lost: cache, count, seen; ", lost)
    program.write_file(here.path .. "/reloaded.lua", [[
      local m, seen = {}, 0
      function m.f() return seen end
      function m.on_reload(from)
        m.from, m.list, seen = from, from.list, 2
      end
      return m
    ]])
    local newer, lost_now = taskpool.reload "reloaded"
    assert.are.equal(new, newer.from)
    assert.are.equal(new.list, newer.list)
    assert.matches("^lost: limit, names; ", lost_now)
    assert.are_not.equal(old, new)
    newer.from = nil
    assert.are.equal(newer.list, taskpool.reload("reloaded").list)
  end)

  it("keeps the old module if on_reload fails", function()
    local here <close> = directory "return { on_reload = function() error 'never at first' end }"
    local old = require "reloaded"
    program.write_file(here.path .. "/reloaded.lua", "return { on_reload = function() error 'no' end }")
    assert.matches("did not load: .*no$", tasks.raises("ScriptError", taskpool.reload, "reloaded").message)
    assert.are.equal(old, require "reloaded")
  end)

  it("says where it looked", function()
    local err = tasks.raises("NotFound", taskpool.reload, "no.such.module")
    assert.matches("there is no module 'no.such.module'", err.message, 1, true)
    assert.matches("package.path", err.message, 1, true)
    tasks.raises("InvalidArgument", taskpool.reload, "../up")
    tasks.raises("InvalidArgument", taskpool.reload, 7)
  end)
end)

describe("the command reload", function()
  it("loads a module that the session may name, and no other", function()
    local host <close> = hosts.start([[
      taskpool.TaskPool { name = "jobs", executor = "thread", threads = 1 }
      ]], {
      ["pkg/mod.lua"] = "local m = {}\nfunction m.version() return m and 1 end\nreturn m\n",
    })
    local wire <close> = host:greet()
    assert.are.equal("1", wire:ask "submit pkg.mod.version")
    local function write(number)
      program.write_file(
        host.directory .. "/pkg/mod.lua",
        ("local m = {}\nfunction m.version() return m and %s end\nreturn m\n"):format(number)
      )
    end
    write(2)
    assert.are.equal("1", wire:ask "submit pkg.mod.version")
    assert.are.equal("ok", wire:ask "reload pkg.mod")
    assert.are.equal("2", wire:ask "submit pkg.mod.version")
    program.write_file(host.directory .. "/pkg/mod.lua", "return { seen = 1, version = function() return 2 end }")
    assert.are.equal("ok", wire:ask "reload pkg.mod")
    write(2)
    assert.matches("^lost: seen; .*on_reload", wire:ask "reload pkg.mod")
    assert.are.equal("2", wire:ask "submit pkg.mod.version")
    write "3 +"
    assert.matches("ScriptError: module 'pkg.mod' did not load: .*unexpected symbol", wire:ask "reload pkg.mod")
    assert.are.equal("2", wire:ask "submit pkg.mod.version")
    for _, name in ipairs { "luv", "taskpool", "string", "os", "pkg.none", "host.none" } do
      assert.matches("^NotFound: ", wire:ask("reload " .. name))
    end
    assert.matches("below " .. host.directory, wire:ask "reload pkg.none", 1, true)
    assert.matches("^InvalidArgument: ", wire:ask "reload ../pkg.mod")
    assert.matches("^InvalidArgument: ", wire:ask "reload")
    assert.is_true(host:is_alive())
  end)
end)
