-- SPDX-License-Identifier: MIT
-- luv's functions as waits. These run in real time: what they wait for is outside.
local core = require "taskpool.core"
local program = require "spec.support.program"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local uv = require "luv"

--- What has a callback like luv's functions, called on the loop with the given values.
local function answering(...)
  local values = table.pack(...)
  return function(callback)
    local timer = uv.new_timer()
    return timer:start(0, 0, function()
      timer:close()
      callback(table.unpack(values, 1, values.n))
    end)
  end
end

describe("await", function()
  local directory

  before_each(function()
    directory = program.make_directory()
  end)

  after_each(function()
    program.remove_directory(directory)
  end)

  it("returns what a file system function gives", tasks.live_case(function()
    local path = directory .. "/file"
    local descriptor = assert(taskpool.await(uv.fs_open, path, "w+", 384))
    assert.are.equal(5, taskpool.await(uv.fs_write, descriptor, "hello", 0))
    assert.are.equal("ell", taskpool.await(uv.fs_read, descriptor, 3, 1))
    assert.are.equal(5, taskpool.await(uv.fs_fstat, descriptor).size)
    assert.is_true(taskpool.await(uv.fs_close, descriptor))
  end))

  it("returns nil, message and code where that fails", tasks.live_case(function()
    local result, message, code = taskpool.await(uv.fs_open, directory .. "/none", "r", 0)
    assert.is_nil(result)
    assert.is_truthy(message:find("no such file or directory", 1, true))
    assert.are.equal("ENOENT", code)
  end))

  it("returns nil, message and code where the function itself fails", tasks.live_case(function()
    local result, message, code = taskpool.await(function()
      return nil, "EBUSY: not now", "EBUSY"
    end)
    assert.are.same({ nil, "EBUSY: not now", "EBUSY" }, { result, message, code })
    assert.is_nil((taskpool.await(function()
      return false
    end)))
  end))

  it("raises what the function itself raises", tasks.live_case(function()
    local ok, err = pcall(taskpool.await, uv.fs_open)
    assert.is_false(ok)
    assert.is_truthy(tostring(err):find("bad argument", 1, true))
  end))

  it("keeps nil and false among the values", tasks.live_case(function()
    local results = table.pack(taskpool.await(answering(nil, false, nil, 3, nil)))
    assert.are.same({ n = 4, false, nil, 3 }, results)
    assert.are.same({ n = 1, true }, table.pack(taskpool.await(answering(nil))))
    assert.are.same({ n = 1, true }, table.pack(taskpool.await(answering())))
  end))

  it("returns all values where the first is neither nil nor a string", tasks.live_case(function()
    assert.are.same({ 0, 15 }, { taskpool.await(answering(0, 15)) })
    assert.are.same({ false, "x" }, { taskpool.await(answering(false, "x")) })
  end))

  it("takes a callback that is called at once, and only the first call of it", tasks.live_case(function()
    local later
    assert.are.equal(1, taskpool.await(function(callback)
      later = callback
      callback(nil, 1)
      callback(nil, 2)
      return true
    end))
    later(nil, 3)
    assert.are.equal(4, taskpool.await(answering(nil, 4)))
  end))

  it("lets other tasks run meanwhile", tasks.live_case(function()
    local timer, ran = uv.new_timer(), false
    core.start(function()
      ran = true
    end)
    taskpool.await(timer.start, timer, 1, 0)
    timer:close()
    assert.is_true(ran)
  end))

  it("works inside pcall, an inner coroutine and an iterator", tasks.live_case(function()
    local read = coroutine.wrap(function()
      coroutine.yield((taskpool.await(answering(nil, 1))))
      coroutine.yield((taskpool.await(answering(nil, 2))))
    end)
    assert.are.same({ true, 0 }, { pcall(taskpool.await, answering(nil, 0)) })
    assert.are.equal(1, read())
    assert.are.equal(2, read())
    local values = {}
    for value in
      function()
        local value = taskpool.await(answering(nil, #values + 1))
        return value < 4 and value or nil
      end
    do
      values[#values + 1] = value
    end
    assert.are.same({ 1, 2, 3 }, values)
  end))

  it("gives way to a cancel, and drops what comes too late", tasks.live_case(function()
    local callback, outcome
    local handle = core.start(function()
      taskpool.await(function(cb)
        callback = cb
        return true
      end)
    end)
    core.on_end(handle, function(_, err)
      outcome = err
    end)
    taskpool.sleep(0)
    core.cancel(handle, "enough")
    taskpool.sleep(0)
    assert.are.equal("Cancelled", outcome.code)
    assert.are.equal("enough", outcome.message)
    callback(nil, "too late")
  end))

  it("waits on many files at once", tasks.live_case(function()
    local sizes = {}
    local pool = taskpool.TaskPool {}
    pool:map(function(index)
      local path = ("%s/%d"):format(directory, index)
      local descriptor = assert(taskpool.await(uv.fs_open, path, "w", 384))
      taskpool.await(uv.fs_write, descriptor, ("x"):rep(index), -1)
      sizes[index] = taskpool.await(uv.fs_fstat, descriptor).size
      taskpool.await(uv.fs_close, descriptor)
    end, function()
      local index = #sizes + 1
      return index <= 20 and index or nil
    end)
    pool:gather_and_close()
    assert.are.equal(20, #sizes)
    for index, size in ipairs(sizes) do
      assert.are.equal(index, size)
    end
  end))

  it("cannot be used outside of a task", function()
    local ok, err = pcall(taskpool.await, answering(nil, 1))
    assert.is_false(ok)
    assert.are.equal("InvalidArgument", err.code)
  end)

  it("raises when its function has waited itself, instead of waiting for ever", tasks.live_case(function()
    local ok, err = pcall(taskpool.await, function()
      taskpool.sleep(0)
    end)
    assert.is_false(ok)
    assert.are.equal("InvalidArgument", err.code)
  end))
end)

describe("an error in a callback of luv's", function()
  it("is logged, and neither the process nor a task ends by it", tasks.live_case(function()
    local messages, previous = {}, taskpool.log.handler
    taskpool.log.handler = function(level, message)
      messages[#messages + 1] = level .. " " .. message
    end
    local timer = uv.new_timer()
    timer:start(0, 0, function()
      timer:close()
      error "stray"
    end)
    while #messages == 0 do
      taskpool.yield()
    end
    taskpool.log.handler = previous
    assert.are.equal(1, #messages)
    assert.is_truthy(messages[1]:match "^error .*stray")
  end))
end)
