-- SPDX-License-Identifier: MIT
-- taskpool.control.connect: a client for tasks, with a method for each command.
local program = require "spec.support.program"
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"

describe("a client for tasks", function()
  local directory, path

  before_each(function()
    directory = program.make_directory()
    path = directory .. "/control.sock"
  end)

  after_each(function()
    program.remove_directory(directory)
  end)

  ---A case with a pool that is served, and a client of it.
  local function client_it(name, body)
    it(name, tasks.live_case(function(log)
      local pool = tasks.TaskPool { name = "jobs" }
      taskpool.expose "spec.support.remote.*"
      local server <close> = taskpool.control.serve { pool, unix = path }
      local client <close> = taskpool.control.connect { unix = path }
      body(client, pool, log)
      client:close()
      pool:gather_and_close { return_exceptions = true }
      server:close()
    end))
  end

  client_it("has a method for each command", function(client, pool)
    assert.are.equal(tostring(pool), client.pool)
    local group = client:map("spec.support.remote.echo", { "x", { 1, nil, deep = { true } } }, { num_concurrent = 2 })
    assert.are.equal("map-echo-group-0", group)
    client:wait(group)
    assert.are.equal(2, client:num_ok())
    assert.are.equal("ok", client:lock() or "ok")
    assert.is_true(client:is_locked())
    client:unlock()
    client:pool_size(5)
    assert.are.equal(5, pool.size)
    client:pool_size(math.huge)
    assert.are.equal(math.huge, pool.size)
    assert.are.equal(7, client:submit("spec.support.remote.subtract", { args = { 10, 3 } }))
    assert.are.equal("TaskPool-jobs", client:status().pool)
  end)

  it("shows its token", tasks.live_case(function(log)
    local token = '"0123456789\\"abcdef'
    local pool = tasks.TaskPool { name = "jobs" }
    local server <close> = taskpool.control.serve { pool, unix = path, token = token }
    local client <close> = taskpool.control.connect { unix = path, token = token }
    assert.are.equal("TaskPool-jobs", client.pool)
    assert.is_false(client:is_locked())
    for _, wrong in ipairs { token .. "x", 7 } do
      local ok, problem = pcall(taskpool.control.connect, { unix = path, token = wrong })
      assert.is_false(ok)
      assert.are.equal(wrong == 7 and "InvalidArgument" or "Denied", problem.code)
    end
    log:expect "a wrong token"
    local stranger <close> = taskpool.control.connect { unix = path }
    assert.are.equal("pong", stranger:ping())
    local ok, problem = pcall(stranger.lock, stranger)
    assert.are.equal("Denied", not ok and problem.code)
    client:close()
    stranger:close()
    pool:gather_and_close()
    server:close()
  end))

  client_it("goes over the events of the server", function(client, pool)
    local has_begun, seen = false, {}
    taskpool.gather(function()
      for event in client:events { kind = { "task", "locked" } } do
        has_begun = true
        if event.task then
          seen[#seen + 1] = event.event .. " " .. event.task
        end
        if event.group == "last" then
          break
        end
      end
    end, function()
      repeat
        pool:lock()
        pool:unlock()
        taskpool.sleep(0.001)
      until has_begun
      for _ = 1, 1000 do -- more than wait in the client
        pool:wait((pool:apply(taskpool.yield)))
      end
      pool:apply(taskpool.yield, { group_name = "last" })
    end)
    assert.are.equal(2001, #seen)
    local ends = { "started 0", "ended 0", "ended 999", "started 1000" }
    assert.are.same(ends, { seen[1], seen[2], seen[2000], seen[2001] })
    assert.are.equal(pool.num_running, client:num_running())
  end)

  client_it("raises what a stream is refused for, and its end", function(client)
    tasks.raises("InvalidArgument", (client:events { kind = "begun" }))
    local stream <close> = client:events()
    client:close()
    tasks.raises("NotAvailable", stream)
    tasks.raises("NotAvailable", client.events, client)
  end)

  client_it("quotes what it must", function(client)
    local odd = 'two "words" \\ \n 5'
    assert.are.equal(odd, client:apply("spec.support.remote.sleep", { args = { 60 }, group_name = odd }))
    assert.are.equal("5", client:apply("spec.support.remote.sleep", { args = { 60 }, group_name = "5" }))
    assert.are.equal(odd, client:submit("spec.support.remote.echo", { args = { odd } }))
    client:cancel_group(odd)
    client:cancel_group "5"
    assert.are.equal("nil", client:submit("spec.support.remote.echo", { args = { "nil" } }))
  end)

  client_it("raises the errors of the server", function(client)
    local err = tasks.raises("TaskGroupNotFound", client.cancel_group, client, "nobody")
    assert.matches("has no group 'nobody'", err.message, 1, true)
    tasks.raises("NotFound", client.no_such_command, client)
  end)

  client_it("serves several tasks at a time, also when one is cancelled", function(client)
    local seen, others = {}, tasks.TaskPool()
    others:map(function(number)
      seen[number] = client:submit("spec.support.remote.sleep", { args = { 0.001, number } })
    end, { 1, 2, 3, 4, 5 }, { num_concurrent = 5 })
    others:apply(function()
      client:submit("spec.support.remote.sleep", { args = { 60 } })
    end, { group_name = "hopeless", timeout = 0.01 })
    others:flush { return_exceptions = true }
    others:wait("hopeless", { return_exceptions = true })
    assert.are.equal("inf", client:size()) -- JSON has no other word for it
    others:gather_and_close { return_exceptions = true }
    assert.are.same({ 1, 2, 3, 4, 5 }, seen)
    client:cancel_all()
  end)

  client_it("says that the connection is over", function(client)
    client:close()
    tasks.raises("NotAvailable", client.num_running, client)
  end)

  it("refuses what is no address, and says where nothing answers", tasks.live_case(function()
    tasks.raises("InvalidArgument", taskpool.control.connect, {})
    tasks.raises("InvalidArgument", taskpool.control.connect, { tcp = "nowhere" })
    local err = tasks.raises("NotAvailable", taskpool.control.connect, { unix = path })
    assert.matches("cannot connect to " .. path, err.message, 1, true)
  end))
end)
