---SPDX-License-Identifier: MIT
---
---`taskpool serve`: a host without a script. Its options, or the table of a configuration file, say which pools and
---control servers there are.
---
---    require "taskpool.serve" { "--listen", "unix:/run/jobs.sock", "--pool", "jobs,size=8", "--expose", "jobs.*" }
---
---To add an option: a function in `readers`, which is also the key of a configuration file.
local listen = require "taskpool.listen"
local taskpool = require "taskpool"
local uv = require "luv"

---@class ServeSettings
---@field listen taskpool.ServeOptions[] the options of each control server
---@field pool table[] the options of each pool; `name` first
---@field expose string[] what sessions may name
---@field drain number seconds that work has to end at SIGTERM
---@field token_file? string the file of tokens for servers that name none
---@field role? string the role of servers that name none

local DRAIN_DEFAULT <const> = 10

---How often it is looked whether all work is done, seconds.
local LOOK <const> = 0.02

local function refuse(format, ...)
  error(format:format(...), 0)
end

---The options of a pool from its words: "jobs,size=8,order=priority".
local function read_pool(text)
  local name = text:match "^[^,]*"
  if name == "" then
    refuse("--pool needs a name, such as --pool jobs,size=8, not %q", text)
  end
  return listen.read_pairs({ name = name }, "pool", text:sub(#name + 1))
end

---Each takes what an option or a key of a configuration file says.
local readers = {}

function readers.listen(settings, value)
  settings.listen[#settings.listen + 1] = type(value) == "table" and value or listen.read(value)
end

function readers.expose(settings, value)
  settings.expose[#settings.expose + 1] = value
end

function readers.pool(settings, value)
  settings.pool[#settings.pool + 1] = type(value) == "table" and value or read_pool(value)
end

readers["token-file"] = function(settings, value)
  settings.token_file = value
end

function readers.role(settings, value)
  settings.role = value
end

function readers.drain(settings, value)
  settings.drain = tonumber(value) or refuse("drain must be a number of seconds, not %s", tostring(value))
end

---Takes a configuration file: Lua text that returns a table. A key may have a list of values.
function readers.config(settings, path)
  local chunk, problem = loadfile(path, "t", {})
  if not chunk then
    refuse("--config: %s", problem)
  end
  local config = chunk()
  if type(config) ~= "table" then
    refuse("--config: %s does not return a table", path)
  end
  for key, value in pairs(config) do
    local reader = key ~= "config" and readers[tostring(key):gsub("_", "-")]
    if not reader then
      refuse("--config: %s has the unknown key '%s'; there are drain, expose, listen, pool, role, token_file", path,
        tostring(key))
    end
    for _, one in ipairs(type(value) == "table" and value[1] ~= nil and value or { value }) do
      reader(settings, one)
    end
  end
end

---@param words string[]
---@return ServeSettings
local function read(words)
  local settings = { listen = {}, pool = {}, expose = {}, drain = DRAIN_DEFAULT }
  local at = 1
  while words[at] do
    local name, value = words[at]:match "^%-%-([^=]+)=?(.*)$"
    local reader = readers[name]
    if not reader then
      refuse("unknown option %s", words[at])
    end
    if not words[at]:find("=", 1, true) then
      at = at + 1
      value = words[at] or refuse("--%s has no value", name)
    end
    reader(settings, value)
    at = at + 1
  end
  if not settings.listen[1] then
    refuse "nobody can reach this host: give --listen unix:PATH or --listen tcp://127.0.0.1:PORT"
  end
  return settings
end

---Opens a server; what it does not say itself is that of the host.
---@param options taskpool.ServeOptions
---@param settings ServeSettings
local function serve(options, settings)
  options.role = options.role or settings.role
  if not options.token then
    options.token_file = options.token_file or settings.token_file
  end
  return taskpool.control.serve(options)
end

---Whether a pool has work.
local function is_busy(pool)
  return pool.num_running > 0 or pool.num_waiting > 0
end

---Takes no more work, and ends the host when what there is is done, or the time is over.
local function drain(pools, servers, seconds)
  local deadline = taskpool.now() + seconds
  for _, pool in ipairs(pools) do
    pool:lock()
    pool:resume()
  end
  for _, pool in ipairs(pools) do
    while is_busy(pool) and taskpool.now() < deadline do
      taskpool.sleep(LOOK)
    end
    pool:cancel_all { msg = "the host was told to stop" }
  end
  for _, server in ipairs(servers) do
    server:close()
  end
end

---Drains at the first signal, and cancels all at the second one.
local function handle_signals(pools, servers, seconds)
  local is_draining = false
  local function stop(name)
    if is_draining then
      taskpool.log.warning("%s again: all tasks are cancelled", name)
      seconds = 0
      for _, pool in ipairs(pools) do
        pool:cancel_all { msg = "the host was told to stop" }
      end
      return
    end
    is_draining = true
    taskpool.log.info("%s: no more work is taken, and %g seconds are left for what there is", name, seconds)
    require "taskpool.core".start(drain, pools, servers, seconds)
  end
  for _, name in ipairs { "sigterm", "sigint" } do
    local signal = uv.new_signal()
    signal:start(name, function()
      stop(name:upper())
    end)
    signal:unref()
  end
end

---Opens what the settings say.
---@param settings ServeSettings
local function open(settings)
  local pools, servers = {}, {}
  for _, name in ipairs(settings.expose) do
    taskpool.expose(name)
  end
  for index, options in ipairs(settings.pool[1] and settings.pool or { {} }) do
    pools[index] = taskpool.TaskPool(options)
  end
  for index, options in ipairs(settings.listen) do
    servers[index] = serve(options, settings)
    taskpool.log.info("listening on %s", servers[index]:address())
  end
  handle_signals(pools, servers, settings.drain)
end

---Opens what the words say. The host runs until it is told to stop. Ends the program with 2 if the words are wrong,
---and with 1 if something cannot be opened.
---@param words string[] options and their values
return function(words)
  local is_right, settings = pcall(read, words)
  local ok, problem = is_right, settings
  if is_right then
    ok, problem = pcall(open, settings)
  end
  if not ok then
    listen.give_up("serve", is_right and 1 or 2, problem)
  end
end
