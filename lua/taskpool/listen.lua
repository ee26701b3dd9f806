---SPDX-License-Identifier: MIT
---
---The option --listen of the program: the address of a control server, and its options.
local taskpool = require "taskpool"

local listen = {}

local function refuse(format, ...)
  error(format:format(...), 0)
end

---Reads ",KEY=VALUE,…" into a table.
---@param to table
---@param option string what it is a value of
---@param text string
function listen.read_pairs(to, option, text)
  for word in text:gmatch ",([^,]*)" do
    local key, value = word:match "^([%w_-]+)=(.+)$"
    if not key then
      refuse("--%s: '%s' is not KEY=VALUE", option, word)
    end
    to[key:gsub("-", "_")] = value == "inf" and math.huge or tonumber(value) or value
  end
  return to
end

---The options of a server from its words: "unix:/run/jobs.sock,role=read,uids=1000+1001".
---@param text string
---@return taskpool.ServeOptions
function listen.read(text)
  local address, rest = text:match "^(.-)(,[%a_-]+=.*)$"
  address = address or text
  local path, tcp = address:match "^unix:(.+)$", address:match "^tcp://(.+)$"
  if not path and not tcp then
    refuse("--listen takes unix:PATH or tcp://HOST:PORT, not %q", address)
  end
  local server = listen.read_pairs({ unix = path, tcp = tcp }, "listen", rest or "")
  if server.uids then
    local uids = {}
    for uid in tostring(server.uids):gmatch "[^+]+" do
      uids[#uids + 1] = tonumber(uid) or uid
    end
    server.uids = uids
  end
  return server
end

---Ends the program after a complaint.
---@param name string of the sub-command
---@param code integer 2: its words are wrong; 1: what they say cannot be done
---@param problem any an error
function listen.give_up(name, code, problem)
  io.stderr:write("taskpool ", name, ": ", tostring(problem), "\n")
  os.exit(code)
end

---Opens a server for all pools at each of the addresses, for `taskpool run`.
---@param addresses string[]
function listen.open(addresses)
  for _, address in ipairs(addresses) do
    local is_right, options = pcall(listen.read, address)
    if not is_right then
      listen.give_up("run", 2, options)
    end
    local is_open, server = pcall(taskpool.control.serve, options)
    if not is_open then
      listen.give_up("run", 1, server)
    end
    taskpool.log.info("listening on %s", server:address())
  end
end

return listen
