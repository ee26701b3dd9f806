-- SPDX-License-Identifier: MIT
-- The public header has a function for each method of a pool, and the library exports what it declares.
local program = require "spec.support.program"

local BUILD <const> = assert(os.getenv "BUILD")

---What a command prints.
local function output_of(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

---The set of functions that the header declares.
local function declared()
  local names, text = {}, program.read_file "include/taskpool.h"
  for name in text:gsub("/%*.-%*/", ""):gmatch "TP_API[^;{]-(tp_[%w_]+)%(" do
    names[name] = true
  end
  return names
end

describe("the public header", function()
  it("has a function for each method and property of a pool", function()
    local names, missing = declared(), {}
    for name in output_of(BUILD .. "/docs/methods"):gmatch 'name = "([%w_]+)", on = ' do
      missing[#missing + 1] = not names["tp_pool_" .. name] and name or nil
    end
    assert.are.same({}, missing)
    assert.is_true(names.tp_pool_gather_and_close)
  end)

  it("declares what the library exports, and nothing else", function()
    local names, exported = declared(), {}
    for name in output_of("nm -D --defined-only " .. BUILD .. "/libtaskpool.so"):gmatch "%x+ [TDBR] ([%w_]+)" do
      if not name:find "^luaopen_" and not name:find "^_" then
        exported[name] = true
      end
    end
    assert.are.same(names, exported)
  end)

  it("needs no header of Lua or libuv", function()
    local text = program.read_file "include/taskpool.h"
    for header in text:gmatch '#include <([^>]+)>' do
      assert.is_true(header:find "^std" ~= nil, header)
    end
  end)
end)
