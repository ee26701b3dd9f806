-- SPDX-License-Identifier: MIT
-- Preemption changes no result: programs that are interrupted at every instruction say what they say undisturbed.
--
-- A program is a function in `programs`; it tells what it has found by `say`. To add one, write a function.
local core = require "taskpool.core"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

local programs = {}

function programs.sorting(say)
  local list, seed = {}, 42
  for i = 1, 60 do
    seed = (seed * 1103515245 + 12345) % 2147483648
    list[i] = seed % 100
  end
  table.sort(list)
  say(table.concat(list, " "))
  table.sort(list, function(a, b)
    return a % 10 > b % 10 or a % 10 == b % 10 and a < b
  end)
  say(table.concat(list, " "))
end

function programs.quicksort(say)
  local function quicksort(list, low, high)
    if low >= high then
      return list
    end
    local pivot, middle = list[high], low
    for i = low, high - 1 do
      if list[i] < pivot then
        list[i], list[middle] = list[middle], list[i]
        middle = middle + 1
      end
    end
    list[middle], list[high] = list[high], list[middle]
    quicksort(list, low, middle - 1)
    return quicksort(list, middle + 1, high)
  end
  say(table.concat(quicksort({ 5, 3, 9, 1, 1, 8, 2, 7, 6, 4, 0 }, 1, 11), ","))
end

function programs.strings(say)
  local text = ""
  for i = 1, 30 do
    text = text .. i .. (i % 3 == 0 and "\n" or "-") .. i / 4
  end
  say(text, #text, text:rep(2, "|"):len(), text:reverse(), text:upper() == text, -#text)
end

function programs.patterns(say)
  local text = "the quick brown fox, key = value; other=thing -- 0x1F 12.5e3"
  for word in text:gmatch "%a+" do
    say(word)
  end
  for key, value in text:gmatch "(%w+)%s*=%s*(%w+)" do
    say(key, value)
  end
  say(text:find("fox", 1, true), text:match "0x(%x+)", text:gsub("%w+", string.upper))
  say(text:gsub("%w+", { the = "THE", fox = false }))
  say(text:gsub("(%w+) (%w+)", function(a, b)
    local both = b .. " " .. a
    return #both > 9 and both
  end))
  say(("%bxy"):gsub("%%", "%%%%"), ("f(a(b)c)d"):match "%b()", ("THE (quick) fox"):find "%((%a+)%)")
end

function programs.closures(say)
  local function counter()
    local count = 0
    return function(by)
      count = count + (by or 1)
      return count
    end, function()
      return count
    end
  end
  local step, get = counter()
  local other = counter()
  say(step(), step(5), other(), get())
  local functions = {}
  for i = 1, 5 do
    local j = i * 2
    functions[i] = function()
      j = j + i
      return j
    end
  end
  for _, f in ipairs(functions) do
    say(f(), f())
  end
end

function programs.upvalues(say)
  local shared = 1
  local function double()
    shared = shared * 2
  end
  local function read()
    return shared
  end
  for _ = 1, 10 do
    double()
    shared = shared + 1
  end
  say(shared, read())
  local a, b
  do
    local hidden = {}
    function a(value)
      hidden[#hidden + 1] = value
      return b
    end
    function b()
      return table.concat(hidden, "+")
    end
  end
  say(a(1)(), a(2)(), a(3)())
end

function programs.coroutines(say)
  local co = coroutine.create(function(a, b)
    say("in", a, b, coroutine.isyieldable(), select(2, coroutine.running()))
    local c = coroutine.yield(a + b)
    local d, e = coroutine.yield(c * 2)
    error { d, e }
  end)
  say(coroutine.resume(co, 1, 2))
  say(coroutine.status(co), coroutine.resume(co, 10))
  local ok, err = coroutine.resume(co, "x", "y")
  say(ok, err[1], err[2], coroutine.status(co), coroutine.resume(co))
  say(select("#", coroutine.resume(coroutine.create(function(...)
    return ...
  end), nil, nil, nil)))
end

function programs.generators(say)
  local function permutations(list, n)
    n = n or #list
    if n <= 1 then
      coroutine.yield(table.concat(list))
    end
    for i = 1, n do
      list[n], list[i] = list[i], list[n]
      permutations(list, n - 1)
      list[n], list[i] = list[i], list[n]
    end
  end
  for permutation in coroutine.wrap(function()
    permutations { "a", "b", "c", "d" }
  end) do
    say(permutation)
  end
end

function programs.nested_coroutines(say)
  local function walk(tree)
    if tree then
      for value in coroutine.wrap(function()
        walk(tree[1])
      end) do
        coroutine.yield(value)
      end
      coroutine.yield(tree[2])
      for value in coroutine.wrap(function()
        walk(tree[3])
      end) do
        coroutine.yield(value)
      end
    end
  end
  local tree = { { { nil, 1 }, 2, { nil, 3 } }, 4, { { nil, 5 }, 6, { nil, 7, { nil, 8 } } } }
  for value in coroutine.wrap(function()
    walk(tree)
  end) do
    say(value)
  end
  local function deep(n)
    if n == 0 then
      return coroutine.yield "bottom"
    end
    return n + coroutine.wrap(function()
      return deep(n - 1)
    end)()
  end
  say(pcall(coroutine.wrap(function()
    return deep(1)
  end)))
end

function programs.producers(say)
  local function producer()
    return coroutine.create(function()
      for _, line in ipairs { "one", "two", "three" } do
        coroutine.yield(line)
      end
    end)
  end
  local function filter(source)
    return coroutine.create(function()
      local number = 1
      while true do
        local _, line = coroutine.resume(source)
        if not line then
          return
        end
        coroutine.yield(("%d %s"):format(number, line))
        number = number + 1
      end
    end)
  end
  local source = filter(producer())
  repeat
    local ok, line = coroutine.resume(source)
    say(ok, line, coroutine.status(source))
  until not line
end

function programs.closing_coroutines(say)
  local function closer(name)
    return setmetatable({}, {
      __close = function(_, err)
        say("closes", name, err)
      end,
    })
  end
  local co = coroutine.create(function()
    local _ <close> = closer "outer"
    local _ <close> = closer "inner"
    coroutine.yield(1)
  end)
  say(coroutine.resume(co))
  say(coroutine.close(co), coroutine.status(co), coroutine.close(co))
  local bad = coroutine.create(function()
    local _ <close> = closer "bad"
    local _ <close> = setmetatable({}, {
      __close = function()
        error("in close", 0)
      end,
    })
    coroutine.yield()
  end)
  coroutine.resume(bad)
  say(coroutine.close(bad))
  say(pcall(coroutine.wrap(function()
    local _ <close> = closer "wrapped"
    error("oops", 0)
  end)))
  say(pcall(coroutine.close, coroutine.running()))
  say(coroutine.close(coroutine.create(print)))
end

function programs.arithmetic_metamethods(say)
  local meta, log = {}, {}
  local function value(of)
    return type(of) == "table" and of.v or of
  end
  for name, operation in pairs {
    __add = function(a, b) return a + b end, __sub = function(a, b) return a - b end,
    __mul = function(a, b) return a * b end, __div = function(a, b) return a / b end,
    __mod = function(a, b) return a % b end, __pow = function(a, b) return a ^ b end,
    __idiv = function(a, b) return a // b end, __band = function(a, b) return a & b end,
    __bor = function(a, b) return a | b end, __bxor = function(a, b) return a ~ b end,
    __shl = function(a, b) return a << b end, __shr = function(a, b) return a >> b end,
    __concat = function(a, b) return a .. b end,
  } do
    meta[name] = function(a, b)
      log[#log + 1] = name
      return setmetatable({ v = operation(value(a), value(b)) }, meta)
    end
  end
  meta.__unm = function(a) return setmetatable({ v = -a.v }, meta) end
  meta.__bnot = function(a) return setmetatable({ v = ~a.v }, meta) end
  meta.__len = function(a) return a.v * 100 end
  local a, b = setmetatable({ v = 12 }, meta), setmetatable({ v = 5 }, meta)
  say((a + b).v, (a - 1).v, (2 * b).v, (a / b).v, (a % b).v, (a ^ 2).v, (a // b).v, (-a).v, #a, (~a).v)
  say((a & b).v, (a | 1).v, (3 ~ b).v, (a << 2).v, (a >> b).v, (a .. "x").v, ("y" .. b .. a).v)
  say(table.concat(log, " "))
end

function programs.comparing_metamethods(say)
  local meta = {}
  meta.__eq = function(a, b) return a.v == b.v end
  meta.__lt = function(a, b) return a.v < b.v end
  meta.__le = function(a, b) return a.v <= b.v end
  local function new(v)
    return setmetatable({ v = v }, meta)
  end
  local a, b, c = new(1), new(2), new(1)
  say(a == b, a == c, a ~= b, a < b, a <= c, a > b, a >= b, a ~= c, a < b and a <= b or b < a)
  local list = { new(3), new(1), new(2) }
  table.sort(list)
  say(list[1].v, list[2].v, list[3].v)
  if a < b then say "less" else say "not less" end
  while a ~= b do a.v = a.v + 1 end
  say(a.v)
end

function programs.indexing_metamethods(say)
  local log = {}
  local proxy = setmetatable({}, {
    __index = function(_, key)
      log[#log + 1] = "get " .. tostring(key)
      return key
    end,
    __newindex = function(self, key, value)
      log[#log + 1] = ("set %s=%s"):format(key, value)
      rawset(self, key, value)
    end,
    __call = function(self, ...)
      return self, select("#", ...), ...
    end,
    __pairs = function()
      return function(_, i)
        if i < 3 then return i + 1, i * i end
      end, nil, 0
    end,
    __tostring = function() return "proxy" end,
    __name = "named",
  })
  say(proxy.x, proxy[1], proxy["a b"], proxy[2.5], proxy.x.y)
  proxy.new, proxy[7] = 1, proxy.new
  say(proxy.new, proxy[7], select(2, proxy(1, nil, 3, nil)))
  for key, value in pairs(proxy) do
    say(key, value)
  end
  say(tostring(proxy), table.concat(log, ";"))
  local class = { greet = function(self, what) return what .. " " .. self.name end }
  class.__index = class
  local derived = setmetatable({ shout = function(self, what) return self:greet(what):upper() end }, class)
  derived.__index = derived
  local object = setmetatable({ name = "Lua" }, derived)
  say(object:greet "hi", object:shout "ho", rawget(object, "greet"), object.greet == class.greet)
end

function programs.gotos(say)
  local i, primes = 2, {}
  ::next::
  for j = 2, i - 1 do
    if i % j == 0 then
      goto continue
    end
  end
  primes[#primes + 1] = i
  ::continue::
  i = i + 1
  if i < 40 then
    goto next
  end
  say(table.concat(primes, " "))
  local functions = {}
  do
    local k = 0
    ::again::
    local captured = k
    functions[#functions + 1] = function() captured = captured + 1 return captured end
    k = k + 1
    if k < 3 then goto again end
  end
  for _, f in ipairs(functions) do say(f(), f()) end
end

function programs.loops(say)
  for i = 1, 3 do say(i) end
  for i = 3, 1, -1 do say(i) end
  for i = 1, 0 do say("never", i) end
  for x = 0, 1, 0.25 do say(x) end
  for x = 1.0, 3 do say(x) end
  for i = math.maxinteger - 1, math.maxinteger do say(i) end
  for i = math.mininteger, math.mininteger + 2, 2 do say(i) end
  say(pcall(function() for _ = 1, 2, 0 do say "never" end end))
  local n, total = 10, 0.0
  while n > 0 do n = n - 3 total = total + n / 2 end
  repeat local last = n n = n + 1 until last >= 2
  say(n, total)
  for key, value, extra in function(state, control)
    if control < state then return control + 1, control * 2, "extra" end
  end, 4, 0 do
    say(key, value, extra)
    if key == 3 then break end
  end
end

function programs.varargs(say)
  local function count(...) return select("#", ...), ... end
  say(count(), count(nil), count(1, nil, 3, nil))
  local function last(...) return (select(-1, ...)) end
  say(last(1, 2, 3), pcall(select, 0))
  local function tail(first, ...)
    if first == nil then return "end" end
    return first, tail(...)
  end
  say(tail(1, 2, 3, 4, 5))
  local function pack(...) return { n = select("#", ...), ... } end
  local packed = pack(nil, 2, nil)
  say(packed.n, packed[2], table.unpack({ 1, 2, 3 }, 2), (count(7, 8)))
  local function sum(...)
    local s = 0
    for _, v in ipairs { ... } do s = s + v end
    return s
  end
  say(sum(), sum(1), sum(1, 2, 3), sum(table.unpack({ 1, 2, 3, 4 }, -1 + 2, 3)), math.max(3, 9, 2))
end

function programs.errors(say)
  say(pcall(error), pcall(error, nil), pcall(error, "plain", 0), pcall(error, { 1 } == nil))
  local function thrower(level) error("at level " .. level, level) end
  for level = 0, 2 do
    say(pcall(function() thrower(level) end))
  end
  say(select(2, pcall(pcall)), pcall(pcall, error, "inner"))
  say(xpcall(function() local nothing = nil return nothing.field end, function(message)
    return "handled: " .. message:gsub("^.-:%d+: ", "")
  end))
  say(select("#", xpcall(function(...) return ... end, print, 1, nil, nil)))
  local ok, err = pcall(function()
    local ok, err = pcall(error, { code = 1 })
    err.code = err.code + (ok and 100 or 1)
    error(err)
  end)
  say(ok, err.code, pcall(string.rep), pcall(function() return 1 + {} end), pcall(function() return #5 end))
  say(xpcall(error, function(message) return { message }  end, "x"))
  say(pcall(setmetatable({}, { __call = function(_, a) return a end }), 5))
end

function programs.closing(say)
  local function closer(name, fails)
    return setmetatable({ name = name }, {
      __close = function(self, err)
        say("close", self.name, err)
        if fails then error(name .. " failed", 0) end
      end,
    })
  end
  local function early(n)
    for i = 1, 3 do
      local _ <close> = closer("loop" .. i)
      if i == n then return "returned", i, nil end
    end
    return "done"
  end
  say(early(2))
  say(early(9))
  say(pcall(function()
    local _ <close> = closer "a"
    local _ <close> = closer("b", true)
    local _ <close> = closer("c", true)
    error("body", 0)
  end))
  for i in function(_, c) c = (c or 0) + 1 return c < 3 and c or nil end, nil, nil, closer "generic" do say(i) end
  do
    local _ <close> = nil
    local constant <const> = 5
    if constant == 5 then
      goto out
    end
    say "never"
  end
  ::out::
end

function programs.integers(say)
  for _, pair in ipairs { { 7, 2 }, { -7, 2 }, { 7, -2 }, { -7, -2 }, { 7.5, 2 }, { -7.5, 2 }, { 6, 3 } } do
    local a, b = pair[1], pair[2]
    say(a // b, a % b, a / b, a ^ b, math.fmod(a, b))
  end
  say(1 // 0.0, -1 // 0.0, 0 / 0 ~= 0 / 0, pcall(function() return 1 // 0 end), pcall(function() return 1 % 0 end))
  say(0xFF & 0x0F, 0xF0 | 0x0F, 5 ~ 3, ~0, 1 << 62, 1 << 63, 1 << 64, -1 >> 60, 1 << -1)
  say("10" + 5, "0x10" * 2, 10 .. 20)
  say(math.maxinteger + 1 == math.mininteger, math.maxinteger * 2.0, 2 ^ 53 == 2 ^ 53 + 1, 3 | 0, pcall(function()
    return 1.5 | 0
  end))
  say(math.tointeger(3.0), math.type(1), math.type(1.0), 1 == 1.0, math.ult(1, -1), 7 // 1.0, -0.0, 1e15, 2 ^ 31 | 0)
  local x = 10
  x = x + 1 x = x - 2 x = x * 3 x = x // 4 x = x % 5 x = x << 3 x = x ~ 1 x = -x x = ~x
  say(x, not x, x == 8 or x, x ~= 8 and x)
end

function programs.tables(say)
  local list = { 1, 2, 3, 4, 5 }
  say(table.concat(table.move(list, 2, 4, 1), ","), table.concat(table.move({ 1, 2, 3 }, 1, 3, 3), ","))
  table.insert(list, 6)
  table.insert(list, 1, 0)
  say(table.remove(list), table.remove(list, 1), table.concat(list, " ", 2, 4), #list, next({}), rawlen(list))
  say(table.unpack(table.pack(1, nil, 3), 1, 3))
  say(pcall(table.concat, { 1, {}, 3 }))
  local proxy = setmetatable({}, {
    __index = function(_, i) return i <= 3 and i * 10 or nil end,
    __len = function() return 3 end,
    __newindex = function(_, k, v) say("stores", k, v) end,
  })
  say(table.concat(proxy, ","), table.unpack(proxy))
  table.insert(proxy, "more")
  local keys, map = {}, { a = 1, b = 2, c = 3, [1] = "x", [2.5] = "y", [true] = "z" }
  for key in pairs(map) do
    map[key] = nil
    keys[#keys + 1] = tostring(key)
  end
  table.sort(keys)
  say(table.concat(keys, " "), next(map))
  local sparse = {}
  for i = 1, 100 do sparse[i * i] = i end
  local total = 0
  for key, value in pairs(sparse) do total = total + key * value end
  say(total, #{ n = 1, 1, 2, nil }, #"abc")
end

function programs.unicode(say)
  local text = "aé€😀z"
  for position, code in utf8.codes(text) do say(position, code) end
  say(utf8.len(text), utf8.char(72, 228, 8364, 128512), utf8.codepoint(text, 1, -1))
  say(utf8.offset(text, 3), utf8.len "\xff", #utf8.charpattern)
  for character in text:gmatch(utf8.charpattern) do say(character, #character) end
end

function programs.formats(say)
  say(("%5d|%-5d|%05d|%+d|%x|%X|%o|%c"):format(42, 42, 42, 42, 255, 255, 8, 65))
  say(("%.3f|%10.2f|%e|%g|%a"):format(math.pi, math.pi, 12345.678, 1e20, 1.0))
  say(("%s|%10s|%-10s|%.2s|%q|%i"):format("abc", "abc", "abc", "abc", 'a "q"\n\0', 3.0))
  say(("%s %s %s"):format(nil, true, setmetatable({}, { __tostring = function() return "object" end })))
  say(pcall(string.format, "%d", 1.5), pcall(string.format, "%d", "x"), ("%%"):format(), tostring(1e100), 1e300 * 1e10)
  say(string.pack("<i4z", 100, "hi"):byte(1, -1))
  say(string.unpack("<i4z", string.pack("<i4z", -100, "hi")))
  say(tonumber "0x1p4", tonumber("zz", 36), tonumber "1e1", tonumber " 5 ", tonumber "5x")
  say(("x"):byte(), ("abc"):sub(-2))
end

function programs.recursion(say)
  local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
  local function ackermann(m, n)
    if m == 0 then return n + 1 end
    if n == 0 then return ackermann(m - 1, 1) end
    return ackermann(m - 1, ackermann(m, n - 1))
  end
  local function hanoi(n, from, to, by)
    return n == 0 and 0 or hanoi(n - 1, from, by, to) + 1 + hanoi(n - 1, by, to, from)
  end
  local function even(n) if n == 0 then return true end return not even(n - 1) end
  local function count(n, sum) if n == 0 then return sum end return count(n - 1, sum + n) end
  say(fib(12), ackermann(2, 3), hanoi(6, 1, 2, 3), even(31), count(500, 0))
  say((select(2, pcall(function() local function f() return 1 + f() end return f() end)):match "stack overflow"))
end

function programs.assignment(say)
  local order = {}
  local function note(name, value) order[#order + 1] = name return value end
  local t = {}
  t[note("key1", 1)], t[note("key2", 2)] = note("value1", "a"), note("value2", "b")
  say(table.concat(order, " "), t[1], t[2])
  local a, b, c = (function() return 1, 2, 3 end)()
  a, b, c = c, a, b
  say(a, b, c)
  local i, list = 1, {}
  i, list[i] = i + 1, 20
  say(i, list[1], list[2])
  local x, y, z = 1, nil, nil
  say(x, y, z)
  x, y, z = (function() return 7, 8 end)(), 9, nil
  say(x, y, z, (function() return 1, 2 end)(), #{ (function() return 1, 2 end)(), (function() return 1, 2 end)() })
  local s = "k"
  local nested = { k = { k = { k = "deep" } } }
  nested[s][s], s = nested[s][s][s], nested[s]
  say(nested.k.k, s.k)
end

function programs.life(say)
  local width, height, cells = 8, 8, {}
  for _, at in ipairs { { 2, 1 }, { 3, 2 }, { 1, 3 }, { 2, 3 }, { 3, 3 } } do
    cells[at[2] * width + at[1]] = true
  end
  for _ = 1, 4 do
    local counts, following = {}, {}
    for cell in pairs(cells) do
      local x, y = cell % width, cell // width
      for dx = -1, 1 do
        for dy = -1, 1 do
          if dx ~= 0 or dy ~= 0 then
            local at = (y + dy) % height * width + (x + dx) % width
            counts[at] = (counts[at] or 0) + 1
          end
        end
      end
    end
    for at, count in pairs(counts) do
      following[at] = (count == 3 or count == 2 and cells[at]) or nil
    end
    cells = following
  end
  local living = {}
  for cell in pairs(cells) do living[#living + 1] = cell end
  table.sort(living)
  say(table.concat(living, " "))
end

function programs.parsing(say)
  local function evaluate(text)
    local at = 1
    local sum
    local function skip() at = text:match("^%s*()", at) end
    local function atom()
      skip()
      local number, after = text:match("^(%d+%.?%d*)()", at)
      if number then
        at = after
        return math.tointeger(number) or tonumber(number)
      elseif text:sub(at, at) == "(" then
        at = at + 1
        local value = sum()
        skip()
        assert(text:sub(at, at) == ")", "no )")
        at = at + 1
        return value
      end
      error("no number at " .. at, 0)
    end
    local function binary(operand, operators)
      return function()
        local value = operand()
        while true do
          skip()
          local operator = operators[text:sub(at, at)]
          if not operator then return value end
          at = at + 1
          value = operator(value, operand())
        end
      end
    end
    local product = binary(atom, {
      ["*"] = function(a, b) return a * b end, ["/"] = function(a, b) return a / b end,
      ["%"] = function(a, b) return a % b end,
    })
    sum = binary(product, {
      ["+"] = function(a, b) return a + b end, ["-"] = function(a, b) return a - b end,
    })
    return sum()
  end
  say(evaluate "1 + 2 * 3", evaluate "(1 + 2) * 3 - 4 / 8", evaluate "2.5*(3-1)%3", pcall(evaluate, "1 + x"))
end

function programs.loading(say)
  local chunk = assert(load("local a, b = ... ; x = a + b ; return x, _ENV", "=chunk", "t", {}))
  local sum, environment = chunk(1, 2)
  say(sum, environment.x, load "syntax error here")
  local pieces, index = { "return ", "1", " + ", "41" }, 0
  say(load(function()
    index = index + 1
    return pieces[index]
  end)())
  say(pcall(load("error('in a chunk')", "=c")), _ENV == _G, debug.traceback("m", 1):match "^m\nstack traceback:" ~= nil)
end

---Runs a program; returns all that it said.
local function transcribe(program)
  local lines = {}
  program(function(...)
    local line = table.pack(...)
    for i = 1, line.n do
      line[i] = type(line[i]) == "string" and ("%q"):format(line[i]) or tostring(line[i]):gsub("0x%x+", "ADDRESS")
    end
    lines[#lines + 1] = table.concat(line, "\t")
  end)
  return table.concat(lines, "\n")
end

---Runs all programs as tasks at once; returns what each said, and how often others could run meanwhile.
local function run_all()
  local pool, said, turns = tasks.TaskPool(), {}, 0
  for name, program in pairs(programs) do
    pool:apply(function()
      said[name] = transcribe(program)
    end)
  end
  repeat
    taskpool.yield()
    turns = turns + 1
  until pool.num_running == 0
  pool:gather_and_close()
  return said, turns
end

describe("preemption", function()
  it("changes no result of any program", tasks.case(function()
    local undisturbed = run_all()
    collectgarbage() -- of its pool now: no finalizer can run where `recursion` has filled the stack
    core.force_preemption(1)
    local disturbed, turns = run_all()
    core.force_preemption(0)
    local count, equal = 0, 0
    for name in pairs(programs) do
      count = count + 1
      assert.is_true(#undisturbed[name] > 0, name)
      assert.are.equal(undisturbed[name], disturbed[name], name)
      equal = equal + 1
    end
    print(("transparency: programs=%d equal=%d"):format(count, equal))
    assert.is_true(count >= 20)
    assert.is_true(turns > 1000, "nothing was interrupted: " .. turns)
  end))
end)
