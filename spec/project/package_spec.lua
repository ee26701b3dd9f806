-- SPDX-License-Identifier: MIT
-- The Debian packages: what is in each, what it depends on, and that it works where it is unpacked; and the rock of
-- LuaRocks. Only where the tools that make them are installed.
local program = require "spec.support.program"

---What a shell command prints.
local function output(command, ...)
  local pipe <close> = assert(io.popen(command:format(...)))
  return pipe:read "a"
end

describe("packages for Debian", function()
  if os.getenv "SANITIZE" then
    return -- packages are built without sanitizers
  elseif not os.execute "command -v dh lintian >/dev/null" then
    pending "need debhelper and lintian"
    return
  end
  local directory, built

  setup(function()
    directory = program.make_directory()
    local pipe <close> = assert(io.popen(("DEB_BUILD_OPTIONS=noopt scripts/package --check %s/debs 2>&1")
      :format(directory)))
    built = pipe:read "a"
  end)

  teardown(function()
    program.run { file = "rm", "-r", directory }
  end)

  ---The paths of the files in a package, without what is in doc/.
  local function contents(package)
    local paths = {}
    for line in output("dpkg-deb -c %s/debs/%s_*.deb", directory, package):gmatch "[^\n]+" do
      local path = line:match " %./(%S+)"
      if line:find "^[^d]" and not path:find "^usr/share/doc/" then
        paths[#paths + 1] = path:gsub("^usr/lib/[^/]+%-[^/]+/", "LIB/")
      end
    end
    return paths
  end

  it("are four, and lintian finds no error", function()
    local names = {}
    for name in built:gmatch "/debs/([^\n_]+)_[^\n]+%.deb\n" do
      names[#names + 1] = name
    end
    assert.are.same({ "libtaskpool-dev", "libtaskpool0", "lua-taskpool", "taskpool" }, names, built)
    assert.is_nil(("\n" .. built):find "\nE: ")
  end)

  it("have the files of their subject", function()
    local program_files = {}
    for _, path in ipairs(contents "taskpool") do
      program_files[#program_files + 1] = not path:find "^usr/share/man/" and path or nil -- where scdoc is
    end
    assert.are.same({ "usr/bin/taskpool", "usr/lib/systemd/system/taskpool.service",
      "usr/share/bash-completion/completions/taskpool", "usr/share/fish/vendor_completions.d/taskpool.fish",
      "usr/share/zsh/vendor-completions/_taskpool" }, program_files)
    assert.matches("LIB/libtaskpool.so.0.%d+.%d+ LIB/libtaskpool.so.0$", table.concat(contents "libtaskpool0", " "))
    assert.matches("^usr/include/taskpool.h LIB/cmake/.* LIB/libtaskpool.a LIB/pkgconfig/taskpool.pc \z
      LIB/libtaskpool.so$", table.concat(contents "libtaskpool-dev", " "))
    local module = contents "lua-taskpool"
    assert.are.equal("LIB/lua/5.4/taskpool/core.so", module[1])
    for index = 2, #module do
      assert.matches("^usr/share/lua/5.4/taskpool/", module[index])
    end
  end)

  it("depend on each other, and on the libraries that they are linked with", function()
    for package, needs in pairs {
      taskpool = { "lua-taskpool", "libuv1", "libjansson4", "liblua5.4-0", "lua-luv" },
      libtaskpool0 = { "lua-taskpool", "libuv1", "libjansson4", "liblua5.4-0", "lua-luv" },
      ["libtaskpool-dev"] = { "libtaskpool0" },
      ["lua-taskpool"] = { "libuv1", "libjansson4", "lua-luv" },
    } do
      local depends = ", " .. output("dpkg-deb -f %s/debs/%s_*.deb Depends", directory, package)
      for _, needed in ipairs(needs) do
        assert.is_truthy(depends:find(", " .. needed, 1, true), package .. ": " .. depends)
      end
      local has_client = package == "taskpool" or package == "libtaskpool0"
      assert.are.equal(has_client, depends:find("libedit2", 1, true) ~= nil, package)
    end
  end)

  it("work where they are unpacked", function()
    for _, package in ipairs { "taskpool", "lua-taskpool" } do
      assert.are.equal("", output("dpkg-deb -x %s/debs/%s_*.deb %s/root", directory, package, directory))
    end
    local script = program.write_file(directory .. "/script.lua",
      "require 'taskpool' print(package.searchpath('taskpool', package.path))")
    local done = program.run {
      file = directory .. "/root/usr/bin/taskpool", "run", script, env = { LUA_PATH_5_4 = "", LUA_CPATH_5_4 = "" },
    }
    assert.are.equal(directory .. "/root/usr/bin/../share/lua/5.4/taskpool/init.lua\n", done.out)
  end)
end)

describe("the rock", function()
  if os.getenv "SANITIZE" then
    return -- stock Lua cannot load a sanitized module
  elseif not os.execute "command -v luarocks >/dev/null" then
    pending "needs luarocks"
    return
  end

  it("has the module for stock Lua", function()
    local directory = program.make_directory()
    local failure = output("cp -R CMakeLists.txt CHANGELOG.md LICENSE include src lua examples scripts %s && cd %s && \z
      CMAKE_BUILD_TYPE=Debug luarocks --lua-version 5.4 --tree rocks make lua/taskpool-scm-1.rockspec \z
      >log 2>&1 || cat log", directory, directory)
    assert.are.equal("", failure)
    local share = directory .. "/rocks/share/lua/5.4"
    local done = program.run {
      file = "lua5.4", "-e", "require('taskpool').run(function() print(package.loaded.taskpool.VERSION) end)",
      env = {
        LUA_PATH_5_4 = share .. "/?.lua;" .. share .. "/?/init.lua",
        LUA_CPATH_5_4 = directory .. "/rocks/lib/lua/5.4/?.so",
      },
    }
    assert.are.equal("", done.err)
    assert.matches("^%d+%.%d+%.%d+\n$", done.out)
    program.run { file = "rm", "-r", directory }
  end)
end)
