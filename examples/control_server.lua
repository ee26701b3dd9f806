-- SPDX-License-Identifier: MIT
-- Workers that empty a queue. A control port sets how many of them there are.
--
--     taskpool run examples/control_server.lua [SOCKET [SECONDS]]
--     taskpool control unix SOCKET                               in another terminal
--
--     > num-running        how many workers there are (3)
--     > start 2            two more of them
--     > stop 1             one less; the item that it worked on goes back to the front of the queue
--
-- A second socket, SOCKET.jobs, serves a pool that runs any function of the modules beside this file:
--
--     > map mypackage.mymodule.worker ['x','y','z'] -n 3
--
-- There are 100 items, and each takes SECONDS (1). When all of them have been processed, the host ends.
local taskpool = require "taskpool"
local uv = require "luv"

---The default path of the socket, in a directory that only the user can enter.
---@return string path
---@return string|nil directory to be removed at the end
local function default_socket()
  local runtime = os.getenv "XDG_RUNTIME_DIR"
  if runtime then
    return runtime .. "/taskpool-example.sock"
  end
  local directory = assert(uv.fs_mkdtemp "/tmp/taskpool-XXXXXX")
  return directory .. "/example.sock", directory
end

local function process_items(queue, seconds)
  while true do
    local item <close> = queue:take()
    taskpool.sleep(seconds)
    print("processed", item.value)
  end
end

local function main(socket, seconds)
  io.stdout:setvbuf "line"
  local directory
  if not socket then
    socket, directory = default_socket()
  end
  seconds = tonumber(seconds or 1)

  local queue = taskpool.Queue()
  for item = 1, 100 do
    queue:put(item)
  end
  local workers = taskpool.SimpleTaskPool(process_items, { args = { queue, seconds } })
  local jobs = taskpool.TaskPool { name = "jobs" }
  workers:start(3)

  local server = taskpool.control.serve { workers, unix = socket }
  local jobs_server = taskpool.control.serve { jobs, unix = socket .. ".jobs" }
  print("listening on " .. socket)

  queue:join()
  workers:stop_all()
  workers:gather_and_close()
  jobs:gather_and_close { return_exceptions = true } -- the log has told of those that failed
  server:close()
  jobs_server:close()
  server:wait()
  jobs_server:wait()
  if directory then
    uv.fs_rmdir(directory)
  end
end

taskpool.run(main, ...)
