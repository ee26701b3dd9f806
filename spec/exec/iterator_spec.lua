-- SPDX-License-Identifier: MIT
-- Iterators as code of their own: they raise, they wait, they use the pool that they feed.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local at_end, raises, settle = tasks.at_end, tasks.raises, tasks.settle

describe("an iterator that raises", function()
  it("ends its own feed, and nothing else", tasks.case(function(log)
    local pool, done = tasks.TaskPool { name = "p" }, {}
    local function work(item)
      taskpool.sleep(1)
      done[#done + 1] = item
    end
    local count = 0
    pool:map(work, function()
      count = count + 1
      return count < 4 and count or error "the iterator broke"
    end, { num_concurrent = 2, group_name = "broken" })
    pool:map(work, { "a", "b", "c", "d" }, { group_name = "sound" })
    local ok, err = pcall(pool.gather_and_close, pool)
    assert.is_false(ok)
    assert.matches("the iterator broke$", err)
    table.sort(done, function(x, y)
      return tostring(x) < tostring(y)
    end)
    assert.are.same({ 1, 2, 3, "a", "b", "c", "d" }, done)
    local record = log:expect "the iterator broke"
    assert.matches("iterator of TaskPool%-p's group 'broken'", record)
    assert.matches("iterator_spec.lua:%d+: in", record) -- the traceback
  end))

  for kind, make in pairs {
    ["at its first call"] = function()
      return function()
        error { "no text" }
      end
    end,
    ["after a wait"] = function()
      return function()
        taskpool.sleep(1)
        error { "no text" }
      end
    end,
    ["as a coroutine"] = function()
      return coroutine.create(function()
        coroutine.yield(1)
        error { "no text" }
      end)
    end,
  } do
    it("may do so " .. kind, tasks.case(function(log)
      local pool = tasks.TaskPool()
      pool:map(function() end, make())
      local ok, err = pcall(pool.gather_and_close, pool)
      assert.is_false(ok)
      assert.are.same({ "no text" }, err)
      log:expect "no text"
    end))
  end
end)

describe("an iterator and its pool", function()
  it("may cancel the group that it feeds", tasks.case(function()
    local pool, started, after = tasks.TaskPool(), 0, false
    pool:map(function()
      started = started + 1
      taskpool.sleep(60)
    end, function()
      taskpool.yield()
      if started == 2 then
        pool:cancel_group "g"
        after = true
      end
      return 1
    end, { num_concurrent = 9, group_name = "g" })
    pool:apply(function()
      taskpool.sleep(1)
    end)
    local began = taskpool.now()
    pool:gather_and_close()
    assert.are.equal(1, math.floor(taskpool.now() - began + 0.5))
    assert.is_true(after)
    assert.are.equal(2, started)
  end))

  it("may add work to the pool, resize it and lock it", tasks.case(function()
    local pool, done, steps = tasks.TaskPool { size = 1 }, 0, 0
    local function work()
      done = done + 1
    end
    pool:map(work, function()
      steps = steps + 1
      pool.pool_size = steps
      if steps < 4 then
        pool:apply(work)
        return steps
      end
      pool:lock()
    end)
    settle()
    assert.is_true(pool.is_locked)
    assert.are.equal(4, pool.pool_size)
    assert.are.equal(6, done)
  end))

  it("is cancelled with its group while it waits, and its <close> variables run", tasks.case(function()
    local pool, ended, left = tasks.TaskPool(), false, nil
    pool:map(print, function()
      local _ <close> = at_end(function(err)
        left = err
      end)
      taskpool.sleep(60)
      ended = true
    end, { group_name = "g" })
    settle()
    pool:cancel_group("g", { msg = "enough" })
    pool:gather_and_close()
    assert.is_false(ended)
    assert.are.equal("Cancelled: enough", tostring(left))
  end))

  it("is no task: it has no place and no id", tasks.case(function()
    local pool = tasks.TaskPool { size = 1 }
    local group = pool:map(print, function()
      taskpool.sleep(60)
    end)
    settle()
    assert.are.equal(0, pool.num_running)
    assert.are.same({}, tasks.members(pool:get_group_ids(group)))
    raises("TaskNotFound", pool.cancel, pool, 0)
    pool:cancel_all()
  end))
end)
