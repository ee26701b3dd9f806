-- SPDX-License-Identifier: MIT
--
-- Runs the benchmarks and prints one table; scripts/bench calls it in the environment of scripts/env.
--
--   lua5.4 bench.lua [--quick] [WORK…]        WORK: map, queue, threads, control, asleep
--
-- How it works. Ours and the baselines run in turn, each in a process of its own, in several rounds (A B C A B C …), so
-- that a slow moment of the machine meets all of them. A ratio is taken within a round; printed is the median.
--
-- To add one: a record in `programs`, and a line for it in `comparisons` or `figures`.

local uv = require "luv"

local here = arg[0]:match("^(.*)/") or "."
local quick = false
local wanted = {}

for _, word in ipairs(arg) do
  if word == "--quick" then quick = true else wanted[word] = true end
end

local ROUNDS = 5

-- Each program prints one number a line. `count` is what it is given as COUNT; --quick gives it a third.
local programs = {
  loop_trivial = {command = "$BUILD/bench/loop trivial COUNT", count = 6000000},
  loop_yield = {command = "$BUILD/bench/loop yield COUNT", count = 3000000},
  lua_trivial = {command = "lua5.4 $HERE/scheduler.lua trivial reused COUNT", count = 900000},
  lua_fresh = {command = "lua5.4 $HERE/scheduler.lua trivial fresh COUNT", count = 450000},
  lua_yield = {command = "lua5.4 $HERE/scheduler.lua yield reused COUNT", count = 600000},
  python_trivial = {command = "python3 $HERE/gather.py trivial 100 COUNT", count = 30000, needs = "python3"},
  python_yield = {command = "python3 $HERE/gather.py yield 100 COUNT", count = 30000, needs = "python3"},
  python_sleep = {command = "python3 $HERE/gather.py sleep 10000 COUNT", count = 30000, needs = "python3"},
  pool_list = {command = "taskpool run $HERE/pool.lua trivial list 100 COUNT", count = 1500000, ours = true},
  pool_iterator = {command = "taskpool run $HERE/pool.lua trivial iterator 100 COUNT", count = 1500000, ours = true},
  pool_yield = {command = "taskpool run $HERE/pool.lua yield list 100 COUNT", count = 1000000, ours = true},
  pool_sleep = {command = "taskpool run $HERE/pool.lua sleep list 10000 COUNT", count = 300000, ours = true},
  pool_list_free = {
    command = "taskpool run --preempt off $HERE/pool.lua trivial list 100 COUNT", count = 1500000, ours = true,
  },
  spin = {command = "taskpool run $HERE/spin.lua COUNT", count = 300000000, ours = true},
  spin_free = {command = "taskpool run --preempt off $HERE/spin.lua COUNT", count = 300000000, ours = true},
  asleep = {command = "taskpool run $HERE/asleep.lua COUNT", count = 1000000, quick_count = 100000, ours = true},
  queue = {command = "taskpool run $HERE/queue.lua $WAITING COUNT", count = 10000, quick_count = 10000, ours = true},
  threads_trivial = {command = "taskpool run $HERE/threads.lua trivial 2 COUNT", count = 1500000, ours = true},
  threads_two = {command = "taskpool run $HERE/threads.lua spin 2 COUNT", count = 15000, ours = true},
  threads_one = {command = "taskpool run $HERE/threads.lua spin 1 COUNT", count = 15000, ours = true},
  processes_two = {command = "taskpool run $HERE/threads.lua processes 2 COUNT", count = 15000},
  processes_one = {command = "taskpool run $HERE/threads.lua processes 1 COUNT", count = 15000},
  cross = {command = "taskpool run $HERE/threads.lua cross 2 COUNT", count = 50000, quick_count = 50000, ours = true},
  latency_idle = {command = "$BUILD/bench/control $SOCKET latency COUNT", count = 15000},
  latency_loops = {command = "$BUILD/bench/control $SOCKET latency COUNT", count = 500, quick_count = 500},
  latency_saturated = {command = "$BUILD/bench/control $SOCKET latency COUNT", count = 3000},
  pipelined = {command = "$BUILD/bench/control $SOCKET pipelined COUNT", count = 300000},
}

-- The rows of the tables: ours against a baseline, with the least ratio that we ask for.
local thread_comparisons = {
  {"0.1 ms of work, 2 threads", "threads_two", "1 thread", "threads_one", 1.8},
  {"the same, 2 processes of stock Lua", "processes_two", "1 process", "processes_one"},
}

local comparisons = {
  {"map, trivial, from a list", "pool_list", "bare C loop", "loop_trivial", 0.6},
  {"", "pool_list", "pure Lua, coroutines reused", "lua_trivial", 1},
  {"", "pool_list", "pure Lua, a new one each", "lua_fresh", 1},
  {"", "pool_list", "Python asyncio, semaphore", "python_trivial"},
  {"map, trivial, from an iterator", "pool_iterator", "bare C loop", "loop_trivial", 0.6},
  {"", "pool_iterator", "pure Lua, coroutines reused", "lua_trivial", 1},
  {"map, one yield in each task", "pool_yield", "bare C loop, one yield", "loop_yield", 0.6},
  {"", "pool_yield", "pure Lua, one yield", "lua_yield", 1},
  {"", "pool_yield", "Python asyncio, sleep(0)", "python_yield"},
  {"map, sleep(0.001), 10 000 at once", "pool_sleep", "bare C loop, one yield", "loop_yield"},
  {"", "pool_sleep", "Python asyncio", "python_sleep"},
  {"map, trivial, preemption on", "pool_list", "preemption off", "pool_list_free", 0.98},
  {"integer loop, preempted", "spin", "preemption off", "spin_free", 0.98},
}

---@return number
local function median(values)
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  local middle = #sorted // 2
  return #sorted % 2 == 1 and sorted[middle + 1] or (sorted[middle] + sorted[middle + 1]) / 2
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

local function available(name)
  return os.execute(("command -v %s >/dev/null"):format(name)) == true
end

---Runs a program once.
---@param name string
---@param more table<string, any>? what else `$NAME` stands for in the command
---@return number[]? numbers the lines that it printed; nil if it failed
local function run(name, more)
  local program = programs[name]
  local count = quick and (program.quick_count or program.count // 3) or program.count
  local values = {BUILD = os.getenv("BUILD"), HERE = here}
  for key, value in pairs(more or {}) do values[key] = value end
  local command = program.command:gsub("%$(%u+)", values):gsub("COUNT", tostring(count))
  local pipe = assert(io.popen(command))
  local numbers = {}
  for line in pipe:lines() do numbers[#numbers + 1] = tonumber(line) end
  if pipe:close() and #numbers > 0 then return numbers end
  io.stderr:write("failed: ", command, "\n")
  return nil
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
      io.stderr:write(("\rround %d of %d: %-20s"):format(round, ROUNDS, name))
      results[name] = results[name] or {}
      if #results[name] == round - 1 then
        local numbers = run(name)
        results[name][round] = numbers and numbers[1]
      end
    end
  end
  io.stderr:write("\r", (" "):rep(50), "\r")
  return results
end

local function ratio_of(ours, baseline)
  if not ours or not baseline then return nil end
  local ratios = {}
  for i = 1, math.min(#ours, #baseline) do ratios[i] = ours[i] / baseline[i] end
  return #ratios > 0 and median(ratios) or nil
end

---How a figure compares with its target: "≥ 0.6 met", "≤ 2 missed".
local function verdict(value, sign, target)
  if not target then return "" end
  local text = sign .. " " .. readable(target)
  if not value then return text end
  local met = sign == "≥" and value >= target or sign == "≤" and value <= target
  return text .. (met and "  met" or "  MISSED")
end

local function print_row(...)
  print((("%-36s %11s  %-27s %11s %6s  %s"):format(...):gsub("%s+$", "")))
end

local function print_comparisons(rows)
  local results = run_rounds(rows)
  for _, row in ipairs(rows) do
    local work, ours, label, baseline, target = row[1], results[row[2]], row[3], results[row[4]], row[5]
    local ratio = ratio_of(ours, baseline)
    local rate = work ~= "" and readable(ours and ours[1] and median(ours)) or ""
    print_row(work, rate, label, readable(baseline and baseline[1] and median(baseline)),
      ratio and ("%.2f"):format(ratio) or "-", verdict(ratio, "≥", target))
  end
end

local function print_map()
  print_row("work", "ours/s", "baseline", "baseline/s", "ratio", "target")
  print_comparisons(comparisons)
end

local function print_figure(work, value, unit, sign, target)
  print_row(work, readable(value), unit, "", "", verdict(value, sign, target))
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
  local rates = {}
  for round = 1, ROUNDS do
    local numbers = run("threads_trivial")
    rates[round] = numbers and numbers[1]
  end
  local rate = #rates > 0 and median(rates) or nil
  print_figure("map, trivial, 2 threads", rate, "a second", "≥", 1000000)
  print_figure("a trivial task there and back", rate and 1e6 / rate, "microseconds")
  local numbers = run("cross") or {}
  print_figure("one call at a time, there and back", numbers[1], "microseconds")
  print_figure("a task that waits in a thread", numbers[2], "resident bytes")
end

local function print_asleep()
  local numbers = run("asleep") or {}
  local count = quick and "100 000" or "1 000 000"
  print_figure(count .. " tasks asleep", numbers[1], "resident bytes each", "≤", 1400)
  print_figure("cancel_all of them", numbers[2], "seconds", "≤", 2)
end

---Starts a host with a control server and calls `measure(socket)` while it runs.
local function with_host(mode, measure)
  local socket = ("%s/taskpool-bench-%d.sock"):format(os.getenv("TMPDIR") or "/tmp", uv.os_getpid())
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
    local p50s, p99s = {}, {}
    for round = 1, ROUNDS do
      local numbers = run("latency_" .. mode, {SOCKET = socket})
      if not numbers then return end
      p50s[round], p99s[round] = numbers[1] / 1000, numbers[2] / 1000
    end
    local host = mode == "loops" and "4 endless loops" or "host " .. mode
    print_figure(("control command, %s, p50"):format(host), median(p50s), "ms")
    print_figure(("control command, %s, p99"):format(host), median(p99s), "ms", "≤", target)
  end)
end

local function print_control()
  print_latency("idle", 0.2)
  print_latency("saturated", 2)
  print_latency("loops", 50)
  with_host("idle", function(socket)
    local rates = {}
    for round = 1, ROUNDS do
      local numbers = run("pipelined", {SOCKET = socket})
      if not numbers then return end
      rates[round] = numbers[1]
    end
    print_figure("control commands, pipelined", median(rates), "a second", "≥", 200000)
  end)
end

local works = {
  {"map", print_map},
  {"queue", print_queue},
  {"threads", print_threads},
  {"control", print_control},
  {"asleep", print_asleep},
}

for _, work in ipairs(works) do
  if next(wanted) == nil or wanted[work[1]] then work[2]() end
end
