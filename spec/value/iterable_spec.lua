-- SPDX-License-Identifier: MIT
-- What stands for several elements, or for a function, without being a plain list or a function: nothing of it is
-- passed over without a word.
local assert = require "luassert"
local hosts = require "spec.support.host"
local program = require "spec.support.program"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local raises = tasks.raises

---What a worker is called with for each element: each call in one text.
local function elements_of(...)
  local pool, elements = tasks.TaskPool(), {}
  pool:map(function(...)
    local texts = table.pack(...)
    for index = 1, texts.n do
      texts[index] = tostring(texts[index])
    end
    elements[#elements + 1] = table.concat(texts, " ")
  end, ...)
  pool:gather_and_close()
  return elements
end

---A callable table that counts to `last`.
local function counter(last)
  local count = 0
  return setmetatable({}, { __call = function()
    count = count + 1
    return count <= last and count or nil
  end })
end

describe("what a generic for takes", function()
  ---A generic for over 1 … last, whose fourth value notes when it is closed, and by which error.
  local function closing(last, closed)
    local function step(_, before)
      taskpool.sleep(1)
      return before < last and before + 1 or nil
    end
    return step, nil, 0, setmetatable({}, { __close = function(_, err)
      taskpool.shield(1, taskpool.sleep, 0.1)
      closed[#closed + 1] = tostring(err)
    end })
  end

  it("may be io.lines, with or without options", tasks.case(function()
    local directory = program.make_directory()
    local path = program.write_file(directory .. "/lines", "a\nb\nc\n")
    assert.are.same({ "a", "b", "c" }, elements_of(io.lines(path)))
    assert.are.same({ "a", "b", "c" }, elements_of(io.lines(path), { num_concurrent = 1 }))
    local f, s, i, file = io.lines(path)
    assert.are.same({ "a", "b", "c" }, elements_of(f, s, i, file, { num_concurrent = 1 }))
    program.remove_directory(directory)
  end))

  it("has its fourth value closed at the end", tasks.case(function()
    local closed = {}
    assert.are.same({ "1", "2" }, elements_of(closing(2, closed)))
    assert.are.same({ "nil" }, closed)
  end))

  it("has it closed at a cancel, before or after its first step", tasks.case(function()
    local closed, pool = {}, tasks.TaskPool()
    for _, seconds in ipairs { 0, 1.5 } do
      pool:map(taskpool.sleep, closing(9, closed))
      if seconds > 0 then
        taskpool.sleep(seconds)
      end
      pool:cancel_all { msg = "enough" }
      taskpool.sleep(1)
    end
    assert.are.same({ "nil", "Cancelled: enough" }, closed)
  end))

  it("has it closed at an error", tasks.case(function(log)
    local closed, pool = {}, tasks.TaskPool()
    local _, s, i, value = closing(9, closed)
    pool:map(print, function() error("broken", 0) end, s, i, value)
    assert.is_false(pcall(pool.gather_and_close, pool))
    assert.are.same({ "broken" }, closed)
    log:expect "broken"
  end))

  it("must come whole", tasks.case(function()
    local pool = tasks.TaskPool()
    for _, name in ipairs { "pairs", "ipairs" } do
      local err = raises("InvalidArgument", pool.map, pool, print, _G[name] { "a" }, { num_concurrent = 2 })
      assert.are.equal("map: " .. name .. "(t) is cut to its first value where an argument follows it; write: "
        .. "local f, s, i = " .. name .. "(t); pool:map(func, f, s, i, {...})", err.message)
      assert.are.equal(0, pool.num_waiting)
      local f, s, i = _G[name] { "a" }
      assert.are.same({ "1 a" }, elements_of(f, s, i, { num_concurrent = 2 }))
    end
  end))
end)

describe("a table", function()
  it("with keys but without items is refused, and it is said what to write", tasks.case(function()
    local pool = tasks.TaskPool()
    for _, method in ipairs { "map", "starmap", "doublestarmap" } do
      for _, wrong in ipairs { { a = 1 }, { [0] = 1 }, { [-1] = 1 }, { [1.5] = 1 } } do
        local err = raises("InvalidArgument", pool[method], pool, print, wrong)
        assert.are.equal(method .. ": 'iterable' must be a list, but has the key '" .. tostring(next(wrong))
          .. "'; pairs(t) goes over keys and values", err.message)
      end
    end
    for method, options in pairs { apply = { args = { a = 1 } }, submit = { a = 1 }, submit_nowait = { a = 1 } } do
      local err = raises("InvalidArgument", pool[method], pool, print, options)
      assert.matches("^" .. method .. ": 'args' must be a list, but has the key 'a'; .*'kwargs'", err.message)
    end
    assert.are.equal(0, pool.num_waiting)
  end))

  it("with keys only is refused as an element of starmap", tasks.case(function(log)
    local pool, calls = tasks.TaskPool(), 0
    pool:starmap(function() calls = calls + 1 end, { {}, { a = 1 }, { n = 0 } })
    local err = raises("InvalidArgument", pool.gather_and_close, pool)
    assert.matches("^element 2 of .*doublestarmap", err.message)
    assert.are.equal(2, calls)
    log:expect "element 2"
  end))

  it("that can be called is an iterator", tasks.case(function()
    assert.are.same({ "1", "2", "3" }, elements_of(counter(3)))
    assert.are.same({ "1", "2" }, elements_of(counter(2), { num_concurrent = 1 }))
    local stepper = setmetatable({}, { __call = function(_, last, before)
      return before < last and before + 1 or nil
    end })
    assert.are.same({ "1", "2" }, elements_of(stepper, 2, 0))
  end))

  it("with __pairs is gone over as pairs does, which may wait", tasks.case(function()
    local proxy = setmetatable({}, { __pairs = function()
      taskpool.sleep(1)
      return next, { x = 1 }, nil
    end })
    assert.are.same({ "x 1" }, elements_of(proxy))
    assert.are.same({ "x 1" }, elements_of(proxy, { num_concurrent = 2 }))
  end))

  it("with __index or __len is gone over as the list that it shows", tasks.case(function()
    local function item(_, index)
      return index < 4 and "item " .. index or nil
    end
    local function length()
      return 2
    end
    assert.are.same({ "item 1", "item 2", "item 3" }, elements_of(setmetatable({}, { __index = item })))
    assert.are.same({ "item 1", "item 2" }, elements_of(setmetatable({}, { __index = item, __len = length })))
    assert.are.same({ "a", "b" }, elements_of(setmetatable({ "a", "b", "c" }, { __len = length })))
    local read_only = { __index = { "a", "b" }, __len = length, __pairs = error }
    assert.are.same({ "a", "b" }, elements_of(setmetatable({}, read_only)))
    assert.are.same({ "a", "b" }, elements_of(setmetatable({ "a", "b" }, { __index = table })))
  end))

  it("that shows fewer items than it says, or keys only, ends in an error", tasks.case(function(log)
    for wrong, message in pairs {
      [setmetatable({}, { __len = function() return 2 end })] = "item 1 of the list is nil",
      [setmetatable({ name = "x" }, { __index = table })] = "has keys, but no list items",
    } do
      local ok, err = pcall(elements_of, wrong)
      assert.is_false(ok)
      assert.are.equal("InvalidArgument", err.code)
      assert.matches(message, err.message)
      log:expect(message)
    end
  end))
end)

describe("a table that can be called", function()
  local function callable(calls)
    return setmetatable({}, { __call = function(_, a, b)
      calls[#calls + 1] = { a, b }
      return a
    end })
  end

  it("is a worker, with arguments by position and by name", tasks.case(function()
    local pool, calls = tasks.TaskPool(), {}
    local work = callable(calls)
    assert.are.equal("apply-work-group-0", pool:apply(work, { args = { 1 }, kwargs = { b = 2 } }))
    pool:doublestarmap(work, { { b = 4, a = 3 } })
    assert.are.equal(5, pool:submit(work, { 5 }))
    local err = raises("InvalidArgument", pool.apply, pool, work, { kwargs = { c = 1 } })
    assert.matches("has no parameter 'c'", err.message)
    pool:gather_and_close()
    local simple = tasks.SimpleTaskPool(work, { args = { 6 } })
    simple:start(1)
    simple:gather_and_close()
    assert.are.same({ { 1, 2 }, { 3, 4 }, { 5 }, { 6 } }, calls)
  end))

  it("is a callback", tasks.case(function()
    local pool, calls = tasks.TaskPool(), {}
    pool:apply(taskpool.sleep, { args = { 60 }, cancel_callback = callable(calls), end_callback = callable(calls) })
    tasks.settle()
    pool:cancel_all()
    pool:gather_and_close()
    assert.are.same({ { 0, false }, { 0, false } }, calls)
  end))
end)

describe("a list with nil in it, at the control port", function()
  local host
  setup(function()
    host = hosts.start("taskpool.TaskPool()", { ["jobs.lua"] = [[
      local jobs = {}
      function jobs.keys(list)
        local keys = {}
        for key in pairs(list) do keys[#keys + 1] = tostring(key) end
        return table.concat(keys, " ")
      end
      function jobs.echo(...) return ... end
      function jobs.count(...) return select("#", ...) end
      function jobs.none() return { a = 1 } end
      jobs.callable = setmetatable({}, { __call = function() return "called" end })
      jobs.shown = setmetatable({}, { __index = { "shown" } })
      jobs.class = setmetatable({ "a" }, { __index = jobs })
      function jobs.proxy() return setmetatable({}, { __pairs = pairs }) end
      return jobs
    ]] })
  end)
  teardown(function() host:close() end)

  it("has its items and nothing else", function()
    local wire <close> = host:greet()
    assert.are.equal("2", wire:ask "submit jobs.keys -a [[None, 1]]")
    assert.are.equal("1", wire:ask "submit jobs.keys -a [[1, None]]")
    assert.are.equal("2", wire:ask "submit jobs.keys -k {list = [None, 1]}")
  end)

  it("keeps its length, as arguments and in an answer", function()
    local wire <close> = host:greet()
    assert.are.equal("2", wire:ask "submit jobs.count -a [1, None]")
    assert.are.equal("3", wire:ask "submit jobs.count -a [None, None, None]")
    assert.are.equal("[nil, 1]", wire:ask "submit jobs.echo -a [[None, 1]]")
    assert.are.equal("[1, nil]", wire:ask "submit jobs.echo -a [[1, None]]")
    assert.are.equal("[nil, nil]", wire:ask "submit jobs.echo -a [[None, None]]")
    assert.are.equal("[nil, 1, nil]", wire:ask "submit jobs.echo -x thread -a [[None, 1, None]]")
    local json <close> = host:greet '{"reply": "json"}'
    assert.matches('"value": %[null, 1, null%]', json:ask "submit jobs.echo -a [[None, 1, None]]")
    assert.matches('"value": %[null%]', json:ask "submit jobs.echo -a [[None]]")
  end)

  it("is not a list where a key is 0 or less", function()
    local wire <close> = host:greet()
    for _, key in ipairs { "0", "-1", "'a'" } do
      assert.matches("^InvalidArgument: .*list", wire:ask("map jobs.echo {" .. key .. ": 1}"))
      assert.matches("^InvalidArgument: .*list", wire:ask("submit jobs.echo -a {" .. key .. ": 1}"))
    end
    assert.are.equal("{-1: 2, 0: 1}", wire:ask "submit jobs.echo -a [{0: 1, -1: 2}]")
    assert.are.equal("{0: 1, 2: 3}", wire:ask "submit jobs.echo -a [{0: 1, 2: 3}]")
    local json <close> = host:greet '{"reply": "json"}'
    assert.matches('"value": {"0": 1, "2": 3}', json:ask "submit jobs.echo -a [{0: 1, 2: 3}]")
  end)

  it("is not a named table that only shows items", function()
    local wire <close> = host:greet()
    for _, name in ipairs { "callable", "shown" } do
      assert.matches("^InvalidArgument: ITERABLE takes a list", wire:ask("map jobs.echo jobs." .. name))
    end
    assert.matches("^map%-echo", wire:ask "map jobs.echo jobs.class -n inf")
  end)

  it("does not come from what makes no iterator", function()
    local wire <close> = host:greet()
    for name, message in pairs { none = "has keys, but no list items", proxy = "should return pairs%(t%)" } do
      assert.are.equal("g", wire:ask("map jobs.echo jobs." .. name .. " -g g"))
      wire:ask "wait g"
      assert.matches(message, wire:ask "flush")
    end
  end)
end)
