-- SPDX-License-Identifier: MIT
local core = require "taskpool.core"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

describe("an event", function()
  it("holds tasks until it is set, then lets all of them go on in their order", tasks.case(function()
    local event, woken = taskpool.Event(), {}
    for name = 1, 3 do
      core.start(function()
        event:wait()
        woken[#woken + 1] = name
      end)
    end
    taskpool.sleep(1)
    assert.are.same({}, woken)
    event:set()
    taskpool.sleep(1)
    assert.are.same({ 1, 2, 3 }, woken)
  end))

  it("does not hold those who come after it", tasks.case(function()
    local event = taskpool.Event()
    event:set()
    event:set()
    assert.is_true(event:is_set())
    event:wait()
    assert.are.equal("Event(set)", tostring(event))
  end))

  it("can be taken back, which does not hold those who were let go before", tasks.case(function()
    local event, woken = taskpool.Event(), 0
    local function waiter()
      event:wait()
      woken = woken + 1
    end
    core.start(waiter)
    taskpool.sleep(1)
    event:set()
    event:clear()
    assert.is_false(event:is_set())
    core.start(waiter)
    taskpool.sleep(1)
    assert.are.equal(1, woken)
    event:set()
    taskpool.sleep(1)
    assert.are.equal(2, woken)
  end))

  it("lets a cancelled task leave", tasks.case(function()
    local event, outcome = taskpool.Event(), nil
    local handle = core.start(event.wait, event)
    core.on_end(handle, function(_, err)
      outcome = err
    end)
    taskpool.sleep(1)
    core.cancel(handle)
    taskpool.sleep(1)
    assert.are.equal("Cancelled", outcome.code)
    event:set()
  end))

  it("cannot be waited for outside of a task", function()
    local event = taskpool.Event()
    local ok, err = pcall(event.wait, event)
    assert.is_false(ok)
    assert.are.equal("InvalidArgument", err.code)
  end)
end)

describe("a wake", function()
  it("with the id of a wait that is over does nothing", tasks.case(function()
    local id = core.waiter()
    taskpool.sleep(1) -- the wait with that id
    core.start(function()
      taskpool.sleep(1)
      core.wake(id)
    end)
    local began = taskpool.now()
    taskpool.sleep(10)
    assert.are.equal(10, taskpool.now() - began)
  end))
end)
