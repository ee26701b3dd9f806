-- SPDX-License-Identifier: MIT
--
-- Plays a session in front of the reader; scripts/demo calls it in the environment of scripts/env.
--
--     lua5.4 scripts/lib/play.lua
--
-- It starts examples/control_server.lua and clients for it, types commands into the clients, and shows what
-- everybody says at its time. It is a taskpool script itself: its main task waits for what comes out of
-- those programs. PACE=0.1 in the environment plays ten times as fast (1).
--
-- To add a step: a line in `main`.
local taskpool = require "taskpool"
local uv = require "luv"

local PACE <const> = tonumber(os.getenv "PACE") or 1

---Seconds that the host's workers take for an item.
local ITEM_SECONDS <const> = 2

-- ---- showing ----

local on_terminal = uv.guess_handle(1) == "tty"
local in_colour = on_terminal and (os.getenv "NO_COLOR" or "") == ""

---How the lines of each speaker look on a terminal.
local styles = {
  note = "\27[1;36m",
  you = "\27[1m",
  answer = "\27[32m",
  error = "\27[31m",
  host = "\27[2m",
}

local INDENT <const> = 15 -- time and speaker

local function terminal_width()
  if not on_terminal then
    return 80
  end
  local terminal = uv.new_tty(1, false)
  local width = terminal:get_winsize()
  terminal:close()
  return math.max(width or 80, INDENT + 20)
end

local width = terminal_width()
local began = uv.hrtime()

---Cuts a line into pieces that fit behind the indent, at blanks where there are some.
local function pieces(text)
  local room = width - INDENT
  return coroutine.wrap(function()
    while #text > room do
      local cut = text:sub(1, room + 1):match "^.*() " or room
      coroutine.yield((text:sub(1, cut):gsub("%s+$", "")))
      text = text:sub(cut + 1)
    end
    coroutine.yield(text)
  end)
end

---Shows what somebody says, with the time and the name in front of its first line.
local function show(who, text)
  local seconds = (uv.hrtime() - began) / 1e9
  local head = ("%5.2f  %-6s  "):format(seconds, who == "note" and "" or who)
  for piece in pieces(text) do
    if in_colour then
      piece = styles[who] .. piece .. "\27[0m"
    end
    io.stdout:write(((head .. piece):gsub("%s+$", "")), "\n")
    head = (" "):rep(INDENT)
  end
  io.stdout:flush()
end

---Tells the reader what comes next.
local function note(text)
  io.stdout:write "\n"
  show("note", text)
end

-- ---- programs ----

---Those that run, to be ended with us.
local running = {}

---@class Program
---@field stdin table its pipe
---@field spoke taskpool.Event it has said something, or ended
---@field ended taskpool.Event
---@field code integer its exit code, once it has ended
---@field told boolean it was told something
local Program = {}
Program.__index = Program

---Hands each line that comes out of a pipe to `say`.
function Program:read(pipe, say)
  local rest = ""
  pipe:read_start(function(_, bytes)
    if not bytes then
      return pipe:close()
    end
    rest = (rest .. bytes):gsub("(.-)\n", function(line)
      say(line)
      self.spoke:set()
      return ""
    end)
  end)
end

---Starts a program. `say_out` and `say_err` get its lines.
local function start(words, say_out, say_err)
  local self = setmetatable({ spoke = taskpool.Event(), ended = taskpool.Event() }, Program)
  local stdout, stderr = uv.new_pipe(), uv.new_pipe()
  self.stdin = uv.new_pipe()
  local arguments = table.move(words, 2, #words, 1, {})
  local handle, message = uv.spawn(words[1], {
    args = arguments,
    stdio = { self.stdin, stdout, stderr },
  }, function(code, signal)
    self.code = signal ~= 0 and 128 + signal or code
    running[self] = nil
    self.handle:close()
    self.spoke:set()
    self.ended:set()
  end)
  self.handle = assert(handle, message)
  running[self] = true
  self:read(stdout, say_out)
  self:read(stderr, say_err or say_out)
  return self
end

---Waits for a program, which must end with `code`.
function Program:finish(code)
  self.ended:wait()
  if self.code ~= code then
    error(("a program ended with exit code %d"):format(self.code), 0)
  end
end

---Writes a line to it and waits until it says something.
function Program:tell(line)
  self.told = true
  show("you", "> " .. line)
  self.spoke:clear()
  self.stdin:write(line .. "\n")
  self.spoke:wait()
  taskpool.sleep(PACE)
end

---Runs a shell command to its end and returns what it prints, without the last line end.
local function shell(command)
  local lines = {}
  show("you", "$ " .. command)
  local program = start({ "sh", "-c", command }, function(line)
    show("answer", line)
    lines[#lines + 1] = line
  end)
  program:finish(0)
  taskpool.sleep(PACE)
  return table.concat(lines, "\n")
end

-- ---- what is played ----

---A private directory for sockets, and the end of everything at the end of its scope.
local function open_stage()
  local path = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/taskpool-XXXXXX"))
  local function clear()
    for program in pairs(running) do
      program.handle:kill "sigkill"
    end
    for name in
      function(found)
        return uv.fs_scandir_next(found)
      end,
      uv.fs_scandir(path)
    do
      os.remove(path .. "/" .. name)
    end
    uv.fs_rmdir(path)
  end
  for name, number in pairs { sighup = 1, sigint = 2, sigpipe = 13, sigterm = 15 } do
    local signal = uv.new_signal()
    signal:start(name, function()
      clear()
      os.exit(128 + number)
    end)
    signal:unref()
  end
  return setmetatable({ path = path }, { __close = clear })
end

---Starts the host and waits until it listens.
local function open_host(socket)
  local command = { "taskpool", "run", "--log-level", "debug", "examples/control_server.lua" }
  table.move({ socket, tostring(ITEM_SECONDS) }, 1, 2, #command + 1, command)
  show("you", "$ " .. table.concat(command, " "))
  local listening = taskpool.Event()
  local host = start(command, function(line)
    show("host", (line:gsub("^%d+:%d+:%d+%.%d+ %l+ ", ""):gsub("\t", " "))) -- our time stands there
    if line:find "^listening" then
      listening:set()
    end
  end)
  listening:wait()
  return host
end

---Connects a client. What it says on stderr before its first command is a greeting.
local function open_client(socket)
  show("you", "$ taskpool control unix " .. socket)
  local client
  client = start({ "taskpool", "control", "unix", socket }, function(line)
    show("answer", line)
  end, function(line)
    show(client.told and "error" or "answer", line)
  end)
  client.spoke:wait()
  taskpool.sleep(PACE)
  return client
end

local function leave(client, code)
  show("you", "> exit")
  client.stdin:write "exit\n"
  client:finish(code)
end

local function steer_workers(socket)
  note "The host's workers empty a queue of 100 items. How many are they?"
  local client = open_client(socket)
  client:tell "num-running"
  client:tell "pool-size"
  note "Two more workers. Then one less: its item goes back to the queue."
  client:tell "start 2"
  client:tell "get-group-ids start-group-0 start-group-1"
  client:tell "stop 1"
  client:tell "num-running"
  note "What does a command take? And what if it is wrong?"
  client:tell "stop -h"
  client:tell "strat 2"
  client:tell "get-group-ids nobody"
  leave(client, 1)
end

local function steer_jobs(socket)
  note "Another pool of the same host runs any function of a module."
  local client = open_client(socket)
  client:tell "map mypackage.mymodule.worker ['x','y','z'] -n 3"
  client:tell "num-running"
  client:tell "map mypackage.mymodule.worker ['x','y'} -n 3"
  note "A worker that fails harms nobody. The log says who it was, and where."
  client:tell "apply mypackage.mymodule.fail -a ['on purpose']"
  client:tell "num-running"
  leave(client, 1)
end

local function count_lines()
  note "Real files: each is read by a task, 16 at a time."
  local counted = shell "taskpool run examples/count_lines.lua /usr/include"
  local expected = shell "find /usr/include -type f -print0 | xargs -0 cat | wc -l"
  if counted:match "^%d+" ~= expected then
    error("the totals differ", 0)
  end
  note "The totals are equal."
end

local function main()
  local stage <close> = open_stage()
  local socket = stage.path .. "/host"
  local host = open_host(socket)
  taskpool.sleep(PACE)
  steer_workers(socket)
  steer_jobs(socket .. ".jobs")
  note "SIGTERM cancels what still runs and stops the host."
  host.handle:kill "sigterm"
  host:finish(128 + 15)
  count_lines()
end

taskpool.run(main)
