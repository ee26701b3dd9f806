-- SPDX-License-Identifier: MIT
-- What is installed works where it stands: without the sources, and when it is moved as a whole. A copy of the sources
-- is built, installed and taken away.
local program = require "spec.support.program"

local function sh(command, ...)
  local line = command:format(...)
  assert(os.execute(line), line)
end

---Builds a copy of the sources, installs it to `directory`/made, removes the copy, moves the rest to `directory`/usr.
local function install(directory)
  sh("mkdir %s/source", directory)
  sh("cp -R CMakeLists.txt LICENSE include src lua examples scripts spec %s/source", directory)
  sh("cmake $(command -v ninja >/dev/null && echo -G Ninja) -S %s/source -B %s/build -DCMAKE_BUILD_TYPE=Debug >%s/log",
    directory, directory, directory)
  for _, target in ipairs { "program", "library_static", "library_shared", "module" } do
    sh("cmake --build %s/build --target %s -j 2 >>%s/log 2>&1 || { cat %s/log; exit 1; }", directory, target, directory,
      directory)
  end
  sh("cmake --install %s/build --prefix %s/made >>%s/log", directory, directory, directory)
  sh("rm -r %s/source %s/build && mv %s/made %s/usr", directory, directory, directory, directory)
end

local HOST <const> = [[
#include <stdio.h>
#include <taskpool.h>
int main(void) {
  tp_error error = {0};
  tp_host *host = tp_host_create(NULL, &error);
  bool ok = host && tp_host_run_text(host, "print(require 'taskpool'.VERSION)", "=host", &error);
  tp_host_destroy(host);
  fputs(error.message, stderr);
  return !ok;
}
]]

describe("an installation", function()
  if os.getenv "SANITIZE" then
    return -- the paths are the same there, and building it takes long
  end
  local directory, environment
  local SCRIPT <const> = [[
    local taskpool = require "taskpool"
    local pool = taskpool.TaskPool {}
    pool:apply(print, { args = { "ran", package.searchpath("taskpool", package.path) } })
    pool:gather_and_close()
  ]]

  setup(function()
    directory = program.make_directory()
    environment = { LUA_PATH_5_4 = ";;", LUA_CPATH_5_4 = ";;", LD_LIBRARY_PATH = directory .. "/usr/lib" }
    install(directory)
    program.write_file(directory .. "/script.lua", SCRIPT)
  end)

  teardown(function()
    sh("rm -r %s", directory)
  end)

  ---Runs it in the environment of somebody who knows only the prefix.
  local function run(arguments)
    arguments.env = environment
    local done = program.run(arguments)
    assert.are.equal("", done.err)
    assert.are.equal(0, done.code)
    return done.out
  end

  local function expected()
    return ("ran\t%s/usr/bin/../share/lua/5.4/taskpool/init.lua\n"):format(directory)
  end

  it("has a program that finds its Lua files beside it", function()
    assert.are.equal(expected(), run { file = directory .. "/usr/bin/taskpool", "run", directory .. "/script.lua" })
  end)

  it("has a program that a link leads to", function()
    sh("ln -s %s/usr/bin/taskpool %s/tp", directory, directory)
    assert.are.equal(expected(), run { file = directory .. "/tp", "run", directory .. "/script.lua" })
  end)

  it("has libraries that a C program is linked with", function()
    program.write_file(directory .. "/host.c", HOST)
    for name, library in pairs { shared = "-ltaskpool", static = "-l:libtaskpool.a" } do
      local needed = ("$(sed -n 's/^Requires.private: //p' %s/usr/lib/pkgconfig/taskpool.pc)"):format(directory)
      local libs = name == "static" and ("$(pkg-config --libs %s) -lm"):format(needed) or ""
      sh("cc -o %s/usr/bin/%s %s/host.c -I %s/usr/include -L %s/usr/lib %s %s", directory, name, directory, directory,
        directory, library, libs)
      assert.matches("^%d+%.%d+%.%d+\n$", run { file = directory .. "/usr/bin/" .. name })
    end
  end)

  it("has a module for the stock interpreter", function()
    local share = directory .. "/usr/share/lua/5.4"
    environment.LUA_PATH_5_4 = share .. "/?.lua;" .. share .. "/?/init.lua;;"
    environment.LUA_CPATH_5_4 = directory .. "/usr/lib/lua/5.4/?.so;;"
    program.write_file(directory .. "/stock.lua", "require('taskpool').run(function() " .. SCRIPT .. " end)")
    assert.are.equal(("ran\t%s/taskpool/init.lua\n"):format(share), run { file = "lua5.4", directory .. "/stock.lua" })
  end)
end)
