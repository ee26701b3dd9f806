-- SPDX-License-Identifier: MIT
-- A queue of shell commands, the urgent ones first.
--
--     taskpool run examples/priority_queue.lua [FILE [TASKS]]
--
--     $ printf '5 echo later\n1 echo first\n5 echo last\n' | taskpool run examples/priority_queue.lua
--
-- Each line of FILE, or of the input, is a weight and a command. The smallest weight is next, equals in the order of
-- the lines. TASKS (1) of them run at a time. Prints how each has ended, in the order in which they end.
local taskpool = require "taskpool"
local uv = require "luv"

---Runs a command and waits for its end. A task that is cancelled meanwhile ends the command.
---@param command string
---@return integer code
local function run(command)
  local process <close> = setmetatable({}, {
    __close = function(self)
      if self.handle and self.handle:is_active() then
        self.handle:kill "sigterm"
      end
    end,
  })
  return (taskpool.await(function(on_exit)
    local options = { args = { "-c", command }, stdio = { nil, 1, 2 } }
    process.handle = assert(uv.spawn("sh", options, on_exit))
    return process.handle
  end))
end

local function main(file, tasks)
  local pool = taskpool.TaskPool { size = 0, order = "priority" } -- starts nothing before all commands are there
  local commands, calls = {}, {}
  for line in io.lines(file) do
    local weight, command = line:match "^%s*(%-?[%d.]+)%s+(.+)$"
    if weight then
      commands[#commands + 1] = command
      calls[#calls + 1] = pool:submit_nowait(run, { command }, { weight = tonumber(weight) })
    else
      io.stderr:write("not a weight and a command: ", line, "\n")
    end
  end
  pool.pool_size = tonumber(tasks or 1)
  for call, index in taskpool.as_completed(calls) do
    print(("%d  %s"):format(call:await(), commands[index]))
  end
  pool:gather_and_close()
end

taskpool.run(main, ...)
