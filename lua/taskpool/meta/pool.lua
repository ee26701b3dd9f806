---@meta taskpool.pool
---
---Editor definitions of the pools (C).
---
---SPDX-License-Identifier: MIT
---
---scripts/docs makes docs/methods.md of them. The first paragraph says what a method does, one that begins with
---"Raises" its errors (other than InvalidArgument), and an indented line is an example, in Lua or, after "> ", at the
---control port.

-- luacheck: ignore 212 241

---A Lua function, a table that can be called, or the name of a function: "package.module.function".
---@alias taskpool.Function function|table|string

---A list, an iterator function, a coroutine, or a table with __call, __pairs, __index or __len. `map`,
---`starmap` and `doublestarmap` also take what a generic `for` takes: an iterator, a state and a first value, such as
---those of `pairs(t)`, and a value that is closed at the end, such as the file of `io.lines(path)`.
---@alias taskpool.Iterable any[]|function|thread|table

---Called when a task has ended or was cancelled: with its id, whether it ended well, and its results or its
---error. It may wait.
---@alias taskpool.Callback fun(id: integer, ok: boolean, ...: any)|string

---How a task is tried again when its function fails. A task that was cancelled, ran out of time, or raised an error of
---`taskpool.no_retry` is not tried again. A task keeps its id and its place in the pool. A number is short for
---`{n = NUMBER}`.
---@class taskpool.Retries
---@field n integer tries after the first one, up to 1000000
---@field backoff? number seconds before the first of them, doubled each time up to 3600; default: 0, at once
---@field jitter? number part of each pause, 0 to 1, by which it is shorter or longer at random; default: 0

---How many tasks may start in how much time: `n` in `per` seconds, evenly. A number is short for `{n = NUMBER}`.
---@class taskpool.Rate
---@field n integer starts in `per` seconds, 1 to 1000000000
---@field per? number seconds; default: 1
---@field burst? integer how many may start at once, when none have for long enough; default: 1

---@class taskpool.PoolOptions
---@field name? string what the pool prints as; default: a running index
---@field size? number how many tasks may run at a time; default: math.huge
---@field pool_size? number another name for it; only one of them may be given
---@field cancel_grace? number seconds that a cancelled task has before it is killed; default: 5
---@field retries? taskpool.Retries|integer how often tasks are tried again, unless a call sets it; default: 0
---@field rate? taskpool.Rate|integer how fast all its tasks may start; default: no limit
---@field keep_results? number of how many tasks that have ended it keeps records and results; default: 65536
---@field executor? "coroutine"|"thread" what runs the tasks; a thread takes functions by name; default: "coroutine"
---@field threads? integer with executor = "thread": how many, 1 to 1024; default: one for each core

---@class taskpool.TaskPoolOptions: taskpool.PoolOptions
---@field order? "fifo"|"lifo"|"priority" which of the waiting groups is next; default: "fifo"
---@field queue_limit? number how many submitted calls may wait beyond the free places; default: math.huge
---@field autoscale? taskpool.Autoscale the pool changes its size by itself; `size` is the first one

---The bounds of a pool that changes its size by itself: quickly up when tasks wait for a place, slowly down when
---places stay free. Each decision is logged with its reason, at level "info".
---@class taskpool.Autoscale
---@field max integer the largest size, at least 1
---@field min? integer the smallest size; default: 1
---@field interval? number seconds between two decisions, at least 0.001; default: 1

---@class taskpool.ScaleOptions
---@field hard? boolean cancel the newest tasks above the new size; default: they go on

---@class taskpool.SimplePoolOptions: taskpool.PoolOptions
---@field args? any[] arguments of every task
---@field kwargs? table<string, any> arguments by the names of the function's parameters
---@field end_callback? taskpool.Callback called when a task has ended, in whatever way
---@field cancel_callback? taskpool.Callback called before it for a task that was cancelled
---@field results? "none"|"errors"|"all" which results `pool:results` finds; default: "errors"

---@class taskpool.GroupOptions
---@field group_name? string default: made of method, function and an index
---@field end_callback? taskpool.Callback called when a task has ended, in whatever way
---@field cancel_callback? taskpool.Callback called before it for a task that was cancelled
---@field timeout? number seconds after which a task is cancelled with TimedOut, all its tries together; default: never
---@field retries? taskpool.Retries|integer whether a task that fails is tried again; default: as the pool says
---@field rate? taskpool.Rate|integer how fast the group's tasks may start; default: as fast as the pool lets them
---@field results? "none"|"errors"|"all" which results `pool:results` finds: of tasks that did not end well, or of all;
---default: "errors"; not of `start`
---@field weight? number a smaller weight starts sooner, with order = "priority"; default: 4; not of `start`

---@class taskpool.ApplyOptions: taskpool.GroupOptions
---@field args? any[]
---@field kwargs? table<string, any> arguments by the names of the function's parameters
---@field num? integer how many tasks; default: 1

---@class taskpool.MapOptions: taskpool.GroupOptions
---@field num_concurrent? number how many tasks of the group may run at a time; math.huge: the pool's size; default: 1

---@class taskpool.SubmitOptions
---@field kwargs? table<string, any> arguments by the names of the function's parameters
---@field weight? number a smaller weight starts sooner, with order = "priority"; default: 4
---@field timeout? number seconds that it may run before it is cancelled with TimedOut; default: no limit
---@field retries? taskpool.Retries|integer whether it is tried again when it fails; default: as the pool says
---@field executor? "coroutine"|"thread" what runs it, as in the pool's options; default: as the pool says
---@field results? "none"|"errors"|"all" which results `pool:results` finds, by the call's name; default: "errors"
---@field group_name? string a name to wait for it by, and to cancel it; of `submit` it is free again when the call
---has ended, of `submit_nowait` after a flush; default: none

---@class taskpool.SubmitWaitOptions: taskpool.SubmitOptions
---@field nowait? boolean do not wait: the same as `submit_nowait`; default: false

---What will come of a call that was submitted. Prints as "Future: waiting", "running", "done", "failed" or
---"cancelled". An error that no task has awaited is logged when the future is collected.
---@class taskpool.Future
local Future = {}

---Waits until the call has ended; any number of tasks may. Returns its results or raises its error, each
---time again. Raises TimedOut if it has not ended after `seconds`; the call goes on.
---@async
---@param seconds? number default: no limit
---@return any ...
function Future:await(seconds) end

---Whether the call has ended, in whatever way.
---@return boolean
function Future:done() end

---Cancels the call. If it has not started, it never starts.
---@param options? taskpool.CancelOptions
---@return boolean cancelled false: it was done already
function Future:cancel(options) end

---Changes the weight of a call that still waits.
---@param weight number
---@return boolean changed false: it has started
function Future:set_weight(weight) end

---@class taskpool.CancelOptions
---@field msg? string message of the cancel error
---@field grace? number seconds that the tasks have before they are killed; default: the pool's

---@class taskpool.FlushOptions
---@field return_exceptions? boolean do not raise errors of tasks

---How the function of a cancelled task ended.
---@alias taskpool.Outcome
---| "ending" # its cleanup still runs
---| "cancelled" # by the cancel
---| "ignored" # it returned nevertheless
---| "failed" # with an error of its own
---| "killed" # not by itself

---What came of a cancel.
---@class taskpool.CancelRecord
---@field outcome taskpool.Outcome "cancelled", "ignored", "failed", "killed"; "ending" while its cleanup runs
---@field code string code of the cancel error: "Cancelled", "TimedOut", …
---@field who string what asked for it, such as "cancel_group"
---@field message string text of the caller; "" for none
---@field when number seconds since 1970, as `os.time` counts them
---@field took? number seconds from the cancel to the end of the function; nil while it is ending

---How far a task is.
---@alias taskpool.TaskState
---| "waiting" # it has not started
---| "running"
---| "cancelled" # by a cancel: its cleanup or its cancel callback runs, or, with `ended_at`, it has ended
---| "ended" # its end callback runs, or it has ended well
---| "ok" # it has ended well, although it was cancelled
---| "failed" # an error has ended it
---| "timed-out" # its time limit has ended it

---What is known of a task. Of those that did not end well the newest 65536 of a pool are kept, until a flush.
---@class taskpool.TaskRecord
---@field id? integer its id; nil for one that waits
---@field group? string name of its group; nil for a submitted call without one
---@field number? integer its place in the group, from 0 on
---@field state taskpool.TaskState
---@field try? integer which try of its function it is at; nil once it has ended
---@field args? string its arguments in a few words, if it has any; nil for one that has ended well, or by a cancel
---@field started_at? number seconds since 1970; nil for one that has ended well
---@field ended_at? number the same; nil for one that has not ended, too
---@field age? number seconds since its start; nil for one that has ended
---@field took? number seconds from its start to its end
---@field cancel? taskpool.CancelRecord nil for a task that was not cancelled
---@field error? string what a task has failed with
---@field traceback? string the same with the calls, one a line; the middle of a long one is left out

---What all pools have. A pool prints as "TaskPool-NAME" or "SimpleTaskPool-NAME", its tasks as "POOL_Task-ID".
---A pool in a <close> variable is gathered and closed at the end of the scope. Where an error or a cancel ends
---the scope, the tasks of the pool are cancelled first.
---@class taskpool.Pool
---@field pool_size number how many tasks may run at a time; can be set, within the bounds of `autoscale`
---@field size number the same as pool_size; can be set
---@field is_locked boolean whether the pool refuses new work
---@field is_closed boolean whether the pool was gathered and closed
---@field is_full boolean whether as many tasks run as the size allows
---@field num_running integer tasks that run
---@field num_cancelled integer tasks that are cancelled and have not ended yet
---@field num_ended integer tasks that have ended and were not flushed
---@field num_waiting integer tasks that were accepted and have not started
---@field num_ok integer tasks that have ended well, ever
---@field num_failed integer tasks that were ended by an error, ever
---@field num_cancelled_total integer tasks that were ended by a cancel, ever
---@field num_timed_out integer tasks that ran out of time, ever
---@field num_retried integer how often tasks were tried again, ever
---@field paused boolean whether the pool takes no new work for now
local Pool = {}

---@class taskpool.PauseOptions
---@field toggle? boolean resume a pool that is paused; default: it stays paused

---Takes no new work until `resume`. Groups that exist go on. Meanwhile `submit` waits, and other calls that
---add tasks raise NotAvailable.
---
---Raises PoolIsClosed.
---
---    pool:pause()
---    > pause
---    > submit-nowait mypackage.mymodule.add -a [1,2]
---@param options? taskpool.PauseOptions
---@return boolean paused the new state
function Pool:pause(options) end

---Takes new work again after `pause`.
---
---Raises PoolIsClosed.
---
---    pool:resume()
---    > resume
---@return boolean paused the new state: false
function Pool:resume() end

---Changes how many tasks of a group may run at a time. Those that run go on.
---
---Raises TaskGroupNotFound.
---
---    pool:set_concurrency("nightly", 8)
---    > set-concurrency nightly 8
---@param group_name string
---@param num_concurrent integer|number 1 or more; math.huge: as many as the pool's size
function Pool:set_concurrency(group_name, num_concurrent) end

---Refuses new work from now on. Groups that exist go on.
---
---    pool:lock()
---    > lock
---    > submit-nowait mypackage.mymodule.add -a [1,2]
function Pool:lock() end

---Takes new work again after `lock`.
---
---Raises PoolIsClosed.
---
---    pool:unlock()
---    > unlock
function Pool:unlock() end

---Returns the ids of all tasks that were started in these groups and not flushed.
---
---Raises TaskGroupNotFound.
---
---    pool:get_group_ids("nightly")
---    > get-group-ids nightly
---@param group_name string
---@param ... string
---@return table<integer, true> ids a set: each id is a key
function Pool:get_group_ids(group_name, ...) end

---@class taskpool.CancelTasksOptions: taskpool.CancelOptions
---@field group? string only running tasks of this group
---@field state? "running"|"waiting"|"busy" only those that wait for something, or do not (default: "running", all)
---@field function_name? taskpool.Function only those that call this function
---@field older? number only those that started so many seconds ago
---@field dry_run? boolean true: cancels nothing

---Cancels tasks by their ids and groups by their names. If one of them cannot be cancelled, none is. Without ids and
---names, cancels the running tasks for which all options hold, and returns their ids.
---
---Raises TaskNotFound, TaskGroupNotFound, AlreadyCancelled, AlreadyEnded.
---
---    pool:cancel("nightly", 0, { msg = "not tonight" })
---    pool:cancel { group = "nightly", older = 3600 }
---    > cancel 0 1 -m 'not tonight'
---    > cancel 99
---    > cancel --group nightly --older 3600 --dry-run
---@param target? integer|string|taskpool.CancelTasksOptions
---@param ... integer|string|taskpool.CancelTasksOptions
---@return table<integer, true>? ids a set of what was cancelled, where options say that
function Pool:cancel(target, ...) end

---Cancels a group: its running tasks are cancelled, the others never start.
---
---Raises TaskGroupNotFound.
---
---    pool:cancel_group("nightly")
---    > cancel-group nightly --grace 1
---@param group_name string
---@param options? taskpool.CancelOptions
function Pool:cancel_group(group_name, options) end

---Cancels all groups of the pool.
---
---    pool:cancel_all()
---    > cancel-all -m 'going home'
---@param options? taskpool.CancelOptions
function Pool:cancel_all(options) end

---Waits for the callbacks of the tasks that have ended or were cancelled. Then forgets those tasks, and the groups
---of which nothing is left; their names are free again.
---
---Raises the first error of a task, unless `return_exceptions` is set.
---
---    pool:flush()
---    > flush
---@async
---@param options? taskpool.FlushOptions
function Pool:flush(options) end

---Locks the pool, waits until all its tasks have ended, and closes it.
---
---Raises PoolIsClosed, and the first error of a task, unless `return_exceptions` is set.
---
---    pool:cancel_all() pool:gather_and_close()
---    > cancel-all
---    > gather-and-close
---@async
---@param options? taskpool.FlushOptions
function Pool:gather_and_close(options) end

---@class taskpool.WaitOptions
---@field timeout? number seconds after which TimedOut is raised; default: never
---@field return_exceptions? boolean do not raise errors of tasks

---Waits until all of these have ended: groups by their names, with the callbacks of their tasks, and tasks by
---their ids. A task cannot wait for itself or for its own group.
---
---Raises TaskGroupNotFound, TaskNotFound, TimedOut, and TaskFailed, whose message says how many tasks failed, unless
---`return_exceptions` is set.
---
---    pool:wait(pool:map(fetch, { "a", "b" }))
---    > submit-nowait mypackage.mymodule.add -a [1,2]
---    > wait submit-group-0
---    > wait nightly -t 0.1
---@async
---@param target string|integer
---@param ... string|integer|taskpool.WaitOptions
function Pool:wait(target, ...) end

---@class taskpool.Status
---@field pool string how the pool prints
---@field size number how many tasks may run at a time
---@field running integer tasks that run
---@field waiting integer tasks that were accepted and have not started, as far as is known
---@field cancelled integer tasks that are cancelled and have not ended yet
---@field ended integer tasks that have ended and were not flushed
---@field ok integer tasks that have ended well, ever
---@field failed integer tasks that were ended by an error, ever
---@field cancelled_total integer tasks that were ended by a cancel, ever
---@field timed_out integer tasks that ran out of time, ever
---@field retried integer how often tasks were tried again, ever
---@field groups integer groups that have not ended, submitted calls among them
---@field order "fifo"|"lifo"|"priority" which of the waiting groups is next
---@field locked boolean whether the pool refuses new work
---@field paused boolean whether the pool takes no new work for now
---@field closed boolean whether the pool was gathered and closed
---@field queued integer submitted calls that wait in the queue
---@field queue_limit number how many submitted calls may wait
---@field min? integer the smallest size of a pool that scales itself
---@field max? integer the largest size of a pool that scales itself
---@field interval? number seconds between two decisions of a pool that scales itself
---@field decision? string its last decision, such as "2 -> 4: 12 waiting for 2 places, rising"
---@field decision_age? number seconds since then
---@field ended_per_s number tasks that have ended in a second, in the last few seconds
---@field uptime number seconds since the host was made
---@field latency_p50_ms number milliseconds: half of the rounds of the loop took no longer, in the last minute
---@field latency_p99_ms number the same of 99 in 100 rounds; so long may something that comes have to wait
---@field latency_max_ms number the longest round
---@field lua_memory integer bytes that Lua uses
---@field memory integer bytes of the process in memory
---@field clients integer clients of the host's control servers
---@field version string of the library
---@field lua string version of Lua
---@field libuv string version of libuv

---Returns the pool's size, counts, order and bounds, and what its host says of itself.
---
---    pool:status().running
---    > status
---@return taskpool.Status status
function Pool:status() end

---@class taskpool.GroupStatus
---@field group string its name; submitted calls that have none are in one row, "(submitted calls)"
---@field running integer tasks that run
---@field waiting? integer tasks to come; nil where they come from an iterator
---@field ended integer tasks that have ended: the sum of the next four
---@field ok integer tasks that have ended well
---@field failed integer tasks that were ended by an error
---@field cancelled integer tasks that were ended by a cancel
---@field timed_out integer tasks that ran out of time
---@field limit number how many may run at a time
---@field weight number a smaller weight starts sooner, with order = "priority"
---@field progress? string a bar, and how many tasks have ended, of how many; nil for submitted calls without a name
---@field outcome? string how they have ended, such as "4 ok, 1 failed"; nil while none has
---@field rate? number how many of its tasks have ended in a second, since the first one started; nil while none has
---@field left? number seconds that the rest takes at this rate; nil where that is not known, or it has ended
---@field why string what holds it back: "pool full 3/3", "limit 2/2", "its rate", "its iterator waits", …

---@class taskpool.GroupsOptions
---@field all? boolean also those that have ended and were not flushed
---@field limit? number how many rows to show at most; default: 100

---Lists the groups, oldest first: how far each is, and what holds it back.
---
---    pool:groups()[1].why
---    > groups
---@param options? taskpool.GroupsOptions
---@return taskpool.GroupStatus[] groups
function Pool:groups(options) end

---A row of the list of tasks. Of a task that has ended, it also has the other fields of TaskRecord.
---@class taskpool.TaskStatus
---@field id? integer the task's id; nil for one that has not started
---@field number integer its place in the group, from 0 on
---@field group? string name of its group; nil for a submitted call without one
---@field state taskpool.TaskState
---@field age? number seconds since its start; of one that has ended, until its end
---@field busy? number seconds that its code has run, to within a turn of the loop; nil for one that has ended
---@field at? string the line of your code that it is at, such as "jobs.lua:12"; of a failure, where it comes from
---@field why? string what that line waits for, such as "sleep"; of one that has failed, the first line of the error
---@field calls? string the calls that it is in, the innermost first; nil for one that has ended

---@class taskpool.TasksOptions
---@field group? string only tasks of this group
---@field state? "waiting"|"running"|"ended"|"ok"|"failed"|"cancelled"|"timed-out" default: all that are not done
---@field sort? "age"|"busy"|"id"|"group" first the highest age or busy, or the lowest id or group; default: by age
---@field limit? number how many rows to show at most; default: 100

---Lists the tasks that have started and are not done: the running ones by age, then the others. With a `state` in
---which tasks end, lists those that have ended so, were not flushed, and are kept: the newest 65536 that did not end
---well.
---
---Raises TaskGroupNotFound.
---
---    #pool:tasks { group = "nightly" }
---    > tasks --state failed
---@param options? taskpool.TasksOptions
---@return taskpool.TaskStatus[] tasks
function Pool:tasks(options) end

---@class taskpool.ResultsOptions
---@field ordered? boolean in the order of the group's tasks; default: as they end
---@field follow? boolean go on with those that come until the group has ended; default: true, of the command: false
---@field limit? number how many at most; default: all, of the command without --follow: 100

---Iterates over what the tasks of a group have returned or raised, as far as it is kept (the option `results` of the
---call), and waits for those to come until the group has ended. Each step gives the number of the task in its group,
---from 0 on, whether it ended well, and its results or its error. Where results were dropped before they were given,
---because the pool keeps only the newest (`keep_results`), a warning in the log says how many. As a command, shows a
---table of those that are there, or with --follow a line for each.
---
---Raises TaskGroupNotFound.
---
---    pool:results("nightly", { follow = false })()
---    > results nightly
---@async
---@param group_name string a group, or a submitted call that has a name
---@param options? taskpool.ResultsOptions
---@return fun(): integer?, boolean, any iterator
function Pool:results(group_name, options) end

---Shows the calls that a task is in, or was in when it failed, the innermost first, in one line.
---
---Raises TaskNotFound, AlreadyEnded.
---
---    pool:traceback(0)
---    > traceback 0
---@param task_id integer of a task that has not ended, or has failed
---@return string traceback
function Pool:traceback(task_id) end

---Returns what is known of a task that runs, or has ended and was not flushed.
---
---Raises TaskNotFound, TaskGroupNotFound.
---
---    pool:task(0).state
---    > task 0
---@param target integer|string its id, or the name of its group if it is the only task there
---@return taskpool.TaskRecord record
function Pool:task(target) end

---Waits until the pool is closed.
---
---    pool:cancel_all() pool:gather_and_close() pool:until_closed()
---    > cancel-all
---    > gather-and-close
---    > until-closed
---@async
---@return true
function Pool:until_closed() end

---A pool that runs any functions. Each call that adds tasks makes one group, and returns its name before
---any of them has started.
---@class taskpool.TaskPool: taskpool.Pool
---@field order "fifo"|"lifo"|"priority" which of the waiting groups is next
---@field queue_limit number how many submitted calls may wait beyond the free places
local TaskPool = {}

---Queues one call, waits for it, and returns its results or raises its error. Where the queue is full or the pool
---is paused, it waits for a place first. If the caller is cancelled meanwhile, so is the call.
---
---Raises PoolIsLocked, PoolIsClosed, TaskGroupAlreadyExists, NotFound, and the error of the call.
---
---    pool:submit(fetch, { "a" })
---    > submit mypackage.mymodule.add -a [1,2]
---@async
---@param func taskpool.Function
---@param args? any[]
---@param options? taskpool.SubmitWaitOptions
---@return any ... the results of the call
function TaskPool:submit(func, args, options) end

---Queues one call and returns at once.
---
---Raises NotAvailable where the queue is full or the pool is paused, PoolIsLocked, PoolIsClosed,
---TaskGroupAlreadyExists, NotFound.
---
---    pool:submit_nowait(fetch, { "a" }):await()
---    > submit-nowait mypackage.mymodule.add -a [1,2]
---@param func taskpool.Function
---@param args? any[]
---@param options? taskpool.SubmitOptions
---@return taskpool.Future future what will come of the call; a session gets the name of its group
function TaskPool:submit_nowait(func, args, options) end

---Changes the weight of a group, or of a submitted call that has a name. It counts for the tasks that have not
---started.
---
---Raises TaskGroupNotFound.
---
---    pool:set_weight("nightly", 9)
---    > set-weight nightly 9
---@param group_name string
---@param weight number
function TaskPool:set_weight(group_name, weight) end

---Runs `func` in `num` tasks of one group, each with the same arguments.
---
---Raises PoolIsLocked, PoolIsClosed, NotAvailable where the pool is paused, TaskGroupAlreadyExists, NotFound.
---
---    pool:apply(fetch, { args = { "a" }, num = 2 })
---    > apply mypackage.mymodule.add -a [1,2] -n 2
---    > apply mypackage.mymodule.add -k {a=1,b=2} -g sums
---@param func taskpool.Function
---@param options? taskpool.ApplyOptions
---@return string group_name
function TaskPool:apply(func, options) end

---Runs `func(element)` for each element of the iterable, in tasks of one group. The iterable is asked for the next
---element only when there is room for its task.
---
---Raises PoolIsLocked, PoolIsClosed, NotAvailable where the pool is paused, TaskGroupAlreadyExists, NotFound.
---
---    pool:map(fetch, { "a", "b", "c" }, { num_concurrent = 2 })
---    > map mypackage.mymodule.worker ['x','y','z'] -n 3
---@param func taskpool.Function
---@param iterable taskpool.Iterable
---@param ... any|taskpool.MapOptions
---@return string group_name
function TaskPool:map(func, iterable, ...) end

---Runs `func(table.unpack(element))` for each element, as `map` does.
---
---Raises what `map` raises.
---
---    pool:starmap(fetch, { { "a" }, { "b" } })
---    > starmap mypackage.mymodule.add [[1,2],[3,4]]
---@param func taskpool.Function
---@param iterable taskpool.Iterable
---@param ... any|taskpool.MapOptions
---@return string group_name
function TaskPool:starmap(func, iterable, ...) end

---Runs `func` for each element, as `map` does. Each element is a table of arguments by the names of the function's
---parameters.
---
---Raises what `map` raises.
---
---    pool:doublestarmap(fetch, { { name = "a" }, { name = "b" } })
---    > doublestarmap mypackage.mymodule.add [{'a': 1, 'b': 2}]
---@param func taskpool.Function
---@param iterable taskpool.Iterable
---@param ... any|taskpool.MapOptions
---@return string group_name
function TaskPool:doublestarmap(func, iterable, ...) end

---Changes the size by a number of places: not below 0, and within the bounds of `autoscale`.
---
---Raises InvalidArgument for a pool without a limit.
---
---    pool:scale(2)
---    > scale 2
---    > scale -4 --hard
---@param by integer may be negative
---@param options? taskpool.ScaleOptions
---@return integer size the new one
function TaskPool:scale(by, options) end

---A pool that runs one function with one set of arguments.
---@class taskpool.SimpleTaskPool: taskpool.Pool
---@field func_name string name of the function that the tasks run
local SimpleTaskPool = {}

---Starts `num` more tasks of the pool's function, in a new group.
---
---Raises PoolIsLocked, PoolIsClosed, NotAvailable where the pool is paused.
---
---    pool:start(2)
---    > start 2
---@param num integer
---@return string group_name
function SimpleTaskPool:start(num) end

---Cancels the newest `num` running tasks; all, if fewer run.
---
---    pool:stop(1)
---    > stop 1
---@param num integer
---@return integer[] ids of those that were cancelled, newest first
function SimpleTaskPool:stop(num) end

---Cancels all running tasks.
---
---    pool:stop_all()
---    > stop-all
---@return integer[] ids of those that were cancelled, newest first
function SimpleTaskPool:stop_all() end

---@class taskpool.Core
local core = {}

---Makes a pool that runs any functions.
---@param options? taskpool.TaskPoolOptions
---@return taskpool.TaskPool pool
function core.TaskPool(options) end

---Makes a pool that runs `func`.
---@param func taskpool.Function
---@param options? taskpool.SimplePoolOptions
---@return taskpool.SimpleTaskPool pool
function core.SimpleTaskPool(func, options) end
