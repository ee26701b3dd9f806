-- SPDX-License-Identifier: MIT
-- examples/clients/taskpool_client.py against a host.
local program = require "spec.support.program"

local HOST <const> = [[
local taskpool = require "taskpool"
taskpool.expose("echo", function(...) return ... end)
taskpool.expose("add", function(a, b) return a + b end)
local pool = taskpool.TaskPool { name = "jobs" }
taskpool.control.serve { pool, unix = arg[1] }
local server = taskpool.control.serve { pool, tcp = "127.0.0.1:0", token = 'a-token-for-"Python"' }
print(server:address())
io.stdout:flush()
]]

local CLIENT <const> = [[
import sys
import threading
sys.path.insert(0, "examples/clients")
from taskpool_client import Client, TaskpoolError

for address in sys.argv[1:]:
    if address.startswith("tcp:"):
        try:
            Client(address, token="0123456789abcdef")
            raise SystemExit("it was not refused")
        except TaskpoolError as error:
            assert error.code == "Denied", error.code
    with Client(address, timeout=30, token='a-token-for-"Python"') as jobs:
        assert jobs.pool == "TaskPool-jobs", jobs.pool
        group = jobs.map("echo", ["x", {"deep": [1, None, True]}, 2.5], num_concurrent=3)
        jobs.wait(group)
        assert jobs.num_ok() >= 3
        assert jobs.submit("add", args=[40, 2]) == 42
        odd = "two \"words\" \\ \n 5"
        assert jobs.submit("echo", args=[odd]) == odd
        assert jobs.apply("echo", group_name=odd, num=2) == odd
        assert jobs.pool_size(7) is None and jobs.pool_size() == 7
        assert jobs.pool_size(float("inf")) is None
        try:
            jobs.cancel_group("nobody")
            raise SystemExit("it was not refused")
        except TaskpoolError as error:
            assert error.code == "TaskGroupNotFound", error.code
        jobs.flush()
        with Client(address, timeout=30, token='a-token-for-"Python"') as other:
            seen = threading.Event()

            def act():
                while not seen.is_set():
                    other.lock()
                    other.unlock()

            thread = threading.Thread(target=act)
            thread.start()
            for event in jobs.stream("events", kind="locked"):
                assert event["event"] == "locked" and event["pool"] == "TaskPool-jobs", event
                break
            seen.set()
            thread.join()
        assert jobs.pool_size() == "inf" and not jobs.is_locked()
        try:
            next(jobs.stream("events", kind="begun"))
            raise SystemExit("it was not refused")
        except TaskpoolError as error:
            assert error.code == "InvalidArgument", error.code
for wrong in "nowhere", "tcp://x":
    try:
        Client(wrong)
        raise SystemExit("it was not refused")
    except ValueError:
        pass
print("done")
]]

describe("the client for Python", function()
  local directory, host, socket

  setup(function()
    directory = program.make_directory()
    socket = directory .. "/control.sock"
    host = program.start { "run", program.write_file(directory .. "/host.lua", HOST), socket }
    host:wait_for "\n"
  end)

  teardown(function()
    host:stop()
    program.remove_directory(directory)
  end)

  it("has a method for each command, on both kinds of sockets", function()
    local path = program.write_file(directory .. "/client.py", CLIENT)
    local client = program.run { file = "python3", path, "unix:" .. socket, (host.out:gsub("\n", "")) }
    assert.are.same({ 0, "done\n", "" }, { client.code, client.out, client.err })
  end)

  it("is a program", function()
    local function run(...)
      return program.run { file = "python3", "examples/clients/taskpool_client.py", "unix:" .. socket, ... }
    end
    assert.are.equal("42\n", run("submit", "add", "args=[40, 2]").out)
    local refused = run("cancel_group", "nobody")
    assert.are.equal(1, refused.code)
    assert.matches("TaskGroupNotFound: TaskPool-jobs has no group 'nobody'", refused.err, 1, true)
  end)
end)
