-- SPDX-License-Identifier: MIT
--
-- Plays a session with a control port, and writes it as a picture to stdout. scripts/docs calls it:
--
--     taskpool run --modules examples scripts/lib/picture.lua
package.path = arg[0]:match "^(.*/)" .. "?.lua;examples/?.lua;" .. package.path
local scenes = require "scenes"
local taskpool = require "taskpool"
local terminal = require "terminal"

---A group that waits, a task that loops for ever and is found, and its end.
local COMMANDS <const> = {
  "map mypackage.mymodule.forever ['x','y','z'] -n 2 -g fetch",
  "apply mypackage.mymodule.spin -g stuck",
  "groups",
  "tasks",
  "cancel stuck",
  "num-running",
  "taks",
}

taskpool.run(function()
  taskpool.log.level = "none"
  local session, greeting = scenes.run_commands("Session", COMMANDS)
  local lines = {}
  local head = "$ taskpool control unix jobs.sock\nConnected to %s\n-h lists the commands, exit leaves.\n"
  for line in (head:format(greeting) .. session .. "\n"):gmatch "(.-)\n" do
    lines[#lines + 1] = line:gsub("^> ", "jobs> ")
  end
  io.stdout:write(terminal.draw(lines))
end)
