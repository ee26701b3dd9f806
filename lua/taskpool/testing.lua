---SPDX-License-Identifier: MIT
---
---For specs of task code: a clock that does not make them wait, and a record of what happened.
---
---    local testing = require "taskpool.testing"
---
---    it("beats every hour", function()
---      testing.run(function()
---        local record <close> = testing.record()
---        taskpool.sleep(3600)
---        record:note("beat")
---        assert.are.same({ "3600.0 beat" }, record:lines())
---      end)
---    end)
local core = require "taskpool.core"
local log = require "taskpool.log"

local testing = {}

---Runs `f` at the end of a scope.
---@param f function
local function at_end(f)
  return setmetatable({}, { __close = f })
end

---Runs `main(...)` as the main task under the virtual clock: when nothing can run, the time jumps to the next
---timer, so hours pass in milliseconds. Everything happens in the same order each time. For this reason a
---task that never waits is interrupted only after a second of processor time. Returns what `main` returns and
---raises what it raises. The real clock is back afterwards.
---@param main function
---@param ... any
---@return any ...
function testing.run(main, ...)
  local _ <close> = at_end(function()
    core.virtual_clock(false)
  end)
  core.virtual_clock(true)
  return core.run(main, ...)
end

---@class taskpool.Record one thing that happened
---@field time number seconds since the recording began
---@field level taskpool.LogLevel|"note"
---@field message string
---@field pool? string see taskpool.LogRecord, as for the others
---@field group? string
---@field task? integer
---@field thread? integer
---@field error? string

---@class taskpool.Recorder
---@field [integer] taskpool.Record in the order in which they came
---@field private began number
---@field private level taskpool.LogLevel the level to go back to
---@field private handler taskpool.LogHandler|nil the handler to go back to
local Recorder = { __name = "taskpool.Recorder" }
Recorder.__index = Recorder

---Records the log, at level "debug", instead of writing it, until the recorder is closed.
---@return taskpool.Recorder recorder for a `<close>` variable
function testing.record()
  local recorder = setmetatable({
    began = core.now(),
    level = log.level,
    handler = log.handler,
  }, Recorder)
  log.level = "debug"
  log.handler = function(_, _, record)
    recorder:add(record)
  end
  return recorder
end

---@private
---@param record taskpool.Record its time is set
function Recorder:add(record)
  record.time = core.now() - self.began
  self[#self + 1] = record
end

---Adds a line of the spec's own.
---@param format string
---@param ... any
function Recorder:note(format, ...)
  self:add { level = "note", message = format:format(...) }
end

---All records as "TIME MESSAGE", the time in seconds with one digit after the point.
---@return string[]
function Recorder:lines()
  local lines = {}
  for index, record in ipairs(self) do
    lines[index] = ("%.1f %s"):format(record.time, record.message)
  end
  return lines
end

---How many messages contain the text.
---@param text string plain text, not a pattern
---@return integer
function Recorder:count(text)
  local count = 0
  for _, record in ipairs(self) do
    if record.message:find(text, 1, true) then
      count = count + 1
    end
  end
  return count
end

---Ends the recording: level and handler of the log are as before.
function Recorder:close()
  log.level = self.level
  log.handler = self.handler
end

Recorder.__close = Recorder.close

return testing
