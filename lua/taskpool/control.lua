---SPDX-License-Identifier: MIT
---
---Control servers, by which people and programs steer the pools of this host.
---
---    local server = taskpool.control.serve { pool, tcp = "127.0.0.1:8001" }
---    local server <close> = taskpool.control.serve { pool, another, unix = "/run/user/1000/jobs.sock" }
---
---The host keeps running while a server is open.
local core = require "taskpool.control.core"

---@class taskpool.ServeOptions
---@field [integer] taskpool.Pool the pools to serve, a session starts with the first; default: all pools
---@field tcp? string "HOST:PORT", on loopback; port 0 is any free one
---@field unix? string path of a socket, made with mode 0600
---@field max_clients? integer how many are served at a time; default 128
---@field line_timeout? number seconds from the first byte of a line to its end; default 10
---@field unread_timeout? number seconds that a client may leave answers unread; default 30

---@class taskpool.Server
---@field close fun(self: taskpool.Server) takes no more clients and ends the sessions
---@field wait async fun(self: taskpool.Server): true waits until it is closed and its last client is gone
---@field address fun(self: taskpool.Server): string where it listens, such as "tcp://127.0.0.1:8001"

---@class taskpool.Control
local control = {}

---Opens a control server on `tcp` or `unix`. Raises InvalidArgument for wrong options, Denied for an
---address that is not loopback, IOError if it cannot listen there.
---@type fun(options: taskpool.ServeOptions): taskpool.Server
control.serve = core.serve

---Connects to a control server, of this host or another one. Each command is a method of the client, which waits for
---the answer: `client:num_running()`. Raises InvalidArgument for wrong options, NotAvailable if nothing answers.
---@async
---@param options taskpool.ConnectOptions
---@return taskpool.Client
function control.connect(options)
  return require "taskpool.connect"(options)
end

return control
