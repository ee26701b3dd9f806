---SPDX-License-Identifier: MIT
---
---The host's log, as `taskpool.log`.
---
---    taskpool.log.level = "debug"                  "debug", "info", "warning" (default), "error", "none"
---    taskpool.log.info("%d files read", count)
---    taskpool.log.handler = function(level, message, record) ... end     nil: back to where it went before
---
---`level` and `handler` are read and set like fields. Each further line of a record begins with two blanks.
---The handler gets a record at once and must not wait.
local core = require "taskpool.core"
local argument = require "taskpool.argument"

---@alias taskpool.LogLevel "debug"|"info"|"warning"|"error"|"none"

---@class taskpool.LogRecord what a record is about; the fields without a value are nil
---@field time number wall clock, seconds since 1970
---@field level taskpool.LogLevel
---@field message string
---@field pool? string such as "TaskPool-jobs"
---@field group? string its name
---@field task? integer its id in the pool
---@field thread? integer the number of the thread that it comes from, from 1
---@field error? string the code of the error that it tells of, "ScriptError" for one that has none

---@alias taskpool.LogHandler fun(level: taskpool.LogLevel, message: string, record: taskpool.LogRecord)

---@class taskpool.Log
---@field level taskpool.LogLevel records below it are dropped
---@field handler taskpool.LogHandler|nil receives each record
---@field debug fun(format: string, ...: any)
---@field info fun(format: string, ...: any)
---@field warning fun(format: string, ...: any)
---@field error fun(format: string, ...: any)
local writers = {}

---Makes the function that writes records of one level. Without further arguments the text is written as it
---is, also with percent signs in it.
---@param level taskpool.LogLevel
---@return fun(format: string, ...: any)
local function writer(level)
  return function(format, ...)
    local message = select("#", ...) > 0 and string.format(format, ...) or tostring(format)
    core.log(level, message)
  end
end

for _, level in ipairs { "debug", "info", "warning", "error" } do
  writers[level] = writer(level)
end

local handler ---@type taskpool.LogHandler|nil the one that is set now; the core has no way to read it

local get = {
  level = function()
    return core.log_level()
  end,
  handler = function()
    return handler
  end,
}

local set = {
  level = function(level)
    core.log_level(level)
  end,
  handler = function(new)
    if new ~= nil and type(new) ~= "function" then
      argument.refuse("log: handler must be a function or nil, not %s", argument.describe(new))
    end
    core.log_handler(new)
    handler = new
  end,
}

return setmetatable({}, {
  __index = function(_, key)
    if get[key] then
      return get[key]()
    end
    return writers[key]
  end,
  __newindex = function(_, key, value)
    if not set[key] then
      argument.refuse("log: %s cannot be set; only level and handler can", argument.describe(key))
    end
    set[key](value)
  end,
})
