-- SPDX-License-Identifier: MIT
--
-- Worker functions that specs call by their names, as "spec.support.workers.double".
local taskpool = require "taskpool"

local workers = {}

---What they were called with, in order: each a list with n.
workers.calls = {}

---Elements to work on.
workers.items = { "x", "y", "z" }

---Notes its arguments down.
function workers.note(...)
  table.insert(workers.calls, table.pack(...))
end

---Takes a second.
function workers.double(number)
  taskpool.sleep(1)
  return 2 * number
end

workers.nested = { deeper = { note = workers.note } }

return workers
