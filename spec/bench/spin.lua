-- SPDX-License-Identifier: MIT
--
-- Ours: one task that counts to COUNT and never waits, so that its slices are over again and again.
--
--   taskpool run spin.lua COUNT     prints counts a second

local taskpool = require "taskpool"
local uv = require "luv"

local function spin(count)
  local at = 0
  while at < count do at = at + 1 end
end

taskpool.run(function()
  local count = math.tointeger(arg[1])
  local pool = taskpool.TaskPool{}
  local start = uv.hrtime()
  pool:apply(spin, {args = {count}})
  pool:gather_and_close()
  print(("%.0f"):format(count / ((uv.hrtime() - start) / 1e9)))
end)
