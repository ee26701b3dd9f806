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
end
core.on_scope_end(require "taskpool.scope")

---@class taskpool.Module
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
  gather = require "taskpool.gather",
  as_completed = require "taskpool.as_completed",
  timeout = require "taskpool.timeout",
  tries = core.tries,

  -- between tasks
  Queue = require("taskpool.queue").new,
  Event = require("taskpool.event").new,
  Semaphore = require("taskpool.semaphore").new,

  -- the host
  ready = core.ready,
  expose = core.expose,
  find = core.find,
  reload = core.reload,
  preempt = core.preempt,
  error = core.error,
  no_retry = core.no_retry,
  log = require "taskpool.log",
}

---Parts that are loaded when they are first used.
local LATER <const> = { control = "taskpool.control" }

return setmetatable(taskpool, {
  __index = function(self, key)
    local module = LATER[key]
    if module then
      self[key] = require(module)
      return rawget(self, key)
    end
    return nil
  end,
})
