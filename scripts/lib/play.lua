-- SPDX-License-Identifier: MIT
--
-- Plays a session in front of the reader; scripts/demo calls it in the environment of scripts/env.
--
--     lua5.4 scripts/lib/play.lua
--
-- It starts examples/control_server.lua and a client for it, types commands into the client, and shows each command
-- with what it says. It is a taskpool script itself: its main task waits for those programs. PACE=0.1 in the
-- environment plays ten times as fast (1).
--
-- To add a step: a line in one of the functions at the end.
local taskpool = require "taskpool"
local uv = require "luv"

local PACE <const> = tonumber(os.getenv "PACE") or 1

-- ---- showing ----

local in_colour = uv.guess_handle(1) == "tty" and (os.getenv "NO_COLOR" or "") == ""

---How lines look on a terminal.
local styles = { note = "\27[1;36m", typed = "\27[1m", answer = "", error = "\27[31m" }

---Shows a line, below what belongs to it.
local function show(style, text)
  if in_colour and styles[style] ~= "" then
    text = styles[style] .. text .. "\27[0m"
  end
  io.stdout:write(style == "note" and "" or "  ", text, "\n")
  io.stdout:flush()
end

---Tells the reader what comes next.
local function note(text)
  io.stdout:write "\n"
  show("note", text)
end

---The widths of the titles of the table that is shown, by column.
local widths = {}

---A line of a table, whose cells have tabs between them, with the cells below their titles and cut to 78 columns.
local function lay_out(line)
  local column = 0
  local is_title = not line:find "%d"
  local text = line:gsub("([^\t]*)\t", function(cell)
    column = column + 1
    widths[column] = is_title and math.max(#cell, 3) or widths[column] or 3
    return ("%-" .. widths[column] .. "s "):format(cell) .. (#cell <= widths[column] and " " or "")
  end)
  return #text <= 78 and text or text:sub(1, 75) .. "..."
end

local function show_answer(line)
  line = line:find "\t" and lay_out(line) or line
  show(line:find "^%u%a+: " and "error" or "answer", line)
end

-- ---- programs ----

---Those that run, to be ended with us.
local running = {}

---@class Program
---@field stdin table its pipe
---@field spoke taskpool.Event it has said something, or ended
---@field ended taskpool.Event
---@field code integer its exit code, once it has ended
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

---Starts a program. `say` gets its lines.
local function start(words, say)
  local self = setmetatable({ spoke = taskpool.Event(), ended = taskpool.Event() }, Program)
  local stdout, stderr = uv.new_pipe(), uv.new_pipe()
  self.stdin = uv.new_pipe()
  local handle, message = uv.spawn(words[1], {
    args = table.move(words, 2, #words, 1, {}),
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
  self:read(stdout, say)
  self:read(stderr, say)
  return self
end

---Waits for a program, which must end with `code`.
function Program:finish(code)
  self.ended:wait()
  if self.code ~= code then
    error(("a program ended with exit code %d"):format(self.code), 0)
  end
end

---Types a line into it and waits until it says something.
function Program:tell(line)
  show("typed", "> " .. line)
  self.spoke:clear()
  self.stdin:write(line .. "\n")
  self.spoke:wait()
  taskpool.sleep(PACE)
end

---Runs a command to its end.
local function run(command)
  show("typed", "$ " .. command)
  start({ "sh", "-c", command }, show_answer):finish(0)
  taskpool.sleep(PACE)
end

-- ---- the stage ----

---A private directory for sockets, and the end of everything at the end of its scope.
local function open_stage()
  local path = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/demo-XXXXXX"))
  local function clear()
    for program in pairs(running) do
      program.handle:kill "sigkill"
    end
    os.remove(path .. "/host")
    os.remove(path .. "/host.jobs")
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

---Starts the host and waits until it listens. What its workers say after that is not shown.
local function open_host(socket)
  local command = { "taskpool", "run", "examples/control_server.lua", socket }
  show("typed", "$ " .. table.concat(command, " ") .. " &")
  local listening = taskpool.Event()
  local host = start(command, function(line)
    if line:find "^listening" then
      show_answer(line)
      listening:set()
    end
  end)
  listening:wait()
  taskpool.sleep(PACE)
  return host
end

local function open_client(socket)
  show("typed", "$ taskpool control unix " .. socket)
  return start({ "taskpool", "control", "unix", socket }, show_answer)
end

-- ---- what is played ----

local function steer(socket)
  note "In another terminal: tasks that wait, and one that loops for ever"
  local client = open_client(socket)
  client:tell "map mypackage.mymodule.forever ['x','y','z'] -n 2 -g fetch"
  client:tell "apply mypackage.mymodule.spin -g stuck"
  note "Nobody is held up. How far are they, and where?"
  client:tell "groups"
  client:tell "tasks"
  note "The loop is found, and ended"
  client:tell "traceback 2"
  client:tell "cancel stuck -m 'enough of this'"
  client:tell "num-running"
  client.stdin:write "exit\n"
  client:finish(0)
end

local function compute()
  note "The primes below a million: in one thread, then in one for each core"
  run "taskpool run examples/primes.lua 1"
  run "taskpool run examples/primes.lua"
  note "Tasks a second, in one thread"
  run "taskpool run spec/bench/pool.lua trivial list 100 3000000"
end

local function main()
  local stage <close> = open_stage()
  local socket = stage.path .. "/host"
  note "A host whose tasks can be steered"
  local host = open_host(socket)
  steer(socket .. ".jobs")
  host.handle:kill "sigterm"
  host:finish(128 + 15)
  compute()
  note "Now you"
  show("answer", 'eval "$(scripts/env)"')
  show("answer", "taskpool run examples/control_server.lua /tmp/demo.sock &")
  show("answer", "taskpool control unix /tmp/demo.sock")
end

taskpool.run(main)
