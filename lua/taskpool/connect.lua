---SPDX-License-Identifier: MIT
---
---A client of a control server, for tasks: each command is a method, which waits for the answer.
---
---    local jobs <close> = taskpool.control.connect { unix = "/run/user/1000/jobs.sock" }
---    local group = jobs:map("mypackage.mymodule.worker", { "x", "y", "z" }, { num_concurrent = 3 })
---    jobs:wait(group)
---    print(jobs:num_ended())
---
---How it works. A session of the server runs one command after the other, so each call takes a session that is idle, or
---opens another one. A call is written as a line of the control language, and its answer is a line of JSON. A call that
---is cancelled ends its session, and with it the command, if that still waits. A stream has a session of its own; its
---items are lines of JSON with the key `event`, which wait in the session until they are taken.
local core = require "taskpool.core"
local control = require "taskpool.control.core"
local uv = require "luv"

---@class taskpool.ConnectOptions
---@field tcp? string "HOST:PORT"
---@field unix? string path of a socket
---@field token? string shown to the server

---@class taskpool.Client
---@field pool string what the pool prints as that the session began with
---@field private options taskpool.ConnectOptions where the server is
---@field private sessions table<Session, boolean> all of them, and whether one is idle
---@field private closed boolean
local Client = {}

---@class Session
---@field private handle table of luv
---@field private buffer string what has come of the next answer
---@field private call? table the one that waits for it
---@field private items? table[] of a stream: those that have come and were not taken, from `first` to `last`
---@field private first? integer
---@field private last? integer
---@field private full? boolean of a stream: nothing is read until all of them are taken
---@field private answer? table of a stream: what has ended it
---@field private problem? string why there are no answers any more
local Session = {}
Session.__index = Session

---How many items of a stream may wait to be taken.
local ITEMS_MAX <const> = 1000

---Words that are read as values where they are not in quotes.
local VALUES <const> = { ["nil"] = true, null = true, None = true, ["true"] = true, True = true,
  ["false"] = true, False = true, inf = true }

---@param text string
local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(byte)
    return ("\\x%02x"):format(byte:byte())
  end) .. '"'
end

---The value as a literal of the control language.
---@param value any
---@return string
local function literal(value)
  local kind = math.type(value) or type(value)
  if kind == "string" then
    return quoted(value)
  elseif kind == "float" and value == math.huge then
    return "inf"
  elseif kind == "integer" then
    return ("%d"):format(value)
  elseif kind == "float" then
    return ("%.17g"):format(value)
  elseif kind ~= "table" then
    return tostring(value)
  end
  local parts = {}
  if #value > 0 or next(value) == nil then
    for index = 1, value.n or #value do
      parts[index] = literal(value[index])
    end
    return "[" .. table.concat(parts, ", ") .. "]"
  end
  for key, element in pairs(value) do
    parts[#parts + 1] = ("[%s] = %s"):format(literal(key), literal(element))
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

---An argument of a command. A name stands as it is, so that it can be that of a function.
local function word(value)
  local is_name = type(value) == "string" and value:find "^[%a_][%w_.-]*$" and not VALUES[value]
  return is_name and value or literal(value)
end

---Whether a last argument is the table of options.
local function is_options(value)
  return type(value) == "table" and #value == 0 and type(next(value)) == "string"
end

---The line of a call.
---@return string
local function line_of(method, ...)
  local words, arguments = { (method:gsub("_", "-")) }, table.pack(...)
  local options = is_options(arguments[arguments.n]) and arguments[arguments.n] or {}
  for name, value in pairs(options) do
    local option = "--" .. name:gsub("_", "-")
    if value ~= false then
      words[#words + 1] = value == true and option or option .. "=" .. word(value)
    end
  end
  for index = 1, arguments.n - (next(options) and 1 or 0) do
    words[#words + 1] = word(arguments[index])
  end
  return table.concat(words, " ")
end

-- ---- a session ----

---Hands an answer to the call that waits for it.
function Session:give(answer)
  local call = self.call
  self.call = nil
  if self.items then
    self.answer = answer
  end
  if call then
    call.answer = answer
    core.wake(call.id)
  end
end

---Takes an item of a stream. While many wait to be taken, nothing is read.
function Session:keep(item)
  self.last = self.last + 1
  self.items[self.last] = item
  if self.last - self.first + 1 == ITEMS_MAX then
    self.handle:read_stop()
    self.full = true
  end
  if self.call then
    core.wake(self.call.id)
  end
end

---The session is over: a call that waits learns why.
function Session:fail(problem)
  self.problem = self.problem or problem
  if not self.handle:is_closing() then
    self.handle:close()
  end
  self:give(nil)
end

---Bytes have come, or the end.
function Session:read(failure, bytes)
  if not bytes then
    return self:fail(failure and "the connection broke: " .. failure or "the server has closed the connection")
  end
  local buffer, from = self.buffer .. bytes, 1
  for line, after in buffer:gmatch "([^\n]*)\n()" do
    local answer = control.decode(line)
    if self.items and type(answer) == "table" and answer.event then
      self:keep(answer)
    else
      self:give(answer)
    end
    from = after
  end
  self.buffer = buffer:sub(from)
end

function Session:start_reading()
  self.handle:read_start(function(failure, bytes)
    self:read(failure, bytes)
  end)
end

---Sends a line, and returns the answer; nil: the session is over.
function Session:ask(line)
  local call = { id = core.waiter() }
  self.call = call
  self.handle:write(line .. "\n")
  core.park()
  return call.answer
end

---Begins a stream.
function Session:begin(line)
  self.items, self.first, self.last = {}, 1, 0
  self.handle:write(line .. "\n")
end

---The next item of a stream, for which it waits; nil: the stream has ended.
function Session:next()
  while self.first > self.last do
    if self.answer or self.problem then
      return nil
    end
    self.call = { id = core.waiter() }
    core.park()
    self.call = nil
  end
  local item = self.items[self.first]
  self.items[self.first] = nil
  self.first = self.first + 1
  if self.full and self.first > self.last and not self.problem then
    self.full = false
    self:start_reading()
  end
  return item
end

---Waits until a handle of luv is connected.
local function await_connection(handle, address, ...)
  local ok, connected, failure = pcall(core.await, ...)
  if ok and connected then
    return handle
  end
  handle:close()
  error(ok and core.error("NotAvailable", ("cannot connect to %s: %s"):format(address, failure)) or connected, 0)
end

---@param options taskpool.ConnectOptions
local function connect(options)
  if options.unix then
    local handle = uv.new_pipe()
    return await_connection(handle, options.unix, handle.connect, handle, options.unix)
  end
  local host, port = options.tcp:match "^(.+):(%d+)$"
  local handle = uv.new_tcp()
  return await_connection(handle, options.tcp, handle.connect, handle, host, tonumber(port))
end

---The first line of a session.
local function hello(options)
  local token = options.token
  return token and ('{"reply": "json", "token": "%s"}'):format(token:gsub('[%c"\\]', function(byte)
    return ("\\u%04x"):format(byte:byte())
  end)) or '{"reply": "json"}'
end

---A new session, and the pool that it begins with.
local function open_session(options)
  local session = setmetatable({ buffer = "", handle = connect(options) }, Session)
  session:start_reading()
  local ok, answer = pcall(session.ask, session, hello(options))
  if ok and answer and answer.ok then
    return session, answer.value
  end
  session:fail "it was not opened"
  error(ok and core.error(answer and answer.code or "NotAvailable", answer and answer.message or session.problem)
    or answer, 0)
end

-- ---- a client ----

---An idle session, or a new one.
function Client:take()
  for session, is_idle in pairs(self.sessions) do
    if session.problem then
      self.sessions[session] = nil
    elseif is_idle then
      self.sessions[session] = false
      return session
    end
  end
  local session = open_session(self.options)
  self.sessions[session] = false
  return session
end

---What an answer says; raises its error.
local function result(answer)
  if not answer.ok then
    error(core.error(answer.code or "NotAvailable", answer.message or "an answer without a message"), 0)
  end
  return answer.value
end

---Sends a line, and returns what its answer says; raises its error, or NotAvailable.
function Client:send(line)
  core.checkpoint()
  if self.closed then
    error(core.error("NotAvailable", "the client is closed"), 0)
  end
  local session <const>, answer = self:take(), nil
  local _ <close> = setmetatable({}, { __close = function()
    if answer and not self.closed then
      self.sessions[session] = true
    else -- cancelled, or over
      session:fail "the call was cancelled"
      self.sessions[session] = nil
    end
  end })
  answer = session:ask(line)
  if not answer then
    error(core.error("NotAvailable", session.problem or "an answer that is not JSON"), 0)
  end
  return result(answer)
end

---Runs a command: a method of the pool, by its name in Lua, with its arguments and options. Returns what it returns;
---raises its error, or NotAvailable once the connection is over.
---@async
---@param method string such as "map"
---@param ... any arguments; a last table with names in it has the options
---@return any
function Client:call(method, ...)
  return self:send(line_of(method, ...))
end

---Runs a command that streams, such as "events". Returns what a `for` goes over: the items, as tables with `event`. The
---command ends with the loop.
---
---    for event in jobs:stream("events", { kind = "ended" }) do
---@async
---@param method string
---@param ... any as for `call`
---@return async fun(): table?
function Client:stream(method, ...)
  local line <const> = line_of(method, ...)
  if self.closed then
    error(core.error("NotAvailable", "the client is closed"), 0)
  end
  local session <const> = open_session(self.options)
  self.sessions[session] = false
  session:begin(line)
  local stream = setmetatable({}, {
    __call = function()
      local item = session:next()
      if not item and not session.answer then
        error(core.error("NotAvailable", session.problem), 0)
      end
      return item or result(session.answer) and nil
    end,
    __close = function()
      session:fail "the stream was closed"
      self.sessions[session] = nil
    end,
  })
  return stream, nil, nil, stream
end

---The same for the command `events`.
---@async
---@param options? taskpool.EventOptions
---@return async fun(): taskpool.HostEvent?
function Client:events(options)
  local words = {}
  for name, value in pairs(options or {}) do
    words[name] = type(value) == "table" and table.concat(value, ",") or value
  end
  if not next(words) then
    return self:stream "events"
  end
  return self:stream("events", words)
end

---Ends the sessions. Calls that wait raise NotAvailable.
function Client:close()
  self.closed = true
  for session in pairs(self.sessions) do
    session:fail "the client is closed"
  end
  self.sessions = {}
end

local meta = { __close = Client.close, __name = "taskpool.Client" }

---Each other name is a command.
function meta.__index(_, name)
  return Client[name] or type(name) == "string" and function(self, ...)
    return Client.call(self, name, ...)
  end or nil
end

---Connects to a control server. Raises InvalidArgument for wrong options, NotAvailable if nothing answers there, Denied
---for a wrong token.
---@async
---@param options taskpool.ConnectOptions
---@return taskpool.Client
return function(options)
  local is_table = type(options) == "table"
  local is_tcp = is_table and type(options.tcp) == "string" and options.tcp:find "^.+:%d+$"
  if not is_tcp and not (is_table and type(options.unix) == "string") then
    error(core.error("InvalidArgument", "connect: give unix = PATH or tcp = \"HOST:PORT\""), 0)
  end
  if options.token ~= nil and type(options.token) ~= "string" then
    error(core.error("InvalidArgument", "connect: token must be a string"), 0)
  end
  local session, pool = open_session(options)
  return setmetatable({ pool = pool, options = options, sessions = { [session] = true }, closed = false }, meta)
end
