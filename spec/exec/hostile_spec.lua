-- SPDX-License-Identifier: MIT
-- Hostile workers (T16): each is started over the control port of a host, cancelled, and has to be gone soon; the host
-- answers afterwards. To add one, write a function in HOSTILE.
--
-- Not among them, because Lua runs no hook there: an endless finalizer, an endless function given to debug.sethook,
-- and C functions that do not return.
local hosts = require "spec.support.host"
local uv = require "luv"

---The module of the workers.
local HOSTILE <const> = [==[
local taskpool = require "taskpool"
local catch = taskpool.catch_cancel
local hostile = {}

local function spin()
  while true do end
end

local function at_end(f)
  return setmetatable({}, { __close = f })
end

-- endless loops

hostile.endless_while = spin

function hostile.endless_goto()
  ::again::
  goto again
end

function hostile.endless_repeat()
  repeat until false
end

function hostile.endless_for()
  for _ in function() return 1 end do end
end

function hostile.endless_tail_calls()
  return hostile.endless_tail_calls()
end

function hostile.endless_pcall()
  while true do
    pcall(error)
  end
end

function hostile.endless_waits()
  while true do
    pcall(taskpool.yield)
    catch(taskpool.sleep, 3600)
  end
end

function hostile.endless_catch()
  while true do
    catch(spin)
  end
end

function hostile.endless_catch_in_a_coroutine()
  while true do
    catch(coroutine.wrap(function()
      while true do
        catch(coroutine.wrap(spin))
      end
    end))
  end
end

function hostile.endless_handler()
  xpcall(error, spin)
end

function hostile.endless_handler_of_a_burst()
  xpcall(table.sort, spin, { 3, 2, 1 }, spin)
end

function hostile.endless_comparator()
  table.sort({ 3, 2, 1 }, spin)
end

function hostile.endless_comparators()
  while true do
    pcall(table.sort, { 3, 2, 1 }, spin)
  end
end

function hostile.endless_comparator_that_catches()
  table.sort({ 3, 2, 1 }, function()
    while true do
      catch(pcall, spin)
    end
  end)
end

function hostile.endless_generators()
  while true do
    for _ in coroutine.wrap(function()
      for i = 1, 10 do coroutine.yield(i) end
    end) do end
  end
end

function hostile.endless_allocation()
  local kept = {}
  while true do
    kept[#kept % 1000 + 1] = ("x"):rep(1000)
  end
end

function hostile.endless_starts()
  local core = require "taskpool.core"
  while true do
    core.start(function() end)
    taskpool.yield()
  end
end

-- patterns and strings, bounded in C

function hostile.backtracking()
  while true do
    (("a"):rep(400) .. "b"):find((".-"):rep(2) .. "c")
  end
end

function hostile.long_strings()
  while true do
    ("x"):rep(1e7)
  end
end

function hostile.pattern_too_complex()
  return pcall(string.match, ("x"):rep(300000), (".?"):rep(300000)), spin()
end

function hostile.huge_strings()
  pcall(string.rep, "x", math.maxinteger)
  pcall(string.rep, "x", 1 << 40)
  pcall(table.concat, setmetatable({}, { __len = function() return math.maxinteger end }))
  pcall(table.unpack, {}, 1, 1e7)
  pcall(string.format, "%99999d", 1)
  pcall(select, math.mininteger, 1)
end

-- recursion

function hostile.recursion()
  return 1 + hostile.recursion()
end

function hostile.recursion_in_pcall()
  return pcall(hostile.recursion_in_pcall), spin()
end

function hostile.recursion_in_error_handlers()
  local function handler(err) error(err) end
  xpcall(error, handler, "x")
  local function deep() return xpcall(deep, deep) end
  return deep(), spin()
end

function hostile.recursion_of_metamethods()
  local meta = {}
  for name in ("index newindex call add eq lt concat len tostring"):gmatch "%a+" do
    meta["__" .. name] = function(a, b) return a[b] + a(b) .. b end
  end
  local object = setmetatable({}, meta)
  pcall(function() return object.x end)
  pcall(tostring, object)
  local loop = setmetatable({}, {})
  getmetatable(loop).__index = loop
  pcall(function() return loop.x end)
  spin()
end

function hostile.recursion_of_gsub()
  local function deep(text) return text:gsub(".", deep) end
  pcall(deep, "abc")
  spin()
end

function hostile.recursion_with_close()
  local _ <close> = at_end(spin)
  return 1 + hostile.recursion_with_close()
end

-- coroutines

function hostile.coroutines_190_deep()
  local function deep(n)
    if n == 0 then
      spin()
    end
    return coroutine.wrap(deep)(n - 1)
  end
  deep(190)
end

function hostile.coroutines_without_end()
  local function deep()
    local co = coroutine.create(deep)
    return select(2, coroutine.resume(co))
  end
  deep()
  spin()
end

function hostile.wraps_with_close()
  local function deep(n)
    local _ <close> = at_end(spin)
    if n == 0 then
      taskpool.sleep(3600)
    end
    coroutine.wrap(deep)(n - 1)
  end
  deep(50)
end

function hostile.close_of_a_coroutine_in_a_loop()
  coroutine.wrap(function()
    local _ <close> = at_end(spin)
    spin()
  end)()
end

function hostile.close_of_a_coroutine_in_a_comparator()
  coroutine.wrap(function()
    local _ <close> = at_end(spin)
    table.sort({ 3, 2, 1 }, spin)
  end)()
end

function hostile.closes_of_coroutines_in_closes()
  local _ <close> = at_end(function()
    for _ = 1, 3 do
      catch(coroutine.wrap(function()
        local _ <close> = at_end(spin)
        local _ <close> = at_end(function()
          table.sort({ 3, 2, 1 }, coroutine.wrap(spin))
        end)
        spin()
      end))
    end
  end)
  taskpool.shield(3600, taskpool.sleep, 3600)
end

function hostile.kill_in_coroutines_190_deep()
  local function deep(n)
    local _ <close> = at_end(spin)
    if n == 0 then
      taskpool.shield(3600, taskpool.sleep, 3600)
    end
    return coroutine.wrap(deep)(n - 1)
  end
  deep(190)
end

function hostile.kill_in_deep_recursion()
  local function deep(n)
    local _ <close> = at_end(spin)
    if n == 0 then
      taskpool.shield(3600, taskpool.sleep, 3600)
    end
    return deep(n - 1), 1
  end
  coroutine.wrap(deep)(15000)
end

function hostile.burst_in_deep_recursion()
  local function deep(n)
    local _ <close> = at_end(spin)
    if n == 0 then
      table.sort({ 3, 2, 1 }, spin)
    end
    return deep(n - 1), 1
  end
  coroutine.wrap(deep)(15000)
end

local others = {}

function hostile.coroutines_of_others()
  others[#others + 1] = coroutine.running()
  while true do
    for _, co in ipairs(others) do
      coroutine.resume(co)
      pcall(coroutine.close, co)
      pcall(debug.traceback, co)
    end
    taskpool.yield()
    coroutine.wrap(function()
      others[#others + 1] = coroutine.running()
      taskpool.yield()
    end)()
    if #others > 100 then
      others = {}
    end
  end
end

function hostile.coroutine_close()
  local co = coroutine.create(function()
    local _ <close> = at_end(spin)
    coroutine.yield()
  end)
  coroutine.resume(co)
  coroutine.close(co)
  spin()
end

function hostile.coroutine_close_20000_deep()
  local co
  for _ = 1, 20000 do
    local inner = co
    co = coroutine.create(function()
      local _ <close> = at_end(function()
        if inner then
          coroutine.close(inner)
        end
      end)
      coroutine.yield()
    end)
    coroutine.resume(co)
  end
  coroutine.close(co)
  spin()
end

function hostile.coroutine_of_its_own()
  local co = coroutine.running()
  pcall(coroutine.resume, co)
  pcall(coroutine.close, co)
  pcall(coroutine.wrap(function() coroutine.resume(co) coroutine.close(co) end))
  pcall(debug.traceback, co)
  coroutine.yield(1, 2, 3)
  spin()
end

-- <close>, finalizers, __tostring

function hostile.close_that_loops()
  local _ <close> = at_end(spin)
  taskpool.sleep(3600)
end

function hostile.close_that_waits()
  local _ <close> = at_end(function()
    while true do
      catch(taskpool.sleep, 3600)
    end
  end)
  taskpool.shield(3600, taskpool.sleep, 3600)
end

function hostile.close_that_shields()
  local _ <close> = at_end(function()
    taskpool.shield(3600, spin)
  end)
  taskpool.sleep(3600)
end

function hostile.close_a_thousand_times()
  local function deep(n)
    local _ <close> = at_end(spin)
    if n > 0 then
      return (deep(n - 1))
    end
    taskpool.sleep(3600)
  end
  deep(1000)
end

function hostile.finalizers()
  for i = 1, 1000 do
    setmetatable({}, {
      __gc = function(self)
        setmetatable(self, getmetatable(self)) -- lives again
        if i % 2 == 0 then
          error(self)
        end
        pcall(taskpool.sleep, 1)
        pcall(coroutine.wrap(function() taskpool.sleep(1) end))
      end,
    })
  end
  collectgarbage()
  spin()
end

function hostile.tostring_that_loops()
  error(setmetatable({}, { __tostring = spin }))
end

function hostile.tostring_that_fails()
  error(setmetatable({}, { __tostring = error, __name = 5 }))
end

function hostile.error_that_is_hostile()
  error(setmetatable({}, { __index = spin, __len = spin, __eq = spin, __metatable = false, __call = spin }))
end

function hostile.error_that_looks_like_a_cancel()
  error(setmetatable({ code = "Cancelled" }, { __index = spin, __close = spin }))
end

-- other ways to break things

function hostile.inconsistent_comparator()
  local list = {}
  for i = 1, 1000 do list[i] = i * 7919 % 1009 end
  while true do
    pcall(table.sort, list, function() return true end)
    pcall(table.sort, list, function() return math.random() < 0.5 end)
  end
end

function hostile.changes_while_it_runs()
  local t = {}
  for i = 1, 100 do t[i] = i end
  pcall(function()
    for key in pairs(t) do
      t[key .. "x"] = 1
    end
  end)
  table.sort(t, function(a, b)
    t[#t + 1] = 1
    table.remove(t)
    return a < b
  end)
  spin()
end

function hostile.hooks_of_its_own()
  while true do
    debug.sethook(print, "", 1000000)
    debug.sethook()
  end
end

function hostile.cancels_itself()
  local pool = taskpool.TaskPool()
  pool:apply(spin)
  taskpool.yield()
  pool:cancel_all()
  pool:gather_and_close()
  spin()
end

return hostile
]==]

---Asks until the answer is `wanted`; nil when that takes too long.
local function wait_for(wire, command, wanted, milliseconds)
  local deadline = uv.hrtime() + milliseconds * 1e6
  repeat
    if wire:ask(command) == wanted then
      return true
    end
  until uv.hrtime() > deadline
  return nil
end

describe("a hostile worker", function()
  it("neither ends nor hangs the host, and is ended by a cancel (T16)", function()
    local host <close> = hosts.start([[
      taskpool.log.level = "none"
      taskpool.TaskPool { cancel_grace = 0.1 }
    ]], { ["hostile.lua"] = HOSTILE })
    local wire <close> = host:greet()
    local scripts, alive, hung = 0, 0, {}
    for name in HOSTILE:gmatch "\n%s*function hostile%.([%w_]+)" do
      scripts = scripts + 1
      local answer = wire:ask("apply hostile." .. name)
      assert(answer and answer:find "^apply", ("%s: %s\n%s"):format(name, answer, host.process.err))
      uv.sleep(20) -- so that it is in the middle of what it does
      wire:ask "cancel-all"
      if not wait_for(wire, "num-running", "0", 5000) then
        hung[#hung + 1] = name
      end
      alive = alive + (wire:ask "pool-size" and 1 or 0)
    end
    assert.is_true(host:is_alive())
    print(("hostile-lua: scripts=%d host_alive=%d hung=%d"):format(scripts, alive, #hung))
    assert.are.equal("", table.concat(hung, " "))
    assert.are.equal(scripts, alive)
    assert.is_true(scripts > 40)
  end)
end)
