-- SPDX-License-Identifier: MIT
-- What is installed works where it stands: without the sources, and when it is moved as a whole. A copy of the sources
-- is built, installed and taken away; what is built against the installation knows only its prefix.
local program = require "spec.support.program"

local function sh(command, ...)
  local line = command:format(...)
  assert(os.execute(line), line)
end

---What a shell command prints.
local function output(command, ...)
  local pipe <close> = assert(io.popen(command:format(...)))
  return pipe:read "a"
end

---Builds a copy of the sources, installs it to `directory`/made, copies that to `directory`/usr, and takes away all but
---the copy: what was installed by the target `uninstall`.
local function install(directory)
  local function step(command)
    sh("cd %s && { %s; } >>log 2>&1 || { cat %s/log; exit 1; }", directory, command, directory)
  end
  sh("mkdir %s/source", directory)
  sh("cp -R CMakeLists.txt CHANGELOG.md LICENSE include src lua examples scripts %s/source", directory)
  step "cmake $(command -v ninja >/dev/null && echo -G Ninja) -S source -B build -DCMAKE_BUILD_TYPE=Debug \z
    -DBUILD_TESTING=OFF -DCMAKE_INSTALL_LIBDIR=lib"
  step "cmake --build build -j 2"
  step "cmake --install build --prefix $PWD/made && cp -R made usr"
  step "cmake --build build --target uninstall"
  step "rm -r source build"
end

---A host in a program that is C and C++.
local HOST <const> = [[
#include <stdio.h>
#include <taskpool.h>
int main(void) {
  tp_error error = {TP_OK, "", 0};
  tp_host *host = tp_host_create(NULL, &error);
  bool ok = host && tp_host_run_text(host, "print(require 'taskpool'.VERSION)", "=host", &error);
  tp_host_destroy(host);
  fputs(error.message, stderr);
  return !ok;
}
]]

---The same as a project of CMake.
local PROJECT <const> = [[
cmake_minimum_required(VERSION 3.20)
project(consumer LANGUAGES C CXX)
find_package(taskpool 0.1 REQUIRED)
add_compile_options(-Wall -Wextra -Werror)
foreach(language c cc)
  add_executable(shared_${language} host.${language})
  target_link_libraries(shared_${language} PRIVATE taskpool::taskpool)
  add_executable(static_${language} host.${language})
  target_link_libraries(static_${language} PRIVATE taskpool::taskpool_static)
endforeach()
]]

describe("an installation", function()
  if os.getenv "SANITIZE" then
    return -- what is installed is the same there, and a program that is linked with it would need the sanitizer
  end
  local directory, usr
  local SCRIPT <const> = [[
    local taskpool = require "taskpool"
    local pool = taskpool.TaskPool {}
    pool:apply(print, { args = { "ran", package.searchpath("taskpool", package.path) } })
    pool:gather_and_close()
  ]]

  setup(function()
    directory = program.make_directory()
    usr = directory .. "/usr"
    install(directory)
    program.write_file(directory .. "/script.lua", SCRIPT)
    program.write_file(directory .. "/host.c", HOST)
    program.write_file(directory .. "/host.cc", HOST)
    program.write_file(directory .. "/CMakeLists.txt", PROJECT)
  end)

  teardown(function()
    sh("rm -r %s", directory)
  end)

  ---Runs it in the environment of somebody who knows only the prefix.
  local function run(arguments)
    arguments.env = arguments.env or { LUA_PATH_5_4 = ";;", LUA_CPATH_5_4 = ";;" }
    local done = program.run(arguments)
    assert.are.equal("", done.err)
    assert.are.equal(0, done.code)
    return done.out
  end

  ---What pkg-config says of the installation.
  local function pkg_config(options)
    return output("PKG_CONFIG_PATH=%s/lib/pkgconfig pkg-config %s taskpool", usr, options):match "^(.-)%s*$"
  end

  ---Runs a host that was built against the installation. A static one finds the Lua files by LUA_PATH.
  local function run_host(path, is_static)
    local share = usr .. "/share/lua/5.4"
    local env = {
      LD_LIBRARY_PATH = not is_static and usr .. "/lib" or "",
      LUA_PATH_5_4 = is_static and share .. "/?.lua;" .. share .. "/?/init.lua" or ";;",
    }
    local needs_library = output("readelf -d %s", path):find("libtaskpool.so.0", 1, true) ~= nil
    assert.are.equal(not is_static, needs_library)
    assert.matches("^%d+%.%d+%.%d+\n$", run { file = path, env = env })
  end

  local function expected()
    return ("ran\t%s/bin/../share/lua/5.4/taskpool/init.lua\n"):format(usr)
  end

  it("has a program that finds its Lua files beside it", function()
    assert.are.equal(expected(), run { file = usr .. "/bin/taskpool", "run", directory .. "/script.lua" })
  end)

  it("has a program that a link leads to", function()
    sh("ln -s %s/bin/taskpool %s/tp", usr, directory)
    assert.are.equal(expected(), run { file = directory .. "/tp", "run", directory .. "/script.lua" })
  end)

  it("has libraries that pkg-config tells of, for C and C++", function()
    for suffix, compiler in pairs { c = "cc -std=c11", cc = "c++" } do
      for name, libs in pairs { shared = pkg_config "--libs", static = pkg_config "--static --libs" } do
        local path = ("%s/%s_%s"):format(directory, name, suffix)
        libs = name == "static" and libs:gsub("%-ltaskpool", "-l:libtaskpool.a") or libs
        sh("%s -Wall -Wextra -Werror -o %s %s/host.%s %s %s", compiler, path, directory, suffix, pkg_config "--cflags",
          libs)
        run_host(path, name == "static")
      end
    end
  end)

  it("asks users of the shared library for nothing else", function()
    local library = usr .. "/lib/pkgconfig/../../lib"
    assert.are.equal(("-I%s/lib/pkgconfig/../../include"):format(usr), pkg_config "--cflags")
    assert.are.equal(("-L%s -ltaskpool"):format(library), pkg_config "--libs")
  end)

  it("has libraries that find_package finds, for C and C++", function()
    sh("cmake -S %s -B %s/consumer -Dtaskpool_ROOT=%s >%s/log 2>&1 && cmake --build %s/consumer >>%s/log 2>&1 || \z
      { cat %s/log; exit 1; }", directory, directory, usr, directory, directory, directory, directory)
    for _, name in ipairs { "shared_c", "shared_cc", "static_c", "static_cc" } do
      run_host(directory .. "/consumer/" .. name, name:find "^static" ~= nil)
    end
  end)

  it("is found by the project that docs/install.md shows", function()
    local jobs = directory .. "/jobs"
    sh("mkdir %s && cp examples/embed/minimal.c %s/jobs.c", jobs, jobs)
    program.write_file(jobs .. "/CMakeLists.txt", program.read_file("docs/install.md"):match "\n```cmake\n(.-)```\n")
    sh("cmake -S %s -B %s/build -DCMAKE_PREFIX_PATH=%s >%s/log 2>&1 && cmake --build %s/build >>%s/log 2>&1 || \z
      { cat %s/log; exit 1; }", jobs, jobs, usr, jobs, jobs, jobs, jobs)
    local done = program.run { file = jobs .. "/build/jobs", jobs .. "/socket" }
    assert.are.equal(0, done.code)
  end)

  it("exports what begins with tp_, and the module what `require` calls", function()
    for file, pattern in pairs { ["libtaskpool.so"] = "^tp_", ["lua/5.4/taskpool/core.so"] = "^luaopen_" } do
      local count = 0
      for symbol in output("nm -D --defined-only %s/lib/%s", usr, file):gmatch "(%S+)\n" do
        assert.matches(pattern, symbol)
        count = count + 1
      end
      assert.is_true(count > 0, file)
    end
  end)

  it("has a module for the stock interpreter", function()
    local share = usr .. "/share/lua/5.4"
    local env = {
      LUA_PATH_5_4 = share .. "/?.lua;" .. share .. "/?/init.lua;;",
      LUA_CPATH_5_4 = usr .. "/lib/lua/5.4/?.so;;",
    }
    program.write_file(directory .. "/stock.lua", "require('taskpool').run(function() " .. SCRIPT .. " end)")
    local said = run { file = "lua5.4", directory .. "/stock.lua", env = env }
    assert.are.equal(("ran\t%s/taskpool/init.lua\n"):format(share), said)
  end)

  it("has a unit for systemd that starts the program where it was installed", function()
    local unit = program.read_file(usr .. "/lib/systemd/system/taskpool.service")
    assert.is_truthy(unit:find(("\nExecStart=%s/made/bin/taskpool run "):format(directory), 1, true))
  end)

  it("has definitions for editors where pkg-config says", function()
    assert.matches("^%-%-%-@meta taskpool.pool\n", program.read_file(pkg_config "--variable=luadir" ..
      "/taskpool/meta/pool.lua"))
  end)

  it("is taken away by uninstall", function()
    assert.are.equal("made\nmade/bin\nmade/include\nmade/lib\nmade/share\n", output("cd %s && find made | sort",
      directory))
  end)
end)
