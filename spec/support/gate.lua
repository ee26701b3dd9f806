-- SPDX-License-Identifier: MIT
--
-- A named pipe on which C code blocks, such as "spec.support.remote.block_on", until it is opened:
--
--     local gate <close> = gates.make()
--     pool:apply("spec.support.remote.block_on", { args = { gate.path } })
--     gate:open()
local program = require "spec.support.program"
local uv = require "luv"

local gates = {}

---@class Gate
---@field path string of the pipe
---@field private directory string that it is in
---@field private descriptor? integer once it is open
local Gate = {}
Gate.__index = Gate

---Makes one that is shut.
---@return Gate
function gates.make()
  local directory = program.make_directory()
  local path = directory .. "/gate"
  assert(os.execute("mkfifo " .. path))
  return setmetatable({ path = path, directory = directory }, Gate)
end

---Lets all go on that block on it now, or come later. Never blocks itself, because it is opened for reading
---and writing.
function Gate:open()
  self.descriptor = self.descriptor or assert(uv.fs_open(self.path, "r+", 0))
end

---At the end of its scope nobody is left blocked.
function Gate:__close()
  self:open()
  uv.fs_close(self.descriptor)
  program.remove_directory(self.directory)
end

return gates
