-- SPDX-License-Identifier: MIT
-- Parts of taskpool that are loaded when they are first used.
local program = require "spec.support.program"

describe("a part that is loaded later", function()
  it("is found although the script has changed package.path", function()
    local directory = program.make_directory()
    local path = program.write_file(directory .. "/main.lua", [[
      local taskpool = require "taskpool"
      package.path = "./?.lua"
      print(#{ taskpool.gather(function() return 1 end) }, taskpool.Queue, taskpool.control.serve ~= nil)
      print(pcall(require, "taskpool.nothing"))
    ]])
    local done = program.run { "run", path }
    assert.are.equal(0, done.code, done.err)
    assert.matches("^1\tfunction", done.out)
    assert.matches("false\tmodule 'taskpool.nothing' not found", done.out, 1, true)
    program.remove_directory(directory)
  end)
end)
