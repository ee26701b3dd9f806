-- SPDX-License-Identifier: MIT
--
-- The pages of the manual, which are made of the tables of the program when it is built.
local hosts = require "spec.support.host"
local json = require "dkjson"
local program = require "spec.support.program"
local uv = require "luv"

local MANUAL <const> = (os.getenv "BUILD" or "build") .. "/man/"
local PAGES <const> = { "taskpool.1", "taskpool-control.1", "taskpool-protocol.7" }

---The text of a page, without the marks of scdoc.
local function read(page)
  return (program.read_file(MANUAL .. page .. ".scd"):gsub("\\(.)", "%1"):gsub("%*", ""))
end

describe("the manual", function()
  it("has each option, exit code and sub-command of the program", function()
    local first = "taskpool.1"
    local pages = { run = first, serve = first, completion = first, control = "taskpool-control.1" }
    for name, page in pairs(pages) do
      local text = read(page)
      assert.is_truthy(read "taskpool.1":find("\n" .. name .. "\n\t", 1, true), name)
      for option in program.run({ name, "-h" }).out:gmatch "\n  [-q, ]*(%-%-[%l-]+)" do
        assert.is_truthy(text:find("\n" .. option, 1, true) or text:find(", " .. option, 1, true), name .. option)
      end
    end
    assert.is_truthy(read "taskpool-control.1":find("\n4\n\tdenied", 1, true))
  end)

  it("has each command, each of its parameters, and each error", function()
    local host <close> = hosts.start ""
    local wire <close> = host:greet '{"reply": "json"}'
    local text = read "taskpool-control.1"
    for _, command in ipairs(json.decode(wire:ask "help --json").value.commands) do
      local from = assert(text:find("\n" .. command.name:gsub("%-", "%%-") .. "[ \n]"), command.name)
      local to = text:find("\n\n%l", from + 1) or text:find("\n# ", from, true)
      local entry = text:sub(from, to)
      assert.is_truthy(entry:find(command.summary, 1, true), command.name)
      for _, param in ipairs(command.params) do
        assert.is_truthy(entry:find(param.help, 1, true), command.name .. " " .. param.name)
      end
    end
    local errors = read "taskpool-protocol.7"
    for code in program.read_file "include/taskpool.h":gmatch "  X%([%u_]+, (%a+)%)" do
      assert.is_truthy(errors:find(code, 1, true), code)
    end
  end)

  it("is made into pages that readers take without a complaint, where scdoc is there", function()
    for _, page in ipairs(PAGES) do
      if uv.fs_stat(MANUAL .. page) then
        for _, reader in ipairs { { "mandoc", "-T", "lint", "-W", "error" }, { "man", "-l", "--warnings" } } do
          if os.execute("command -v " .. reader[1] .. " >/dev/null") then
            local arguments = table.move(reader, 2, #reader, 1, { file = reader[1], env = { MANPAGER = "cat" } })
            arguments[#arguments + 1] = MANUAL .. page
            local done = program.run(arguments)
            assert.are.equal(0, done.code, done.out .. done.err)
            assert.are.equal("", done.err)
          end
        end
      end
    end
  end)
end)
