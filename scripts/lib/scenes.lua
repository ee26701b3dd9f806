-- SPDX-License-Identifier: MIT
--
-- Runs the examples of the reference, each in a scene of its own: a pool with some work. Needs a task, and examples/ in
-- package.path and as the directory of modules.
--
--     local scenes = require "scenes"
--     scenes.run_lua("TaskPool", "pool:scale(2)")             "pool:scale(2) --> 5"
--     scenes.run_commands("TaskPool", { "scale 2" })          "> scale 2\n5"
local taskpool = require "taskpool"
local uv = require "luv"

local scenes = {}

---What the examples begin with, for both kinds of pools.
scenes.texts = {
  TaskPool = [[
local function fetch(name) taskpool.sleep(0.01) return "page " .. name end
local pool = taskpool.TaskPool { name = "jobs", size = 3 }
pool:map("mypackage.mymodule.forever", { 1, 2, 3, 4 }, { group_name = "nightly", num_concurrent = 2 })
]],
  SimpleTaskPool = [[
local pool = taskpool.SimpleTaskPool("mypackage.mymodule.forever", { name = "workers", size = 9 })
pool:start(3)
]],
  Session = [[
local pool = taskpool.TaskPool { name = "jobs" }
]],
}

---A text with times that are the same whenever it is made.
local function without_time(text)
  return (text:gsub("%d+%-%d%d%-%d%d %d%d:%d%d:%d%d", "2026-06-01 12:00:00"):gsub("%f[%w]%d+%.%ds%f[%W]", "0.1s"))
end

---What a server says to a client as plain text: its greeting, and the answer to a command.
local function ask(socket, command)
  local pipe = uv.new_pipe()
  local ended = taskpool.Event()
  local text = ""
  pipe:connect(socket, function(failure)
    assert(not failure, failure)
    pipe:read_start(function(_, bytes)
      text = text .. (bytes or "")
      if not bytes then
        ended:set()
      end
    end)
    pipe:write('{"terminal_width": 80}\n' .. command .. "\n")
    pipe:shutdown()
  end)
  ended:wait()
  pipe:close()
  return without_time(text):match "^(.-)\n(.-)\n*$"
end

---A value as the page shows it.
local function show(value)
  if type(value) ~= "table" then
    return tostring(value)
  end
  local keys, items = {}, {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for index, key in ipairs(keys) do
    items[index] = #value == #keys and show(value[key]) or ("[%s] = %s"):format(key, show(value[key]))
  end
  return "{ " .. table.concat(items, ", ") .. " }"
end

---A scene in which `code` has run: its pool, and the value of the code. Nothing of it is left at the end of its scope.
local function open_scene(class, code)
  local text = ("local taskpool = ...; %s taskpool.sleep(0.01) return pool, (function() %s end)()"):format(
    scenes.texts[class], code)
  local pool, value = assert(load(text))(taskpool)
  return setmetatable({ pool = pool, value = value }, {
    __close = function()
      pool:cancel_all()
      if not pool.is_closed then
        pool:gather_and_close { return_exceptions = true }
      end
    end,
  })
end

---An example in Lua, with the value of its last expression.
function scenes.run_lua(class, code)
  local before, last = code:match "^(.*%)) (%S.*)$"
  if not (before and last:find "^pool") then
    before, last = "", code
  end
  local scene <close> = open_scene(class, before .. " return " .. last)
  return scene.value == nil and code or code .. " --> " .. show(scene.value)
end

---What `status` shows in place of what it measures, which is another time another figure.
local MEASURED <const> = { ["ended-per-s"] = "151.4", uptime = "3600.25", ["latency-p50-ms"] = "0.012",
  ["latency-p99-ms"] = "0.384", ["latency-max-ms"] = "4.731", memory = "6410240", ["lua-memory"] = "531476",
  lua = "5.4.6", libuv = "1.48.0" }

local function without_measures(answer)
  return (answer:gsub("([%l%d-]+)( +)([%d.]+)", function(name, blanks)
    return MEASURED[name] and name .. blanks .. MEASURED[name]
  end))
end

---A session of such commands, with their answers, and how it begins.
function scenes.run_commands(class, commands)
  local directory = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/taskpool-XXXXXX"))
  local socket = directory .. "/control.sock"
  local scene <close> = open_scene(class, "")
  local server = taskpool.control.serve { scene.pool, unix = socket }
  local greeting, lines = nil, {}
  for _, command in ipairs(commands) do
    lines[#lines + 1] = "> " .. command
    local answer
    greeting, answer = ask(socket, command)
    lines[#lines + 1] = without_measures(answer)
  end
  server:close()
  uv.fs_rmdir(directory)
  return table.concat(lines, "\n"), greeting
end

return scenes
