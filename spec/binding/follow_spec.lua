-- SPDX-License-Identifier: MIT
-- Following what happens in pools, groups and tasks, from Lua.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

---The events of an iterator, as words, up to the one that is called `last`.
local function read(last, options)
  local words = {}
  for event in taskpool.events(options) do
    words[#words + 1] = ("%s %s"):format(event.event, event.task or event.group or event.pool)
    if event.event == last then
      break
    end
  end
  return words
end

---Runs `act` while the events are read, and returns them.
local function follow(act, last, options)
  local words
  taskpool.gather(function()
    words = read(last, options)
  end, act)
  return words
end

describe("taskpool.events", function()
  it("tells what pools, groups and tasks do, in order", tasks.case(function()
    local pool = tasks.TaskPool { name = "jobs" }
    local words = follow(function()
      pool:apply(taskpool.sleep, { args = { 1 }, group_name = "work" })
      pool:gather_and_close()
    end, "closed")
    assert.are.same({ "locked TaskPool-jobs", "started 0", "ended 0", "finished work", "closed TaskPool-jobs" }, words)
  end))

  it("says when, where, and how a task has ended", tasks.case(function(log)
    local pool = tasks.TaskPool { name = "jobs" }
    pool:apply(error, { args = { "broken" }, group_name = "work" })
    local before = os.time()
    local events <close> = taskpool.events { kind = "ended" }
    local event = events()
    assert.is_true(event.time >= before and event.time <= os.time() + 1)
    event.time = nil
    assert.are.same({ event = "ended", pool = "TaskPool-jobs", group = "work", task = 0, detail = "failed" }, event)
    log:expect "broken"
    pool:gather_and_close { return_exceptions = true }
  end))

  it("lets kinds, a group and a pool through", tasks.case(function()
    local one, two = tasks.TaskPool { name = "one" }, tasks.TaskPool { name = "two" }
    local ran = 0
    local function act()
      ran = ran + 1
      for _, pool in ipairs { one, two } do
        pool:apply(taskpool.yield, { group_name = "a" .. ran })
        pool:apply(taskpool.yield, { group_name = "b" .. ran })
        pool:wait("a" .. ran, "b" .. ran)
      end
      two:lock()
    end
    assert.are.same({ "finished a1", "finished b1", "finished a1", "finished b1", "locked TaskPool-two" },
      follow(act, "locked", { kind = { "group", "locked" } }))
    two:unlock()
    assert.are.same({
      "started 2", "started 3", "ended 2", "finished a2", "ended 3", "finished b2", "locked TaskPool-two",
    }, follow(act, "locked", { pool = "two" }))
    two:unlock()
    assert.are.same({ "started 5", "ended 5", "finished b3" }, follow(act, "finished", { pool = one, group = "b3" }))
    one:gather_and_close()
    two:gather_and_close()
  end))

  it("keeps as many as its limit says, and tells how many are missing where", tasks.case(function()
    local pool = tasks.TaskPool()
    local events <close> = taskpool.events { kind = "pool", limit = 3 }
    for _ = 1, 5 do
      pool:lock()
      pool:unlock()
    end
    local function take()
      local event = events()
      return event.event .. (event.count and " " .. event.count or "")
    end
    assert.are.same({ "locked", "unlocked", "locked" }, { take(), take(), take() })
    pool:lock()
    assert.are.same({ "dropped 7", "locked" }, { take(), take() })
    for _ = 1, 5 do
      pool:unlock()
      pool:lock()
    end
    assert.are.same({ "unlocked", "locked", "unlocked", "dropped 7" }, { take(), take(), take(), take() })
    pool:gather_and_close()
  end))

  it("ends with the loop, also by an error or a cancel", tasks.case(function()
    local pool = tasks.TaskPool()
    local events = taskpool.events()
    assert.is_false(pcall(function()
      for _ in events, nil, nil, events do
        error "enough"
      end
    end, pool:lock()))
    assert.is_nil(events())
    assert.has_error(function()
      taskpool.timeout(1, function()
        for _ in taskpool.events() do
          assert.is_true(false)
        end
      end)
    end)
    pool:gather_and_close()
  end))

  it("refuses what it does not know", tasks.case(function()
    local function refuses(text, options)
      local ok, message = pcall(taskpool.events, options)
      assert.is_false(ok)
      assert.matches(text, tostring(message))
    end
    refuses("no kind of event 'begun'", { kind = "begun" })
    refuses("list of strings", { kind = { {} } })
    refuses("no option 'kinds'", { kinds = "task" })
    refuses("'limit' must not be negative", { limit = -1 })
    refuses("'group' must be a string", { group = 1 })
  end))

  it("lets one task wait for a stream, not two", tasks.case(function()
    local pool = tasks.TaskPool()
    local events <close> = taskpool.events()
    local ok, message
    taskpool.gather(function() events() end, function()
      ok, message = pcall(events)
      pool:lock()
    end)
    assert.is_false(ok)
    assert.matches("another task waits", tostring(message))
    pool:gather_and_close()
  end))
end)
