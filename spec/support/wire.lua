-- SPDX-License-Identifier: MIT
--
-- A connection to a control server, byte for byte: what is written goes out as one write, and what comes
-- is handed over as it came.
--
--     local wire <close> = wires.connect("unix:" .. path)
--     wire:send '{"terminal_width": 80}\n'
--     assert.are.equal("SimpleTaskPool-0", wire:line())
local uv = require "luv"

local wires = {}

-- Writing to a server that has closed must be an error here, not the end of the specs.
local broken_pipes = uv.new_signal()
broken_pipes:start "sigpipe"
broken_pipes:unref()

---So long may anything take, also under a sanitizer on a busy machine.
local LIMIT_MS <const> = 30000

---@class Wire
---@field data string what has come and was not handed out
---@field ended boolean the server has closed its side
local Wire = {}
Wire.__index = Wire

---Runs the loop until `is_done()`.
local function run_until(self, is_done, wish)
  local late = false
  local timer = uv.new_timer()
  timer:start(LIMIT_MS, 0, function()
    late = true
  end)
  while not is_done() and not late do
    uv.run "once"
  end
  timer:close()
  uv.run "nowait"
  if late then
    error(("%s does not %s; it has %q"):format(self.address, wish, self.data:sub(1, 200)), 0)
  end
end

---Opens the stream to `address` and calls `done` with its failure or nil.
local function dial(address, done)
  local path = address:match "^unix:(.*)$"
  if path then
    local pipe = uv.new_pipe()
    pipe:connect(path, done)
    return pipe
  end
  local host, port = address:match "^tcp://%[?(.-)%]?:(%d+)$"
  local tcp = uv.new_tcp()
  tcp:connect(host, math.tointeger(port), done)
  return tcp
end

---Connects to "unix:PATH" or "tcp://HOST:PORT".
---@param address string
---@return Wire
function wires.connect(address)
  local self = setmetatable({ address = address, data = "", ended = false }, Wire)
  local answered, failure
  self.stream = dial(address, function(problem)
    answered, failure = true, problem
  end)
  run_until(self, function()
    return answered
  end, "answer")
  if failure then
    self:close()
    error(address .. ": " .. failure, 0)
  end
  self:start_reading()
  return self
end

---Reads what comes, as from the start; after `stop_reading`.
function Wire:start_reading()
  self.stream:read_start(function(_, bytes)
    self.data = self.data .. (bytes or "")
    self.ended = self.ended or not bytes
  end)
end

---Reads nothing until `start_reading`.
function Wire:stop_reading()
  self.stream:read_stop()
end

---Writes `bytes` when the server takes them, and does not wait for that.
---@param bytes string
function Wire:push(bytes)
  self.stream:write(bytes)
end

---Writes `bytes` in one piece and waits until they have left or the connection broke.
---@param bytes string
---@return string|nil problem
function Wire:send(bytes)
  local done, failure
  self.stream:write(bytes, function(problem)
    done, failure = true, problem
  end)
  run_until(self, function()
    return done
  end, "take what it is sent")
  return failure
end

---Writes one byte at a time, each a packet of its own.
---@param bytes string
function Wire:send_bytewise(bytes)
  for i = 1, #bytes do
    self:send(bytes:sub(i, i))
  end
end

---What the next read brings: waits for bytes, and hands out all there are.
---@return string
function Wire:read()
  run_until(self, function()
    return self.data ~= "" or self.ended
  end, "answer")
  local bytes = self.data
  self.data = ""
  return bytes
end

---The next line without its end; nil when the server has closed instead.
---@return string|nil
function Wire:line()
  run_until(self, function()
    return self.data:find("\n", 1, true) or self.ended
  end, "end a line")
  local line, rest = self.data:match "^(.-)\n(.*)$"
  self.data = rest or self.data
  return line
end

---Sends a command and returns its answer, a line.
---@param command string
---@return string|nil
function Wire:ask(command)
  self:send(command .. "\n")
  return self:line()
end

---Ends our side, and leaves that of the server.
function Wire:shutdown()
  self.stream:shutdown()
end

---Waits until `count` bytes have come, and hands out as many.
---@param count integer
---@return string
function Wire:take(count)
  run_until(self, function()
    return #self.data >= count or self.ended
  end, "send enough")
  local bytes = self.data:sub(1, count)
  self.data = self.data:sub(count + 1)
  return bytes
end

---Waits until the server has closed; returns what came before that.
---@return string
function Wire:finish()
  run_until(self, function()
    return self.ended
  end, "close")
  return self.data
end

---Lets go of the connection, as a client that is killed does.
function Wire:close()
  if not self.stream:is_closing() then
    self.stream:close()
  end
  uv.run "nowait"
end

Wire.__close = Wire.close

return wires
