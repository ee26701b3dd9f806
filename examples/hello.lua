-- SPDX-License-Identifier: MIT
-- Three tasks that say hello, two at a time.
--
--     taskpool run examples/hello.lua [NAME…]
local taskpool = require "taskpool"

local function greet(name)
  taskpool.sleep(0.1)
  print("hello, " .. name)
end

local function main(...)
  local names = select("#", ...) > 0 and { ... } or { "Ann", "Ben", "Cleo" }
  local pool = taskpool.TaskPool { size = 2 }
  pool:map(greet, names, { num_concurrent = 2 })
  pool:gather_and_close()
end

taskpool.run(main, ...)
