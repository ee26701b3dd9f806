-- SPDX-License-Identifier: MIT
--
-- Runs the benchmarks and prints one table; scripts/bench calls it in the environment of scripts/env.
--
--   lua5.4 bench.lua [--quick] [--json] [WORK…]        WORK: map, calls, embed, start, queue, growth, threads, control,
--                                                      fairness, asleep, answers, engines
--
-- How it works. Ours and the baselines run in turn, each in a process of its own, in several rounds (A B C A B C …), so
-- that a slow moment of the machine meets all of them. A ratio is taken within a round; printed are the median and the
-- spread, half the distance between the largest and the smallest. Instructions a task are counted by valgrind's
-- callgrind, without preemption: the difference of a short and a long run. They tell two commits apart on a machine
-- whose clock is noisy.
--
-- To add one: a record in `programs`, and a row in `comparisons` or in a function of `works`.

local uv = require "luv"

local here = arg[0]:match("^(.*)/") or "."
local quick, as_json = false, false
local chosen = {}

for _, word in ipairs(arg) do
  if word == "--quick" then
    quick = true
  elseif word == "--json" then
    as_json = true
  else
    chosen[word] = true
  end
end

local ROUNDS = quick and 3 or 5

-- Tasks of the two runs that instructions are counted in.
local FEW, MANY = 20000, 60000

-- Each program prints one number a line. `count` is what it is given as COUNT; --quick gives it a third.
local programs = {
  loop_trivial = {command = "$BUILD/bench/loop trivial COUNT", count = 6000000},
  loop_trivial_step = {command = "$BUILD/bench/loop trivial-step COUNT", count = 4000000},
  loop_yield = {command = "$BUILD/bench/loop yield COUNT", count = 3000000},
  loop_yield_step = {command = "$BUILD/bench/loop yield-step COUNT", count = 3000000},
  loop_sleep = {command = "$BUILD/bench/loop sleep COUNT", count = 600000},
  lua_trivial = {command = "lua5.4 $HERE/scheduler.lua trivial reused COUNT", count = 900000},
  lua_fresh = {command = "lua5.4 $HERE/scheduler.lua trivial fresh COUNT", count = 450000},
  lua_yield = {command = "lua5.4 $HERE/scheduler.lua yield reused COUNT", count = 600000},
  python_trivial = {command = "python3 $HERE/gather.py trivial 100 COUNT", count = 30000, needs = "python3"},
  python_yield = {command = "python3 $HERE/gather.py yield 100 COUNT", count = 30000, needs = "python3"},
  python_sleep = {command = "python3 $HERE/gather.py sleep 10000 COUNT", count = 30000, needs = "python3"},
  pool_list = {command = "taskpool run $OPTIONS $HERE/pool.lua trivial list 100 COUNT", count = 1500000},
  pool_iterator = {command = "taskpool run $OPTIONS $HERE/pool.lua trivial iterator 100 COUNT", count = 1500000},
  pool_yield = {command = "taskpool run $OPTIONS $HERE/pool.lua yield list 100 COUNT", count = 1000000},
  pool_yield_iterator = {command = "taskpool run $OPTIONS $HERE/pool.lua yield iterator 100 COUNT", count = 1000000},
  pool_sleep = {command = "taskpool run $OPTIONS $HERE/pool.lua sleep list 10000 COUNT", count = 300000},
  pool_list_free = {command = "taskpool run --preempt off $HERE/pool.lua trivial list 100 COUNT", count = 1500000},
  spin = {command = "taskpool run $HERE/spin.lua COUNT", count = 300000000},
  spin_free = {command = "taskpool run --preempt off $HERE/spin.lua COUNT", count = 300000000},
  spin_profiled = {command = "taskpool run --profile /dev/null $HERE/spin.lua COUNT", count = 300000000},
  embed = {command = "$BUILD/bench/embed COUNT", count = 150000},
  calls = {command = "taskpool run $HERE/calls.lua COUNT", count = 3000},
  start = {command = "for run in $(seq COUNT); do taskpool run $HERE/first.lua; done; echo 1", count = 90},
  start_lua = {command = "for run in $(seq COUNT); do lua5.4 -e ''; done; echo 1", count = 90},
  growth = {command = "taskpool run $HERE/growth.lua $SUBJECT COUNT", count = 1000000, quick_count = 100000},
  fairness = {command = "taskpool run $HERE/fairness.lua COUNT", count = 10000},
  sequence = {command = "taskpool run $HERE/sequence.lua COUNT", count = 10000000, quick_count = 1000000},
  asleep = {command = "taskpool run $HERE/asleep.lua COUNT", count = 1000000, quick_count = 100000},
  answers = {command = "taskpool run $HERE/answers.lua COUNT $SOCKET $COMMANDS", count = 1000000,
             quick_count = 100000},
  queue = {command = "taskpool run $HERE/queue.lua $WAITING COUNT", count = 10000, quick_count = 10000},
  threads_trivial = {command = "taskpool run $HERE/threads.lua trivial 2 COUNT", count = 1500000},
  threads_two = {command = "taskpool run $HERE/threads.lua spin 2 COUNT", count = 15000},
  threads_one = {command = "taskpool run $HERE/threads.lua spin 1 COUNT", count = 15000},
  processes_two = {command = "taskpool run $HERE/threads.lua processes 2 COUNT", count = 15000},
  cross = {command = "taskpool run $HERE/threads.lua cross 2 COUNT", count = 50000, quick_count = 50000},
  engine = {command = "$BUILD/bench/engines $ENGINE $MEMBERS COUNT", count = 150000},
  latency_idle = {command = "$BUILD/bench/control $SOCKET latency COUNT", count = 15000},
  latency_loops = {command = "$BUILD/bench/control $SOCKET latency COUNT", count = 500, quick_count = 500},
  latency_followed = {command = "lua5.4 $HERE/followers.lua $SOCKET 100 $BUILD/bench/control $SOCKET latency COUNT",
                      count = 30000, quick_count = 30000},
  latency_saturated = {command = "$BUILD/bench/control $SOCKET latency COUNT", count = 3000},
  pipelined = {command = "$BUILD/bench/control $SOCKET pipelined COUNT", count = 300000},
}

-- The rows of the tables: ours against a baseline, with the least ratio that we ask for. `counted`: instructions too.
local thread_comparisons = {
  {"0.1 ms of work, 2 threads", "threads_two", "2 processes of stock Lua", "processes_two", 0.95},
  {"", "threads_two", "1 thread", "threads_one"},
  {"map, trivial, 2 threads", "threads_trivial", "one coroutine pool", "pool_iterator", 0.25},
}

local comparisons = {
  {"map, trivial, from a list", "pool_list", "bare C loop", "loop_trivial", 0.75, counted = true},
  {"", "pool_list", "pure Lua, coroutines reused", "lua_trivial", 1},
  {"", "pool_list", "pure Lua, a new one each", "lua_fresh", 1},
  {"", "pool_list", "Python asyncio, semaphore", "python_trivial"},
  {"map, trivial, from an iterator", "pool_iterator", "bare C loop, the same step", "loop_trivial_step", 0.7,
   counted = true},
  {"", "pool_iterator", "pure Lua, coroutines reused", "lua_trivial", 1},
  {"map, one yield in each task", "pool_yield", "bare C loop, one yield", "loop_yield", 0.7, counted = true},
  {"", "pool_yield", "pure Lua, one yield", "lua_yield", 1},
  {"", "pool_yield", "Python asyncio, sleep(0)", "python_yield"},
  {"the same from an iterator", "pool_yield_iterator", "bare C loop, the same step", "loop_yield_step", 0.7,
   counted = true},
  {"map, sleep(0.001), 10 000 at once", "pool_sleep", "bare C loop, a heap", "loop_sleep", 0.5},
  {"", "pool_sleep", "Python asyncio", "python_sleep"},
  {"map, trivial, preemption on", "pool_list", "preemption off", "pool_list_free", 0.98},
  {"integer loop, preempted", "spin", "preemption off", "spin_free", 0.98},
  {"integer loop, profiled", "spin_profiled", "not profiled", "spin", 0.95},
}

-- ---- figures ----

---@param values number[]
---@return number
local function median(values)
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  local middle = #sorted // 2
  return #sorted % 2 == 1 and sorted[middle + 1] or (sorted[middle] + sorted[middle + 1]) / 2
end

---Half the distance between the largest and the smallest value, as a part of the median.
---@param values number[]
---@return number
local function spread(values)
  return (math.max(table.unpack(values)) - math.min(table.unpack(values))) / 2 / median(values)
end

---The median of the numbers, if there are any.
local function middle(values)
  return values and #values > 0 and median(values) or nil
end

---A number as people read it: 1 234 567, 12.3, 0.123.
---@param number number?
---@return string
local function readable(number)
  if not number then return "-" end
  if number < 10 then return (("%.3f"):format(number):gsub("%.?0+$", "")) end
  if number < 100 then return ("%.1f"):format(number) end
  local digits = ("%.0f"):format(number)
  return (digits:reverse():gsub("(%d%d%d)", "%1 "):reverse():gsub("^ ", ""))
end

-- ---- running ----

---@param name string
local function available(name)
  return os.execute(("command -v %s >/dev/null"):format(name)) == true
end

---Runs a program once.
---@param name string
---@param more table<string, any>? what else `$NAME` stands for in the command
---@param count integer? what COUNT stands for, if not what the record says
---@return number[]? numbers the lines that it printed; nil if it failed
local function run(name, more, count)
  local program = programs[name]
  count = count or quick and (program.quick_count or program.count // 3) or program.count
  local values = {BUILD = os.getenv("BUILD"), HERE = here, OPTIONS = ""}
  for key, value in pairs(more or {}) do values[key] = value end
  local command = (values.BEFORE or "") .. program.command:gsub("%$(%u+)", values):gsub("COUNT", tostring(count))
  local pipe = assert(io.popen(command))
  local numbers = {}
  for line in pipe:lines() do numbers[#numbers + 1] = tonumber(line) end
  if pipe:close() and #numbers > 0 then return numbers end
  io.stderr:write("failed: ", command, "\n")
  return nil
end

---How many instructions a run of so many tasks takes.
local function instructions(name, count)
  local report = os.tmpname()
  local before = "valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file=" .. report .. " "
  local ran = run(name, {BEFORE = before, OPTIONS = "--preempt off"}, count)
  local file <close> = assert(io.open(report))
  os.remove(report)
  return ran and tonumber(file:read("a"):match("Collected : (%d+)"))
end

local counts = {}

---How many instructions one more task takes; nil without valgrind. Each program begins with a tenth of its count.
---@param name string
---@return number?
local function instructions_a_task(name)
  if not counts[name] and available("valgrind") then
    local few, many = instructions(name, FEW), instructions(name, MANY)
    counts[name] = few and many and (many - few) / (MANY - FEW) / 1.1
  end
  return counts[name]
end

local shows_progress = uv.guess_handle(2) == "tty"

local function progress(text)
  if shows_progress then io.stderr:write(("\r%-50s"):format(text), text == "" and "\r" or "") end
end

---The programs that the comparisons name, once each, in the order of the table.
local function compared(rows)
  local names, seen = {}, {}
  for _, row in ipairs(rows) do
    for _, name in ipairs{row[2], row[4]} do
      local needs = programs[name].needs
      if not seen[name] and (not needs or available(needs)) then names[#names + 1] = name end
      seen[name] = true
    end
  end
  return names
end

---Runs the compared programs in rounds.
---@return table<string, number[]> results by program, one a round
local function run_rounds(rows)
  local results = {}
  for round = 1, ROUNDS do
    for _, name in ipairs(compared(rows)) do
      progress(("round %d of %d: %s"):format(round, ROUNDS, name))
      results[name] = results[name] or {}
      if #results[name] == round - 1 then
        local numbers = run(name)
        results[name][round] = numbers and numbers[1]
      end
    end
  end
  progress("")
  return results
end

---Runs one program in rounds; returns the results of each, as lists by the line that it printed.
local function repeated(name, more)
  local lines = {}
  for round = 1, ROUNDS do
    for line, number in ipairs(run(name, more) or {}) do
      lines[line] = lines[line] or {}
      lines[line][round] = number
    end
  end
  return lines
end

local function ratios_of(ours, baseline)
  local ratios = {}
  for i = 1, ours and baseline and math.min(#ours, #baseline) or 0 do ratios[i] = ours[i] / baseline[i] end
  return ratios
end

-- ---- the table ----

-- What was found, one record a row, for --json.
local records = {}

---How a figure compares with its target: "≥ 0.6 met", "≤ 2 MISSED".
local function verdict(record)
  if not record.target then return "" end
  local text = record.sign .. " " .. readable(record.target)
  if record.met == nil then return text end
  return text .. (record.met and "  met" or "  MISSED")
end

local function print_row(...)
  if as_json then return end
  print((("%-34s %11s  %-26s %11s %6s %5s %14s  %s"):format(...):gsub("%s+$", "")))
end

---Prints a record, and keeps it.
local function add(record, work)
  local compared_with = record.ratio or record.value
  if record.target and compared_with then
    record.met = record.sign == "≥" and compared_with >= record.target or
      record.sign == "≤" and compared_with <= record.target
  end
  records[#records + 1] = record
  print_row(work or record.work, work == "" and "" or readable(record.value), record.baseline or record.unit,
    record.baseline and readable(record.baseline_value) or "", record.ratio and ("%.2f"):format(record.ratio) or "",
    record.spread and ("±%.0f%%"):format(record.spread * 100) or "",
    record.instructions and ("%.0f / %.0f"):format(record.instructions, record.baseline_instructions) or "",
    verdict(record))
end

local function print_comparisons(rows)
  local results = run_rounds(rows)
  local work
  for _, row in ipairs(rows) do
    work = row[1] ~= "" and row[1] or work
    local ratios = ratios_of(results[row[2]], results[row[4]])
    add({
      work = work, unit = "a second", value = middle(results[row[2]]),
      baseline = row[3], baseline_value = middle(results[row[4]]),
      ratio = middle(ratios), spread = #ratios > 0 and spread(ratios) or nil,
      instructions = row.counted and instructions_a_task(row[2]) or nil,
      baseline_instructions = row.counted and instructions_a_task(row[4]) or nil,
      sign = "≥", target = row[5],
    }, row[1])
  end
end

---@param values number|number[]? one, or one a round
local function print_figure(work, values, unit, sign, target)
  local list = type(values) == "table" and values or {values}
  add{work = work, value = middle(list), unit = unit, sign = sign, target = target,
      spread = #list > 1 and spread(list) or nil}
end

-- ---- the works ----

local function print_map()
  print_comparisons(comparisons)
end

local function print_calls()
  local lines = repeated "calls"
  print_figure("apply, a new closure", lines[1], "microseconds", "≤", 3)
  print_figure("apply, the same function", lines[2], "microseconds", "≤", 2)
  print_figure("a pool made and closed", lines[3], "microseconds", "≤", 8)
  print_figure("the same, with an empty map", lines[4], "microseconds", "≤", 20)
end

---A row of numbers of `repeated`: ours, and what it is compared with in the same run.
local function print_against(work, ours, baseline, theirs, target)
  local ratios = {}
  for round = 1, #ours do
    ratios[round] = ours[round] / theirs[round]
  end
  add{work = work, unit = "microseconds", value = median(ours), baseline = baseline, baseline_value = median(theirs),
      ratio = median(ratios), spread = spread(ratios), sign = "≤", target = target}
end

local function print_embed()
  local lines = repeated "embed"
  local size <close> = assert(io.popen("size " .. os.getenv "BUILD" .. "/libtaskpool.so"))
  local bytes = size:read "a":match "\n%s*%d+%s+%d+%s+%d+%s+(%d+)"
  print_figure("C: the shared library, loaded", tonumber(bytes) // 1024, "KiB")
  print_figure("C: a host with a pool made", lines[1], "microseconds")
  print_figure("", lines[2], "KiB")
  print_figure("C: a pool made", lines[3], "microseconds")
  print_figure("", lines[4], "KiB")
  print_against("C: submit with its result, by name", lines[5], "the same in Lua", lines[6], 2)
  print_against("C: map of a worker in C", lines[7], "of the same in Lua", lines[8], 2)
end

---How long a program takes for one of its COUNT runs, milliseconds.
local function time_a_run(name)
  local count = quick and programs[name].count // 3 or programs[name].count
  local begun = uv.hrtime()
  return run(name) and (uv.hrtime() - begun) / 1e6 / count
end

local function print_start()
  local ours, lua, ratios = {}, {}, {}
  for round = 1, ROUNDS do
    ours[round], lua[round] = time_a_run "start", time_a_run "start_lua"
    ratios[round] = ours[round] / lua[round]
  end
  add{work = "start, one task, end", unit = "ms", value = median(ours), baseline = "lua5.4 -e '', ms",
      baseline_value = median(lua), ratio = median(ratios), spread = spread(ratios), sign = "≤", target = 2}
end

-- What costs are printed of, with the most that there is of it.
local growing = {
  {"tasks", "a task, beside 10 that sleep"}, {"timers", "a sleep, beside 10 others"},
  {"waiting", "a call submitted, after 10 that wait"}, {"ids", "the state of a task, of 10"},
  {"groups", "a new group, beside 10 others", most = 100000},
}

---One row a size, and the exponent: 0 where the cost is the same however many there are, 1 where it grows with them.
local function print_growth()
  for _, of in ipairs(growing) do
    local few, many = 10, of.most or quick and 100000 or 1000000
    local first = run("growth", {SUBJECT = of[1]}, few) or {}
    local last = run("growth", {SUBJECT = of[1]}, many) or {}
    local exponent = first[1] and last[1] and math.log(last[1] / first[1]) / math.log(many / few)
    add{work = of[2], unit = "microseconds", value = first[1], baseline = readable(many) .. ", microseconds",
        baseline_value = last[1], ratio = exponent, sign = "≤", target = 0.15}
  end
end

local function print_fairness()
  local lines = repeated "fairness"
  print_figure("largest gap, beside 1000 that yield", lines[1], "ms")
  print_figure("largest gap, beside 4 endless loops", lines[2], "ms")
end

local function print_queue()
  local numbers
  for _, waiting in ipairs{1, 1000, quick and 100000 or 1000000} do
    numbers = run("queue", {WAITING = waiting}) or {}
    print_figure(("submit by priority, %s waiting"):format(readable(waiting)), numbers[1], "microseconds")
  end
  print_figure("the queue worked off", numbers[2], "calls a second")
  print_figure("a call that waits", numbers[3], "resident bytes")
end

local function print_threads()
  print_comparisons(thread_comparisons)
  local numbers = run("cross") or {}
  print_figure("one call at a time, there and back", numbers[1], "microseconds")
  print_figure("a task that waits in a thread", numbers[2], "resident bytes")
end

local function print_asleep()
  local grown = run("sequence") or {}
  print_figure((quick and "1 000 000" or "10 000 000") .. " tasks in sequence", grown[1] and grown[1] // 1024,
    "KiB of memory more", "≤", 1024)
  local numbers = run("asleep") or {}
  local count = quick and "100 000" or "1 000 000"
  print_figure(count .. " tasks asleep", numbers[1], "resident bytes each", "≤", 1200)
  print_figure("made", numbers[2], "seconds", "≤", 1.5)
  print_figure("all of them cancelled", numbers[3], "seconds", "≤", 1)
end

-- The commands whose time in the host is measured.
local asked = {
  "status", "groups", "tasks", "tasks --limit inf", "tasks --limit 100000", "tasks -s cancelled",
  "get-group-ids work", "task 500", "traceback 500", "num-waiting", "flush",
}

local function new_socket()
  return ("%s/taskpool-bench-%d.sock"):format(os.getenv "TMPDIR" or "/tmp", uv.os_getpid())
end

local function print_answers()
  local socket = new_socket()
  local commands = "'" .. table.concat(asked, "' '") .. "'"
  local numbers = run("answers", {SOCKET = socket, COMMANDS = commands}) or {}
  os.remove(socket)
  for i, command in ipairs(asked) do
    print_figure(("host held by %s"):format(command), numbers[i], "ms", "≤", 1)
  end
end

---Starts a host with a control server and calls `measure(socket)` while it runs.
local function with_host(mode, measure)
  local socket = new_socket()
  local command = ("echo $$; exec taskpool run %s/host.lua %s %s"):format(here, socket, mode)
  local host <close> = assert(io.popen(command))
  local pid = host:read("n", "l")
  if host:read("l") == "ready" then
    measure(socket)
    uv.kill(pid, "sigkill")
  end
  os.remove(socket)
end

local function print_latency(mode, target)
  with_host(mode, function(socket)
    local lines = repeated("latency_" .. mode, {SOCKET = socket})
    local host = ({loops = "4 endless loops", followed = "100 follow 2000 events a second"})[mode] or "host " .. mode
    for line, percentile in ipairs{"p50", "p99"} do
      for round, time in ipairs(lines[line] or {}) do lines[line][round] = time / 1000 end
      print_figure(("control command, %s, %s"):format(host, percentile), lines[line], "ms", "≤",
        percentile == "p99" and target or nil)
    end
  end)
end

local function print_control()
  print_latency("idle", 0.1)
  print_latency("saturated", 1)
  print_latency("loops", 25)
  print_latency("followed")
  with_host("idle", function(socket)
    print_figure("control commands, pipelined", repeated("pipelined", {SOCKET = socket})[1], "a second", "≥", 500000)
  end)
end

-- The engines of shared pools, and how many tasks a second one must carry.
local engines = {
  {"sqlite-normal", "SQLite", 40000}, {"sqlite-full", "SQLite, FULL"},
  {"redis-everysec", "Redis, everysec", 50000}, {"redis-always", "Redis, always"},
}

local function print_engines()
  for _, of in ipairs(engines) do
    for members = 1, 2 do
      local work = ("%s, %d member%s"):format(of[2], members, members > 1 and "s" or "")
      print_figure(work, repeated("engine", {ENGINE = of[1], MEMBERS = members})[1], "tasks a second", "≥", of[3])
    end
  end
  for _, of in ipairs{engines[1], engines[3]} do
    local numbers = run("engine", {ENGINE = of[1], MEMBERS = "waiting"}) or {}
    print_figure(of[2] .. ", a task that waits", numbers[1], "bytes")
  end
end

local works = {
  {"map", print_map},
  {"calls", print_calls},
  {"embed", print_embed},
  {"start", print_start},
  {"queue", print_queue},
  {"growth", print_growth},
  {"threads", print_threads},
  {"control", print_control},
  {"fairness", print_fairness},
  {"asleep", print_asleep},
  {"answers", print_answers},
  {"engines", print_engines},
}

print_row("work", "ours", "baseline or unit", "baseline", "ratio", "", "instructions", "target")
for _, work in ipairs(works) do
  if next(chosen) == nil or chosen[work[1]] then work[2]() end
end
if as_json then print(require "cjson".encode(records)) end
