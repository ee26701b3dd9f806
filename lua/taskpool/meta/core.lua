---@meta taskpool.core
---
---Editor definitions of what taskpool.core (C) offers. Scripts use it through `require "taskpool"`; the
---parts below "for libraries" are for modules that add a wait of their own.
---
---SPDX-License-Identifier: MIT

-- luacheck: ignore 212

---@class taskpool.Core
---@field version string of the library, such as "0.1.0"
local core = {}

---The codes of errors; the C header lists them with their meanings.
---@alias taskpool.Code
---| "PoolIsClosed" # the pool was gathered and closed
---| "PoolIsLocked" # the pool refuses new work
---| "TaskGroupAlreadyExists" # the group name is taken
---| "TaskGroupNotFound" # no group of that name
---| "TaskNotFound" # no task of that id
---| "AlreadyCancelled" # the task was cancelled before
---| "AlreadyEnded" # the task has ended
---| "InvalidArgument" # wrong type, range, name or spelling
---| "NotFound" # no such function, module, command
---| "NotAvailable" # not possible now; may work later
---| "Cancelled" # raised in a task that is cancelled
---| "TimedOut" # the time limit was over
---| "Denied" # not allowed for this caller
---| "TaskFailed" # tasks that were waited for failed
---| "Deadlock" # tasks wait and nothing can wake them
---| "IOError" # file, socket or address failed
---| "ScriptError" # a script did not load or raised
---| "NoMemory" # an allocation failed

---Prints as "CODE: message".
---@class taskpool.Error
---@field code taskpool.Code
---@field message string
---@field traceback? string message and calls, once it has ended a call
---@field who? string of a Cancelled error: who cancelled
---@field when? number of a Cancelled error: seconds since 1970, as `os.time` counts them

---Makes an error table; raise it with `error(e, 0)`.
---@param code taskpool.Code|string
---@param message string
---@return taskpool.Error
function core.error(code, message) end

---Wraps an error value, to be raised with `error`: the task that it ends is not tried again. Callbacks and
---`gather_and_close` see `err` itself; caught by pcall, it is an object that prints as `err` does.
---@param err any
---@return userdata
function core.no_retry(err) end

---What a task is told of itself.
---@class taskpool.Task
---@field id integer counts from 0 within the pool
---@field group? string name of its group; a submitted call may have none
---@field pool string label of its pool, such as "TaskPool-0"
---@field number integer its place in the group, from 0 on: that of its element, whatever ends first
---@field args table what its function was called with, a list with its length at `n`
---@field try integer which try of its function this is, from 1 on; in its callbacks, how many there were

---What is known of the running task; in its callbacks, of the task that has ended; in a function that runs in a
---thread, of the task that has called it. nil outside of a task of a pool, also in the coroutines of `gather` and
---`timeout`. The table is made when it is asked for.
---
---    local task = taskpool.task()
---    taskpool.log.info(("%s, item %d"):format(task.group, task.number))
---@return taskpool.Task|nil
function core.task() end

---Which try of its function the running task is at, from 1 on; in the task's callbacks, how many there were.
---nil outside of a task of a pool, also in the coroutines of `gather` and `timeout`.
---@return integer|nil
function core.tries() end

---Waits.
---@async
---@param seconds number
function core.sleep(seconds) end

---Lets all other tasks that can run have their turn.
---@async
function core.yield() end

---Seconds since some fixed point in the past; never goes back.
---@return number
function core.now() end

---Outside of a task: runs `main(...)` as a task, and the loop until it has returned, no task is left and no
---server is open. Inside a task: calls it. Returns its results and raises its error; raises Deadlock if tasks
---are left that nothing can wake.
---@param main function
---@param ... any
---@return any ...
function core.run(main, ...) end

---Calls `fn(..., callback)` and waits until the callback is called. A failure of `fn` itself is returned
---as nil, message, code. So is a callback whose first argument is a string, as luv's are; where it is
---nil, the arguments after it are returned (true if there are none); otherwise all of them.
---
---    local descriptor, message = taskpool.await(uv.fs_open, path, "r", 0)
---@async
---@param fn function
---@param ... any
---@return any ...
function core.await(fn, ...) end

---Runs a function in a thread of the host's own, and waits for its results. There is a thread for each core,
---from the first call on. Arguments and results are copied: nil, booleans, numbers, strings, and tables of
---these; others raise InvalidArgument. What the function raises is raised here.
---
---    local sum = taskpool.blocking("mypackage.hashing.sha256", path)
---@async
---@param name taskpool.Function "package.module.function"
---@param ... any
---@return any ...
function core.blocking(name, ...) end

---Loads the new text of a module, for tasks that start later, here and in all threads. If it does not load,
---the old one stays and ScriptError is raised; in a thread that is logged.
---
---If the new module is a table with the function `on_reload`, that is called with the old module first, so that it
---can take its state over. An error of it is one of the text.
---
---    function mymodule.on_reload(old)
---      mymodule.seen = old.seen
---    end
---@param module string as `require` takes it
---@return any module what `require` returns from now on
---@return string? lost what state of the old text is lost: fields, and local variables of its functions
function core.reload(module) end

---Calls `fn(...)` as pcall does, but catches the error of a cancel too. The next wait raises it again.
---@param fn function
---@param ... any
---@return boolean ok
---@return any ...
function core.catch_cancel(fn, ...) end

---Calls `fn(...)` while a cancel of the running task is held off: waits do not raise for at most `seconds`,
---within the grace of the cancel. For a cleanup that must wait. Raises what `fn` raises.
---@async
---@param seconds number
---@param fn function
---@param ... any
---@return any ...
function core.shield(seconds, fn, ...) end

---Lets control sessions call what is named: a module's function, such as "jobs.fetch", or all that a module and those
---below it define, such as "jobs.*". With `fn` the name is that of this function, whatever modules there are; it cannot
---be called in threads. The first call replaces the default, the modules below the modules directory. Raises
---InvalidArgument for a malformed name, NotFound if there is no such module.
---@param name string
---@param fn? function
function core.expose(name, fn) end

---The function that `name` stands for: "package.module.function", one that was exposed under it, or a worker in C of
---the program that embeds the host. Loads the module if need be.
---@param name string
---@return function
function core.find(name) end

-- for libraries

---Raises Cancelled in a task that has been cancelled; otherwise does nothing. For calls that may wait,
---but need not this time.
function core.checkpoint() end

---The id of the next park of the running task. Raises InvalidArgument outside of a task.
---@return integer
function core.waiter() end

---Waits until the id that `core.waiter` gave is woken. Returns the values of the wake.
---@async
---@param what? taskpool.Future|table<any, taskpool.Future> what it waits for, of several for all of them:
---Deadlock is raised if that can never be done
---@return any ...
function core.park(what) end

---Wakes a parked task with values. Nothing runs before the caller gives up control.
---@param id integer
---@param ... any
---@return boolean woken true: the values will come out of the park; false: that park is over
function core.wake(id, ...) end

---Starts `fn(...)` as a coroutine of its own, in no pool.
---@param fn function
---@param ... any
---@return taskpool.Future
function core.start(fn, ...) end

---Calls `f(ok, ...)` once when the future is done, now if it is; `f` may not wait. An error counts
---as seen then, unless `f` returns false. If `f` fails, as for lack of memory, waiting[1]
---becomes true, and the park whose id is waiting[2] is woken: both must be there before.
---@param future taskpool.Future
---@param f fun(ok: boolean, ...: any): boolean?
---@param waiting? table
function core.on_end(future, f, waiting) end

---Whether those of the futures that are not done are calls of one and the same pool.
---@param futures taskpool.Future[]
---@return boolean
function core.share_pool(futures) end

---Cancels what a future stands for, if it is not done.
---@param future taskpool.Future
---@param message? string
---@param timed_out? boolean with TimedOut instead of Cancelled
function core.cancel(future, message, timed_out) end

---Whether a task is running.
---@return boolean
function core.in_task() end

---What happens in a pool: "initialized", "locked", "unlocked", "scaled", "closed"; to a group: "finished"; to a task:
---"started", "cancelling", "cancelled", "retried", "killed", "ignored" (its cancel), "ended". "dropped" stands where
---events are missing, because too many waited.
---@class taskpool.HostEvent
---@field event string what has happened
---@field time number wall clock, seconds since 1970
---@field pool? string what the pool prints as
---@field group? string the name of the group, if it has one
---@field task? integer the id of the task
---@field detail? string what more there is to say, such as "failed" of a task that has ended
---@field count? integer of "dropped": how many events are missing

---@class taskpool.EventOptions
---@field kind? string|string[] only these events, or all that are about a "pool", a "group" or a "task"; default: all
---@field group? string only those of the group of that name
---@field pool? string|taskpool.Pool only those of this pool
---@field limit? integer how many may wait until they are taken; default: 10000

---What happens in pools, groups and tasks from now on, for a `for`, whose steps wait. It ends when the loop is left,
---or the closing value is closed.
---
---    for event in taskpool.events { kind = "ended" } do
---      print(event.pool, event.task, event.detail)
---    end
---@param options? taskpool.EventOptions
---@return async fun(): taskpool.HostEvent
function core.events(options) end

---@class taskpool.ProfileOptions
---@field pool? string|taskpool.Pool only tasks of this pool; default: all that runs
---@field lines? boolean the busiest lines, not stacks
---@field interval? number seconds from one sample to the next, from 0.0001 to 1; default: 0.001

---@class taskpool.BusyLine
---@field samples integer how often it was found
---@field percent number of all samples
---@field line string "file:line"
---@field func string what its function is called

---Waits, and returns which Lua code ran meanwhile, by samples. Stacks are folded, a line for each, as flame graphs take
---them: "TaskPool-jobs;fetch@jobs.lua:3;parse@jobs.lua:20 17", the innermost function last, each with the line where it
---begins. Time in a C function counts for the line that calls it. Tasks that run in threads are not sampled. Raises
---NotAvailable while another profile is being taken.
---@async
---@param seconds number
---@param options? taskpool.ProfileOptions
---@return string|taskpool.BusyLine[]
function core.profile(seconds, options) end

---Writes a log record.
---@param level taskpool.LogLevel
---@param message string
function core.log(level, message) end

---Reads or sets the level of the log.
---@param level? taskpool.LogLevel
---@return taskpool.LogLevel
function core.log_level(level) end

---Passes log records to `handler`; nil: to where they went before.
---@param handler taskpool.LogHandler|nil
function core.log_handler(handler) end

---Says that the host is ready, to the service manager that has started `taskpool run`. Without it the host
---is ready when a control server listens, or the script has returned.
function core.ready() end

---Whether workers that never wait are interrupted, so that the others have their turn. They are, unless
---this says no.
---@param on boolean
function core.preempt(on) end

---How many results of `core.await` came after their wait had been cancelled.
---@return integer
function core.dropped_results() end

---Says that functions of chunks whose names begin with `prefix` must not be interrupted in the middle.
---@param prefix string
function core.library(prefix) end

---Says what a pool in a <close> variable does at the end of its scope; `err` is what ends it, nil: nothing.
---@param f fun(pool: taskpool.Pool, err: any)
function core.on_scope_end(f) end

---Preempts every task after so many instructions, to test that it makes no difference; 0: no longer.
---@param instructions integer
function core.force_preemption(instructions) end

---Switches the virtual clock on or off: time stands still while something can run, and jumps to the next
---timer when nothing can.
---@param on boolean
function core.virtual_clock(on) end

return core
