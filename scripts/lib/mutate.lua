-- SPDX-License-Identifier: MIT
--
-- The work of scripts/mutate: makes bugs in a copy of the tree, and checks that the specs notice them.
--
--     lua5.4 scripts/lib/mutate.lua --check
--     lua5.4 scripts/lib/mutate.lua COPY [WORD…]
--
-- A bug that makes a spec hang is noticed too. Before the bugs, all specs that are named must pass.

---Seconds that all the specs may take without a bug.
local LIMIT <const> = 1200

---How many times as long as without a bug specs may take, and how many seconds besides, before they hang.
local TIMES <const>, BESIDES <const> = 3, 15

---The exit status of what SIGKILL has ended: `timeout` ends all that the specs have started with it, because they may
---ignore other signals.
local KILLED <const> = 128 + 9

---@class Mutant
---@field text string found once in all of src/ and lua/
---@field becomes string what it becomes
---@field specs string[] tests that must notice: "pool" is spec.pool; "c.pool" and others as ctest names them
---@field breaks string what is broken then

---All of a file.
local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

---The texts of all sources in a tree, by their paths.
local function read_sources(root)
  local sources = {}
  local list <close> = assert(io.popen(("find '%s/src' '%s/lua' -name '*.[ch]' -o -name '*.lua'"):format(root, root)))
  for path in list:lines() do
    sources[path] = read(path)
  end
  return sources
end

---Where `text` stands: the path and the position; nil and a message where it does not stand exactly once.
local function find(sources, text)
  local found, at
  for path, source in pairs(sources) do
    local from = source:find(text, 1, true)
    if from and (found or source:find(text, from + 1, true)) then
      return nil, "stands more than once"
    elseif from then
      found, at = path, from
    end
  end
  return found, found and at or "does not stand in src/ or lua/"
end

---Prints each text that does not stand exactly once; returns how many there are.
local function check(mutants, sources)
  local wrong = 0
  for _, mutant in ipairs(mutants) do
    local path, message = find(sources, mutant.text)
    if not path then
      print(("spec/mutants.lua: %s: %s: %s"):format(mutant.breaks, message, mutant.text))
      wrong = wrong + 1
    end
  end
  return wrong
end

---The name that ctest has for a test.
local function test_name(spec)
  return spec:find(".", 1, true) and spec or "spec." .. spec
end

---The tests of these mutants as a regular expression of ctest.
local function pattern(mutants)
  local names, seen = {}, {}
  for _, mutant in ipairs(mutants) do
    for _, spec in ipairs(mutant.specs) do
      if not seen[spec] then
        seen[spec] = true
        names[#names + 1] = test_name(spec):gsub("%.", "[.]")
      end
    end
  end
  return "^(" .. table.concat(names, "|") .. ")$"
end

---Runs a shell command, its output put away in the copy; returns whether it ended well, and how it ended.
local function run(copy, command)
  local ok, _, code = os.execute(("cd '%s' && %s >log 2>&1 </dev/null"):format(copy, command))
  return ok, code
end

---The targets that the tests of these mutants use: the program, the module, and their own. spec.install builds for
---itself, spec.docs uses all.
local function targets(mutants)
  local names = { "program", "module" }
  for _, mutant in ipairs(mutants) do
    for _, spec in ipairs(mutant.specs) do
      local name = spec:match "^c%.(.*)"
      names[#names + 1] = spec == "docs" and "all" or name == "faults" and name or name and "spec-" .. name
    end
  end
  return table.concat(names, " ")
end

local function build(copy, mutants)
  return run(copy, "cmake --build build -j $(nproc) --target " .. targets(mutants))
end

---Whether all tests of these mutants pass; how long they take is bounded.
local function pass(copy, mutants, limit)
  return run(copy, table.concat({
    "timeout -s KILL", limit, "ctest --test-dir build -j $(nproc) --stop-on-failure --no-tests=error",
    "-R", "'" .. pattern(mutants) .. "'",
  }, " "))
end

---The seconds that each test took in what ctest has just said, by their names.
local function read_times(copy)
  local times = {}
  for name, seconds in read(copy .. "/log"):gmatch "Test +#%d+: (%S+) %.* +Passed +([%d.]+) sec" do
    times[name] = tonumber(seconds)
  end
  return times
end

---The seconds that the tests of the mutant may take; `times`: what they take without a bug.
local function limit_of(mutant, times)
  local seconds = 0
  for _, spec in ipairs(mutant.specs) do
    seconds = seconds + times[test_name(spec)]
  end
  return math.ceil(TIMES * seconds + BESIDES)
end

---What is told of the mutant: "killed", "survived" or why it could not be tried.
local function try(copy, sources, mutant, times)
  local path, at = find(sources, mutant.text)
  local source = sources[path]
  write(path, source:sub(1, at - 1) .. mutant.becomes .. source:sub(at + #mutant.text))
  local verdict = "does not build"
  if build(copy, { mutant }) then
    local passed, code = pass(copy, { mutant }, limit_of(mutant, times))
    verdict = passed and "survived" or code == KILLED and "killed (hung)" or "killed"
  end
  write(path, source)
  return verdict
end

---Whether the mutant is one of those that were asked for.
local function is_wanted(mutant, words)
  local text = table.concat({ mutant.text, mutant.breaks, table.unpack(mutant.specs) }, " ")
  for _, word in ipairs(words) do
    if text:find(word, 1, true) then
      return true
    end
  end
  return #words == 0
end

local function select_wanted(mutants, words)
  local wanted = {}
  for _, mutant in ipairs(mutants) do
    if is_wanted(mutant, words) then
      wanted[#wanted + 1] = mutant
    end
  end
  return wanted
end

---Ends with the output of what failed.
local function fail(copy, message)
  io.stderr:write(read(copy .. "/log"), "mutate: ", message, "\n")
  os.exit(2)
end

---Builds, and runs the specs without any bug; returns how long each takes.
local function prepare(copy, mutants)
  write(copy .. "/.busted", 'return { _all = { ["keep-going"] = false } }')
  if not run(copy, "cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O0")
    or not build(copy, mutants) then
    fail(copy, "the copy cannot be built")
  end
  if not pass(copy, mutants, LIMIT) then
    fail(copy, "the specs fail without any bug")
  end
  return read_times(copy)
end

local function main(copy, ...)
  local mutants = dofile "spec/mutants.lua"
  if copy == "--check" then
    os.exit(check(mutants, read_sources ".") == 0)
  end
  mutants = select_wanted(mutants, { ... })
  local sources = read_sources(copy)
  if #mutants == 0 or check(mutants, sources) > 0 then
    os.exit(2)
  end
  local times, killed = prepare(copy, mutants), 0
  for _, mutant in ipairs(mutants) do
    local verdict = try(copy, sources, mutant, times)
    killed = killed + (verdict:find "^killed" and 1 or 0)
    print(("%s: %s"):format(verdict, mutant.breaks))
    io.stdout:flush()
  end
  print(("mutants=%d killed=%d survived=%d"):format(#mutants, killed, #mutants - killed))
  os.exit(killed == #mutants)
end

main(...)
