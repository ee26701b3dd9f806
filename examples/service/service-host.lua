-- SPDX-License-Identifier: MIT
-- A host that runs as a service: a pool that works all the time, and a control port.
--
--     taskpool run examples/service/service-host.lua [SOCKET]     default: /run/taskpool/control.sock
--
-- The unit file beside it starts it under systemd, the Containerfile in a container.
local taskpool = require "taskpool"

local socket = ... or "/run/taskpool/control.sock"
io.stdout:setvbuf "line"

---Does one piece of work, again and again. Replace it by yours.
local function work(name)
  while true do
    taskpool.log.debug("%s works", name)
    taskpool.sleep(1)
  end
end

local pool = taskpool.TaskPool { name = "work", size = 4 }
pool:map(work, { "one", "two", "three" }, { num_concurrent = 3, group_name = "workers" })

-- From here on the host is ready. It runs until it is told to stop: the tasks do not end, and the server is open.
taskpool.control.serve { unix = socket }
print("listening on " .. socket)
