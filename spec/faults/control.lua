-- SPDX-License-Identifier: MIT
-- A control session over a Unix socket: the other library's greeting, commands of all kinds, the end.
local taskpool = require "taskpool"
local path = socket_path()
taskpool.expose "spec.support.remote.*"
local control = taskpool.control
local pool = taskpool.TaskPool { size = 2, name = "jobs" }
client(path, [[
{"reply": "json"}
apply spec.support.remote.sleep -a [0.001] -n 3
map spec.support.remote.echo ['x', {'k': [1, 2.5, None, True]}] -n 2
submit spec.support.remote.subtract -a [3, 1]
no-such-command
map spec.support.remote.sleep [1, 1]
tasks
groups
status
cancel-group map-sleep-group-0
-h
flush
gather-and-close
]])

arm()
local _ <close> = control.serve { pool, unix = path }
pcall(taskpool.timeout, 1, pool.until_closed, pool)
