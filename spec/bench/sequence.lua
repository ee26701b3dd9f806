-- SPDX-License-Identifier: MIT
--
-- Ours: COUNT tasks in sequence, 100 at a time, in one group.
--
--   taskpool run sequence.lua COUNT     prints by how many bytes resident memory has grown

local taskpool = require "taskpool"
local uv = require "luv"

---Resident memory of this process in bytes, after a full collection.
local function resident()
  collectgarbage()
  return uv.resident_set_memory()
end

---An iterator over `count` numbers.
local function numbers(count)
  local at = 0
  return function()
    at = at + 1
    return at <= count and at or nil
  end
end

local function work(number)
  return number
end

taskpool.run(function()
  local count = math.tointeger(arg[1])
  local pool = taskpool.TaskPool{}
  pool:wait(pool:map(work, numbers(count // 10), {num_concurrent = 100}))
  local before = resident()
  pool:wait(pool:map(work, numbers(count), {num_concurrent = 100}))
  print(("%.0f"):format(resident() - before))
  pool:gather_and_close()
end)
