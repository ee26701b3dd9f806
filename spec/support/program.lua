-- SPDX-License-Identifier: MIT
--
-- Programs driven from a spec: started with pipes, watched on luv's loop, waited for by what they do
-- and never by sleeping.
--
--     local done = program.run { "control", "unix", path, "pool-size" }
--     assert.are.equal("3\n", done.out)
--
--     local host = program.start { "run", script }
--     host:wait_for "serving"
--     host:stop()
local uv = require "luv"

local program = {}

---The program under test.
program.path = os.getenv "TASKPOOL_PROGRAM" or (os.getenv "BUILD" or "build") .. "/taskpool"

---So long may anything take, also under a sanitizer on a busy machine.
local LIMIT_MS <const> = 30000

---So often it is looked.
local LOOK_MS <const> = 10

---Runs the loop until `is_done()`; raises what `describe()` says when that takes too long.
local function run_until(is_done, describe)
  local late = false
  local timer <close> = setmetatable({ handle = uv.new_timer() }, {
    __close = function(self)
      self.handle:close()
      uv.run "nowait"
    end,
  })
  uv.update_time() -- what came before may have taken long
  local since = uv.now()
  timer.handle:start(LOOK_MS, LOOK_MS, function() -- `is_done` may look at something that is no event
    late = uv.now() - since > LIMIT_MS
  end)
  while not is_done() do
    if late then
      error(describe(), 0)
    end
    uv.run "once"
  end
end

---@class Process
---@field out string what it has written to stdout so far
---@field err string the same of stderr
---@field code? integer its exit code, once it has ended
---@field signal? integer the signal that ended it, or 0
local Process = {}
Process.__index = Process

function Process:describe(wish)
  return ("%s: %s\nstdout: %q\nstderr: %q"):format(self.name, wish, self.out, self.err)
end

---Reads `pipe` into the field `name`; forgets the pipe at its end.
function Process:collect(name, pipe)
  self.open = self.open + 1
  pipe:read_start(function(failure, bytes)
    if bytes then
      self[name] = self[name] .. bytes
      return
    end
    self.failure = failure
    self.open = self.open - 1
    pipe:close()
  end)
end

---Writes to its stdin.
---@param bytes string
function Process:write(bytes)
  self.stdin:write(bytes)
end

---Ends its stdin.
function Process:close()
  if not self.stdin:is_closing() then
    self.stdin:shutdown(function()
      self.stdin:close()
    end)
  end
end

---Waits until the output `name` has `text` at or behind `from`; returns where that ends.
function Process:wait_until(name, text, from)
  local last
  run_until(function()
    last = select(2, self[name]:find(text, from, true))
    return last or self.open == 0
  end, function()
    return self:describe("does not say " .. text)
  end)
  return last or error(self:describe("ended without saying " .. text), 0)
end

---Waits until stdout has `text`, at or behind `from` (default: where the last such wait ended).
---@param text string
---@param from? integer
function Process:wait_for(text, from)
  self.seen = self:wait_until("out", text, from or self.seen) + 1
end

---The same for stderr, from there on.
---@param text string
---@param from integer
function Process:wait_for_error(text, from)
  self:wait_until("err", text, from)
end

---Waits until it has ended and all it wrote has come.
---@return Process itself
function Process:finish()
  run_until(function()
    return self.code and self.open == 0
  end, function()
    self.handle:kill "sigkill"
    return self:describe "does not end"
  end)
  self:close()
  uv.run "nowait"
  return self
end

---Sends it a signal.
---@param name? string default "sigterm"
function Process:kill(name)
  self.handle:kill(name or "sigterm")
end

---Ends it with SIGTERM, and waits until it is gone.
---@return Process itself
function Process:stop()
  if not self.code then
    self:kill()
  end
  return self:finish()
end

---At the end of a scope: ends it if it still runs, as after an assertion that failed.
function Process:__close()
  if not self.code then
    self:kill "sigkill"
    self:finish()
  end
end

---The environment of this process, changed by `changes`, as luv wants it.
local function environment(changes)
  local list, all = {}, uv.os_environ()
  for name, value in pairs(changes or {}) do
    all[name] = value
  end
  for name, value in pairs(all) do
    list[#list + 1] = name .. "=" .. value
  end
  return list
end

program.run_until = run_until

---Starts the program with these arguments; its stdin stays open.
---@param arguments string[] also: `file`, another program; `env`, changes of the environment
---@return Process
function program.start(arguments)
  local file = arguments.file or program.path
  local stdin, stdout, stderr = uv.new_pipe(), uv.new_pipe(), uv.new_pipe()
  local self = setmetatable({ out = "", err = "", open = 0, seen = 1, stdin = stdin }, Process)
  self.name = file .. " " .. table.concat(arguments, " ")
  local handle, failure = uv.spawn(file, {
    args = table.move(arguments, 1, #arguments, 1, {}),
    stdio = { stdin, stdout, stderr },
    env = environment(arguments.env),
  }, function(code, signal)
    self.code, self.signal = code, signal
    self.handle:close()
  end)
  self.handle = assert(handle, ("%s: %s"):format(file, failure))
  self:collect("out", stdout)
  self:collect("err", stderr)
  return self
end

---Runs the program to its end.
---@param arguments string[] as for `start`
---@param input? string its stdin
---@return Process
function program.run(arguments, input)
  local self = program.start(arguments)
  if input then
    self:write(input)
  end
  self:close()
  return self:finish()
end

---A directory of its own, for sockets, scripts and histories.
---@return string
function program.make_directory()
  return assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/taskpool-spec-XXXXXX"))
end

---Removes such a directory with all that is in it.
---@param path string
function program.remove_directory(path)
  for name, kind in
    function(found)
      return uv.fs_scandir_next(found)
    end,
    assert(uv.fs_scandir(path))
  do
    if kind == "directory" then
      program.remove_directory(path .. "/" .. name)
    else
      assert(os.remove(path .. "/" .. name))
    end
  end
  assert(uv.fs_rmdir(path))
end

---Writes a file and returns its path.
---@param path string
---@param text string
---@return string
function program.write_file(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
  return path
end

---Reads a whole file.
---@param path string
---@return string
function program.read_file(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

---A server in this process that stands for one of another make. It takes any number of clients; each
---line of a client goes to `answer(line, client, number)`, number 1 being the first of that client.
---@param path string of its socket
---@param answer fun(line: string, client: table, number: integer)
---@return { lines: string[], close: fun() } with all lines that came
function program.fake_server(path, answer)
  local server, clients, lines = uv.new_pipe(), {}, {}
  assert(server:bind(path))
  server:listen(8, function()
    local client, rest, number = uv.new_pipe(), "", 0
    server:accept(client)
    clients[#clients + 1] = client
    client:read_start(function(_, bytes)
      if not bytes then
        return client:is_closing() or client:close()
      end
      rest = (rest .. bytes):gsub("(.-)\n", function(line)
        number = number + 1
        lines[#lines + 1] = line
        if not client:is_closing() then
          answer(line, client, number)
        end
        return ""
      end)
    end)
  end)
  local function close()
    for _, handle in ipairs { server, table.unpack(clients) } do
      if not handle:is_closing() then
        handle:close()
      end
    end
    uv.run "nowait"
  end
  return { lines = lines, close = close }
end

return program
