-- SPDX-License-Identifier: MIT
-- End and cancel callbacks: what they get, when they run, and that each runs once.
local taskpool = require "taskpool"
local tasks = require "spec.support.tasks"
local settle = tasks.settle

---Takes that many seconds and returns the rest.
local function nap(seconds, ...)
  taskpool.sleep(seconds)
  return ...
end

---Options with both callbacks, which note down what they get: "end"/"cancel" and then their arguments, with n.
local function noting(calls, options)
  options = options or {}
  for _, kind in ipairs { "end", "cancel" } do
    options[kind .. "_callback"] = function(...)
      calls[#calls + 1] = table.pack(kind, ...)
    end
  end
  return options
end

describe("a callback", function()
  it("gets id, true and the results of a task that ended well", tasks.case(function()
    local pool, calls = tasks.TaskPool(), {}
    pool:apply(nap, noting(calls, { args = { 1, "a", nil, "c", nil, n = 5 } }))
    pool:apply(nap, noting(calls, { args = { 2 } }))
    pool:gather_and_close()
    assert.are.same({
      { n = 7, "end", 0, true, "a", nil, "c", nil },
      { n = 3, "end", 1, true },
    }, calls)
  end))

  it("gets id, false and the error of a task that failed, as it was raised", tasks.case(function(log)
    local pool, calls, thrown = tasks.TaskPool(), {}, { "anything" }
    pool:map(error, { thrown, false }, noting(calls, { num_concurrent = 2 }))
    pool:apply(error, noting(calls))
    pool:gather_and_close { return_exceptions = true }
    assert.are.same({
      { n = 4, "end", 0, false, thrown },
      { n = 4, "end", 1, false, nil },
      { n = 4, "end", 2, false, false },
    }, calls)
    assert.are.equal(thrown, calls[1][4])
    assert.are.equal(3, log:expect_all "error in")
  end))

  it("gets id, false and the cancel of a cancelled task: first the one, then the other", tasks.case(function()
    local pool, calls = tasks.TaskPool(), {}
    pool:apply(nap, noting(calls, { args = { 60 }, num = 2 }))
    settle()
    pool:cancel(1, { msg = "enough" })
    settle()
    assert.are.equal(2, #calls)
    for place, kind in ipairs { "cancel", "end" } do
      local call = calls[place]
      assert.are.same({ kind, 1, false, n = 4 }, { call[1], call[2], call[3], n = call.n })
      assert.are.equal("Cancelled: enough", tostring(call[4]))
    end
    pool:cancel_all()
  end))

  it("is told of a task that was started and cancelled before it could run", tasks.case(function()
    local pool, calls, ran = tasks.TaskPool(), {}, false
    pool:apply(function()
      pool:cancel(1)
    end)
    pool:apply(function()
      ran = true
    end, noting(calls))
    pool:gather_and_close()
    assert.is_false(ran)
    assert.are.same({ "cancel", 1, "end", 1 }, { calls[1][1], calls[1][2], calls[2][1], calls[2][2] })
  end))

  it("is not told of a task that never started", tasks.case(function()
    local pool, calls = tasks.TaskPool { size = 1 }, {}
    pool:apply(nap, noting(calls, { args = { 60 }, num = 5 }))
    settle()
    pool:cancel_all()
    pool:gather_and_close()
    assert.are.equal(2, #calls)
  end))

  it("is told that a task ended well which ended well after its cancel", tasks.case(function()
    local pool, calls = tasks.TaskPool(), {}
    pool:apply(function()
      pool:cancel(0)
      return "done"
    end, noting(calls))
    pool:gather_and_close()
    assert.are.same({ { n = 4, "end", 0, true, "done" } }, calls)
  end))

  it("of a cancel keeps the place, the one of the end does not", tasks.case(function()
    local pool, times, began = tasks.TaskPool { size = 1 }, {}, taskpool.now()
    local function note(what)
      times[#times + 1] = ("%s %.0f"):format(what, taskpool.now() - began)
    end
    pool:apply(nap, {
      args = { 60 },
      cancel_callback = function()
        note "cancel callback"
        taskpool.sleep(2)
        assert.are.equal(1, pool.num_cancelled)
      end,
      end_callback = function()
        note "end callback"
        assert.are.equal(0, pool.num_running + pool.num_cancelled)
        taskpool.sleep(2)
        assert.are.equal(1, pool.num_running)
        note "end of end callback"
      end,
    })
    pool:apply(function()
      note "next task"
      taskpool.sleep(9)
    end)
    taskpool.sleep(1)
    pool:cancel(0)
    pool:gather_and_close()
    assert.are.same({ "cancel callback 1", "end callback 3", "next task 3", "end of end callback 5" }, times)
  end))

  it("may wait, and is waited for", tasks.case(function()
    local pool, queue, finished = tasks.TaskPool(), taskpool.Queue(), 0
    pool:apply(nap, { args = { 1 }, num = 3, end_callback = function()
      queue:get()
      finished = finished + 1
    end })
    taskpool.sleep(5)
    assert.are.equal(3, pool.num_ended)
    for item = 1, 3 do
      queue:put(item)
    end
    pool:gather_and_close()
    assert.are.equal(3, finished)
  end))

  it("is out of reach of a cancel", tasks.case(function()
    local pool, ended = tasks.TaskPool(), 0
    pool:apply(nap, { args = { 60 }, num = 2, group_name = "g", cancel_callback = function()
      taskpool.sleep(5)
    end, end_callback = function()
      taskpool.sleep(5)
      ended = ended + 1
    end })
    settle()
    pool:cancel(0)
    for _ = 1, 9 do
      taskpool.sleep(1)
      pool:cancel_all()
    end
    pool:gather_and_close()
    assert.are.equal(2, ended)
  end))

  it("may use its pool", tasks.case(function()
    local pool, rounds = tasks.TaskPool { size = 1 }, 0
    local function again()
      rounds = rounds + 1
      if rounds < 5 then
        pool:apply(nap, { args = { 1 }, end_callback = again })
      end
    end
    again()
    taskpool.sleep(10)
    assert.are.equal(5, rounds)
  end))
end)

describe("an error in a callback", function()
  it("is logged with the name of the task, and changes nothing else", tasks.case(function(log)
    local pool, calls = tasks.TaskPool { name = "p" }, {}
    pool:map(nap, { 1, 2 }, {
      group_name = "g",
      num_concurrent = 2,
      cancel_callback = function()
        error "in the first"
      end,
      end_callback = function(...)
        calls[#calls + 1] = table.pack(...)
        taskpool.sleep(1)
        error { "in the second" }
      end,
    })
    settle()
    pool:cancel(0)
    pool:gather_and_close() -- raises nothing
    assert.are.equal(2, #calls)
    assert.are.equal("Cancelled", calls[1][3].code)
    assert.are.same({ n = 2, 1, true }, calls[2])
    assert.matches("cancel callback of TaskPool%-p_Task%-0 of group 'g'", log:expect "in the first")
    for _ = 1, 2 do
      assert.matches("end callback of TaskPool%-p_Task%-%d of group 'g'", log:expect "in the second")
    end
  end))
end)

describe("callbacks at random (T26)", function()
  local TASKS <const> = 5000

  ---How many tasks were seen.
  local function size(seen)
    local count = 0
    for _ in pairs(seen) do
      count = count + 1
    end
    return count
  end

  ---How often they were seen more than once.
  local function excess(seen)
    local count = 0
    for _, times in pairs(seen) do
      count = count + times - 1
    end
    return count
  end

  ---Ends in one of many ways, with waits in it or not.
  local function work(how, seconds)
    if seconds > 0 then
      taskpool.sleep(seconds)
    end
    if how == "raise" then
      error "on purpose"
    elseif how == "pcall" then
      pcall(taskpool.sleep, 60)
    elseif how == "wait" then
      taskpool.sleep(60)
    elseif how == "resist" then
      while not taskpool.catch_cancel(taskpool.sleep, 60) do end
    end
    return how
  end

  it("run exactly once each", tasks.case(function(log)
    local seed = os.time()
    math.randomseed(seed)
    local HOW <const> = { "return", "raise", "pcall", "wait", "resist" }
    local pool = tasks.TaskPool { size = 50 }
    local cancelled, ended = {}, {}
    local num_ended, wrong = 0, 0
    local function callback(seen)
      return function(id)
        seen[id] = (seen[id] or 0) + 1
        num_ended = num_ended + (seen == ended and 1 or 0)
        wrong = wrong + (seen == cancelled and ended[id] and 1 or 0) -- in the wrong order
        local what = math.random(4)
        if what == 1 then
          taskpool.sleep(math.random())
        elseif what == 2 then
          error "in a callback"
        end
      end
    end
    local options = { end_callback = callback(ended), cancel_callback = callback(cancelled) }
    for _ = 1, TASKS / 10 do
      options.args, options.num = { HOW[math.random(#HOW)], math.random(0, 3) }, 10
      pool:apply(work, options)
    end
    while pool.num_waiting > 0 do
      taskpool.sleep(math.random())
      for _ = 1, 3 do
        pcall(pool.cancel, pool, math.random(num_ended, num_ended + 50))
      end
      if math.random(20) == 1 then
        pcall(pool.cancel_group, pool, "apply-work-group-" .. math.random(0, TASKS // 10))
      end
    end
    pool:gather_and_close { return_exceptions = true }
    local duplicates = excess(ended) + excess(cancelled)
    for id in pairs(cancelled) do
      wrong = wrong + (ended[id] and 0 or 1)
    end
    local started = log:count "Started"
    log:expect_all "error in"
    assert.is_true(log:expect_all "Killed" > 0)
    print(("callbacks: ended=%d end_cb=%d duplicates=%d"):format(started, size(ended), duplicates))
    assert.are.equal(started, size(ended), "seed " .. seed)
    assert.are.equal(log:count "Cancelled", size(cancelled), "seed " .. seed)
    assert.are.equal(0, duplicates + wrong, "seed " .. seed)
  end))
end)
