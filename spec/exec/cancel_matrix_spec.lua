-- SPDX-License-Identifier: MIT
-- Every wait × when it is cancelled × what surrounds it × who waits (T17).
--
-- A wait is a constructor in `waits`. What it returns has
--
--     wait()          waits
--     ready(cancel)   makes it ready, and has `cancel` called when it is ready and the waiter has not run yet
--     is_early        ready must be called before wait
--
-- To add a wait, write a constructor; to add anything else, a row in its table.
local core = require "taskpool.core"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local at_end = tasks.at_end

local function nothing() end

---Lets everything run that can run. Not by a sleep: the virtual clock stands still while somebody awaits something
---outside.
local function settle()
  for _ = 1, 10 do
    taskpool.yield()
  end
end

---A wait that the function `make_ready` ends at once.
local function ended_by(make_ready, wait)
  return {
    wait = wait,
    ready = function(cancel)
      make_ready()
      cancel()
    end,
  }
end

---A wait for the end of something. `make(body)` makes that: it ends when `body` does, and returns how to wait for it.
local function ended_with(make)
  local go, on_go = taskpool.Event(), nil
  return {
    wait = make(function()
      go:wait()
      core.start(on_go) -- runs before those who are woken by this end
    end),
    ready = function(cancel)
      on_go = cancel
      go:set()
    end,
  }
end

local waits = {}

function waits.sleep()
  local on_wake = nothing
  core.start(function()
    taskpool.sleep(1) -- begins before the other one, so it ends before it, at the same time
    on_wake()
  end)
  return {
    is_early = true,
    wait = function()
      taskpool.sleep(1)
    end,
    ready = function(cancel)
      on_wake = cancel
    end,
  }
end

function waits.yield()
  local meanwhile = nothing
  return {
    is_early = true,
    wait = function()
      core.start(meanwhile)
      taskpool.yield()
    end,
    ready = function(cancel)
      meanwhile = cancel
    end,
  }
end

function waits.get()
  local queue = taskpool.Queue()
  return ended_by(function()
    queue:put_nowait "item"
  end, function()
    assert.are.equal("item", queue:get())
  end)
end

function waits.take()
  local queue = taskpool.Queue()
  return ended_by(function()
    queue:put_nowait "item"
  end, function()
    local item <close> = queue:take()
    assert.are.equal("item", item.value)
  end)
end

function waits.put()
  local queue = taskpool.Queue(1)
  queue:put_nowait "first"
  return ended_by(function()
    queue:get_nowait()
  end, function()
    queue:put "second"
  end)
end

function waits.join()
  local queue = taskpool.Queue()
  queue:put_nowait "item"
  return ended_by(function()
    queue:item_processed()
  end, function()
    queue:join()
  end)
end

function waits.event()
  local event = taskpool.Event()
  return ended_by(function()
    event:set()
  end, function()
    event:wait()
  end)
end

function waits.acquire()
  local semaphore = taskpool.Semaphore(1)
  semaphore:try_acquire()
  return ended_by(function()
    semaphore:release()
  end, function()
    local _ <close> = semaphore:acquire()
  end)
end

function waits.await()
  local callback = nothing
  return ended_by(function()
    callback(nil, "result")
  end, function()
    assert.are.equal("result", taskpool.await(function(given)
      callback = given
      return true
    end))
  end)
end

function waits.park()
  local id = 0
  return ended_by(function()
    core.wake(id, "value")
  end, function()
    id = core.waiter()
    assert.are.equal("value", core.park())
  end)
end

function waits.gather()
  return ended_with(function(body)
    return function()
      taskpool.gather(nothing, body)
    end
  end)
end

function waits.flush()
  return ended_with(function(body)
    local pool = tasks.TaskPool()
    pool:apply(nothing, { end_callback = body })
    settle()
    return function()
      pool:flush()
    end
  end)
end

function waits.gather_and_close()
  return ended_with(function(body)
    local pool = tasks.TaskPool()
    pool:apply(body)
    return function()
      pool:gather_and_close()
    end
  end)
end

function waits.until_closed()
  local pool = tasks.TaskPool()
  return ended_by(function()
    pool:gather_and_close()
  end, function()
    pool:until_closed()
  end)
end

-- What stands around the wait. None of them may keep a cancel to itself.
local surroundings = {
  nothing = function(wait)
    wait()
  end,
  pcall = function(wait)
    assert(pcall(wait))
  end,
  xpcall = function(wait)
    assert(xpcall(wait, error))
  end,
  ["an inner coroutine"] = function(wait)
    assert(coroutine.resume(coroutine.create(wait)))
  end,
  ["a wrapped coroutine in pcall"] = function(wait)
    assert(pcall(coroutine.wrap(wait)))
  end,
  ["the iterator of a for"] = function(wait)
    for _ in wait do
      error "not reached"
    end
  end,
  ["a <close> handler"] = function(wait)
    local _ <close> = at_end(wait)
  end,
}

-- Who waits: each runs `body` in the group "g" of a pool.
local waiters = {
  ["a task"] = function(pool, body)
    pool:apply(body, { group_name = "g" })
  end,
  ["an iterator"] = function(pool, body)
    pool:map(nothing, body, { group_name = "g" })
  end,
}

-- When the cancel comes, and what must come of it: the wait raises, or it returns and the next one raises.
local moments = {
  ["before it"] = "raises",
  ["before it, though it is ready"] = "raises",
  ["during it"] = "raises",
  ["after it is ready"] = "returns",
}

---Plays one cell. Returns whether the wait "raises" or "returns", and by what the <close> variables were left.
local function play(make, moment, surround, start)
  local kind, pool = make(), tasks.TaskPool()
  local outcome, left = "raises", nil
  local function cancel()
    pool:cancel_group("g", { msg = "enough" })
  end
  local is_ready = false
  local function ready(call)
    if not is_ready then
      is_ready = true
      kind.ready(call)
    end
  end
  if moment == "before it, though it is ready" then
    ready(nothing)
    settle()
  end
  start(pool, function()
    local _ <close> = at_end(function(err)
      left = err
    end)
    if moment:find "^before" then
      cancel()
    end
    surround(kind.wait)
    outcome = "returns"
    taskpool.yield()
    error "not reached"
  end)
  if not kind.is_early then
    settle()
  end
  if moment == "after it is ready" then
    ready(cancel)
  elseif moment == "during it" then
    settle()
    cancel()
  end
  taskpool.sleep(2)
  ready(nothing)
  pool:gather_and_close()
  return outcome, tostring(left)
end

describe("a wait that is cancelled", function()
  it("raises, or returns what was ready and raises at the next one (T17)", tasks.case(function()
    local cells, wrong = 0, {}
    for wait, make in pairs(waits) do
      for moment, expected in pairs(moments) do
        for around, surround in pairs(surroundings) do
          for who, start in pairs(waiters) do
            if not (wait == "yield" and moment == "during it") then -- it is ready at once
              cells = cells + 1
              local outcome, left = play(make, moment, surround, start)
              if outcome ~= expected or left ~= "Cancelled: enough" then
                wrong[#wrong + 1] = ("%s cancelled %s, in %s, by %s: %s, left by %s"):format(wait, moment, around,
                  who, outcome, left)
              end
            end
          end
        end
      end
    end
    print(("cancel-matrix: cells=%d ok=%d"):format(cells, cells - #wrong))
    assert(#wrong == 0, table.concat(wrong, "\n"))
  end))
end)
