-- SPDX-License-Identifier: MIT
-- Values between Lua states: what comes back from a thread is what was sent, or it was refused.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

local ECHO <const> = "spec.support.remote.echo"
local DESCRIBE <const> = "spec.support.remote.describe"

---Whether two values are the same, tables by what is in them, 1 and 1.0 being two things.
local function is_same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return (a == b or (a ~= a and b ~= b)) and math.type(a) == math.type(b)
  end
  for key, value in pairs(a) do
    if not is_same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return getmetatable(a) == getmetatable(b)
end

---A table in a table, so many deep.
local function nested(depth)
  local inner = {}
  for _ = 2, depth do
    inner = { inner }
  end
  return inner
end

local VALUES <const> = {
  true,
  false,
  0,
  -1,
  127,
  128,
  -32,
  -33,
  65535,
  65536,
  -2147483649,
  math.maxinteger,
  math.mininteger,
  0.0,
  1.0,
  -0.5,
  1e300,
  math.huge,
  -math.huge,
  0 / 0,
  "",
  "text",
  "with\0zero",
  "\xff\xfe\x80",
  ("long "):rep(20000),
  {},
  { 1, 2, 3 },
  { { 1 }, { 2, { 3 } } },
  { x = 1, y = { z = "deep" } },
  { [1] = "a", [3] = "c" },
  { 1, nil, 3, nil, 5 },
  { 1, 2, x = 3 },
  { [0] = 1, [-5] = 2, [2.5] = 3, [true] = 4, [false] = 5 },
  { nil, 2, x = "not lost" },
  { nil, 2, [0] = "not lost" },
  table.pack(1, nil, 3, nil),
  { ["two words"] = { ["\0"] = 1 } },
  nested(32),
}

describe("values sent to a thread and back", function()
  it("are what they were", tasks.live_case(function()
    for _, value in ipairs(VALUES) do
      local back = taskpool.blocking(ECHO, value)
      assert.is_true(is_same(value, back), tostring(value))
    end
    print(("pack: values=%d equal=%d"):format(#VALUES, #VALUES))
  end))

  it("come in their number, with nil where it was", tasks.live_case(function()
    for count = 0, 20 do
      local values = {}
      for index = 1, count do
        values[index] = index % 3 ~= 0 and index or nil
      end
      local back = table.pack(taskpool.blocking(ECHO, table.unpack(values, 1, count)))
      values.n = count
      assert.are.same(values, back)
    end
  end))

  it("are there what they were here", tasks.live_case(function()
    assert.are.equal(
      "integer 1, float 1.0, nil nil, string 1, boolean true",
      taskpool.blocking(DESCRIBE, 1, 1.0, nil, "1", true)
    )
  end))

  it("may be errors and sets of ours", tasks.live_case(function()
    local err = taskpool.error("NotFound", "not here")
    local back = taskpool.blocking(ECHO, { err })[1]
    assert.are.equal("NotFound: not here", tostring(back))
    assert.are.equal(getmetatable(err), getmetatable(back))
    local pool = tasks.TaskPool()
    pool:apply(taskpool.yield, { num = 3, group_name = "three" })
    taskpool.yield()
    local set = pool:get_group_ids "three"
    assert.are.equal(tostring(set), tostring(taskpool.blocking(ECHO, set)))
    pool:gather_and_close()
  end))

  it("call no metamethod, and leave other metatables behind", tasks.live_case(function()
    local trap = setmetatable({ 1, 2, key = "value" }, {
      __index = error,
      __pairs = error,
      __len = error,
      __tostring = error,
    })
    assert.are.same({ 1, 2, key = "value" }, taskpool.blocking(ECHO, trap))
  end))

  it("are refused by their paths", tasks.live_case(function()
    local cycle = { list = { 1, 2 } }
    cycle.list[3] = cycle
    local cases = {
      { "argument 1 is a function, which cannot be sent to a thread", print },
      { "argument 2 is a thread, which cannot be sent to a thread", 1, coroutine.create(print) },
      { "argument 1.file is a userdata, which cannot be sent to a thread", { file = io.stdout } },
      { "argument 1[2].a[1] is a function, which cannot be sent to a thread", { 1, { a = { print } } } },
      { 'argument 1["two words"] is a function, which cannot be sent to a thread', { ["two words"] = print } },
      { "argument 1[true] is a function, which cannot be sent to a thread", { [true] = print } },
      { "argument 1[2.5] is a function, which cannot be sent to a thread", { [2.5] = print } },
      { "argument 1.list[3] is a table inside itself", cycle },
      { "argument 1.a has a key that is not a string, number or boolean", { a = { [{}] = 1 } } },
      { ("argument 1%s is too deep: tables are sent 32 deep at most"):format(("[1]"):rep(32)), nested(33) },
      { "argument 1 is too much: 64 MiB are sent at most", ("x"):rep((64 << 20) + 1) },
    }
    for _, case in ipairs(cases) do
      local err = tasks.raises("InvalidArgument", taskpool.blocking, ECHO, table.unpack(case, 2))
      assert.are.equal(case[1], err.message)
    end
    local half = ("x"):rep(40 << 20)
    local err = tasks.raises("InvalidArgument", taskpool.blocking, ECHO, half, { half })
    assert.matches("is too much: 64 MiB", err.message, 1, true)
    print(("pack: refused=%d"):format(#cases + 1))
  end))
end)
