-- SPDX-License-Identifier: MIT
--
-- Ours: what one more operation costs where so many things are there already.
--
--   taskpool run growth.lua tasks|groups|waiting|ids|timers COUNT     prints microseconds an operation
--
--   tasks     a task that starts and ends, beside COUNT that are asleep
--   groups    a new group, beside COUNT others
--   waiting   a call submitted and taken back, after COUNT that wait
--   ids       the state of a task, of COUNT that have ended
--   timers    a sleep that ends at once, beside COUNT others

local taskpool = require "taskpool"
local uv = require "luv"

local OPERATIONS <const>, BATCHES <const> = 200, 9

local function nothing() end

---Has COUNT tasks of the pool sleep.
local function put_to_sleep(pool, count)
  pool:apply(taskpool.sleep, {num = count, args = {3600}})
  repeat taskpool.yield() until pool.num_running == count
end

local subjects = {}

function subjects.tasks(pool, count)
  put_to_sleep(pool, count)
  local some = {}
  for i = 1, OPERATIONS do some[i] = i end
  return function()
    local before = pool.num_ended
    pool:map(nothing, some, {num_concurrent = OPERATIONS})
    repeat taskpool.yield() until pool.num_ended == before + OPERATIONS
  end
end

function subjects.groups(pool, count)
  for _ = 1, count do pool:apply(taskpool.sleep, {args = {3600}}) end
  repeat taskpool.yield() until pool.num_running == count
  return function()
    for _ = 1, OPERATIONS do pool:apply(nothing) end
  end
end

function subjects.waiting(pool, count)
  pool.pool_size = 1
  pool:apply(taskpool.sleep, {args = {3600}})
  for _ = 1, count do pool:submit_nowait(nothing) end
  return function()
    for _ = 1, OPERATIONS do pool:submit_nowait(nothing):cancel() end
  end
end

function subjects.ids(pool, count)
  pool:apply(nothing, {num = count})
  repeat taskpool.yield() until pool.num_ended == count
  return function()
    for _ = 1, OPERATIONS do pool:task(math.random(0, count - 1)) end
  end
end

function subjects.timers(pool, count)
  put_to_sleep(pool, count)
  return function()
    for _ = 1, OPERATIONS do taskpool.sleep(1e-9) end
  end
end

taskpool.run(function()
  local pool = taskpool.TaskPool{}
  local operate = subjects[arg[1]](pool, math.tointeger(arg[2]))
  for _ = 1, 3 do taskpool.yield() end
  collectgarbage()
  collectgarbage("stop") -- its share grows with what is there, whatever is done
  local times = {}
  for batch = 1, BATCHES do
    local start = uv.hrtime()
    operate()
    times[batch] = (uv.hrtime() - start) / 1000 / OPERATIONS
  end
  table.sort(times)
  print(("%.3f"):format(times[BATCHES // 2 + 1]))
  os.exit(0)
end)
