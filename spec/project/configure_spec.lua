-- SPDX-License-Identifier: MIT
-- The libraries are found under the names that other systems have for them. What is missing is named, all at once.
local program = require "spec.support.program"
local uv = require "luv"

describe("configuring", function()
  local directory, cache

  before_each(function()
    directory = program.make_directory()
    assert(uv.fs_mkdir(directory .. "/pc", tonumber("755", 8)))
    cache = program.read_file((os.getenv "BUILD" or "build") .. "/CMakeCache.txt")
  end)

  after_each(function()
    program.run { file = "rm", "-r", directory }
  end)

  ---Makes pkg-config know a library of this build as `name`. `prefix` is what CMakeLists.txt calls it.
  local function provide(prefix, name, version)
    local libraries = assert(cache:match("\n" .. prefix .. "_LIBRARIES:INTERNAL=([^\n]+)"))
    program.write_file(("%s/pc/%s.pc"):format(directory, name), ("Name: %s\nDescription: %s\nVersion: %s\nLibs: -l%s\n")
      :format(name, name, version or "1.2.3", (libraries:gsub(";", " -l"))))
  end

  ---Configures where pkg-config knows nothing else.
  local function configure()
    return program.run {
      file = "cmake", "-S", uv.cwd(), "-B", directory .. "/build", "-DBUILD_TESTING=OFF",
      env = { PKG_CONFIG_LIBDIR = directory .. "/pc", PKG_CONFIG_PATH = "" },
    }
  end

  for _, names in ipairs {
    { lua = "lua5.4", luv = "lua5.4-luv" },
    { lua = "lua-5.4", luv = "libluv" },
    { lua = "lua54", luv = "luv" },
    { lua = "lua", luv = "lua54-luv" },
  } do
    it(("finds Lua as %s and luv as %s"):format(names.lua, names.luv), function()
      provide("LUA", names.lua, "5.4.6")
      provide("LUV", names.luv)
      provide("UV", "libuv")
      provide("JANSSON", "jansson")
      local done = configure()
      assert.are.equal("", done.err)
      assert.are.equal(0, done.code)
      assert.is_truthy(done.out:find("LUA: " .. names.lua .. " 5.4.6", 1, true))
      assert.is_truthy(done.out:find("libedit is missing: ", 1, true))
    end)
  end

  it("names all that is missing", function()
    provide("UV", "libuv")
    local done = configure()
    assert.are_not.equal(0, done.code)
    for _, line in ipairs {
      "Lua 5.4 (pkg-config: lua5.4, lua-5.4, lua54, lua; Debian: liblua5.4-dev)",
      "luv for Lua 5.4 (pkg-config: lua5.4-luv, lua54-luv, libluv, luv; Debian: lua-luv-dev)",
      "jansson (pkg-config: jansson; Debian: libjansson-dev)",
    } do
      assert.is_truthy(done.err:gsub("%s+", " "):find(line, 1, true), done.err)
    end
    assert.is_nil(done.err:find "libuv")
  end)

  it("refuses another version of Lua", function()
    provide("LUA", "lua", "5.5.0")
    provide("LUV", "luv")
    provide("UV", "libuv")
    provide("JANSSON", "jansson")
    local done = configure()
    assert.are_not.equal(0, done.code)
    assert.is_truthy(done.err:find("Lua 5.4 (lua is Lua 5.5.0)", 1, true), done.err)
  end)

  it("needs the packages that docs/install.md lists", function()
    local packages = program.read_file("scripts/lib/lib.sh"):match '\nbuild_packages="(.-)"' .. " "
    local listed = program.read_file("docs/install.md"):match "## What it needs\n(.-)\n## "
    local count = 0
    for package in listed:gmatch "| `([%w.-]+%-dev)` |" do
      assert.is_truthy(packages:find((package:gsub("%p", "%%%0")) .. "%s"), package)
      count = count + 1
    end
    local _, expected = packages:gsub("%-dev%s", "")
    assert.are.equal(expected - 1, count) -- all but the C library's
  end)
end)
