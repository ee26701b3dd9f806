---Checks of arguments. Each failure is an InvalidArgument error that says where and what.
---
---SPDX-License-Identifier: MIT
local core = require "taskpool.core"

local argument = {}

---Raises InvalidArgument with a formatted message.
---@param format string
---@param ... any
function argument.refuse(format, ...)
  error(core.error("InvalidArgument", format:format(...)), 0)
end

---How a wrong value is named in a message.
---@param value any
---@return string
function argument.describe(value)
  if type(value) == "string" then
    return ("%q"):format(value)
  elseif type(value) == "number" then
    return tostring(value)
  end
  return type(value)
end

---Refuses a value that is not an integer of at least `least`.
---@param where string the function that was called, such as "Queue"
---@param name string what the value is, such as "maxsize"
---@param least integer
---@param value any
function argument.check_count(where, name, least, value)
  if math.type(value) ~= "integer" or value < least then
    argument.refuse("%s: %s must be an integer >= %d, not %s", where, name, least,
      argument.describe(value))
  end
end

return argument
