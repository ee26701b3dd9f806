-- SPDX-License-Identifier: MIT
--
-- What threads.lua has threads do.

local taskpool = require "taskpool"

local remote = {}

function remote.trivial(x)
  return x
end

---Takes about a tenth of a millisecond.
function remote.spin()
  local sum = 0
  for i = 1, 12000 do sum = sum + i % 7 end
  return sum
end

function remote.sleep(seconds)
  taskpool.sleep(seconds)
end

return remote
