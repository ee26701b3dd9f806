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
---@field tcp? string "HOST:PORT", on loopback unless there is a token; port 0 is any free one
---@field unix? string path of a socket, made with mode 0600
---@field role? "read"|"operate" the most that its sessions may do; default "operate"
---@field token? string sessions may do nothing before they have shown this one, or one of …
---@field token_file? string … these: a file of mode 0600 with a line for each, "TOKEN", "read TOKEN" or "operate TOKEN"
---@field uids? integer[] users whom a Unix socket admits beside its own and root; the socket has mode 0666 then
---@field max_clients? integer how many are served at a time; default 128
---@field max_line? integer bytes of a line; default 65536
---@field max_unread? integer bytes of answers that wait for a client; default 8 MiB
---@field line_timeout? number seconds from the first byte of a line to its end, and for a token to come; default 10
---@field unread_timeout? number seconds that a client may leave answers unread; default 30
---@field idle_timeout? number seconds that a client may send no command; default: any time

---@class taskpool.Schema
---@field version string of the library
---@field protocol integer of framed answers
---@field commands taskpool.SchemaCommand[]

---@class taskpool.SchemaCommand
---@field name string the command, such as "cancel-group"
---@field method? string the pool's method in Lua; nil for a command of the session
---@field property? boolean the method is a property
---@field pools? string[] the classes of pools that have it
---@field summary string
---@field role "none"|"read"|"operate" what a session must be allowed; to show a property, "read" is enough
---@field params taskpool.SchemaParam[]
---@field result { type: string, fields?: string[] }

---@class taskpool.SchemaParam
---@field name string its key in Lua
---@field kind "required"|"optional"|"rest"|"trailing"|"option" how it is given
---@field type string
---@field takes string what the value must be
---@field required boolean
---@field option? string how it is written, such as "--num-concurrent"
---@field letter? string the same, such as "-n"
---@field value? string a placeholder, such as "NUM"
---@field default? string
---@field of? "group"|"pool"|"module"|"command" what it is the name of
---@field choices? string[] all its values
---@field help string

---@class taskpool.Server
---@field close fun(self: taskpool.Server) takes no more clients and ends the sessions
---@field wait async fun(self: taskpool.Server): true waits until it is closed and its last client is gone
---@field address fun(self: taskpool.Server): string where it listens, such as "tcp://127.0.0.1:8001"

---@class taskpool.Control
local control = {}

---Opens a control server on `tcp` or `unix`. Raises InvalidArgument for wrong options, Denied for an
---address that is not loopback without a token and for a file of tokens that others may read, IOError if it cannot
---listen there.
---@type fun(options: taskpool.ServeOptions): taskpool.Server
control.serve = core.serve

---All commands of a control server, as the command `help --json` answers them.
---@type fun(): taskpool.Schema
control.schema = core.schema

---Connects to a control server, of this host or another one. Each command is a method of the client, which waits for
---the answer: `client:num_running()`. Raises InvalidArgument for wrong options, NotAvailable if nothing answers.
---@async
---@param options taskpool.ConnectOptions
---@return taskpool.Client
function control.connect(options)
  return require "taskpool.connect"(options)
end

return control
