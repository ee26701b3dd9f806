-- SPDX-License-Identifier: MIT
--
-- `taskpool completion SHELL`: what the shells make of it. Those that are not installed are left out.
local hosts = require "spec.support.host"
local program = require "spec.support.program"

local SHELLS <const> = { "bash", "zsh", "fish" }

-- Calls the completion of bash with the words that are its arguments, and prints what it finds.
local DRIVER <const> = [[
source <(taskpool completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_taskpool 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"
]]

local function is_installed(shell)
  return os.execute("command -v " .. shell .. " >/dev/null")
end

local function print_script(shell)
  local done = program.run { "completion", shell }
  assert.are.equal(0, done.code, done.err)
  return done.out
end

describe("the completion of shells", function()
  ---What bash completes the words to.
  local function complete(...)
    local path = program.path:match "^(.*)/"
    local done = program.run {
      file = "bash",
      env = { PATH = path .. ":" .. os.getenv "PATH" },
      "-c", DRIVER, "bash", "taskpool", ...,
    }
    assert.are.equal(0, done.code, done.err)
    return (done.out:gsub("\n$", ""):gsub("\n", " "))
  end

  it("is a script that the shell can read", function()
    for _, shell in ipairs(SHELLS) do
      local text = print_script(shell)
      if is_installed(shell) then
        local done = program.run({ file = shell, "-n" }, text)
        assert.are.equal("", done.err)
        assert.are.equal(0, done.code)
      end
    end
  end)

  it("has every sub-command and every option", function()
    local names = {}
    for name in program.run({ "-h" }).out:gmatch "\n  (%l+) " do
      names[#names + 1] = name
    end
    assert.is_true(#names >= 5)
    for _, shell in ipairs(SHELLS) do
      local text = print_script(shell)
      for _, name in ipairs(names) do
        assert.is_truthy(text:find(name, 1, true), shell .. ": " .. name)
        for option in program.run({ name, "-h" }).out:gmatch "\n  %-%-([%l-]+)" do
          local written = shell == "fish" and "-l " .. option or "--" .. option
          assert.is_truthy(text:find(written, 1, true), shell .. ": " .. written)
        end
      end
    end
  end)

  it("knows sub-commands, options and their values, in bash", function()
    assert.are.equal("run", complete "ru")
    assert.are.equal("bash", complete("completion", "ba"))
    assert.are.equal("--log-level --log-file --log-json", complete("run", "--log"))
    assert.are.equal("debug", complete("run", "--log-level", "de"))
    assert.are.equal("debug", complete("run", "--log-level", "=", "de"))
    assert.are.equal("on off", complete("run", "--preempt", ""))
    assert.are.equal("read", complete("serve", "--listen", "unix", ":", "/x", "--role", "r"))
    assert.are.equal("tcp unix", complete("control", "--json", ""))
    assert.are.equal("--token-file", complete("control", "--json", "--tok"))
    assert.are.equal("always", complete("control", "--color", "al"))
    assert.are.equal("README.md", complete("run", "READM"))
    assert.are.equal("examples", complete("run", "--modules", "examp"))
  end)

  it("asks the server whose address stands on the line, in bash", function()
    local host <close> = hosts.start [[
      local function sleep() taskpool.sleep(3600) end
      taskpool.TaskPool { name = "jobs" }:apply(sleep, { group_name = "nightly" })
    ]]
    local path = host.directory .. "/control.sock"
    assert.are.equal("pause paused", complete("control", "unix", path, "pau"))
    assert.are.equal("nightly", complete("control", "--timeout", "5", "unix", path, "cancel-group", ""))
    assert.are.equal("--state", complete("control", "unix", path, "tasks", "-g", "nightly", "--st"))
    assert.are.equal("nightly", complete("control", "unix", path, "wait", "--timeout", "3", "n"))
    assert.are.equal("", complete("control", "unix", path .. "no", "pau"))
  end)

  it("is of the shells that it knows", function()
    local done = program.run { "completion", "tcsh" }
    assert.are.equal(2, done.code)
    assert.matches("expected bash, zsh or fish, not tcsh", done.err)
    assert.are.equal(2, program.run({ "completion" }).code)
  end)
end)
