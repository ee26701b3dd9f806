-- SPDX-License-Identifier: MIT
local core = require "taskpool.core"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

describe("a semaphore", function()
  it("lets at most as many tasks in as it has permits, in the order of their coming", tasks.case(function()
    local semaphore, inside, most, order = taskpool.Semaphore(3), 0, 0, {}
    for name = 1, 10 do
      core.start(function()
        local _ <close> = semaphore:acquire()
        inside = inside + 1
        most = math.max(most, inside)
        order[#order + 1] = name
        taskpool.sleep(1)
        inside = inside - 1
      end)
    end
    taskpool.sleep(60)
    assert.are.equal(3, most)
    assert.are.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, order)
    assert.are.equal(3, semaphore:value())
  end))

  it("gets the permit back when the scope is left by an error", tasks.case(function()
    local semaphore = taskpool.Semaphore(1)
    pcall(function()
      local _ <close> = semaphore:acquire()
      assert.are.equal(0, semaphore:value())
      error "oops"
    end)
    assert.are.equal(1, semaphore:value())
  end))

  it("hands a permit to the one who waits, and not to one who comes later", tasks.case(function()
    local semaphore, got = taskpool.Semaphore(1), false
    semaphore:acquire()
    core.start(function()
      semaphore:acquire()
      got = true
    end)
    taskpool.sleep(1)
    semaphore:release()
    assert.is_nil(semaphore:try_acquire())
    taskpool.sleep(1)
    assert.is_true(got)
    semaphore:release()
    assert.are.equal(1, semaphore:value())
  end))

  it("does not lose a permit to a task that is cancelled while it waits", tasks.case(function()
    local semaphore = taskpool.Semaphore(1)
    semaphore:acquire()
    local handle = core.start(function()
      local _ <close> = semaphore:acquire()
    end)
    core.on_end(handle, function() end)
    taskpool.sleep(1)
    core.cancel(handle)
    semaphore:release()
    taskpool.sleep(1)
    assert.are.equal(1, semaphore:value())
  end))

  it("does not lose a permit to a task that is cancelled as it gets it", tasks.case(function()
    local semaphore = taskpool.Semaphore(1)
    semaphore:acquire()
    local handle = core.start(function()
      local _ <close> = semaphore:acquire()
      taskpool.sleep(1)
    end)
    core.on_end(handle, function() end)
    taskpool.sleep(1)
    semaphore:release()
    core.cancel(handle)
    taskpool.sleep(1)
    assert.are.equal(1, semaphore:value())
  end))

  it("gives a permit without waiting, or nil", tasks.case(function()
    local semaphore = taskpool.Semaphore(1)
    do
      local permit <close> = semaphore:try_acquire()
      assert.is_truthy(permit)
      assert.is_nil(semaphore:try_acquire())
      assert.are.equal("Semaphore(0 of 1 free)", tostring(semaphore))
    end
    assert.are.equal(1, semaphore:value())
  end))

  it("refuses to get back more permits than it has given", function()
    local semaphore = taskpool.Semaphore(2)
    local ok, err = pcall(semaphore.release, semaphore)
    assert.is_false(ok)
    assert.are.equal("InvalidArgument: release: all 2 permits are free already", tostring(err))
  end)

  it("refuses a number of permits that makes no sense", function()
    for _, permits in ipairs { 0, -1, 1.5, "3", false } do
      local ok, err = pcall(taskpool.Semaphore, permits)
      assert.is_false(ok)
      assert.are.equal("InvalidArgument", err.code)
    end
  end)
end)
