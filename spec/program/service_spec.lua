-- SPDX-License-Identifier: MIT
-- `taskpool run` as a service: what it tells its manager, its log file, the signals of administrators, and what it does
-- as process 1.
local json = require "dkjson"
local program = require "spec.support.program"
local uv = require "luv"

local directory
local started = {} -- what the present spec has started

---Each case of the present block has a directory of its own, and leaves no process behind.
local function set_up()
  before_each(function()
    directory = program.make_directory()
  end)

  after_each(function()
    for index, process in ipairs(started) do
      process:stop()
      started[index] = nil
    end
    os.remove(directory .. "/notify")
    program.remove_directory(directory)
  end)
end

describe("taskpool run", function()
  set_up()

  ---Starts a program that does not outlive the spec.
  local function start(arguments)
    started[#started + 1] = program.start(arguments)
    return started[#started]
  end

  local function script(text)
    return program.write_file(directory .. "/script.lua", "local taskpool = require 'taskpool'\n" .. text)
  end

  ---A manager, and the environment in which it starts a service.
  local function start_manager(watchdog)
    local path = directory .. "/notify"
    local manager = start { file = "python3", "spec/support/notify_socket.py", path }
    manager:wait_for "listening\n"
    return manager, { NOTIFY_SOCKET = path, WATCHDOG_USEC = watchdog }
  end

  ---What the manager was told, in which order, without the lines that match `pattern`.
  local function told(manager, pattern)
    local lines = {}
    for line in manager:stop().out:gmatch "[^\n]+" do
      if line ~= "listening" and not line:find(pattern or "^WATCHDOG") then
        lines[#lines + 1] = line
      end
    end
    return lines
  end

  describe("tells its manager", function()
    it("that it is ready when a control server listens, its state, and that it stops", function()
      local manager, env = start_manager()
      local host = start {
        "run",
        script [[
          local pool = taskpool.SimpleTaskPool(function(s)
            taskpool.sleep(s)
            error "late"
          end, { name = "work", size = 2, args = { 0.01 } })
          taskpool.control.serve { pool, unix = ... }
          pool:start(5)
          taskpool.sleep(60)
        ]],
        directory .. "/socket",
        env = env,
      }
      manager:wait_for "READY=1\n"
      manager:wait_for "STATUS=pools: 1, running: 0, waiting: 0, failed: 5\n"
      host:kill()
      manager:wait_for "STOPPING=1\n"
      assert.are.equal(143, host:finish().code)
      local lines = told(manager)
      assert.are.equal("READY=1", lines[1])
      assert.matches("^STATUS=pools: 1, running: %d, waiting: %d, failed: 0$", lines[2])
      assert.are.equal("STOPPING=1", lines[4])
    end)

    it("that it is ready when the script has returned", function()
      local manager, env = start_manager()
      local path = script "taskpool.TaskPool():apply(taskpool.sleep, { args = { 0.01 } })"
      local done = program.run { "run", path, env = env }
      assert.are.equal(0, done.code, done.err)
      manager:wait_for "STOPPING=1\n"
      local lines = told(manager)
      assert.are.same({ "READY=1", 3, "STOPPING=1" }, { lines[1], #lines, lines[3] })
      assert.matches("^STATUS=pools: 1, running: %d, waiting: %d, failed: 0$", lines[2])
    end)

    it("that it is ready when the script says so", function()
      local manager, env = start_manager()
      local host = start { "run", script "taskpool.ready() taskpool.sleep(60)", env = env }
      manager:wait_for "READY=1\n"
      host:stop()
    end)

    it("nothing more than that it stops, if the script fails before it is ready", function()
      local manager, env = start_manager()
      assert.are.equal(1, program.run({ "run", script "error 'no'", env = env }).code)
      manager:wait_for "STOPPING=1\n"
      assert.are.same({ "STOPPING=1" }, told(manager))
    end)

    it("that its loop goes on, and nothing while it hangs", function()
      local manager, env = start_manager "100000"
      local host = start {
        "run",
        script [[
          local send = "import socket, sys; "
            .. "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[1].encode(), sys.argv[2])"
          local command = ("python3 -c '%s' %%s '%s';"):format(send, ...)
          taskpool.sleep(0.3)
          os.execute(command:format "BEGIN" .. "sleep 0.5;" .. command:format "END") -- blocks the host
          taskpool.sleep(60)
        ]],
        directory .. "/notify",
        env = env,
      }
      manager:wait_for "WATCHDOG=1\nWATCHDOG=1\n"
      manager:wait_for "END\n"
      manager:wait_for "WATCHDOG=1\nWATCHDOG=1\n"
      assert.is_truthy(manager.out:find("BEGIN\nEND\n", 1, true), manager.out)
      host:stop()
    end)

    it("in the abstract namespace too", function()
      local name = "taskpool-spec-" .. uv.os_getpid()
      local receiver = start {
        file = "python3",
        "-c",
        "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind('\\0' + sys.argv[1]); "
          .. "print('listening', flush=True); print(s.recv(99).decode(), flush=True)",
        name,
      }
      receiver:wait_for "listening\n"
      program.run { "run", script "", env = { NOTIFY_SOCKET = "@" .. name } }
      receiver:wait_for "READY=1\n"
      receiver:finish()
    end)

    it("and its children do not speak for it", function()
      local manager, env = start_manager "1000000"
      env.WATCHDOG_PID = "1"
      local done = program.run {
        "run",
        script "os.execute [[echo \"${NOTIFY_SOCKET-none} ${WATCHDOG_USEC-none} ${WATCHDOG_PID-none}\"]]",
        env = env,
      }
      assert.are.equal("none none none\n", done.out)
      assert.is_nil(manager:stop().out:find "WATCHDOG")
    end)
  end)

  describe("with --log-file", function()
    local LOG <const> = "/host.log"

    ---A host that logs a number each millisecond, from 1 on, until it is stopped.
    local function start_counter()
      return start {
        "run",
        "--log-level",
        "info",
        "--log-file",
        directory .. LOG,
        script [[
          for i = 1, math.huge do
            taskpool.log.info("number %d", i)
            if i == 1 then
              io.stdout:write "counting\n"
              io.stdout:flush()
            end
            taskpool.sleep(0.001)
          end
        ]],
      }
    end

    ---Waits until a file is there and has something in it.
    local function wait_for_file(path)
      repeat
        local info = uv.fs_stat(path)
      until info and info.size > 0
    end

    it("goes on in a new file at SIGHUP, and loses no record", function()
      local host = start_counter()
      host:wait_for "counting\n"
      for rotation = 1, 5 do
        assert(os.rename(directory .. LOG, directory .. "/old." .. rotation))
        host:kill "sighup"
        wait_for_file(directory .. LOG)
      end
      assert.are.same({ 143, "" }, { host:stop().code, host.err })
      local count = 0
      for _, name in ipairs { "/old.1", "/old.2", "/old.3", "/old.4", "/old.5", LOG } do
        for line in io.lines(directory .. name) do
          count = count + 1
          assert.matches("^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d%.%d%d%d info number " .. count .. "$", line)
        end
      end
      assert.is_true(count >= 6)
    end)

    it("goes on in the old file where there can be no new one", function()
      local host = start_counter()
      host:wait_for "counting\n"
      local log <close> = assert(io.open(directory .. LOG))
      assert(os.remove(directory .. LOG))
      assert(uv.fs_mkdir(directory .. LOG, 448))
      host:kill "sighup"
      local text, expected = "", " error cannot open [^\n]+: Is a directory; the log goes on in the old file\n.* info "
      repeat
        text = text .. log:read "a"
      until text:find(expected)
      host:stop()
    end)

    it("appends, keeps how the run has ended, and says that on stderr too", function()
      program.write_file(directory .. LOG, "before\n")
      local done = program.run { "run", "--log-file=" .. directory .. LOG, script "error 'boom'" }
      assert.are.equal(1, done.code)
      assert.matches("^taskpool: ScriptError: .*boom\n", done.err)
      assert.matches("^before\n[%d-]+ [%d:.]+ error .*boom\n", program.read_file(directory .. LOG))
    end)

    it("says why it cannot start", function()
      local done = program.run { "run", "--log-file", directory .. "/none/log", script "print 'ran'" }
      assert.are.same({ 1, "" }, { done.code, done.out })
      assert.matches("^taskpool: IOError: cannot open the log file .*/none/log: No such file", done.err)
    end)
  end)

  it("logs one JSON object for each record with --log-json", function()
    local done = program.run {
      "run",
      "--log-level=debug",
      "--log-json",
      script [[
        local pool = taskpool.TaskPool { name = "\xff\n\"jobs\"" }
        pool:apply(function()
          taskpool.log.warning "one\ntwo \xfe \\"
          error(taskpool.error("Odd", ("x"):rep(5000)))
        end, { group_name = "gr\xc3\xbcn" })
      ]],
    }
    assert.are.equal(1, done.code)
    local records = {}
    for line in done.err:gmatch "[^\n]+" do
      local record, rest = json.decode(line)
      assert.is_table(record, line)
      assert.are.equal(#line + 1, rest)
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", record.time)
      records[#records + 1] = record
    end
    local function about(index)
      local record = records[index]
      return { record.level, record.pool, record.group, record.task, record.error }
    end
    local pool <const> = 'TaskPool-\\xff\n  "jobs"'
    assert.are.same({ "debug", pool }, about(1))
    assert.are.same({ "debug", pool, "grün", 0 }, about(2)) -- started
    assert.are.same({ "warning", pool, "grün", 0 }, about(3))
    assert.are.equal("one\n  two \\xfe \\", records[3].message)
    assert.are.same({ "error", pool, "grün", 0, "Odd" }, about(4))
    assert.matches("bytes left out", records[4].message)
    assert.are.same({ "error", nil, nil, nil, "TaskFailed" }, about(#records))
  end)

  it("tells of a task that is stuck with its pool, group and id", function()
    local host = start {
      "run",
      "--log-json",
      script [[
        local pool = taskpool.TaskPool { name = "slow" }
        pool:map(os.execute, { "true", "sleep 1.8" }, { group_name = "naps" })
      ]],
    }
    local record = json.decode(host:finish().err)
    assert.are.same({ "warning", "TaskPool-slow", "naps", 1 }, { record.level, record.pool, record.group, record.task })
    assert.matches("^stuck for a second in C code, nothing else runs: TaskPool%-slow_Task%-1 at ", record.message)
  end)

  it("writes its pools, groups and tasks to the log at SIGUSR1, at any level", function()
    local host = start {
      "run",
      "--log-level=error",
      "--log-file", -- a pipe that is not read soon enough loses records
      directory .. "/log",
      script [[
        local jobs = taskpool.TaskPool { name = "jobs", size = 300 }
        taskpool.TaskPool { name = "empty" }
        local function nap()
          taskpool.sleep(60)
        end
        jobs:apply(nap, { num = 400, group_name = "naps" })
        jobs:submit_nowait(nap)
        taskpool.sleep(0.01)
        io.stdout:write "there\n"
        io.stdout:flush()
        taskpool.sleep(60)
      ]],
    }
    host:wait_for "there\n"
    local seen = 0
    local function dump()
      local text
      host:kill "sigusr1"
      program.run_until(function()
        text = program.read_file(directory .. "/log"):sub(seen + 1)
        return text:find "TaskPool%-empty: any size, 0 running[^\n]*\n"
      end, function()
        return "no dump: " .. text
      end)
      seen = seen + #text
      return text
    end
    for _ = 1, 2 do
      local text = dump()
      assert.matches("^%S+ %S+ info the pools of the host: 2\n", text)
      assert.matches("info TaskPool%-jobs: size 300, 300 running, 101 waiting, 0 ended %(0 failed, 0 cancelled, "
        .. "0 timed out%)\n", text)
      assert.matches("info TaskPool%-jobs, group 'naps': 299 running, 101 waiting, 0 ended [^\n]*; pool full ", text)
      assert.matches("info TaskPool%-jobs, group 'submit': 1 running, 0 waiting", text)
      assert.matches("info TaskPool%-jobs_Task%-0 is running: sleep < [^\n]*script.lua:5", text)
      assert.are.equal(200, select(2, text:gsub("_Task%-%d+ is running", "")))
      assert.matches("info TaskPool%-jobs: further tasks: 100\n", text)
    end
    host:stop()
  end)
end)

describe("taskpool run as process 1", function()
  local UNSHARE <const> = { "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child" }
  local is_permitted = os.execute("unshare " .. table.concat(UNSHARE, " ") .. " true 2>/dev/null")
  set_up()

  local function start(text)
    if not is_permitted then
      pending "this system lets nobody make a process 1"
    end
    local path = program.write_file(directory .. "/script.lua", "local taskpool = require 'taskpool'\n" .. text)
    local words = table.move(UNSHARE, 1, #UNSHARE, 1, { file = "unshare" })
    return program.start(table.move({ program.path, "run", path }, 1, 3, #words + 1, words))
  end

  it("reaps orphans, and leaves the children of the host to the host", function()
    local host = start [[
      local uv = require "luv"
      local id
      io.stdout:setvbuf "line"
      -- The shell leaves two children, of which one ends before it and one after it.
      local pipe = io.popen("sleep 0.05 & true & exit 3")
      uv.spawn("sh", { args = { "-c", "sleep 0.05 & exit 4" } }, function(code)
        print("spawn", code)
      end)
      taskpool.sleep(0.2)
      print("popen", select(3, pipe:close()))
      repeat
        local zombies = io.popen("grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null"):read "a"
      until zombies == ""
      print "no zombies"
    ]]
    local done = host:finish()
    assert.are.equal("spawn\t4\npopen\t3\nno zombies\n", done.out, done.err)
    assert.are.same({ 0, "" }, { done.code, done.err })
  end)

  it("hands on its exit code and signals", function()
    assert.are.equal(1, start("error 'no'"):finish().code)
    local host = start [[
      io.stdout:write(("pid %d\n"):format(require("luv").os_getppid()))
      io.stdout:flush()
      os.execute "kill -TERM 1"
      taskpool.sleep(60)
    ]]
    assert.are.same({ 143, "pid 1\n" }, { host:finish().code, host.out })
  end)
end)

describe("examples/service", function()
  set_up()

  ---Puts the places of this test for those of a system.
  local function here(text)
    return (text:gsub("/usr/bin/taskpool", program.path):gsub("/etc/taskpool/", "examples/service/service-")
      :gsub("/var/log/taskpool", directory):gsub("/run/taskpool", directory))
  end

  ---Starts a command line.
  local function start(command, env)
    local words = { env = env }
    for word in here(command):gmatch "%S+" do
      words[#words + 1] = word
    end
    words.file = table.remove(words, 1)
    started[#started + 1] = program.start(words)
    return started[#started]
  end

  ---The words of a JSON list of a container file, as a command line with our program.
  local function command_of(page, instruction)
    local list = json.decode(page:match("\n" .. instruction .. "(%b[])"))
    return (table.concat(list, " "):gsub("^taskpool", "/usr/bin/taskpool"))
  end

  it("has a unit whose commands start, reload and stop a host", function()
    local unit = program.read_file "examples/service/taskpool.service"
    local manager = start("python3 spec/support/notify_socket.py " .. directory .. "/notify")
    manager:wait_for "listening\n"
    local host = start(unit:match "\nExecStart=([^\n]+)", { NOTIFY_SOCKET = directory .. "/notify" })
    manager:wait_for "READY=1\n"
    manager:wait_for "STATUS=pools: 1, running: 3, waiting: 0, failed: 0\n"
    assert(os.rename(directory .. "/host.log", directory .. "/host.log.1"))
    local reload = here(unit:match "\nExecReload=([^\n]+)"):gsub("%$MAINPID", tostring(host.handle:get_pid()))
    assert(os.execute(reload))
    repeat
      local is_reopened = uv.fs_stat(directory .. "/host.log")
    until is_reopened
    host:kill()
    manager:wait_for "STOPPING=1\n"
    assert.are.equal(unit:match "\nSuccessExitStatus=(%d+)", tostring(host:finish().code))
    assert.are.equal("", host.err)
  end)

  it("has a unit that systemd takes", function()
    if not os.execute "systemd-analyze --version >/dev/null 2>&1" then
      pending "systemd-analyze is not installed"
      return
    end
    local unit = program.read_file "examples/service/taskpool.service"
    unit = unit:gsub("/usr/bin/taskpool", uv.fs_realpath(program.path))
    local path = program.write_file(directory .. "/taskpool.service", unit)
    local done = program.run { file = "systemd-analyze", "verify", "--man=no", path }
    assert.are.equal(0, done.code, done.err)
    assert.is_nil(done.err:find("/taskpool.service", 1, true), done.err)
  end)

  it("has a container file whose commands start a host and look after its health", function()
    local page = program.read_file "examples/service/Containerfile"
    local command, check = command_of(page, "CMD "), command_of(page, "HEALTHCHECK [^\n]*CMD ")
    local host = start(command .. " /run/taskpool/control.sock")
    host:wait_for "listening on "
    local done = start(check):finish()
    assert.are.same({ "pong\n", "", 0 }, { done.out, done.err, done.code })
    assert.are.equal(143, host:stop().code)
    assert.are.equal(3, start(check):finish().code)
  end)
end)
