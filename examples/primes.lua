-- SPDX-License-Identifier: MIT
-- Counts the primes below a million, on all cores.
--
--     taskpool run examples/primes.lua [THREADS]
--
-- The numbers are cut into a hundred ranges, one for each task. Prints how many primes there are, and how long it took:
-- with one thread, as many times longer as there are cores.
local taskpool = require "taskpool"

local LIMIT <const>, RANGE <const> = 1000000, 10000

-- Threads look for modules where this script does.
package.path = (arg[0]:match "^(.*/)" or "./") .. "?.lua;" .. package.path

local function main(threads)
  local ranges, total = {}, 0
  for first = 0, LIMIT - 1, RANGE do
    ranges[#ranges + 1] = { first, first + RANGE - 1 }
  end
  local began = taskpool.now()
  local pool = taskpool.TaskPool { executor = "thread", threads = math.tointeger(tonumber(threads)) }
  pool:starmap("mypackage.primes.count", ranges, {
    num_concurrent = math.huge,
    end_callback = function(_, ok, count)
      total = total + (ok and count or 0)
    end,
  })
  pool:gather_and_close()
  print(("%d primes in %.2f seconds"):format(total, taskpool.now() - began))
end

taskpool.run(main, ...)
