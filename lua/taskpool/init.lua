---SPDX-License-Identifier: MIT
---
---taskpool: a host for pools of tasks scripted in Lua.
---
---    local taskpool = require "taskpool"
---
---    local function fetch(name)
---      taskpool.sleep(1)
---      print("fetched", name)
---    end
---
---    taskpool.run(function()
---      local pool = taskpool.TaskPool { size = 3 }
---      pool:map(fetch, { "a", "b", "c" }, { num_concurrent = 2 })
---      pool:gather_and_close()
---    end)
---
---The core is in C (taskpool.core). What needs no C is in files beside this one, one for each subject.
local core = require "taskpool.core"
local directory = select(2, ...):match "^.*/"
if directory then
  core.library("@" .. directory) -- these files are not interrupted in the middle
  -- The parts that come later are beside this file, also when the script has changed package.path meanwhile.
  package.searchers[#package.searchers + 1] = function(name)
    local part = name:match "^taskpool%.([%w_]+)$"
    local path = part and directory .. part .. ".lua"
    return path and loadfile(path, "t"), path
  end
end
core.on_scope_end(require "taskpool.scope")

---@class taskpool.Module
---@field gather async fun(...: function|{ await: function }|(function|{ await: function })[]): any ...
---@field as_completed fun(futures: taskpool.Future[]): async fun(): taskpool.Future?, integer?
---@field timeout async fun(seconds: number, fn: function, ...: any): any ...
---@field Queue fun(maxsize?: integer): taskpool.Queue
---@field Event fun(): taskpool.Event
---@field Semaphore fun(permits: integer): taskpool.Semaphore
---@field log taskpool.Log
---@field control taskpool.Control
local taskpool = {
  VERSION = core.version,

  -- pools
  TaskPool = core.TaskPool,
  SimpleTaskPool = core.SimpleTaskPool,

  -- running and waiting
  run = core.run,
  sleep = core.sleep,
  yield = core.yield,
  now = core.now,
  await = core.await,
  blocking = core.blocking,
  catch_cancel = core.catch_cancel,
  shield = core.shield,
  task = core.task,
  tries = core.tries,

  -- the host
  events = core.events,
  profile = core.profile,
  ready = core.ready,
  expose = core.expose,
  find = core.find,
  reload = core.reload,
  preempt = core.preempt,
  error = core.error,
  no_retry = core.no_retry,
}

---Parts that are loaded when they are first used, each from a module, or a field of one: a start takes half as long.
local LATER <const> = {
  gather = { "taskpool.gather" },
  as_completed = { "taskpool.as_completed" },
  timeout = { "taskpool.timeout" },
  Queue = { "taskpool.queue", "new" },
  Event = { "taskpool.event", "new" },
  Semaphore = { "taskpool.semaphore", "new" },
  log = { "taskpool.log" },
  control = { "taskpool.control" },
}

local function load_part(self, name)
  local from = LATER[name]
  if not from then
    return nil
  end
  local part = require(from[1])
  if from[2] then
    part = part[from[2]]
  end
  rawset(self, name, part)
  return part
end

return setmetatable(taskpool, {
  __index = load_part,
  __pairs = function(self)
    for name in pairs(LATER) do
      load_part(self, name)
    end
    return next, self
  end,
})
