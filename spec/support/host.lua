-- SPDX-License-Identifier: MIT
--
-- A host of its own for a spec: a script run by the program in a private directory, with a control
-- server on a Unix socket there.
--
--     local host <close> = hosts.start [[ taskpool.SimpleTaskPool(print, { size = 7 }) ]]
--     local wire <close> = host:greet()
--     assert.are.equal("7", wire:ask "pool-size")
local program = require "spec.support.program"
local uv = require "luv"
local wires = require "spec.support.wire"

local hosts = {}

-- What surrounds the script: its pools are served once it has run, all of them.
local BEFORE <const> = [[
local taskpool = require "taskpool"
local control = require "taskpool.control.core"
local directory = ...
local options = { unix = directory .. "/control.sock" }
]]
local AFTER <const> = [[

control.serve(options)
io.stdout:write "serving\n"
io.stdout:flush()
]]

---@class Host
---@field directory string where its script, its modules and its socket are
---@field address string of its control server
---@field process table see spec/support/program.lua
local Host = {}
Host.__index = Host

---Runs `script`, with `taskpool`, `control`, `directory` and `options` (of serve) as its locals, then serves
---its pools.
---@param script string
---@param modules? table<string, string> other files by path, as ["jobs/some.lua"] = "return {}"
---@param prefix? string[] a program and its arguments that starts ours, as { "sh", "-c", … }
---@return Host
function hosts.start(script, modules, prefix)
  local self = setmetatable({ directory = program.make_directory() }, Host)
  local path = program.write_file(self.directory .. "/host.lua", BEFORE .. script .. AFTER)
  for name, text in pairs(modules or {}) do
    local folder = name:match "^(.*)/"
    if folder then
      uv.fs_mkdir(self.directory .. "/" .. folder, 448) -- 0700
    end
    program.write_file(self.directory .. "/" .. name, text)
  end
  local arguments = { "run", path, self.directory }
  if prefix then
    arguments = table.move(prefix, 2, #prefix, 1, { file = prefix[1] })
    table.move({ program.path, "run", path, self.directory }, 1, 4, #arguments + 1, arguments)
  end
  self.address = "unix:" .. self.directory .. "/control.sock"
  self.process = program.start(arguments)
  self.process:wait_for "serving\n"
  return self
end

---A connection that has not said anything.
---@return Wire
function Host:connect()
  return wires.connect(self.address)
end

---A connection of mode 1 that has been greeted.
---@param first? string the first line; default: one of asyncio-taskpool's client
---@return Wire wire
---@return string greeting
function Host:greet(first)
  local wire = self:connect()
  return wire, wire:ask(first or '{"terminal_width": 80}')
end

---Whether a new client is greeted: the host lives.
---@return boolean
function Host:is_alive()
  local wire <close>, greeting = self:greet()
  return wire and greeting ~= nil
end

---Ends it as SIGTERM does and removes its directory. Nothing of it may be left: no socket, and nothing that a
---sanitizer finds.
function Host:close()
  local process = self.process:stop()
  local left = uv.fs_lstat(self.directory .. "/control.sock")
  program.remove_directory(self.directory)
  assert(not process.err:find "Sanitizer", process.err)
  assert(not left, "the host has left its socket")
  assert(process.signal == 0, process.signal)
end

Host.__close = Host.close

return hosts
